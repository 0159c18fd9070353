"""Non-maximum suppression of boxes, in numpy."""

import numpy as np
from numpy.typing import NDArray


def nms(
    boxes_xyxy: NDArray[np.generic], scores: NDArray[np.generic], threshold: float
) -> NDArray[np.intp]:
    """Leave out boxes that overlap a better one.

    Args:
        boxes_xyxy: (n, 4).
        scores: (n,); among equal ones the first wins.
        threshold: largest IoU that two boxes may have and both stay.

    Returns:
        Indices of those that stay, best first.
    """
    boxes = np.asarray(boxes_xyxy, np.float64)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order = np.argsort(-np.asarray(scores, np.float64), kind="stable")
    keep: list[int] = []
    while len(order):
        best, rest = order[0], order[1:]
        keep.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[rest, :2])
        high = np.minimum(boxes[best, 2:], boxes[rest, 2:])
        shared = np.maximum(high - low, 0).prod(axis=1)
        union = areas[best] + areas[rest] - shared
        order = rest[shared <= threshold * np.maximum(union, 1e-9)]
    return np.asarray(keep, np.intp)
