"""A limit on the whole of a call: the attempts, the waiting, and every byte of the answer.

Timeouts of HTTP clients are those of one read: a server that sends a byte a second never runs into
them, and a dead one is waited for once an attempt. The hooks here count from the first attempt on.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import httpx2


class Deadline:
    """How long calls may take; each thread has its own.

    Args:
        limit_s: for the whole of a call.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._here = threading.local()

    @contextmanager
    def running(self) -> Iterator[None]:
        """The time of one call, from here on."""
        before = getattr(self._here, "end", None)
        self._here.end = perf_counter() + self.limit_s
        try:
            yield
        finally:
            self._here.end = before

    def left(self) -> float:
        """Seconds, below 0 when it is over."""
        end = getattr(self._here, "end", None)
        return self.limit_s if end is None else float(end - perf_counter())

    def hooks(self) -> dict[str, list[Any]]:
        """Event hooks for a client of httpx2."""
        return {"request": [self._on_request], "response": [self._on_response]}

    def _on_request(self, request: httpx2.Request) -> None:
        left = self.left()
        if left <= 0:
            raise httpx2.ReadTimeout("the time of the whole call is over", request=request)
        request.extensions["timeout"] = {
            kind: left if limit is None else min(limit, left)
            for kind, limit in request.extensions.get("timeout", {}).items()
        }

    def _on_response(self, response: httpx2.Response) -> None:
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Timed(response.stream, self, response.request)


class _Timed(httpx2.SyncByteStream):
    """A body that stops when time is over."""

    def __init__(
        self, stream: httpx2.SyncByteStream, deadline: Deadline, request: httpx2.Request
    ) -> None:
        self._stream, self._deadline, self._request = stream, deadline, request

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._stream:
            if self._deadline.left() <= 0:
                raise httpx2.ReadTimeout("the time of the whole call is over", request=self._request)
            yield chunk

    def close(self) -> None:
        self._stream.close()
