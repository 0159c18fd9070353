"""A real Chromium as an environment: marks from its pages, actions on marks."""

import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from importlib.resources import files
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from som.agents.envs.base import Observation, Outcome, Target
from som.agents.envs.chromium import first_line, launch, shared
from som.agents.envs.happenings import Happenings, OnDialog, quietly
from som.agents.envs.hidden import paint_over, target_without_secrets, without_secrets
from som.agents.envs.numbers import Numbers
from som.agents.envs.page import STANDING_FOR, PageLook, PageMark, find, look
from som.agents.envs.presses import PressError, carry_out
from som.agents.envs.tabs import Tabs, title_of
from som.agents.envs.targets import target_at, target_focused, target_of
from som.agents.envs.view import View, mark_view
from som.agents.envs.watchdog import Watchdog
from som.agents.network import NetworkPolicy, guard
from som.agents.secrets import NAMED, SecretError, Secrets
from som.errors import MissingDependencyError, SomError
from som.image import load_image
from som.track import Tracker

MARKS = ("dom", "screen", "both")
# A look or an action may take so many of the longest waits for a page; then the page has hung.
PATIENCE, MOST_CRASHES = 3, 3
_LOCAL_SCHEMES = re.compile(r"^(file|ftp|ftps|chrome|view-source):")


