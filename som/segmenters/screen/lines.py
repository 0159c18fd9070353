"""Ink that hangs together: words joined into runs of text, and icons."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from som.segmenters.screen.boxes import Boxes
from som.segmenters.screen.pixels import Steps, components

WORD_GAP = 0.85
"""Widest gap inside a run, in heights of its lower neighbour; links in a bar stand further apart."""
COLOR_STEP = 36
"""A word whose ink has another hue than the one beside it is a link of its own."""
LEAST_INK_PX = 3


class Blobs(NamedTuple):
    """Pieces of ink.

    Attributes:
        xyxy: (n, 4) boxes.
        chroma: (n, 2) mean red-green and green-blue difference of their pixels.
    """

    xyxy: Boxes
    chroma: NDArray[np.float32]


def find_runs(image: NDArray[np.uint8], steps: Steps, pictures: Boxes) -> Boxes:
    """Runs of ink that could be read as one piece of text, or are an icon.

    Args:
        image: RGB uint8 (H, W, 3).
        steps: of that image.
        pictures: (m, 4) boxes whose insides are left out.

    Returns:
        (n, 4) tight boxes.
    """
    ink = steps.ink.astype(np.uint8)
    for x1, y1, x2, y2 in pictures.astype(int):
        ink[y1:y2, x1:x2] = 0
    blobs = _find_blobs(image, ink, steps.rules)
    if not len(blobs.xyxy):
        return blobs.xyxy
    return _join(blobs)


def _find_blobs(image: NDArray[np.uint8], ink: NDArray[np.uint8], rules: NDArray[np.bool_]) -> Blobs:
    # Wide enough to join letters, and a dot with its i; too narrow to join lines.
    joined = cv2.dilate(ink, np.ones((3, 4), np.uint8))
    labels, stats = components(np.asarray(joined), connectivity=8)
    count = len(stats)
    ys, xs = np.nonzero(ink)
    owner = labels[ys, xs]
    size = np.bincount(owner, minlength=count)
    boxes = np.empty((count, 4), np.float32)
    for column, values, reduce in (
        (0, xs, np.minimum),
        (1, ys, np.minimum),
        (2, xs, np.maximum),
        (3, ys, np.maximum),
    ):
        extreme = np.full(count, 1 << 30 if reduce is np.minimum else -1, np.int64)
        reduce.at(extreme, owner, values)
        boxes[:, column] = extreme
    # Steps are written one pixel left of and above what they begin.
    boxes += 1
    chroma = np.zeros((count, 2), np.float32)
    colors = image[ys, xs].astype(np.float32)
    for column in range(2):
        difference = colors[:, column] - colors[:, column + 1]
        chroma[:, column] = np.bincount(owner, difference, count) / np.maximum(size, 1)
    near_rule = np.bincount(owner, rules_near(rules)[ys, xs], count) > 0
    extent = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
    kept = (size >= LEAST_INK_PX) & (extent >= 2)
    # What remains of a frame at its rounded corners.
    kept &= ~(near_rule & ((extent <= 6) | ((extent <= 10) & (size <= 2.2 * extent))))
    kept[0] = False
    return Blobs(boxes[kept], chroma[kept])


def rules_near(rules: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Pixels that touch a long straight edge."""
    return np.asarray(cv2.dilate(rules.astype(np.uint8), np.ones((3, 3), np.uint8)), np.uint8)


def _join(blobs: Blobs) -> Boxes:
    boxes = blobs.xyxy
    left, right = _neighbours(blobs)
    count, group = connected_components(
        coo_array((np.ones(len(left), bool), (left, right)), shape=(len(boxes),) * 2),
        directed=False,
    )
    runs = np.empty((count, 4), np.float32)
    runs[:, :2] = np.inf
    runs[:, 2:] = -np.inf
    np.minimum.at(runs[:, :2], group, boxes[:, :2])
    np.maximum.at(runs[:, 2:], group, boxes[:, 2:])
    return runs


def _neighbours(blobs: Blobs) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of blobs that belong to one run, found in slices to bound the memory."""
    boxes, chroma = blobs
    order = np.argsort(boxes[:, 1], kind="stable")
    boxes, chroma = boxes[order], chroma[order]
    heights = boxes[:, 3] - boxes[:, 1]
    tallest = float(heights.max())
    firsts, seconds = [], []
    for start in range(0, len(boxes), 256):
        stop = min(start + 256, len(boxes))
        end = int(np.searchsorted(boxes[:, 1], boxes[start:stop, 3].max() + 1))
        begin = int(np.searchsorted(boxes[:, 1], boxes[start, 1] - tallest))
        a, b = boxes[start:stop, None], boxes[None, begin:end]
        gap = np.maximum(a[..., 0], b[..., 0]) - np.minimum(a[..., 2], b[..., 2])
        shared = np.minimum(a[..., 3], b[..., 3]) - np.maximum(a[..., 1], b[..., 1])
        lower = np.minimum(heights[start:stop, None], heights[None, begin:end])
        higher = np.maximum(heights[start:stop, None], heights[None, begin:end])
        # Commas, dots and hyphens are low: measure their gap by the letters beside them.
        measure = np.where((lower >= 0.5 * higher) | (higher > 30), lower, 0.5 * higher)
        hue = np.abs(chroma[start:stop, None] - chroma[None, begin:end]).max(axis=2)
        near = (gap <= WORD_GAP * measure) & (shared >= 0.5 * lower) & (higher <= 48)
        near &= (hue < COLOR_STEP) | (gap < 2)
        # One shape in several pieces, such as an icon of bars.
        near |= (gap <= 1) & (shared >= -3) & (higher <= 6)
        one, other = np.nonzero(near)
        firsts.append(order[one + start])
        seconds.append(order[other + begin])
    return np.concatenate(firsts), np.concatenate(seconds)
