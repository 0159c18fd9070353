"""Boxes that are drawn: fills and frames of controls, cards and pictures."""

import cv2
import numpy as np
from numpy.typing import NDArray

from som.segmenters.screen.boxes import Boxes, areas, covered, ious, stats_to_xyxy
from som.segmenters.screen.pixels import Steps, components

LEAST_PX = 9
PICTURE_PX = 28


def find_panels(steps: Steps) -> Boxes:
    """Rectangles and discs of one fill, whatever is written on them.

    A button's fill, a field's inside and a card's inside are each one connected flat area: its
    bounding box is a shape when the area reaches the middle of all four of the box's sides.

    Returns:
        (n, 4) boxes, without those that span almost all of the image.
    """
    labels, stats = components(steps.flat)
    height, width = labels.shape
    large = (stats[:, 2] >= LEAST_PX) & (stats[:, 3] >= LEAST_PX)
    large &= stats[:, 4] >= 0.2 * stats[:, 2] * stats[:, 3]
    large &= (stats[:, 2] < 0.98 * width) | (stats[:, 3] < 0.7 * height)
    large[0] = False
    rows = [row for row in np.flatnonzero(large).tolist() if _is_filled(labels, stats[row], row)]
    boxes = stats_to_xyxy(stats[rows])
    # A step is written at its left or upper pixel, so fills seem one pixel short there.
    boxes[:, 2:] += 1
    return boxes


def _is_filled(labels: NDArray[np.int32], stats: NDArray[np.int32], label: int) -> bool:
    x, y, w, h = (int(value) for value in stats[:4])
    depth = 2
    # A disc reaches the side only near its middle.
    x1, x2 = x + int(0.36 * w), x + int(np.ceil(0.64 * w))
    y1, y2 = y + int(0.36 * h), y + int(np.ceil(0.64 * h))
    sides = (
        labels[y : y + depth, x1:x2].T,
        labels[y + h - depth : y + h, x1:x2].T,
        labels[y1:y2, x : x + depth],
        labels[y1:y2, x + w - depth : x + w],
    )
    # A narrow mark on one side, such as that of the current entry of a menu, does not matter.
    if stats[4] >= 0.75 * w * h:
        return True
    return all(float((side == label).any(axis=1).mean()) >= 0.75 for side in sides)


def find_pictures(steps: Steps) -> Boxes:
    """Photos, maps and drawings: thick areas with hardly a flat pixel in them."""
    busy = (~steps.flat).astype(np.uint8)
    closed = cv2.morphologyEx(busy, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    thick = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((PICTURE_PX, PICTURE_PX), np.uint8))
    _, stats = components(np.asarray(thick))
    boxes = stats_to_xyxy(stats[1:])
    return drop_duplicates(boxes[stats[1:, 4] >= 0.5 * areas(boxes)], inside=0.8)


def find_checkboxes(steps: Steps, panels: Boxes) -> Boxes:
    """Frames of small square panels that stand clear of other ink, as no letter does.

    Returns:
        (n, 4) boxes, frame included.
    """
    found = []
    for x1, y1, x2, y2 in panels.astype(int).tolist():
        width, height = x2 - x1, y2 - y1
        if max(width, height) > 40 or not 0.8 <= width / height <= 1.25:
            continue
        if _ink_around(steps, (x1, y1, x2, y2), -3):
            continue
        inner = _ink_around(steps, (x1, y1, x2, y2), 3)
        if _ink_around(steps, (x1, y1, x2, y2), 5) - inner <= 2:
            found.append((x1 - 3, y1 - 3, x2 + 3, y2 + 3))
    boxes = np.array(found, np.float32).reshape(-1, 4)
    return np.maximum(boxes, 0)


def _ink_around(steps: Steps, box: tuple[int, int, int, int], margin: int) -> int:
    x1, y1, x2, y2 = box
    around = (
        slice(max(y1 - margin, 0), y2 + margin),
        slice(max(x1 - margin, 0), x2 + margin),
    )
    return int(steps.ink[around].sum())


def drop_duplicates(boxes: Boxes, overlap: float = 0.8, inside: float = 2) -> Boxes:
    """Of boxes that nearly coincide, such as a frame's outside and inside, keep the largest.

    Args:
        boxes: (n, 4).
        overlap: least intersection over union of duplicates.
        inside: boxes with this share of their area in a larger one are duplicates, too.
    """
    order = np.argsort(-areas(boxes), kind="stable")
    overlaps = (ious(boxes, boxes) >= overlap) | (covered(boxes, boxes) >= inside)
    kept: list[int] = []
    for row in order:
        if not overlaps[row, kept].any():
            kept.append(int(row))
    return boxes[np.sort(np.array(kept, dtype=np.intp))]
