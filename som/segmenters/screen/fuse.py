"""Text and shapes become controls: what belongs together is one region."""

from collections.abc import Sequence

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.regions import make_regions
from som.segmenters.screen.shapes import Shapes
from som.segmenters.screen.text import TextLine

Boxes = NDArray[np.float32]

# Largest height of a control, in heights of a line of text.
_CONTROL_LINES = 4.2
_SAME = 0.72


class _Parts:
    """Regions as they are collected: one list a column."""

    def __init__(self) -> None:
        self.boxes: list[NDArray[np.float32]] = []
        self.text: list[str] = []
        self.role: list[str] = []
        self.source: list[str] = []
        self.interactive: list[bool] = []
        self.confidence: list[float] = []

    def add(
        self, box: Sequence[float] | Boxes, role: str, source: str, sure: float, text: str = ""
    ) -> None:
        self.boxes.append(np.asarray(box, np.float32))
        self.text.append(text)
        self.role.append(role)
        self.source.append(source)
        self.interactive.append(role not in ("text", "card", "image"))
        self.confidence.append(sure)

    def regions(self) -> sv.Detections:
        return make_regions(
            np.array(self.boxes, np.float32).reshape(-1, 4),
            confidence=self.confidence,
            source=self.source,
            text=self.text,
            role=self.role,
            interactive=self.interactive,
        )


def fuse(lines: list[TextLine], shapes: Shapes, size_wh: tuple[int, int]) -> sv.Detections:
    """Merge text and shapes into regions.

    A rectangle that holds one line of text and little else is a control, and the text is its own; a
    larger one with several things in it is a card beside them; text in no control and icons stand
    alone.

    Args:
        lines: text of the screen.
        shapes: shapes of the screen.
        size_wh: of the screen in pixels.
    """
    parts = _Parts()
    text = np.array([line.box_xyxy for line in lines], np.float32).reshape(-1, 4)
    line_height = float(np.median(text[:, 3] - text[:, 1])) if len(text) else 16.0
    icons = _outside(shapes.icons, text, 0.6)
    owned_text, owned_icons = np.zeros(len(text), bool), np.zeros(len(icons), bool)
    rectangles = _distinct(shapes.rectangles)
    for box in rectangles[np.argsort(_areas(rectangles), kind="stable")]:
        width, height = box[2] - box[0], box[3] - box[1]
        inside = _share(text, box) > 0.7
        drawn = _share(icons, box) > 0.8
        if height > _CONTROL_LINES * line_height or width > 0.7 * size_wh[0]:
            _add_card(parts, box, int(inside.sum() + drawn.sum()), size_wh)
            continue
        mine = np.flatnonzero(inside & ~owned_text)
        if inside.sum() > 3 or (inside & owned_text).any():
            continue
        said = " ".join(lines[i].text for i in mine)
        role, sure = _control(box, text[mine], said, int(drawn.sum()), line_height)
        if role is None:
            continue
        parts.add(box, role, "shape", sure, said)
        owned_text |= inside
        owned_icons |= drawn
    for i in np.flatnonzero(~owned_icons):
        parts.add(icons[i], "icon", "shape", 0.5)
    for i in np.flatnonzero(~owned_text):
        line = lines[i]
        role = "link" if len(line.text) <= 40 else "text"
        parts.add(_line_box(line), role, "ocr", 0.45 if role == "link" else 0.3, line.text)
    for box in _distinct(shapes.pictures):
        parts.add(box, "image", "shape", 0.35)
    return parts.regions()


def _control(
    box: Boxes, text: Boxes, said: str, drawn: int, line_height: float
) -> tuple[str | None, float]:
    """What a small rectangle is, and how sure that is; None for decoration."""
    width, height = box[2] - box[0], box[3] - box[1]
    square = 0.75 < width / max(height, 1) < 1.33
    if not said:
        if square and height <= 1.6 * line_height:
            return "checkbox", 0.55
        if drawn:
            return "button", 0.5
        if width > 5 * height and height >= 1.3 * line_height:
            return "textbox", 0.45
        return (None, 0.0) if height < 1.3 * line_height else ("button", 0.3)
    left = float(text[:, 0].min() - box[0])
    right = float(box[2] - text[:, 2].max())
    if width > 4.5 * height and left < 0.3 * right:
        return "textbox", 0.5
    return "button", 0.7 if abs(left - right) < 0.35 * width else 0.5


def _add_card(parts: _Parts, box: Boxes, holds: int, size_wh: tuple[int, int]) -> None:
    share = float(_areas(box[None])[0]) / (size_wh[0] * size_wh[1])
    if 1 <= holds <= 12 and share < 0.2:
        parts.add(box, "card", "shape", 0.3)


def _line_box(line: TextLine) -> tuple[float, float, float, float]:
    """A line's box as a page would have it: OCR's stands off the letters by a little."""
    x1, y1, x2, y2 = line.box_xyxy
    pad = 0.08 * (y2 - y1)
    return x1 + pad, y1, x2 - pad, y2


def _distinct(boxes: Boxes) -> Boxes:
    """Boxes without those that a smaller one nearly fills: the border of a field and its inside."""
    kept: list[Boxes] = []
    for box in boxes[np.argsort(-_areas(boxes), kind="stable")]:
        kept = [other for other in kept if _iou(other, box) < _SAME]
        kept.append(box)
    return np.array(kept, np.float32).reshape(-1, 4)


def _outside(boxes: Boxes, others: Boxes, share: float) -> Boxes:
    """Boxes of which less than a share lies in any other."""
    kept = [box for box in boxes if not len(others) or _covers(others, box).max() < share]
    return np.array(kept, np.float32).reshape(-1, 4)


def _areas(boxes: Boxes) -> NDArray[np.float32]:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))


def _over(boxes: Boxes, box: Boxes) -> NDArray[np.float32]:
    over = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    return np.asarray(np.clip(over, 0, None).prod(axis=1))


def _share(boxes: Boxes, box: Boxes) -> NDArray[np.float32]:
    """Share of each of `boxes` that lies in `box`."""
    return np.asarray(_over(boxes, box) / np.maximum(_areas(boxes), 1e-6), np.float32)


def _covers(boxes: Boxes, box: Boxes) -> NDArray[np.float32]:
    """Share of `box` that lies in each of `boxes`."""
    return np.asarray(_over(boxes, box) / max(float(_areas(box[None])[0]), 1e-6), np.float32)


def _iou(a: Boxes, b: Boxes) -> float:
    over = float(_over(a[None], b)[0])
    return over / max(float(_areas(a[None])[0] + _areas(b[None])[0]) - over, 1e-6)
