"""What stands before the app: closed routes, size limits, headers. Plain ASGI.

The app serves no files: pictures come and go inside requests and answers and are kept in memory. So
everything of Gradio's that reads, writes, fetches or passes on files is closed, whatever it checks.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# All that the page and Gradio's clients need.
OPEN = re.compile(
    r"/|/config/?|/login/?|/logout/?|/theme\.css|/robots\.txt|/favicon\.ico|/manifest\.json|/pwa_icon.*"
    r"|/(?:assets|static|svelte)/(?:[\w.@+-]+/)*[\w.@+-]+"
    r"|/gradio_api/(?:info|openapi\.json|startup-events|app_id|user|login_check|token|theme\.css"
    r"|reset|cancel|queue/(?:join|data|status)|heartbeat/\w+|call/\w+(?:/\w+)?)/?"
)
HOSTS = ("localhost", "127.0.0.1", "::1")
# Nothing is loaded from, or sent to, anywhere else. Gradio's templates are compiled in the browser.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]


class TooLargeError(Exception):
    """A request's body is larger than is allowed."""


class Guard:
    """ASGI middleware; see the module's docstring."""

    def __init__(self, app: Any, *, max_bytes: int, local_only: bool = False) -> None:
        """Stand before `app`.

        Args:
            app: the ASGI app.
            max_bytes: largest body of a request.
            local_only: answer only requests to this machine's own names, so that a page elsewhere
                whose name is made to point here cannot use the app.
        """
        self._app, self._max_bytes, self._local_only = app, max_bytes, local_only

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:  # nothing here speaks over web sockets
                await send({"type": "websocket.close", "code": 1008})
            return
        headers = dict(scope["headers"])
        path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
        if not OPEN.fullmatch(path) or ".." in path:
            await _refuse(send, 404, "Not found")
            return
        if self._local_only and _host(headers) not in HOSTS:
            await _refuse(send, 403, "This app answers only on this machine")
            return
        said = headers.get(b"content-length", b"0")
        if not said.isdigit() or int(said) > self._max_bytes:
            await _refuse(send, 413, "Too large")
            return
        started = refused = False
        read = 0

        async def counted() -> MutableMapping[str, Any]:
            nonlocal read, refused
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._max_bytes:
                refused = True
                raise TooLargeError
            return message

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            if refused and not started:
                return  # whatever the app makes of half a body; the answer is below
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": [*message["headers"], *HEADERS]}
            await send(message)

        with suppress(TooLargeError):
            await self._app(scope, counted, with_headers)
        if refused and not started:
            await _refuse(send, 413, "Too large")


def _host(headers: dict[bytes, bytes]) -> str:
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


async def _refuse(send: Send, status: int, text: str) -> None:
    body = text.encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(body)).encode()),
                *HEADERS,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
