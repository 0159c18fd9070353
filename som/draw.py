"""Marks to pixels: fills, outlines, boxes, dots, leader lines, labels, on a copy of the image."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.colors import text_color
from som.cover import Layer, paint_layers, turned_layer
from som.glyphs import label_sprite
from som.place import Kind, Placement
from som.regions import Crop, crops_of
from som.style import Style

Image = NDArray[np.uint8]
RGB = tuple[int, int, int]


def draw(
    image: Image,
    regions: sv.Detections,
    placement: Placement,
    labels: Sequence[str],
    *,
    style: Style,
    colors_rgb: NDArray[np.uint8],
    crops: list[Crop] | None = None,
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
        crops: the regions' masks as `som.regions.crops_of` gives them, if already decoded.

    Returns:
        uint8 RGB (H, W, 3).
    """
    drawn = image.copy()
    kinds = placement.kind.tolist()
    boxes = np.asarray(regions.xyxy, dtype=np.float32)
    areas = np.asarray(regions.area, dtype=np.float64)
    by_area = [i for i in np.argsort(-areas, kind="stable").tolist() if kinds[i] != Kind.DROPPED]
    line = line_width(image.shape)
    if crops is None and {"fill", "outline"} & set(style.shapes):
        crops = crops_of(regions)
    if crops is not None:
        layers = [turned_layer(crops[row]) for row in by_area]
        palette = _Palette(colors_rgb[by_area])
        _masks(drawn, layers, palette, style, line)
    elif "fill" in style.shapes:
        _fill_boxes(drawn, boxes[by_area], colors_rgb[by_area], style.opacity)
    colors = [tuple(rgb) for rgb in colors_rgb.tolist()]
    rims = [tuple(rgb) for rgb in text_color(colors_rgb).tolist()]
    boxed = "box" in style.shapes or ("outline" in style.shapes and crops is None)
    if boxed:
        edges = _edges(boxes, image.shape, line).tolist()
        for row in by_area:
            _box(drawn, edges[row], colors[row], line)
    for row in by_area:
        if kinds[row] == Kind.LEADER:
            label = placement.label_xyxy[row].tolist()
            if boxed:
                # To the box, not into it: a line must not cross the text that it points at.
                _leader(drawn, label, _nearest(edges[row], label), colors[row], rims[row], line)
                continue
            _leader(drawn, label, placement.anchor_xy[row].tolist(), colors[row], rims[row], line)
        if kinds[row] == Kind.LEADER or "dot" in style.shapes:
            _dot(drawn, placement.anchor_xy[row].tolist(), colors[row], rims[row], line)
    for row in by_area:
        x1, y1, x2, y2 = placement.label_xyxy[row].tolist()
        drawn[y1:y2, x1:x2] = _label(labels[row], int(placement.font_px[row]), colors[row], rims[row])
    return drawn


def line_width(shape: tuple[int, ...]) -> int:
    """Width in pixels of lines on an image of this shape."""
    return max(1, round(float(np.sqrt(shape[0] * shape[1])) / 700))


class _Palette:
    """Colours of n marks as one byte each, so that a grid of bytes holds them; 0 is no colour.

    Attributes:
        index: uint8 (n,) the byte of each mark.
        table: (256, 1, 3) the colour of each byte.
    """

    def __init__(self, colors_rgb: NDArray[np.uint8]) -> None:
        different, index = np.unique(colors_rgb, axis=0, return_inverse=True)
        # More colours than an eye can tell apart share the last byte.
        self.index = np.minimum(index.reshape(-1) + 1, 255).astype(np.uint8)
        self.table = np.zeros((256, 1, 3), np.uint8)
        self.table[1 : len(different) + 1, 0] = different[:255]


def _masks(drawn: Image, layers: list[Layer], palette: _Palette, style: Style, line: int) -> None:
    """Tint masks and draw their rims, each in one pass over the image.

    A pixel is tinted in the colour of the smallest region on it; rims are seen also where smaller
    masks lie on them.
    """
    # Both passes share their buffers: memory that was never touched costs more than the drawing.
    turned = np.zeros((drawn.shape[1], drawn.shape[0]), np.uint8)
    grid, color = np.empty(drawn.shape[:2], np.uint8), np.empty_like(drawn)
    if "fill" in style.shapes:
        paint_layers(turned, layers, palette.index)
        cv2.transpose(turned, dst=grid)
        cv2.applyColorMap(grid, palette.table, dst=color)
        cv2.addWeighted(drawn, 1 - style.opacity, color, style.opacity, 0, dst=color)
        cv2.copyTo(color, grid, drawn)
        turned[:] = 0
    if "outline" in style.shapes:
        _rims(turned, layers, palette.index.tolist(), line)
        cv2.transpose(turned, dst=grid)
        cv2.applyColorMap(grid, palette.table, dst=color)
        cv2.copyTo(color, grid, drawn)


