"""A desktop as an environment: marks from its pixels, actions by pointer and keyboard.

Windows of other programs are all there is to see, so marks are those of the screen segmenter, which
reads again only what has changed, and keep their numbers by `som.track`.
"""

from collections.abc import Callable
from time import monotonic, perf_counter, sleep
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from som.agents import actions
from som.agents.envs.base import Observation, Outcome, Target
from som.agents.envs.x11 import LEFT, RIGHT, WHEEL, X11
from som.cutout import CutOut, cut_out
from som.errors import SomError
from som.marker import Marker
from som.marks import Mark, MarkedImage
from som.segmenters.screen.segmenter import Look, ScreenSegmenter
from som.track import Tracker

# The screen is looked at once it has not changed for a moment, or after this long.
QUIET_S, LONGEST_S = 0.15, 1.5
WHEEL_STEPS_A_SCREEN = 8
# A caret is no larger.
CARET_WH = 4, 60


class DesktopEnv:
    """The desktop of an X11 display.

    Example:
        >>> with DesktopEnv() as env:  # doctest: +SKIP
        ...     seen = env.observe()
        ...     env.act(Click(mark=1))
    """

    name = "desktop"

    def __init__(
        self,
        display: str | None = None,
        *,
        reveal: Callable[[str], str] | None = None,
        mask: Callable[[str], str] | None = None,
        **marking: Any,
    ) -> None:
        """Connect to a display.

        Args:
            display: such as ":0"; None takes ``$DISPLAY``.
            reveal: turns a text with names of secrets into what is typed.
            mask: takes the values of secrets out of a text.
            **marking: options of `som.Marker`: style, max_side, ...

        Raises:
            SomError: there is no such display.
            MissingDependencyError: mss or xdotool is not installed.
        """
        self._x = X11(display)
        self._reveal, self._mask = reveal or (lambda text: text), mask or (lambda text: text)
        self._marking = marking
        self._segmenter = ScreenSegmenter()
        self._look: Look | None = None
        self._tracker = Tracker()
        self._marked: MarkedImage | None = None
        self._part: CutOut | None = None
        self._next_view: tuple[float, float, float, float] | None = None

    def __enter__(self) -> Self:
        """The environment itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """`Environment.close`."""
        self._x.close()

    def observe(self) -> Observation:
        """`Environment.observe`."""
        seconds: dict[str, float] = {}
        start = perf_counter()
        image = self._settled()
        seconds["settle"], start = perf_counter() - start, perf_counter()
        box, self._next_view = self._next_view, None
        if box is None:
            self._part = None
            self._look = self._segmenter.segment(image, self._look)
            regions, tracker = self._look.regions, self._tracker
        else:
            self._part = cut_out(image, box)
            image = self._part.image
            regions = self._part.find(ScreenSegmenter(granularity=0.75))
            tracker = Tracker()
        seconds["marks"], start = perf_counter() - start, perf_counter()
        regions.tracker_id = tracker.update(regions)
        regions.data["text"] = np.array([self._mask(t) for t in regions.data["text"]], dtype=object)
        self._marked = Marker.from_detections(image, regions, **self._marking)
        seconds["draw"] = perf_counter() - start
        on_image = {int(i) for i in self._marked.ids}
        return Observation(
            marked=self._marked, title="desktop", new_ids=tracker.new & on_image, seconds=seconds
        )

    def act(self, action: Any) -> Outcome:
        """`Environment.act`."""
        start = perf_counter()
        before = self._x.grab()
        do = _HOW.get(action.action)
        try:
            if do is None:
                raise SomError(f"{action.action} is nothing that a desktop does")
            message = do(self, action)
        except SomError as refusal:
            return Outcome(False, self._mask(str(refusal)), False, perf_counter() - start)
        changed = _differs(before, self._settled())
        if not changed and action.action not in ("wait", "zoom", "mark_region"):
            message += "; nothing changed on the screen"
        return Outcome(True, self._mask(message), changed, perf_counter() - start)

    def describe(self, mark_id: int) -> Target | None:
        """`Environment.describe`; pixels tell a role and a text, no more."""
        try:
            mark = self._mark(mark_id)
        except SomError:
            return None
        return Target(role=mark.role, text=mark.text)

    def point(self, mark_id: int) -> tuple[float, float]:
        """Where a press hits a mark, in pixels of the screen."""
        return self.to_screen(*self._mark(mark_id).anchor_xy)

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        """A point of the last image, in pixels of the screen."""
        return (x, y) if self._part is None else self._part.to_whole(x, y)

    def look_closer(self, box: tuple[float, float, float, float]) -> None:
        """Make the next observation one of this box of the last image."""
        self._next_view = (*self.to_screen(*box[:2]), *self.to_screen(*box[2:]))

    def _mark(self, mark_id: int) -> Mark:
        if self._marked is None:
            raise SomError("nothing was looked at yet; observe first")
        return self._marked[mark_id]

    def _settled(self) -> NDArray[np.uint8]:
        until = monotonic() + LONGEST_S
        image = self._x.grab()
        while monotonic() < until:
            sleep(QUIET_S)
            image, before = self._x.grab(), image
            if not _differs(image, before):
                break
        return image

    # How each action is carried out.

    def _press_at(self, mark_id: int, button: int = LEFT, times: int = 1) -> None:
        self._x.move(*self.point(mark_id))
        self._x.click(button, times)

    def _click(self, action: actions.Click) -> str:
        self._press_at(action.mark)
        return f"clicked [{action.mark}]"

    def _double_click(self, action: actions.DoubleClick) -> str:
        if action.mark is None or action.text:
            raise SomError("no text can be selected by what it says here; drag over it")
        self._press_at(action.mark, times=2)
        return f"double-clicked [{action.mark}]"

    def _right_click(self, action: actions.RightClick) -> str:
        self._press_at(action.mark, RIGHT)
        return f"right-clicked [{action.mark}]"

    def _hover(self, action: actions.Hover) -> str:
        self._x.move(*self.point(action.mark))
        return f"moved the pointer over [{action.mark}]"

    def _click_at(self, action: actions.ClickAt) -> str:
        assert self._marked is not None
        width, height = self._marked.size_wh
        if not (action.x < width and action.y < height):
            raise SomError(f"point {action.x}, {action.y} is not on the image")
        self._x.move(*self.to_screen(action.x, action.y))
        self._x.click()
        return f"clicked at {action.x}, {action.y}"

    def _type(self, action: actions.Type) -> str:
        self._press_at(action.mark)
        if action.clear:
            self._x.press("Control+a")
            self._x.press("BackSpace")
        self._x.type(self._reveal(action.text))
        if action.submit:
            self._x.press("Enter")
        return f"typed into [{action.mark}]" + (" and pressed Enter" if action.submit else "")

    def _press(self, action: actions.Press) -> str:
        for _ in range(action.times):
            self._x.press(action.keys)
        return f"pressed {action.keys}" + (f" {action.times} times" if action.times > 1 else "")

    def _scroll(self, action: actions.Scroll) -> str:
        if action.mark is not None:
            self._x.move(*self.point(action.mark))
        self._x.click(WHEEL[action.direction], max(1, round(action.amount * WHEEL_STEPS_A_SCREEN)))
        where = f"[{action.mark}]" if action.mark is not None else "under the pointer"
        return f"scrolled {where} {action.direction}"

    def _drag(self, action: actions.Drag) -> str:
        start = self.point(action.mark)
        x, y = start if action.to is None else self.point(action.to)
        (left, top), (right, bottom) = self.to_screen(0, 0), self.to_screen(action.dx, action.dy)
        self._x.drag(start, (x + right - left, y + bottom - top))
        off = f" by {action.dx}, {action.dy}" if action.dx or action.dy else ""
        onto = f" onto [{action.to}]" if action.to is not None else ""
        return f"dragged [{action.mark}]{off}{onto}"

    def _wait(self, action: actions.Wait) -> str:
        sleep(action.seconds)
        return f"waited {action.seconds:g} s"

    def _zoom(self, action: actions.Zoom) -> str:
        self.look_closer(self._mark(action.mark).box_xyxy)
        return f"the next image shows [{action.mark}] larger"

    def _mark_region(self, action: actions.MarkRegion) -> str:
        assert self._marked is not None
        width, height = self._marked.size_wh
        if action.x1 >= width or action.y1 >= height:
            raise SomError(f"the part from {action.x1}, {action.y1} on is not on the image")
        self.look_closer((action.x1, action.y1, action.x2, action.y2))
        return "the next image shows that part, marked again"


def _differs(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> bool:
    """Whether two screens differ by more than a caret that blinks."""
    if before.shape != after.shape:
        return True
    ys, xs = np.nonzero((before != after).any(axis=2))
    return bool(len(ys) and (np.ptp(xs) >= CARET_WH[0] or np.ptp(ys) >= CARET_WH[1]))


_HOW: dict[str, Callable[[DesktopEnv, Any], str]] = {
    "click": DesktopEnv._click,
    "double_click": DesktopEnv._double_click,
    "right_click": DesktopEnv._right_click,
    "hover": DesktopEnv._hover,
    "click_at": DesktopEnv._click_at,
    "type": DesktopEnv._type,
    "press": DesktopEnv._press,
    "scroll": DesktopEnv._scroll,
    "drag": DesktopEnv._drag,
    "wait": DesktopEnv._wait,
    "zoom": DesktopEnv._zoom,
    "mark_region": DesktopEnv._mark_region,
}
