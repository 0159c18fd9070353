"""Ends pages that have stopped answering: a script that never returns would be waited for for ever."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Timer
from typing import Any

# How long a call may take to end once the pages are dead.
LAST_S = 5.0


class Watchdog:
    """Watches over calls to a browser of playwright's.

    Calls that outlast their time end with the error of a crashed page: the browser's processes for
    pages are killed from outside, since whoever waits in playwright can be told nothing. Where that
    does not end the call (playwright may wait for a page that is dead), the browser is killed as well.
    """

    def __init__(self, browser: Any) -> None:
        """Find out which process the browser is."""
        session = browser.new_browser_cdp_session()
        processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
        session.detach()
        self._pid = next(int(one["id"]) for one in processes if one["type"] == "browser")
        self.bit, self._seconds = False, 0.0
        self._timer = Timer(0, self._bite)
        # A timer that fires late finds another turn, and does nothing.
        self._turn, self._lock = 0, Lock()

    @contextmanager
    def watching(self, seconds: float) -> Iterator[None]:
        """Give what is done in the context so much time; `bit` says whether that was over."""
        self.bit, self._seconds = False, seconds
        self._wait(seconds)
        try:
            yield
        finally:
            self._seconds = 0.0
            self._stop()

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Time that does not count: a person is asked; after it, all of it begins again."""
        self._stop()
        try:
            yield
        finally:
            if self._seconds:
                self._wait(self._seconds)

    def _wait(self, seconds: float) -> None:
        with self._lock:
            self._turn += 1
            self._timer = Timer(seconds, self._bite, [self._turn])
            self._timer.daemon = True
            self._timer.start()

    def _stop(self) -> None:
        with self._lock:
            self._turn += 1
            self._timer.cancel()

    def _bite(self, turn: int = 0) -> None:
        with self._lock:
            if turn != self._turn:
                return
            again, self.bit = self.bit, True
            for pid in [self._pid] if again else page_processes(self._pid):
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        if not again:
            self._wait_on(turn)

    def _wait_on(self, turn: int) -> None:
        """After the pages, the browser's turn, unless the call ends in the meantime."""
        with self._lock:
            if turn == self._turn:
                self._timer = Timer(LAST_S, self._bite, [turn])
                self._timer.daemon = True
                self._timer.start()


def page_processes(browser_pid: int) -> list[int]:
    """The processes of a Chromium that run pages."""
    known = list(_processes())
    parents = {pid: parent for pid, parent, _ in known}
    found = []
    for pid, _, command in known:
        if "--type=renderer" not in command:
            continue
        at = pid
        while at in parents and at != browser_pid:
            at = parents[at]
        if at == browser_pid:
            found.append(pid)
    return found


def _processes() -> Iterator[tuple[int, int, str]]:
    """The id, the parent's id and the command of each process: from Linux, or from ``ps``."""
    proc = Path("/proc")
    if (proc / "self" / "stat").exists():
        for folder in proc.iterdir():
            with suppress(OSError, ValueError, IndexError):
                stat = (folder / "stat").read_text()
                command = (folder / "cmdline").read_bytes().decode(errors="replace")
                yield int(folder.name), int(stat.rpartition(")")[2].split()[1]), command
        return
    with suppress(OSError, subprocess.SubprocessError):
        listed = ["ps", "-axo", "pid=,ppid=,args="]
        done = subprocess.run(listed, capture_output=True, text=True, check=True, timeout=10)  # noqa: S603
        for line in done.stdout.splitlines():
            pid, parent, command = (*line.split(None, 2), "")[:3]
            yield int(pid), int(parent), command
