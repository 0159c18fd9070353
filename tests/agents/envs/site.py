"""A small web site on loopback, for tests: pages by path, redirects, and what was asked of it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Site(ThreadingHTTPServer):
    """Serves `pages`; a value that begins with "->" is a redirect, "slow:" comes after a second."""

    daemon_threads = True

    def __init__(self, pages: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.pages = pages
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """Its address, by number."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def other(self) -> str:
        """The same site by another name: another host as far as rules go."""
        return f"http://localhost:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        host = self.headers.get("Host", "").partition(":")[0]
        self.server.asked.append(f"{host}{self.path}")
        page = self.server.pages.get(self.path)
        if page is not None and page.startswith("->"):
            self.send_response(302)
            self.send_header("Location", page[2:])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if page is not None and page.startswith("slow:"):
            time.sleep(1)
            page = page[5:]
        self.send_response(404 if page is None else 200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if self.path.endswith(".zip"):
            self.send_header("Content-Disposition", "attachment")
        body = (page or "<title>Not found</title>").encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.path += f" {body}"
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(pages: dict[str, str]) -> Iterator[Site]:
    """The site for as long as the context lasts."""
    site = Site(pages)
    threading.Thread(target=site.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield site
    finally:
        site.shutdown()
        site.server_close()
