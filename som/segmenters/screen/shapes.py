"""Shapes on a screen by classical vision: flat areas with straight sides, and small drawings."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# A step between neighbouring pixels that bounds an area: hairlines of cards are this faint.
_STEP = 5
# A step that belongs to a drawing.
_DRAWN = 24
_LEAST_SIDE = 8
# Share of each side of its box that a rectangle's own pixels must reach.
_SIDE = 0.72


@dataclass(frozen=True)
class Shapes:
    """Shapes of one screen.

    Attributes:
        rectangles: float32 (n, 4) boxes of flat areas with four straight sides.
        fills: uint8 (n, 3) their colour.
        bordered: bool (n,) whether a line runs around them.
        icons: float32 (m, 4) boxes of small drawings that are no text.
        pictures: float32 (k, 4) boxes of photos and large drawings.
    """

    rectangles: NDArray[np.float32]
    fills: NDArray[np.uint8]
    icons: NDArray[np.float32]
    pictures: NDArray[np.float32]


def find_shapes(image: NDArray[np.uint8], text_xyxy: NDArray[np.float32]) -> Shapes:
    """Find the shapes of a screen.

    Args:
        image: uint8 RGB (H, W, 3).
        text_xyxy: (t, 4) boxes of text, which are no drawings.
    """
    step = _steps(image)
    rectangles, fills = _rectangles(image, step)
    icons, pictures = _drawings(step, text_xyxy, rectangles)
    return Shapes(rectangles, fills, icons, pictures)


def _steps(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Largest difference of each pixel to its right and lower neighbours, over the channels."""
    step = np.zeros(image.shape[:2], np.uint8)
    across = cv2.absdiff(image[:, 1:], image[:, :-1])
    down = cv2.absdiff(image[1:], image[:-1])
    for difference, part in ((across, step[:, :-1]), (down, step[:-1])):
        red, green, blue = cv2.split(difference)
        cv2.max(part, cv2.max(red, cv2.max(green, blue)), dst=part)
    return step


def _rectangles(
    image: NDArray[np.uint8], step: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Flat areas: connected pixels without a step between them, whose outline is a box."""
    height, width = step.shape
    flat = (step < _STEP).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(flat, connectivity=4)
    x, y, w, h, area = stats[1:].T
    # Text and icons leave holes, so area says little; but the sides must be there.
    likely = (w >= _LEAST_SIDE) & (h >= _LEAST_SIDE) & (area >= 0.25 * w * h)
    likely &= (w < 0.98 * width) | (h < 0.6 * height)
    boxes, fills = [], []
    for row in np.flatnonzero(likely):
        left, top, right, bottom = x[row], y[row], x[row] + w[row], y[row] + h[row]
        own = labels[top:bottom, left:right] == row + 1
        inset = max(1, min(w[row], h[row]) // 12)
        sides = (own[:inset].any(0), own[-inset:].any(0), own[:, :inset].any(1), own[:, -inset:].any(1))
        if min(float(side.mean()) for side in sides) < _SIDE:
            continue
        # The step lies on the last pixel of the area on its right and lower side.
        boxes.append((left, top, min(right + 1, width), min(bottom + 1, height)))
        fills.append(np.median(image[top:bottom, left:right][own][::7], axis=0))
    return (
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(fills, np.uint8).reshape(-1, 3),
    )


def _drawings(
    step: NDArray[np.uint8], text_xyxy: NDArray[np.float32], rectangles: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Connected drawings that are neither text nor the borders of rectangles."""
    height, width = step.shape
    ink = (step > _DRAWN).astype(np.uint8)
    for x1, y1, x2, y2 in np.round(text_xyxy).astype(int):
        ink[max(y1 - 1, 0) : y2 + 1, max(x1 - 1, 0) : x2 + 1] = 0
    for x1, y1, x2, y2 in np.round(rectangles).astype(int):
        if min(x2 - x1, y2 - y1) > 24:  # a small one may itself be the icon
            for a, b in ((y1, y1 + 2), (y2 - 2, y2 + 2), (y1 - 2, y1)):
                ink[max(a, 0) : max(b, 0), max(x1 - 2, 0) : x2 + 2] = 0
            for a, b in ((x1, x1 + 2), (x2 - 2, x2 + 2), (x1 - 2, x1)):
                ink[max(y1 - 2, 0) : y2 + 2, max(a, 0) : max(b, 0)] = 0
    reach = max(3, round(min(height, width) / 260)) | 1
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((reach, reach), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    x, y, w, h, area = stats[1:].T
    boxes = np.stack((x, y, x + w + 1, y + h + 1), axis=1).astype(np.float32)
    longest, shortest = np.maximum(w, h), np.minimum(w, h)
    icons = (shortest >= 5) & (longest >= 8) & (longest <= 72) & (longest <= 3.2 * shortest)
    icons &= area >= 20
    pictures = (shortest > 60) & (area > 0.2 * w * h)
    return boxes[icons], boxes[pictures]
