"""Where a browser may go: rules for addresses, and a proxy on loopback that enforces them.

Every connection of the browser goes through the proxy, so a redirect, a pop-up, a frame, a script or a
web socket that leads elsewhere is refused like a link is. The proxy resolves names itself and connects
to the address that it has checked: a name that points into a private network, now or a moment later,
leads nowhere.
"""

import ipaddress
import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

# Schemes that reach no network and no file.
INERT = ("about", "data", "blob", "chrome-error", "javascript")
HEAD_BYTES, TIMEOUT_S = 65_536, 30.0


@dataclass(frozen=True)
class NetworkPolicy:
    """Which addresses a browser may open.

    Attributes:
        allowed: hosts, with all below them; empty allows every public one.
        blocked: hosts, with all below them, that are refused even where allowed.
        allow_files: ``file://`` addresses.
        allow_private: addresses of this machine and of private networks.
        allow_downloads: files that pages offer.
    """

    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    allow_files: bool = False
    allow_private: bool = False
    allow_downloads: bool = False

    def check(self, url: str) -> str | None:
        """Why an address is refused, None when it may be opened."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:
            return f"{url[:100]} is no address"
        scheme = parts.scheme.lower()
        if scheme in INERT:
            return None
        if scheme == "file":
            return None if self.allow_files else "files of this machine are not open to the agent"
        if not scheme:
            return "an address begins with https://, that of a file with file:///"
        if scheme not in ("http", "https", "ws", "wss"):
            return f"{scheme} addresses are not open to the agent"
        return self.check_host(host)

    def check_host(self, host: str) -> str | None:
        """Why a host is refused, by its name alone; None when it may be asked."""
        host = host.strip("[]").rstrip(".").lower()
        if not host:
            return "the address names no host"
        if any(is_under(host, other) for other in self.blocked):
            return f"{host} is blocked"
        if self.allowed and not any(is_under(host, other) for other in self.allowed):
            return f"{host} is not one of the allowed domains ({', '.join(self.allowed)})"
        if self.allow_private:
            return None
        address = _literal(host)
        if address is not None:
            return self.check_address(address)
        if host == "localhost" or host.endswith((".localhost", ".local", ".internal", ".home.arpa")):
            return f"{host} is in a private network"
        return None

    def check_address(self, address: str) -> str | None:
        """Why an IP address is refused, None when it may be connected to."""
        found = ipaddress.ip_address(address)
        if isinstance(found, ipaddress.IPv6Address):
            found = found.ipv4_mapped or found.sixtofour or found
        if self.allow_private or found.is_global:
            return None
        return f"{address} is in a private network"

    def resolve(self, host: str, port: int) -> tuple[str | None, str | None]:
        """An address of a host that may be connected to, or why there is none."""
        reason = self.check_host(host)
        if reason:
            return None, reason
        try:
            found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except OSError:
            return None, f"{host} cannot be found"
        for *_, address in found:
            reason = self.check_address(str(address[0]))
            if reason is None:
                return str(address[0]), None
        return None, f"{host} leads into a private network"


class Guard:
    """The proxy's view: its address, and what it has refused since last asked."""

    def __init__(self, policy: NetworkPolicy, port: int) -> None:
        """Keep the rules and the port that the proxy listens on."""
        self.policy = policy
        self.server = f"http://127.0.0.1:{port}"
        self._refused: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def refuse(self, host: str, reason: str) -> None:
        """Remember a refusal."""
        with self._lock:
            self._refused.append((host, reason))

    def take_refused(self) -> list[tuple[str, str]]:
        """The refusals since the last call, each once: the host, and why."""
        with self._lock:
            found, self._refused = self._refused, []
        return list(dict.fromkeys(found))


@contextmanager
def guard(policy: NetworkPolicy) -> Iterator[Guard]:
    """Run the proxy on a free port of loopback for as long as the context lasts."""
    server = _Server(("127.0.0.1", 0), _Connection)
    server.guard = Guard(policy, server.server_address[1])
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server.guard
    finally:
        server.shutdown()
        server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False
    guard: Guard

    def handle_error(self, request: object, client_address: object) -> None:
        """Connections that break are the browser's business."""


class _Connection(socketserver.BaseRequestHandler):
    """One connection of the browser: a tunnel, or one plain request."""

    server: _Server

    def handle(self) -> None:
        self.request.settimeout(TIMEOUT_S)
        head = _read_head(self.request)
        line, _, rest = head.partition(b"\r\n")
        words = line.decode("latin-1").split(" ")
        if len(words) != 3:
            return
        method, target, version = words
        tunnel = method.upper() == "CONNECT"
        parts = urlsplit(f"//{target}" if tunnel else target)
        host, port = parts.hostname or "", parts.port or (443 if tunnel else 80)
        address, reason = self.server.guard.policy.resolve(host, port)
        if address is None:
            self.server.guard.refuse(host, reason or "refused")
            self._answer(403, reason or "refused")
            return
        try:
            upstream = socket.create_connection((address, port), TIMEOUT_S)
        except OSError as error:
            self._answer(502, f"{host} does not answer: {error.strerror or error}")
            return
        with upstream:
            if tunnel:
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                upstream.sendall(f"{method} {path} {version}\r\n".encode("latin-1") + _closing(rest))
            _relay(self.request, upstream)

    def _answer(self, status: int, reason: str) -> None:
        body = f"<title>Refused</title><p>{reason}".encode()
        head = (
            f"HTTP/1.1 {status} Refused\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
        )
        self.request.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)


def _read_head(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and len(data) < HEAD_BYTES:
        more = connection.recv(8192)
        if not more:
            break
        data += more
    return data


def _closing(rest: bytes) -> bytes:
    """Headers that make the server close after one answer, unless the browser upgrades."""
    head, end, body = rest.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"proxy-")]
    if not any(line.lower().startswith(b"upgrade:") for line in lines):
        lines = [line for line in lines if not line.lower().startswith(b"connection:")]
        lines.append(b"Connection: close")
    return b"\r\n".join(lines) + end + body


def _relay(browser: socket.socket, upstream: socket.socket) -> None:
    """Pass bytes both ways until one side is done."""
    pairs = {browser: upstream, upstream: browser}
    while True:
        ready, _, _ = select.select(list(pairs), [], [], 120)
        if not ready:
            return
        for side in ready:
            data = side.recv(65_536)
            if not data:
                return
            pairs[side].sendall(data)


def is_under(host: str, other: str) -> bool:
    """Whether a host is a domain or below it; ``*.`` before the domain changes nothing."""
    other = other.strip().lower().lstrip("*").strip(".")
    return bool(other) and (host == other or host.endswith(f".{other}"))


def _literal(host: str) -> str | None:
    """A host that is an address, in whatever notation browsers read: 127.1, 0x7f000001, 2130706433."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    if not host or not all(part and _is_number(part) for part in host.split(".")):
        return None
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return None


def _is_number(part: str) -> bool:
    try:
        int(part, 16) if part.startswith("0x") else int(part, 8 if part.startswith("0") else 10)
    except ValueError:
        return part.isdigit()
    return True
