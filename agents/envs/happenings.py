"""What happens around the pages of a browser: dialogs, new tabs, downloads, refusals, crashes."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from typing import Any
from urllib.parse import urlsplit

from som.agents.network import Guard, NetworkPolicy

# Hosts that the browser itself calls on, flags or no flags.
ERRANDS = (".googleapis.com", ".google.com", ".gstatic.com", ".gvt1.com")
OnDialog = Callable[[str, str], bool]


class Happenings:
    """Answers dialogs, refuses what is not allowed, and notes it all for the next observation."""

    def __init__(
        self,
        policy: NetworkPolicy,
        guard: Guard,
        mask: Callable[[str], str],
        on_dialog: OnDialog | None,
        resting: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """Begin with nothing to tell.

        Args:
            policy: what pages may open.
            guard: the proxy, which knows what it has refused.
            mask: takes the values of secrets out of a text.
            on_dialog: decides on dialogs of kind "confirm" and "prompt".
            resting: a context in which time does not count, while a person is asked.
        """
        self._policy, self._guard, self._mask = policy, guard, mask
        self._on_dialog, self._resting = on_dialog, resting
        self._asked: set[str] = set()
        self.notes: list[str] = []
        self.crashed: set[Any] = set()

    def follow(self, page: Any) -> None:
        """Be told of what happens in a page of playwright's."""
        page.on("request", lambda request: self._asked.add(urlsplit(request.url).hostname or ""))
        page.on("dialog", self._dialog)
        page.on("download", self._download)
        page.on("crash", lambda _: self.crashed.add(page))

    def note(self, text: str) -> None:
        """Remember a fact for the next observation."""
        self.notes.append(text)

    def take_notes(self) -> tuple[str, ...]:
        """What was noted since the last time, each fact once, without the values of secrets."""
        self.notes += [f"refused: {reason}" for reason in self.take_refused()]
        notes, self.notes = self.notes, []
        return tuple(map(self._mask, dict.fromkeys(notes)))

    def take_refused(self) -> list[str]:
        """Why requests of pages were refused; the browser's own errands are nobody's business."""
        refused = self._guard.take_refused()
        asked, self._asked = self._asked, set()
        return [reason for host, reason in refused if host in asked or not host.endswith(ERRANDS)]

    def local(self, route: Any) -> None:
        """Let a request that no proxy sees through, or refuse it."""
        reason = self._policy.check(route.request.url)
        if reason is None:
            route.continue_()
        else:
            self.note(f"refused: {reason}")
            route.abort()

    def _dialog(self, dialog: Any) -> None:
        said = " ".join(dialog.message.split())[:300]
        accept = dialog.type in ("alert", "beforeunload")
        if not accept and self._on_dialog is not None:
            with self._resting():
                accept = self._on_dialog(dialog.type, self._mask(said))
        done = "accepted" if accept else "dismissed"
        quoted = json.dumps(said, ensure_ascii=False)
        self.note(f"the page showed {dialog.type} {quoted}; it was {done}")
        quietly(dialog.accept if accept else dialog.dismiss)

    def _download(self, download: Any) -> None:
        name = json.dumps(download.suggested_filename[:100], ensure_ascii=False)
        if not self._policy.allow_downloads:
            self.note(f"a download of {name} was refused: downloads are not allowed")
        else:
            self.note(f"{name} was downloaded")


def quietly(call: Callable[[], Any]) -> None:
    """Call something of playwright's that may be closed already."""
    from playwright.sync_api import Error

    with suppress(Error):
        call()
