"""The oracle's hand: finds the mark of an element that the oracle knows, and acts on it."""

import re
from collections.abc import Callable
from typing import Any, Literal

from som.agents import actions as do
from som.agents.actions import BaseAction, Direction
from som.agents.envs.base import Observation
from som.agents.envs.browser import BrowserEnv

# Functions that the oracle's scripts may use.
_HELPERS = """
const all = (css, root) => [...(root ?? document).querySelectorAll(css)];
const shown = (e) => e.getClientRects().length > 0 && getComputedStyle(e).visibility !== "hidden";
const says = (e) => (e.innerText ?? e.textContent ?? "").replace(/\\s+/g, " ").trim();
"""
# Which way an element is out of sight, and which marked thing scrolls it: a panel's child, or null.
_OUT_OF_SIGHT = """element => {
  const box = element.getBoundingClientRect();
  const known = window[Symbol.for("som.marks")];
  for (let at = element.parentElement; at; at = at.parentElement) {
    const root = at === document.documentElement || at === document.body;
    const style = getComputedStyle(at);
    const still = at.scrollHeight <= at.clientHeight + 1 || style.overflowY === "visible";
    if (!root && still) continue;
    const edge = root ? { top: 0, bottom: innerHeight } : at.getBoundingClientRect();
    const middle = (box.top + box.bottom) / 2;
    const way = middle < edge.top + 2 ? "up" : middle > edge.bottom - 2 ? "down" : "";
    if (way) return [way, root ? null : at];
    if (root && at === document.documentElement) break;
  }
  return ["", null];
}"""


class Stuck(Exception):  # noqa: N818  it ends a play, and is no fault
    """The oracle cannot go on: the episode is over, or marks or actions do not reach."""

    def __init__(self, message: str, status: Literal["done", "gave_up", "budget"] = "gave_up") -> None:
        super().__init__(message)
        self.status = status


class Hand:
    """Acts on marks for a script that knows elements.

    Args:
        env: the browser, at a page whose episode has begun.
        utterance: the task in words.
        done: whether the page has ended the episode.
        max_steps: stop after so many actions.
    """

    def __init__(
        self, env: BrowserEnv, utterance: str, done: Callable[[], bool], max_steps: int
    ) -> None:
        self.env, self.utterance, self.steps = env, utterance, 0
        self._done, self._max = done, max_steps
        self.seen: Observation = env.observe()

    # What the oracle may know.

    def js(self, expression: str, argument: Any = None) -> Any:
        """The value of a JavaScript expression in the page; `arg` is the argument."""
        return self.env.page.evaluate(f"arg => {{ {_HELPERS} return {expression}; }}", argument)

    @property
    def left(self) -> int:
        """How many actions may still be taken."""
        return self._max - self.steps

    def said(self, pattern: str) -> tuple[str, ...]:
        """The groups of a pattern in the task's words.

        Raises:
            Stuck: the words are other ones.
        """
        match = re.search(pattern, self.utterance)
        if match is None:
            raise Stuck(f"the task does not say {pattern}")
        return match.groups()

    # What it does.

    def act(self, action: BaseAction) -> None:
        """Carry out one action and look again.

        Raises:
            Stuck: it could not be carried out, the episode is over, or there were too many.
        """
        if self.steps >= self._max:
            raise Stuck(f"{self._max} steps are over", "budget")
        self.steps += 1
        outcome = self.env.act(action)
        if self._done():
            raise Stuck("the page ended the episode", "done")
        if not outcome.ok:
            raise Stuck(outcome.message)
        self.seen = self.env.observe()

    def mark(self, what: str, argument: Any = None) -> int:
        """The mark of an element.

        Scrolls to it when it is out of sight.

        Args:
            what: a CSS selector, or behind "=" a JavaScript expression.
            argument: with a selector, what the element says; in an expression, `arg`.

        Raises:
            Stuck: it is not there, or has no mark.
        """
        element = self._element(what, argument)
        if element is None:
            self.act(do.Wait(seconds=0.5))  # it may be on its way
            element = self._element(what, argument)
        if element is None:
            raise Stuck(f"there is no {what}")
        waited = False
        for _ in range(12):
            mark = self.env.mark_of(element)
            if mark is not None:
                return mark
            if not self._scroll_towards(element):
                if waited:
                    break
                waited = True
                self.act(do.Wait(seconds=0.5))  # it is there, but was not when last looked
        raise Stuck(f"{what} has no mark")

    def _element(self, what: str, argument: Any) -> Any:
        if what.startswith("="):
            expression = what[1:]
        elif argument is None:
            expression = f"all({what!r}).find(shown) ?? document.querySelector({what!r})"
        else:
            expression = f"all({what!r}).find((e) => shown(e) && says(e) === arg)"
        handle = self.env.page.evaluate_handle(
            f"arg => {{ {_HELPERS} return {expression}; }}", argument
        )
        return handle.as_element()

    def _scroll_towards(self, element: Any) -> bool:
        way = self.env.page.evaluate_handle(_OUT_OF_SIGHT, element)
        direction = way.evaluate("way => way[0]")
        if not direction:
            return False
        panel = way.get_property("1").as_element()
        mark = None if panel is None else self.env.mark_of(panel)
        if panel is not None and mark is None:
            raise Stuck("a panel that must be scrolled has no mark")
        self.act(do.Scroll(direction=direction, mark=mark, amount=0.4))
        return True

    def click(self, *elements: str, says: Any = None) -> None:
        """Click elements, one after the other; `says` is the argument of each."""
        for what in elements:
            self.act(do.Click(mark=self.mark(what, says)))

    def type(self, what: str, text: Any, argument: Any = None, *, submit: bool = False) -> None:
        """Type into an element in place of what is there."""
        self.act(do.Type(mark=self.mark(what, argument), text=str(text), submit=submit))

    def select(self, what: str, option: str) -> None:
        """Choose an option of a drop-down."""
        self.act(do.SelectOption(mark=self.mark(what), option=option))

    def highlight(self, text: str, what: str | None = None) -> None:
        """Select a text."""
        mark = None if what is None else self.mark(what)
        self.act(do.DoubleClick(mark=mark, text=text))

    def press(self, keys: str, times: int = 1) -> None:
        """Press a key."""
        for begun in range(0, times, 100):
            self.act(do.Press(keys=keys, times=min(100, times - begun)))

    def hover(self, what: str, argument: Any = None) -> None:
        """Move the pointer over an element."""
        self.act(do.Hover(mark=self.mark(what, argument)))

    def scroll(self, direction: Direction, what: str | None = None, amount: float = 0.8) -> None:
        """Scroll the page, or what holds an element."""
        mark = None if what is None else self.mark(what)
        self.act(do.Scroll(direction=direction, mark=mark, amount=amount))

    def drag(
        self, what: str, to: str | None = None, by: tuple[float, float] = (0, 0), argument: Any = None
    ) -> None:
        """Drag an element onto another, or by so many CSS pixels; with both, so far from the other."""
        dx, dy = (round(value * self.env.density) for value in by)
        end = None if to is None else self.mark(to, argument)
        self.act(do.Drag(mark=self.mark(what, argument), to=end, dx=dx, dy=dy))

    def click_at(self, x: float, y: float) -> None:
        """Click a point of the page, in CSS pixels, where no mark can be."""
        density = self.env.density
        self.act(do.ClickAt(x=round(x * density), y=round(y * density)))

    def wait(self, seconds: float) -> None:
        """Wait."""
        self.act(do.Wait(seconds=seconds))