def _rims(turned: NDArray[np.uint8], layers: list[Layer], values: list[int], line: int) -> None:
    """Write the value of each layer along its contours."""
    for (mask, columns, rows), value in zip(layers, values, strict=True):
        contours = cv2.findContoursLinkRuns(mask)[0]
        cv2.drawContours(turned, contours, -1, value, offset=(rows.start, columns.start))
    # Thickened all at once: the price of it is that of the image, however many lines there are.
    if line > 1:
        cv2.dilate(turned, np.ones((line, line), np.uint8), dst=turned)


def _fill_boxes(
    drawn: Image, xyxy: NDArray[np.float32], colors_rgb: NDArray[np.uint8], opacity: float
) -> None:
    """The same for regions without masks."""
    tint = np.zeros_like(drawn)
    grid = np.zeros(drawn.shape[:2], np.uint8)
    for (x1, y1, x2, y2), color in zip(np.round(xyxy).astype(int), colors_rgb, strict=True):
        tint[y1:y2, x1:x2] = color
        grid[y1:y2, x1:x2] = 1
    cv2.addWeighted(drawn, 1 - opacity, tint, opacity, 0, dst=tint)
    cv2.copyTo(tint, grid, drawn)


def _edges(xyxy: NDArray[np.float32], shape: tuple[int, ...], line: int) -> NDArray[np.int32]:
    """Outermost pixels (n, 4) of the boxes drawn about regions, both ends inclusive.

    They lie outside the region, except where the image ends.
    """
    height, width = shape[:2]
    low, high = np.floor(xyxy[:, :2]), np.ceil(xyxy[:, 2:])
    limit = np.array([width, height])
    return np.hstack((np.maximum(low - line, 0), np.minimum(high + line, limit) - 1)).astype(np.int32)


def _box(drawn: Image, edges: list[int], color: RGB, line: int) -> None:
    left, top, right, bottom = edges
    for inset in range(line):
        corners = (left + inset, top + inset), (right - inset, bottom - inset)
        cv2.rectangle(drawn, *corners, color)


def _nearest(edges: list[int], label: list[int]) -> list[int]:
    """The point of a drawn box that is nearest to the middle of a label."""
    x, y = (label[0] + label[2]) // 2, (label[1] + label[3]) // 2
    return [min(max(x, edges[0]), edges[2]), min(max(y, edges[1]), edges[3])]


def _leader(drawn: Image, label: list[int], end: list[int], color: RGB, rim: RGB, line: int) -> None:
    x1, y1, x2, y2 = label
    start = min(max(end[0], x1), x2 - 1), min(max(end[1], y1), y2 - 1)
    cv2.line(drawn, start, (end[0], end[1]), rim, line + 2, cv2.LINE_AA)
    cv2.line(drawn, start, (end[0], end[1]), color, line, cv2.LINE_AA)


def _dot(drawn: Image, xy: list[int], color: RGB, rim: RGB, line: int) -> None:
    centre = xy[0], xy[1]
    cv2.circle(drawn, centre, 2 * line + 2, rim, -1, cv2.LINE_AA)
    cv2.circle(drawn, centre, 2 * line + 1, color, -1, cv2.LINE_AA)


@lru_cache(maxsize=4096)
def _label(label: str, font_px: int, fill_rgb: RGB, text_rgb: RGB) -> Image:
    """A label's pixels: its box in its colour, a rim in the colour of its text, and the text."""
    ink = label_sprite(label, font_px)[..., None].astype(np.uint16)
    fill, text = (np.array(rgb, np.uint16) for rgb in (fill_rgb, text_rgb))
    pixels = ((fill * (255 - ink) + text * ink + 127) // 255).astype(np.uint8)
    pixels[[0, -1]] = pixels[:, [0, -1]] = text_rgb
    pixels.flags.writeable = False
    return pixels
