"""Starting Chromium by playwright."""

import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from som.errors import SomError

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=AutofillServerCommunication,OptimizationHints,MediaRouter,Translate",
    # Nothing may go round the proxy.
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
]


def launch(playwright: Any, proxy: str, headless: bool, executable_path: str | None) -> Any:
    """A Chromium all of whose connections go through a proxy, those to this machine included.

    Raises:
        SomError: none can be started.
    """
    from playwright.sync_api import Error

    path = executable_path or shutil.which("chromium") or shutil.which("chromium-browser")
    # Chromium refuses its sandbox to root.
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    try:
        return playwright.chromium.launch(
            executable_path=path,
            headless=headless,
            args=[*FLAGS, "--no-sandbox"] if root else FLAGS,
            proxy={"server": proxy, "bypass": "<-loopback>"},
        )
    except Error as error:
        raise SomError(
            f"no browser can be started ({first_line(error)}); run: playwright install chromium"
        ) from error


_THREAD = threading.local()


@contextmanager
def shared(start: Callable[[], Any]) -> Iterator[Any]:
    """The playwright of this thread, which may have only one, for as many browsers as there are."""
    if not getattr(_THREAD, "users", 0):
        _THREAD.users = 0
        _THREAD.manager = start()
        _THREAD.playwright = _THREAD.manager.__enter__()
    _THREAD.users += 1
    try:
        yield _THREAD.playwright
    finally:
        _THREAD.users -= 1
        if not _THREAD.users:
            _THREAD.manager.__exit__(None, None, None)


def first_line(error: Exception) -> str:
    """The first line of what playwright says, without the name of its method."""
    line = str(error).strip().partition("\n")[0]
    return re.sub(r"^\w+\.\w+: ", "", line)
