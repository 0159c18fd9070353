"""What a person can act on in a page, from its documents: all frames, shadow roots included."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Box = tuple[float, float, float, float]
_ELEMENT = 'window[Symbol.for("som.marks")]?.elements.get(number)?.deref()'
# Where a frame's own document begins, and its scale: inside border and padding.
INNER = """element => {
  const r = element.getBoundingClientRect(), s = getComputedStyle(element);
  const number = window[Symbol.for("som.marks")]?.numbers.get(element) ?? 0;
  return [number, r.left + element.clientLeft + parseFloat(s.paddingLeft),
          r.top + element.clientTop + parseFloat(s.paddingTop)];
}"""
# An element's document, and the numbers of what can stand for it, nearest first.
STANDING_FOR = """element => {
  const known = window[Symbol.for("som.marks")];
  if (!known) return ["", []];
  const around = [];
  for (let at = element.parentElement; at && around.length < 4; at = at.parentElement) around.push(at);
  const inside = [...element.querySelectorAll("*")].slice(0, 1000);
  const all = [element, element.control, ...(element.labels ?? []), ...inside, ...around];
  return [known.document, all.map((one) => one && known.numbers.get(one)).filter(Boolean)];
}"""
# What a script finds, as JSON: playwright takes five times as long over objects. Some pages teach
# JavaScript another JSON; what is found there comes as objects all the same. A text that was cut within
# an emoji is made whole: half of one cannot be written to anywhere.
_AS_JSON = """() => {
  const found = (%s)();
  const own = [Object, Array, String, Number, Boolean].some((kind) => "toJSON" in kind.prototype);
  const whole = (key, value) => typeof value === "string" ? value.toWellFormed() : value;
  return own ? found : JSON.stringify(found, whole);
}"""
# Which of some points of a document show the element with this number.
_SHOWS = """([number, points]) => {
  const element = window[Symbol.for("som.marks")].elements.get(number).deref();
  return points.map(([x, y]) => {
    let root = document, hit = null;
    for (;;) {
      const next = root.elementFromPoint(x, y);
      if (!next || next === hit) break;
      hit = next;
      if (!hit.shadowRoot) break;
      root = hit.shadowRoot;
    }
    return hit === element;
  });
}"""


@dataclass(frozen=True)
class PageMark:
    """One thing to act on. Boxes and points are CSS pixels of the page's viewport.

    Attributes:
        key: its document and its number there; the same for as long as the element exists.
        frame: playwright's frame that it is in.
        box: what of it is on screen.
        anchor: a point where a press reaches it.
        role: as assistive technology calls it.
        text: its name.
        states: "checked", "disabled", 'value "abc"', ...
        tag: of the element.
        secret: whether it is a password field.
    """

    key: tuple[str, int]
    frame: Any
    box: Box
    anchor: tuple[float, float]
    role: str
    text: str
    states: tuple[str, ...]
    tag: str
    secret: bool


@dataclass(frozen=True)
class PageText:
    """A piece of text that is on screen, and the boxes of its lines in CSS pixels."""

    text: str
    boxes: tuple[Box, ...]


@dataclass(frozen=True)
class PageLook:
    """What the documents say.

    Attributes:
        marks: in document order, those of frames after those around them.
        blind: boxes of canvases, pictures and videos, whose content no document knows.
        scroll: x, y, and width and height of the whole page.
        texts: what can be read, for each document in order; empty where that was not asked for.
    """

    marks: tuple[PageMark, ...]
    blind: tuple[Box, ...]
    scroll: tuple[float, float, float, float]

    def rest(self, screen_px: float) -> tuple[float, float]:
        """How much of the page lies above and below what is shown, in screens of this height."""
        _, y, _, height = self.scroll
        return max(0.0, y / screen_px), max(0.0, (height - y) / screen_px - 1)

    texts: tuple[tuple[PageText, ...], ...] = ()


@cache
def script(name: str) -> str:
    """A script of this package."""
    return files("som.agents.envs").joinpath(f"{name}.js").read_text("utf-8")


def look(page: Any, *, texts: bool = False) -> PageLook:
    """Look at a page of playwright's, all frames of it.

    Args:
        page: of playwright's.
        texts: whether to read everything that is on screen.
    """
    found = _Found([], [], [] if texts else None)
    first = _look_into(page.main_frame, (0.0, 0.0), None, found)
    scroll = first["scroll"] if first else (0, 0, 0, 0)
    return PageLook(tuple(found.marks), tuple(found.blind), tuple(scroll), tuple(found.texts or ()))


@dataclass(frozen=True)
class _Found:
    marks: list[PageMark]
    blind: list[Box]
    texts: list[tuple[PageText, ...]] | None


def find(mark: PageMark) -> Any:
    """A handle on the element of a mark, None when it is gone."""
    try:
        handle = mark.frame.evaluate_handle(f"number => {_ELEMENT}", mark.key[1])
        element = handle.as_element()
        if element is None or not element.evaluate("e => e.isConnected"):
            return None
        same = mark.frame.evaluate('window[Symbol.for("som.marks")].document') == mark.key[0]
    except Exception as error:
        if is_gone(error):
            return None
        raise
    return element if same else None


def _look_into(
    frame: Any,
    offset: tuple[float, float],
    window: Box | None,
    into: _Found,
) -> dict[str, Any] | None:
    """Add what one frame holds; `window` is what can be seen of it, None for all."""
    try:
        found: dict[str, Any] = _found_by("page_marks", frame)
        texts = _found_by("page_texts", frame) if into.texts is not None else []
    except Exception as error:
        # A frame that breaks what it is asked with loses its own marks only.
        if is_gone(error) or frame.parent_frame is not None:
            return None
        raise
    for one in found["marks"]:
        box = _clipped(_moved(one["box"], offset), window)
        x, y = one["anchor"][0] + offset[0], one["anchor"][1] + offset[1]
        if box is None or (window and not (window[0] <= x < window[2] and window[1] <= y < window[3])):
            continue
        into.marks.append(
            PageMark(
                key=(found["document"], one["number"]),
                frame=frame,
                box=box,
                anchor=(x, y),
                role=one["role"],
                text=one["text"],
                states=tuple(one["states"]),
                tag=one["tag"],
                secret=one["secret"],
            )
        )
    into.blind.extend(_seen(found["blind"], offset, window))
    if into.texts is not None:
        into.texts.append(tuple(PageText(text, _seen(b, offset, window)) for text, b in texts))
    shown = {one["number"]: one["box"] for one in found["frames"]}
    for child in frame.child_frames:
        if not child.url:  # refused before it began: asking it anything would wait for ever
            continue
        _look_into_child(child, frame, offset, window, shown, into)
    return found


def _found_by(name: str, frame: Any) -> Any:
    """What a script of this package finds in a frame."""
    said = frame.evaluate(_AS_JSON % script(name))
    try:
        return json.loads(said) if isinstance(said, str) else said
    except ValueError:
        return frame.evaluate(script(name))


def _look_into_child(
    child: Any,
    parent: Any,
    offset: tuple[float, float],
    window: Box | None,
    shown: dict[int, Box],
    into: _Found,
) -> None:
    try:
        number, left, top = child.frame_element().evaluate(INNER)
    except Exception as error:
        if is_gone(error):
            return
        raise
    if number not in shown:
        return
    seen = _clipped(_moved(shown[number], offset), window)
    if seen is None:
        return
    before = len(into.marks)
    _look_into(child, (offset[0] + left, offset[1] + top), seen, into)
    inside = into.marks[before:]
    if inside:
        # Something of the page around it may lie over a part of the frame.
        points = [(mark.anchor[0] - offset[0], mark.anchor[1] - offset[1]) for mark in inside]
        reached = parent.evaluate(_SHOWS, [number, points])
        into.marks[before:] = [mark for mark, ok in zip(inside, reached, strict=True) if ok]


def _moved(box: Box, offset: tuple[float, float]) -> Box:
    x, y = offset
    return box[0] + x, box[1] + y, box[2] + x, box[3] + y


def _seen(boxes: Any, offset: tuple[float, float], window: Box | None) -> tuple[Box, ...]:
    """Boxes of a frame in pixels of the page, as far as they can be seen."""
    return tuple(box for box in (_clipped(_moved(b, offset), window) for b in boxes) if box)


def _clipped(box: Box, window: Box | None) -> Box | None:
    if window is None:
        return box
    x1, y1 = max(box[0], window[0]), max(box[1], window[1])
    x2, y2 = min(box[2], window[2]), min(box[3], window[3])
    return (x1, y1, x2, y2) if x2 - x1 >= 3 and y2 - y1 >= 3 else None


def is_gone(error: Exception) -> bool:
    """Whether playwright says that a frame or page went away while it was looked at."""
    from playwright.sync_api import Error

    if not isinstance(error, Error):
        return False
    said = str(error).lower()
    return any(
        sign in said
        for sign in ("detached", "destroyed", "navigat", "closed", "crashed", "cannot find context")
    )
