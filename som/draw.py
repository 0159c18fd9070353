"""Marks to pixels: fills, outlines, boxes, dots, leader lines and labels, on a copy of the image."""

from collections.abc import Sequence

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.colors import text_color
from som.cover import NOTHING, paint
from som.glyphs import label_sprite
from som.place import Kind, Placement
from som.regions import crop_of
from som.style import Style

Image = NDArray[np.uint8]


def draw(
    image: Image,
    regions: sv.Detections,
    placement: Placement,
    labels: Sequence[str],
    *,
    style: Style,
    colors_rgb: NDArray[np.uint8],
) -> Image:
    """Draw marks.

    What is large is drawn before what lies on it, labels come last, and dropped regions are left
    out. Boxes are drawn just outside their region, so that a line never crosses the text in it.

    Args:
        image: uint8 RGB (H, W, 3); not changed.
        regions: n regions in pixels of the image; masks compact or None.
        placement: of the n labels.
        labels: n strings.
        style: which shapes.
        colors_rgb: uint8 (n, 3); label, outline and fill of a mark share its colour.

    Returns:
        uint8 RGB (H, W, 3).
    """
    drawn = image.copy()
    shown = placement.kind != Kind.DROPPED
    areas = np.asarray(regions.area, dtype=np.float64)
    by_area = [int(i) for i in np.argsort(-areas, kind="stable") if shown[i]]
    line = line_width(image.shape)
    if "fill" in style.shapes and style.opacity > 0:
        _fill(drawn, regions, shown, colors_rgb, style.opacity)
    outlined = "outline" in style.shapes
    for row in by_area:
        color = colors_rgb[row]
        if outlined and regions.mask is not None:
            _outline(drawn, regions, row, color, line)
        if "box" in style.shapes or (outlined and regions.mask is None):
            _box(drawn, regions.xyxy[row], color, line)
    rims = text_color(colors_rgb)
    for row in by_area:
        if placement.kind[row] == Kind.LEADER:
            _leader(drawn, placement, row, colors_rgb[row], rims[row], line)
        elif "dot" in style.shapes:
            _dot(drawn, placement.anchor_xy[row], colors_rgb[row], rims[row], line)
    for row in by_area:
        sprite = label_sprite(labels[row], int(placement.font_px[row]))
        _label(drawn, placement.label_xyxy[row], sprite, colors_rgb[row], rims[row])
    return drawn


def line_width(shape: tuple[int, ...]) -> int:
    """Width in pixels of lines on an image of this shape."""
    return max(1, round(float(np.sqrt(shape[0] * shape[1])) / 700))


def _fill(
    drawn: Image,
    regions: sv.Detections,
    shown: NDArray[np.bool_],
    colors_rgb: NDArray[np.uint8],
    opacity: float,
) -> None:
    """Tint each pixel in the colour of the smallest region on it, in one pass over the image."""
    height, width = drawn.shape[:2]
    owner = paint(regions, (width, height)).owner
    table = np.concatenate((colors_rgb, np.zeros((1, 3), np.uint8)))  # NOTHING is the last row
    tinted = cv2.addWeighted(drawn, 1 - opacity, np.take(table, owner, axis=0), opacity, 0)
    visible = np.append(shown, False)
    np.copyto(drawn, tinted, where=((owner != NOTHING) & visible[owner])[..., None])


def _outline(
    drawn: Image, regions: sv.Detections, row: int, color: NDArray[np.uint8], line: int
) -> None:
    crop = crop_of(regions, row)
    assert crop is not None
    mask, (left, top) = crop
    whole = np.ascontiguousarray(mask).view(np.uint8)
    kernel = np.ones((2 * line + 1, 2 * line + 1), np.uint8)
    core = cv2.erode(whole, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    window = drawn[top : top + mask.shape[0], left : left + mask.shape[1]]
    window[(whole > core)] = color


def _box(drawn: Image, xyxy: NDArray[np.float32], color: NDArray[np.uint8], line: int) -> None:
    height, width = drawn.shape[:2]
    x1, y1 = (int(v) for v in np.floor(xyxy[:2]))
    x2, y2 = (int(v) for v in np.ceil(xyxy[2:]))
    # Outside the region, except where the image ends.
    x1, y1 = max(x1, line), max(y1, line)
    x2, y2 = min(x2, width - line), min(y2, height - line)
    left, top, right, bottom = max(x1 - line, 0), max(y1 - line, 0), x2 + line, y2 + line
    drawn[top:y1, left:right] = color
    drawn[max(y2, 0) : bottom, left:right] = color
    drawn[top:bottom, left:x1] = color
    drawn[top:bottom, max(x2, 0) : right] = color


def _leader(
    drawn: Image,
    placement: Placement,
    row: int,
    color: NDArray[np.uint8],
    rim: NDArray[np.uint8],
    line: int,
) -> None:
    x1, y1, x2, y2 = (int(v) for v in placement.label_xyxy[row])
    end = placement.anchor_xy[row]
    start = (int(np.clip(end[0], x1, x2 - 1)), int(np.clip(end[1], y1, y2 - 1)))
    to = (int(end[0]), int(end[1]))
    cv2.line(drawn, start, to, rim.tolist(), line + 2, cv2.LINE_AA)
    cv2.line(drawn, start, to, color.tolist(), line, cv2.LINE_AA)
    _dot(drawn, end, color, rim, line)


def _dot(
    drawn: Image, xy: NDArray[np.int32], color: NDArray[np.uint8], rim: NDArray[np.uint8], line: int
) -> None:
    centre = (int(xy[0]), int(xy[1]))
    cv2.circle(drawn, centre, 2 * line + 2, rim.tolist(), -1, cv2.LINE_AA)
    cv2.circle(drawn, centre, 2 * line + 1, color.tolist(), -1, cv2.LINE_AA)


def _label(
    drawn: Image,
    xyxy: NDArray[np.int32],
    sprite: NDArray[np.uint8],
    color: NDArray[np.uint8],
    text: NDArray[np.uint8],
) -> None:
    """The label's box in its colour, a rim in the colour of its text, and the text."""
    x1, y1, x2, y2 = (int(v) for v in xyxy)
    window = drawn[y1:y2, x1:x2]
    window[:] = text
    ink = sprite[1:-1, 1:-1, None].astype(np.uint16)
    window[1:-1, 1:-1] = (color * (255 - ink) + text * ink + 127) // 255
