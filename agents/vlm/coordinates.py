"""Coordinates that a model answers with, and the marks under them.

Models trained to point write points and boxes in conventions of their own: pixels of the size they see
(Qwen2.5-VL, Claude), a grid of 1000 (Qwen3-VL, InternVL; Gemini puts y first), shares (Moondream,
VARCO-VISION) or per cent (Molmo). The profile says which; see `som.agents.vlm.profiles`.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from som.agents.actions import KINDS, BaseAction, Click, ClickAt
from som.agents.vlm.image_rules import Size
from som.agents.vlm.profiles import Coordinates, Profile
from som.marks import Mark, MarkedImage

Box = tuple[float, float, float, float]
# A point this far outside of a mark still means it, as a share of the image's diagonal.
TOLERANCE = 0.02
# A box that shares less than this with every mark is taken for the point in its middle.
_LEAST_IOU = 0.2

_BOX_KEYS = ("bbox_2d", "bbox", "box_2d", "box", "bounding_box", "start_box")
_POINT_KEYS = ("point_2d", "point", "coordinate", "coordinates", "position", "click", "start_point")
_NUMBER = r"-?\d+(?:\.\d+)?"
_SEPARATED = rf"{_NUMBER}(?:[\s,;()\[\]]+{_NUMBER})+"
_TAGGED = re.compile(rf"<\|?(?:box|bbox|point|quad)(?:_start)?\|?>\D{{0,4}}({_SEPARATED})", re.I)
_ATTRIBUTES = re.compile(
    rf"<points?\b[^<>]*?\bx1?\s*=\s*[\"']?({_NUMBER})[^<>]*?\by1?\s*=\s*[\"']?({_NUMBER})"
)
_CALLED = re.compile(
    rf"\b(?:click|tap|moveTo|doubleClick|rightClick|left_click|touch)\s*\([^()\d-]*\(?\s*"
    rf"(?:x\s*=\s*)?({_NUMBER})\s*,\s*(?:y\s*=\s*)?({_NUMBER})"
)
_BARE = re.compile(
    rf"\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)|\[\s*({_NUMBER}(?:\s*,\s*{_NUMBER}){{3}})\s*\]"
)


@dataclass(frozen=True)
class Shape:
    """A point or a box in pixels of the original image.

    Attributes:
        box_xyxy: of a point, the point twice.
    """

    box_xyxy: Box

    @property
    def center_xy(self) -> tuple[float, float]:
        """Its middle."""
        x1, y1, x2, y2 = self.box_xyxy
        return (x1 + x2) / 2, (y1 + y2) / 2

    @property
    def is_point(self) -> bool:
        """Whether it has no extent."""
        return self.box_xyxy[:2] == self.box_xyxy[2:]


def read_shapes(text: str, profile: Profile, size_wh: Size, sent_wh: Size) -> list[Shape]:
    """The points and boxes that a reply holds, in order.

    Args:
        text: the reply.
        profile: of the model that gave it.
        size_wh: of the original image, pixels.
        sent_wh: of the image that the model was sent, pixels.
    """
    seen_wh = profile.fit(sent_wh)
    shapes = []
    for values, convention, flip in _found(text, profile.coordinates):
        numbers = [*values]
        if flip:
            numbers = [numbers[i ^ 1] for i in range(len(numbers))]
        scale = _scale(numbers, convention, size_wh, seen_wh)
        pixels = [value * scale[i % 2] for i, value in enumerate(numbers)]
        if len(pixels) == 2:
            pixels *= 2
        x1, y1, x2, y2 = pixels
        box = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
        if _within(box, size_wh):
            shapes.append(Shape(box))
    return shapes


def _within(box: Box, size_wh: Size) -> bool:
    """Whether a box lies on the image, but for what rounding does."""
    right, bottom = size_wh[0] * 1.02, size_wh[1] * 1.02
    return box[0] >= -1 and box[1] >= -1 and box[2] <= right and box[3] <= bottom


def _found(text: str, convention: Coordinates) -> Iterator[tuple[Sequence[float], Coordinates, bool]]:
    """(numbers, convention, y before x) of each point and box; the plainest forms as a last resort."""
    flip = convention == "thousand_yx"
    data = _as_json(text)
    if data is not None:
        for values, keyed in _in_json(data):
            yield values, convention, flip and not keyed
        return
    points = [match.groups() for match in _ATTRIBUTES.finditer(text)]
    if points:
        for x, y in points:
            yield (float(x), float(y)), "percent", False
        return
    tagged = [[float(n) for n in re.findall(_NUMBER, match[1])] for match in _TAGGED.finditer(text)]
    tagged = [values[:4] if len(values) >= 4 else values[:2] for values in tagged]
    if tagged:
        for values in tagged:
            yield values, convention, flip
        return
    called = [match.groups() for match in _CALLED.finditer(text)]
    if called:
        for x, y in called:
            yield (float(x), float(y)), convention, False
        return
    if convention != "none":
        for match in _BARE.finditer(text):
            numbers = [float(n) for n in re.findall(_NUMBER, match[0])]
            yield numbers, convention, flip and len(numbers) == 4


def _scale(
    numbers: Sequence[float], convention: Coordinates, size_wh: Size, seen_wh: Size
) -> tuple[float, float]:
    """Factors from what is written to pixels of the original, across and down."""
    width, height = size_wh
    if convention == "none":
        if max(numbers) <= 1 and any(value != int(value) for value in numbers):
            convention = "unit"
        else:
            convention = "absolute"
    if convention == "absolute":
        return width / seen_wh[0], height / seen_wh[1]
    full = {"unit": 1.0, "percent": 100.0}.get(convention, 1000.0)
    if full > 1 and max(numbers) <= 1 and any(value != int(value) for value in numbers):
        full = 1.0  # shares after all
    return width / full, height / full


def _as_json(text: str) -> Any | None:
    """The first JSON object or list of objects in a reply."""
    decoder = json.JSONDecoder()
    for match in re.finditer(r"\{|\[\s*\{", text):
        try:
            return decoder.raw_decode(text, match.start())[0]
        except (ValueError, RecursionError):
            continue
    return None


def _in_json(data: Any) -> Iterator[tuple[list[float], bool]]:
    """(numbers, whether x and y are called so) of the boxes and points in JSON."""
    if isinstance(data, list):
        for part in data:
            yield from _in_json(part)
    if not isinstance(data, dict) or data.get("action") in [*KINDS]:  # one of ours, written wrongly
        return
    named = [data.get(key) for key in ("x", "y")]
    if all(_is_number(value) for value in named):
        yield [float(value) for value in named if value is not None], True
        return
    corners = [data.get(key) for key in ("x1", "y1", "x2", "y2")]
    if all(_is_number(value) for value in corners):
        yield [float(value) for value in corners if value is not None], True
        return
    for key, value in data.items():
        count = 4 if key.lower() in _BOX_KEYS else 2 if key.lower() in _POINT_KEYS else 0
        numbers = _numbers(value) if count else []
        if count and len(numbers) in (2, 4):
            yield numbers, False
        else:
            yield from _in_json(value)


def _numbers(value: Any) -> list[float]:
    if isinstance(value, str):
        return [float(n) for n in re.findall(_NUMBER, value)]
    if isinstance(value, list) and len(value) == 1:
        return _numbers(value[0])
    if isinstance(value, list) and all(_is_number(each) for each in value):
        return [float(each) for each in value]
    return []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def mark_under(shape: Shape, image: MarkedImage, tolerance: float = TOLERANCE) -> Mark | None:
    """The mark that a point or box means.

    A box means the mark that it shares most with; a point the smallest mark that holds it, else the
    nearest one.

    Args:
        shape: in pixels of the original image.
        image: with the marks.
        tolerance: how far from a mark a point may be, as a share of the image's diagonal.
    """
    if not shape.is_point:
        best = max(image, key=lambda mark: _iou(shape.box_xyxy, mark.box_xyxy), default=None)
        if best is not None and _iou(shape.box_xyxy, best.box_xyxy) >= _LEAST_IOU:
            return best
    x, y = shape.center_xy
    held = image.at(x, y)
    if held is not None:
        return held
    width, height = image.size_wh
    reach = tolerance * (width**2 + height**2) ** 0.5
    near = [(_distance(x, y, mark.box_xyxy), _area(mark.box_xyxy), mark) for mark in image]
    near = [each for each in near if each[0] <= reach]
    return min(near, key=lambda each: each[:2])[2] if near else None


def marks_pointed_at(text: str, image: MarkedImage, profile: Profile) -> tuple[Mark, ...]:
    """The marks under the coordinates of a reply, in order, each once."""
    shapes = read_shapes(text, profile, image.size_wh, image.layout.size_wh)
    marks = [mark_under(shape, image) for shape in shapes]
    return tuple({mark.id: mark for mark in marks if mark is not None}.values())


def click_pointed_at(text: str, image: MarkedImage, profile: Profile) -> BaseAction | None:
    """The click that a reply of coordinates asks for: on the mark there, else on the point itself.

    Returns:
        None where the reply holds no coordinates.
    """
    shapes = read_shapes(text, profile, image.size_wh, image.layout.size_wh)
    if not shapes:
        return None
    x, y = shapes[0].center_xy
    scale_x, scale_y = image.scale_xy
    at = ClickAt(x=max(0, round(x * scale_x)), y=max(0, round(y * scale_y)))
    mark = mark_under(shapes[0], image)
    return at if mark is None else Click(mark=mark.id)


def on_mark(action: BaseAction, image: MarkedImage, most: float = 0.02) -> BaseAction:
    """A click at a point as the click of the mark that holds it; anything else as it is.

    Args:
        action: its point is in pixels of the drawn image, as the model saw it.
        image: with the marks.
        most: largest mark, as a share of the image: on a map or a canvas the point itself matters.
    """
    if not isinstance(action, ClickAt):
        return action
    scale_x, scale_y = image.scale_xy
    mark = image.at(action.x / scale_x, action.y / scale_y)
    if mark is None or _area(mark.box_xyxy) > most * image.size_wh[0] * image.size_wh[1]:
        return action
    return Click(mark=mark.id)


def _iou(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    shared = across * down
    return shared / (_area(one) + _area(other) - shared)


def _area(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _distance(x: float, y: float, box: Box) -> float:
    across = max(box[0] - x, 0.0, x - box[2])
    down = max(box[1] - y, 0.0, y - box[3])
    return float((across**2 + down**2) ** 0.5)
