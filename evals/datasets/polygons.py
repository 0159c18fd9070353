"""COCO polygons as masks, pixel for pixel as the COCO API fills them.

Published segmentation scores are measured on masks that ``rleFrPoly`` made
(github.com/cocodataset/cocoapi, ``common/maskApi.c``); OpenCV and Pillow fill the same polygons with
other edges, which moves the IoU of small objects.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# The API walks the outline on a grid this much finer than pixels.
_FINE = 5


def fill_polygons(polygons: Sequence[Sequence[float]], size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """The union of polygons.

    Args:
        polygons: each a flat list x1, y1, x2, y2, ... in pixels.
        size_hw: height and width of the image.

    Returns:
        bool (H, W).
    """
    mask = np.zeros(size_hw, bool)
    for polygon in polygons:
        mask |= _fill(np.asarray(polygon, np.float64).reshape(-1, 2), size_hw)
    return mask


def _fill(points: NDArray[np.float64], size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """One polygon: where its outline crosses the centre of a column, inside and outside swap."""
    height, width = size_hw
    fine = (_FINE * points + 0.5).astype(np.int64)
    walk = np.concatenate([_edge(a, b) for a, b in zip(fine, np.roll(fine, -1, axis=0), strict=True)])
    x, y = walk[:, 0], walk[:, 1]
    steps = np.flatnonzero(x[1:] != x[:-1])
    column = np.where(x[steps + 1] < x[steps], x[steps + 1], x[steps + 1] - 1)
    column = (column + 0.5) / _FINE - 0.5
    row = np.minimum(y[steps], y[steps + 1])
    row = np.ceil(np.clip((row + 0.5) / _FINE - 0.5, 0, height))
    kept = (column == np.floor(column)) & (column >= 0) & (column <= width - 1)
    crossings = (column[kept] * height + row[kept]).astype(np.int64)
    swaps = np.bincount(crossings, minlength=height * width + 1)[: height * width]
    inside = np.cumsum(swaps) % 2 == 1
    return np.asarray(inside.reshape(width, height).T)


def _edge(start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """The grid points (n, 2) of one edge, both ends included."""
    (xs, ys), (xe, ye) = start.tolist(), end.tolist()
    dx, dy = abs(xe - xs), abs(ye - ys)
    flip = (dx >= dy and xs > xe) or (dx < dy and ys > ye)
    if flip:
        xs, xe, ys, ye = xe, xs, ye, ys
    steps = np.arange(max(dx, dy) + 1)
    along = steps[::-1] if flip else steps
    if dx >= dy:
        slope = (ye - ys) / dx if dx else 0.0
        return np.stack([along + xs, (ys + slope * along + 0.5).astype(np.int64)], axis=1)
    slope = (xe - xs) / dy
    return np.stack([(xs + slope * along + 0.5).astype(np.int64), along + ys], axis=1)
