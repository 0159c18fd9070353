"""The tabs of a browser: which one is looked at, and when it is fit to be looked at."""

from collections.abc import Callable
from typing import Any

from som.agents.envs.base import Tab
from som.agents.envs.chromium import first_line
from som.agents.envs.happenings import Happenings, quietly
from som.agents.envs.presses import PressError
from som.agents.network import NetworkPolicy
from som.errors import SomError

# A page is looked at once nothing has changed in it for a moment, or after this long.
QUIET_MS, LONGEST_MS = 120, 1500
_SETTLE = """([quiet, longest]) => new Promise((done) => {
  let timer = setTimeout(done, quiet);
  const observer = new MutationObserver(() => {
    clearTimeout(timer);
    timer = setTimeout(done, quiet);
  });
  observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
  setTimeout(() => { observer.disconnect(); done(); }, longest);
})"""
_STATE = """() => [document.URL, document.title, scrollX, scrollY, document.body?.innerText,
  ...[...document.querySelectorAll("input, textarea, select")].map((e) => [e.value, e.checked]),
  document.body?.innerHTML.length, document.activeElement?.tagName].join("|")"""


class Tabs:
    """The tabs of playwright's context; the one that was opened last is looked at."""

    def __init__(
        self, context: Any, around: Happenings, policy: NetworkPolicy, timeout_ms: float
    ) -> None:
        """Open the first tab.

        Args:
            context: of playwright's.
            around: is told what happens.
            policy: which addresses may be opened.
            timeout_ms: longest wait for a page.
        """
        self._context, self._around = context, around
        self._policy, self._timeout_ms = policy, timeout_ms
        context.on("page", self._opened)
        self._page = context.new_page()
        around.notes.clear()

    @property
    def page(self) -> Any:
        """Playwright's page that is looked at; another or a new one when that was closed."""
        if self._page.is_closed():
            open_pages = self._context.pages
            self._around.note("the tab was closed")
            self._page = open_pages[-1] if open_pages else self._context.new_page()
        return self._page

    def open(self, url: str) -> None:
        """Open an address in the tab that is looked at.

        Raises:
            PressError: it may not be opened, or does not answer.
        """
        from playwright.sync_api import Error
        from playwright.sync_api import TimeoutError as Late

        reason = self._policy.check(url)
        if reason:
            raise PressError(f"{url} was not opened: {reason}")
        try:
            self.page.goto(url, wait_until="domcontentloaded", timeout=self._timeout_ms)
        except Late:
            self._around.note(f"{url} is still loading")
        except Error as error:
            refused = self._around.take_refused()
            why = refused[0] if refused else first_line(error)
            raise PressError(f"{url} could not be opened: {why}") from error

    def add(self) -> None:
        """Open an empty tab and go to it."""
        self._page = self._context.new_page()

    def switch(self, number: int) -> None:
        """Go to another tab, counted from 1.

        Raises:
            PressError: there is no such tab.
        """
        pages = self._context.pages
        if not 1 <= number <= len(pages):
            raise PressError(f"there is no tab {number}; there are {len(pages)}")
        self._page = pages[number - 1]
        self._page.bring_to_front()

    def close_others(self) -> None:
        """Close all but the one that is looked at."""
        for tab in self._context.pages:
            if tab != self.page:
                quietly(tab.close)

    def listed(self, mask: Callable[[str], str]) -> tuple[Tab, ...]:
        """All of them, their texts masked."""
        pages = self._context.pages
        return tuple(Tab(mask(title_of(tab)), mask(tab.url), tab == self._page) for tab in pages)

    def crashed(self) -> None:
        """Remember that the one that is looked at has crashed."""
        self._around.crashed.add(self._page)

    @property
    def has_crashed(self) -> bool:
        """Whether the one that is looked at is known to have crashed."""
        return self._page in self._around.crashed

    def ready(self) -> Any:
        """The page that is looked at, at rest; one that has crashed is opened again.

        Raises:
            SomError: the browser was closed.
        """
        from playwright.sync_api import Error

        try:
            page = self.page
            if self.has_crashed:
                self._replace(page)
            self.settle()
        except Error as error:
            raise SomError("the browser was closed; start again") from error
        return self.page

    def settle(self) -> None:
        """Wait until nothing changes in the page that is looked at, though not for long."""
        from playwright.sync_api import Error
        from playwright.sync_api import TimeoutError as Late

        page = self.page
        try:
            page.wait_for_load_state("domcontentloaded", timeout=self._timeout_ms)
            page.evaluate(_SETTLE, [QUIET_MS, LONGEST_MS])
        except Late:
            self._around.note("the page is still loading")
        except Error:
            # It went elsewhere in the meantime: wait for what comes.
            if not page.is_closed() and self._context.browser.is_connected():
                try:
                    page.wait_for_load_state("domcontentloaded", timeout=self._timeout_ms)
                except Error:
                    self._replace(page)

    def state(self) -> list[Any]:
        """What tells whether an action has changed something: texts, fields, addresses, tabs."""
        from playwright.sync_api import Error

        states: list[Any] = [len(self._context.pages)]
        for frame in self.page.frames:
            if not frame.url:  # refused before it began
                continue
            try:
                states.append(frame.evaluate(_STATE))
            except Error:
                states.append("gone")
        return states

    def _replace(self, page: Any) -> None:
        """A page that has crashed gives way to a new one at the same address."""
        url = page.url
        self._around.note("the tab crashed and was opened again")
        self._page = self._context.new_page()
        quietly(page.close)
        if self._policy.check(url) is None:
            quietly(lambda: self._page.goto(url, wait_until="domcontentloaded"))

    def _opened(self, page: Any) -> None:
        self._around.follow(page)
        self._page = page
        self._around.note("a new tab was opened")


def title_of(page: Any) -> str:
    """A page's title, "" where it cannot be asked."""
    from playwright.sync_api import Error

    try:
        return str(page.title())
    except Error:
        return ""
