"""Arithmetic on (n, 4) xyxy boxes, right and bottom exclusive."""

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


def areas(boxes: Boxes) -> NDArray[np.float32]:
    """(n,) areas in pixels."""
    result: NDArray[np.float32] = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    return result


def intersections(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """(n, m) areas that each box of `a` shares with each of `b`."""
    width = np.minimum(a[:, None, 2], b[None, :, 2]) - np.maximum(a[:, None, 0], b[None, :, 0])
    height = np.minimum(a[:, None, 3], b[None, :, 3]) - np.maximum(a[:, None, 1], b[None, :, 1])
    result: NDArray[np.float32] = np.maximum(width, 0) * np.maximum(height, 0)
    return result


def covered(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """(n, m) share of each box of `a` that lies in each of `b`."""
    result: NDArray[np.float32] = (intersections(a, b) / np.maximum(areas(a), 1e-6)[:, None]).astype(
        np.float32
    )
    return result


def ious(a: Boxes, b: Boxes) -> NDArray[np.float32]:
    """(n, m) intersections over unions."""
    shared = intersections(a, b)
    union = areas(a)[:, None] + areas(b)[None] - shared
    result: NDArray[np.float32] = (shared / np.maximum(union, 1e-6)).astype(np.float32)
    return result


def stats_to_xyxy(stats: NDArray[np.int32]) -> Boxes:
    """Boxes of `cv2.connectedComponentsWithStats` rows."""
    boxes = stats[:, :4].astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    return boxes
