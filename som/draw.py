"""Marks to pixels: fills, outlines, boxes, dots, leader lines and labels, on a copy of the image."""

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.colors import text_color
from som.cover import paint_values, row_by_row
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
    shown = placement.kind != Kind.DROPPED
    areas = np.asarray(regions.area, dtype=np.float64)
    by_area = [int(i) for i in np.argsort(-areas, kind="stable") if shown[i]]
    line = line_width(image.shape)
    if crops is None and {"fill", "outline"} & set(style.shapes):
        crops = crops_of(regions)
    palette = _Palette(colors_rgb)
    if "fill" in style.shapes:
        _fill(drawn, regions, crops, np.where(shown, palette.index, 0), palette, style.opacity)
    if "outline" in style.shapes and crops is not None:
        _outlines(drawn, [(crops[row], palette.index[row]) for row in by_area], palette, line)
    if "box" in style.shapes or ("outline" in style.shapes and crops is None):
        for row in by_area:
            _box(drawn, regions.xyxy[row], colors_rgb[row], line)
    rims = text_color(colors_rgb)
    for row in by_area:
        if placement.kind[row] == Kind.LEADER:
            _leader(drawn, placement, row, colors_rgb[row], rims[row], line)
        elif "dot" in style.shapes:
            _dot(drawn, placement.anchor_xy[row], colors_rgb[row], rims[row], line)
    for row in by_area:
        x1, y1, x2, y2 = placement.label_xyxy[row]
        colors = tuple(colors_rgb[row].tolist()), tuple(rims[row].tolist())
        drawn[y1:y2, x1:x2] = _label(labels[row], int(placement.font_px[row]), *colors)
    return drawn


def line_width(shape: tuple[int, ...]) -> int:
    """Width in pixels of lines on an image of this shape."""
    return max(1, round(float(np.sqrt(shape[0] * shape[1])) / 700))


class _Palette:
    """The different colours of some marks, so that a map of marks needs one byte a pixel.

    Attributes:
        index: (n,) number of each mark's colour, from 1; 0 stands for no colour.
    """

    def __init__(self, colors_rgb: NDArray[np.uint8]) -> None:
        different, index = np.unique(colors_rgb, axis=0, return_inverse=True)
        # More than an eye can tell apart share the last one.
        self.index = np.minimum(index.reshape(-1) + 1, 255).astype(np.uint8)
        self.table = np.zeros((256, 1, 3), np.uint8)
        self.table[1 : len(different) + 1, 0] = different[:255]

    def __call__(self, grid: NDArray[np.uint8]) -> Image:
        return np.asarray(cv2.applyColorMap(grid, self.table), dtype=np.uint8)


def _fill(
    drawn: Image,
    regions: sv.Detections,
    crops: list[Crop] | None,
    values: NDArray[np.uint8],
    palette: _Palette,
    opacity: float,
) -> None:
    """Tint each pixel in the colour of the smallest region on it, in one pass over the image."""
    grid = np.zeros(drawn.shape[:2], np.uint8, order="F")
    paint_values(grid, values, regions, crops=crops)
    grid = row_by_row(grid)
    tint = palette(grid)
    cv2.addWeighted(drawn, 1 - opacity, tint, opacity, 0, dst=tint)
    cv2.copyTo(tint, grid, drawn)


def _outlines(drawn: Image, masks: list[tuple[Crop, np.uint8]], palette: _Palette, line: int) -> None:
    """The inner rim of each mask, also where smaller masks lie on it."""
    kernel = np.ones((2 * line + 1, 2 * line + 1), np.uint8)
    turned_grid = np.zeros((drawn.shape[1], drawn.shape[0]), np.uint8)
    for (mask, left, top), value in masks:
        # Decoded masks lie in memory column by column; eroding them turned keeps that order.
        turned = np.ascontiguousarray(mask.T).view(np.uint8)
        core = cv2.erode(turned, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
        window = turned_grid[left : left + turned.shape[0], top : top + turned.shape[1]]
        np.copyto(window, value, where=turned != core)
    grid = row_by_row(turned_grid.T)
    cv2.copyTo(palette(grid), grid, drawn)


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


@lru_cache(maxsize=4096)
def _label(label: str, font_px: int, fill_rgb: RGB, text_rgb: RGB) -> Image:
    """A label's pixels: its box in its colour, a rim in the colour of its text, and the text."""
    ink = label_sprite(label, font_px)[..., None].astype(np.uint16)
    fill, text = (np.array(rgb, np.uint16) for rgb in (fill_rgb, text_rgb))
    pixels = ((fill * (255 - ink) + text * ink + 127) // 255).astype(np.uint8)
    pixels[[0, -1]] = pixels[:, [0, -1]] = text_rgb
    pixels.flags.writeable = False
    return pixels