class BrowserEnv:
    """A Chromium that shows its pages as marked screenshots and acts on marks.

    Example:
        >>> with BrowserEnv("https://example.org") as env:  # doctest: +SKIP
        ...     seen = env.observe()
        ...     env.act(Click(mark=1))
    """

    name = "browser"

    def __init__(
        self,
        url: str = "about:blank",
        *,
        marks: str = "both",
        viewport_wh: tuple[int, int] = (1280, 800),
        density: float = 1,
        headless: bool = True,
        policy: NetworkPolicy | None = None,
        secrets: Secrets | None = None,
        on_dialog: OnDialog | None = None,
        executable_path: str | None = None,
        timeout_s: float = 15,
        **marking: Any,
    ) -> None:
        """Start a browser and open a page.

        Args:
            url: the first page.
            marks: "dom" from the documents, "screen" from pixels, or "both": pixels where no document
                knows what is shown (canvases, pictures, videos).
            viewport_wh: of the page, in CSS pixels.
            density: screenshot pixels for one of CSS.
            headless: without a window.
            policy: where the browser may go; public addresses only, when not given.
            secrets: what may be typed by name; their values are shown nowhere.
            on_dialog: decides on "confirm" and "prompt" dialogs, by kind and message; they are
                dismissed without it. "alert" and "beforeunload" are accepted.
            executable_path: of Chromium; an installed one, or playwright's own, when not given.
            timeout_s: longest wait for a page.
            **marking: options of `som.Marker`: style, max_side, ...

        Raises:
            SomError: an option is wrong, no browser can be started, or the address may not be opened.
            MissingDependencyError: playwright is not installed.
        """
        if marks not in MARKS:
            raise SomError(f"no marks {marks!r}; choose one of: {', '.join(MARKS)}")
        self.policy = policy or NetworkPolicy()
        reason = self.policy.check(url)
        if reason:
            raise SomError(f"cannot open {url}: {reason}")
        self.viewport_wh, self.density, self._marks = viewport_wh, density, marks
        self.secrets = secrets or Secrets()
        self._mask = self.secrets.mask
        self._timeout_ms, self._marking = timeout_s * 1000, marking
        self._patience_s = PATIENCE * timeout_s
        self._numbers, self._tracker = Numbers(), Tracker()
        self._seen: dict[int, PageMark] = {}
        self._points: dict[int, tuple[float, float]] = {}
        self._view = View((0, 0, *viewport_wh), 1.0)
        self._next_view: tuple[float, float, float, float] | None = None
        self._stack = ExitStack()
        try:
            self._start(url, headless, executable_path, on_dialog)
        except BaseException:
            self.close()
            raise

    def _start(
        self, url: str, headless: bool, executable_path: str | None, on_dialog: OnDialog | None
    ) -> None:
        try:
            from playwright.sync_api import sync_playwright
        except ImportError as error:
            install = 'pip install "som-agent[browser]" && playwright install chromium'
            raise MissingDependencyError(f"the browser needs playwright: {install}") from error
        self._guard = self._stack.enter_context(guard(self.policy))
        playwright = self._stack.enter_context(shared(sync_playwright))
        self._browser = launch(playwright, self._guard.server, headless, executable_path)
        self._stack.callback(quietly, self._browser.close)
        self._watchdog = Watchdog(self._browser)
        self._around = Happenings(
            self.policy, self._guard, self._mask, on_dialog, self._watchdog.resting
        )
        context = self._browser.new_context(
            viewport={"width": self.viewport_wh[0], "height": self.viewport_wh[1]},
            device_scale_factor=self.density,
            accept_downloads=self.policy.allow_downloads,
            service_workers="block",
        )
        context.set_default_timeout(self._timeout_ms)
        context.route(_LOCAL_SCHEMES, self._around.local)
        context.add_init_script(files("som.agents.envs").joinpath("listeners.js").read_text("utf-8"))
        self._tabs = Tabs(context, self._around, self.policy, self._timeout_ms)
        try:
            self.open(url)
        except PressError as error:
            raise SomError(str(error)) from error

    def __enter__(self) -> Self:
        """The environment itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """`Environment.close`."""
        self._stack.close()

    @property
    def page(self) -> Any:
        """Playwright's page that is looked at; another or a new one when that was closed."""
        return self._tabs.page

    def observe(self) -> Observation:
        """`Environment.observe`.

        Raises:
            SomError: the browser was closed.
        """
        from playwright.sync_api import Error

        for _ in range(MOST_CRASHES):
            try:
                with self._watchdog.watching(self._patience_s):
                    return self._observe()
            except Error as error:
                if "crashed" not in str(error):
                    raise SomError(f"the page cannot be looked at: {first_line(error)}") from error
                self._tabs.crashed()
        raise SomError(f"{self._mask(self.url)} crashes whenever it is opened")

    def _observe(self) -> Observation:
        seconds: dict[str, float] = {}
        start = perf_counter()
        page = self._tabs.ready()
        seconds["settle"], start = perf_counter() - start, perf_counter()
        found = self._look(page)
        seconds["marks"], start = perf_counter() - start, perf_counter()
        image = self._screenshot(page, found)
        seconds["screenshot"], start = perf_counter() - start, perf_counter()
        box, self._next_view = self._next_view, None
        marked, self._view, self._points = mark_view(
            image,
            found,
            self._numbers,
            self._tracker,
            box,
            self.density,
            self._marks,
            self._marking,
            self._mask,
        )
        self._seen = {self._numbers.of(mark.key): mark for mark in found.marks}
        on_image = {int(i) for i in marked.ids}
        seconds["draw"] = perf_counter() - start
        return Observation(
            marked=marked,
            url=self._mask(page.url),
            title=self._mask(title_of(page)),
            tabs=self._tabs.listed(self._mask),
            notes=self._around.take_notes(),
            new_ids=self._numbers.new() & on_image,
            states={
                i: ", ".join(self._seen[i].states)
                for i in sorted(on_image & set(self._seen))
                if self._seen[i].states
            },
            rest=found.rest(self.viewport_wh[1]),
            seconds=seconds,
        )

    def act(self, action: Any) -> Outcome:
        """`Environment.act`.

        Raises:
            SomError: the browser was closed.
        """
        from playwright.sync_api import Error

        try:
            with self._watchdog.watching(self._patience_s + getattr(action, "seconds", 0)):
                return self._act(action)
        except Error as error:
            if self._browser.is_connected():
                raise SomError(f"the page cannot be acted on: {first_line(error)}") from error
            raise SomError("the browser was closed; start again") from error

    def _act(self, action: Any) -> Outcome:
        from playwright.sync_api import Error

        start = perf_counter()
        before = self._tabs.state()
        noted = len(self._around.notes)
        try:
            message = carry_out(action, self)
        except PressError as refusal:
            return Outcome(False, self._mask(str(refusal)), False, perf_counter() - start)
        except Error as error:
            if not self._browser.is_connected():
                raise
            hung = "the page stopped answering and was closed"
            if self._watchdog.bit:
                self._tabs.crashed()
            message = f"that did not work: {hung if self._watchdog.bit else first_line(error)}"
            return Outcome(False, self._mask(message), None, perf_counter() - start)
        self._tabs.settle()
        changed = self._tabs.state() != before or len(self._around.notes) > noted
        if not changed and action.action not in ("wait", "zoom", "mark_region"):
            message += "; nothing changed on the page"
        return Outcome(True, self._mask(message), changed, perf_counter() - start)

    def describe(self, mark_id: int) -> Target | None:
        """`Environment.describe`."""
        mark = self._seen.get(mark_id)
        if mark is None:
            return None
        now = self._asked(lambda: target_of(element) if (element := find(mark)) is not None else None)
        now = now or Target(mark.role, mark.text, mark.tag, url=mark.frame.url)
        return target_without_secrets(now, self.secrets)

    def describe_at(self, x: float, y: float) -> Target | None:
        """`KnowsPoints.describe_at`."""
        found = self._asked(lambda: target_at(self.page, *self.to_page(x, y)))
        return target_without_secrets(found, self.secrets)

    def describe_focused(self) -> Target | None:
        """`KnowsPoints.describe_focused`."""
        found = self._asked(lambda: target_focused(self.page))
        return target_without_secrets(found, self.secrets)

    def _asked(self, ask: Callable[[], Target | None]) -> Target | None:
        """What the page says; None where it has crashed, or is ended because it does not answer."""
        if self._tabs.has_crashed:  # playwright would wait for it for ever
            return None
        with self._watchdog.watching(self._patience_s):
            found = ask()
        if self._watchdog.bit:
            self._tabs.crashed()
        return found

    @property
    def url(self) -> str:
        """The address of the page that is looked at, as it is: for who goes on from there."""
        return str(self.page.url)

    def mark_of(self, element: Any) -> int | None:
        """The mark of the last observation that stands for an element, by playwright's handle on it.

        That is its own mark, else its control's or label's, else of what fills it or of what it is in.
        """
        document, numbers = element.evaluate(STANDING_FOR)
        ids = {mark.key: i for i, mark in self._seen.items()}
        return next((ids[document, n] for n in numbers if (document, n) in ids), None)

    def restart(self, url: str) -> None:
        """Open an address as if nothing had been seen before: one tab, fresh numbers, no notes.

        Raises:
            SomError: it may not be opened, or does not answer.
        """
        self._tabs.close_others()
        try:
            self.open(url)
        except PressError as error:
            raise SomError(str(error)) from error
        self.page.mouse.move(0, 0)
        self._around.take_notes()
        self._numbers, self._seen, self._points, self._next_view = Numbers(), {}, {}, None

    # What `presses` works with.

    def open(self, url: str) -> None:
        """Open an address in this tab.

        Raises:
            PressError: it may not be opened, or does not answer.
        """
        self._tabs.open(url)

    def locate(self, mark_id: int, *, even_disabled: bool = False) -> tuple[float, float]:
        """Where a press reaches a mark now, in CSS pixels; scrolls to it when it has left the screen.

        Raises:
            PressError: there is no such mark, or it is gone, hidden or disabled.
        """
        mark = self._seen.get(mark_id)
        if mark is None:
            if mark_id in self._points:
                return self._points[mark_id]
            raise PressError(f"there is no mark [{mark_id}] on the last image")
        if "disabled" in mark.states and not even_disabled:
            raise PressError(f"[{mark_id}] is disabled")
        now = self._fresh(mark)
        if now is None:
            element = find(mark)
            if element is None:
                raise PressError(f"[{mark_id}] is gone from the page")
            element.scroll_into_view_if_needed(timeout=2000)
            now = self._fresh(mark)
            if now is None:  # on screen, but under a header that stays: the middle is clear of those
                element.evaluate("e => e.scrollIntoView({ block: 'center', inline: 'center' })")
                now = self._fresh(mark)
        if now is None:
            raise PressError(f"[{mark_id}] is there, but something lies over it or it is hidden")
        return now.anchor

    def element(self, mark_id: int) -> Any:
        """Playwright's handle on a mark's element, None for marks that come from pixels.

        Raises:
            PressError: it is gone.
        """
        mark = self._seen.get(mark_id)
        if mark is None:
            return None
        element = find(mark)
        if element is None:
            raise PressError(f"[{mark_id}] is gone from the page")
        return element

    def reveal(self, text: str, element: Any) -> str:
        """What to type for a text that may name secrets.

        Args:
            text: as the model wrote it.
            element: playwright's handle on what it is typed into, None for a mark from pixels.

        Raises:
            PressError: there is no such secret, or it may not be typed there.
        """
        if not self.secrets or not NAMED.search(text):
            return text
        if element is None:
            raise PressError("a secret can only be typed into a field that the page knows as one")
        try:
            return self.secrets.reveal(text, element.owner_frame().url)
        except SecretError as error:
            raise PressError(str(error)) from error

    def to_page(self, x: float, y: float) -> tuple[float, float]:
        """A point of the last image, in CSS pixels of the page."""
        return self._view.to_page(x, y, self.density)

    def look_closer(self, box: tuple[float, float, float, float]) -> None:
        """Make the next observation one of this box, in CSS pixels."""
        self._next_view = box

    def box_of(self, mark_id: int) -> tuple[float, float, float, float]:
        """A mark's box in CSS pixels.

        Raises:
            PressError: there is no such mark.
        """
        if mark_id not in self._seen:
            raise PressError(f"there is no mark [{mark_id}] to look at more closely")
        return self._seen[mark_id].box

    def switch(self, number: int) -> None:
        """Go to another tab, counted from 1.

        Raises:
            PressError: there is no such tab.
        """
        self._tabs.switch(number)

    def new_tab(self) -> None:
        """Open an empty tab and go to it."""
        self._tabs.add()

    def _look(self, page: Any) -> PageLook:
        if self._marks != "screen":
            return without_secrets(look(page, texts=bool(self.secrets)), self.secrets)
        blind = PageLook((), (), (0, 0, 0, 0))
        return replace(blind, texts=look(page, texts=True).texts) if self.secrets else blind

    def _fresh(self, mark: PageMark) -> PageMark | None:
        return next((now for now in look(self.page).marks if now.key == mark.key), None)

    def _screenshot(self, page: Any, found: PageLook) -> NDArray[np.uint8]:
        png = page.screenshot(animations="disabled", caret="hide", timeout=self._timeout_ms)
        return paint_over(load_image(png), found, self.secrets, self.density)
