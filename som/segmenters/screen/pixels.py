"""Where a screen's colours change: the raw material of text lines and shapes.

User interfaces are drawn, not photographed: fills are flat or change slowly, and everything that
matters begins with a step. One pass over the image finds the steps; the rest works on them.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

FLAT_STEP = 3
"""Largest step between neighbours of one fill, so that gradients and soft shadows do not split it."""
INK_STEP = 26
"""Least step of what is meant to be read; grey placeholder text has about twice that."""
RULE_PX = 26
"""Straight edges at least this long belong to boxes and rules, not to letters."""


class Steps(NamedTuple):
    """Steps of one image.

    Attributes:
        flat: bool (H, W), pixels whose right and lower neighbours have nearly the same colour.
        ink: bool (H, W), clear steps that are not part of a long straight edge.
        rules: bool (H, W), the long straight edges.
    """

    flat: NDArray[np.bool_]
    ink: NDArray[np.bool_]
    rules: NDArray[np.bool_]


def find_steps(image: NDArray[np.uint8]) -> Steps:
    """Find the steps of an RGB uint8 image (H, W, 3)."""
    across, down = _differences(image)
    flat = cv2.max(across, down) <= FLAT_STEP
    strong_across = (across >= INK_STEP).astype(np.uint8)
    strong_down = (down >= INK_STEP).astype(np.uint8)
    # A step downwards that goes on for long sideways is the edge of a box, and vice versa.
    horizontal = cv2.morphologyEx(strong_down, cv2.MORPH_OPEN, np.ones((1, RULE_PX), np.uint8))
    vertical = cv2.morphologyEx(strong_across, cv2.MORPH_OPEN, np.ones((RULE_PX, 1), np.uint8))
    rules = cv2.dilate(cv2.max(horizontal, vertical), np.ones((3, 3), np.uint8)) > 0
    ink = (cv2.max(strong_across, strong_down) > 0) & ~rules
    return Steps(flat, ink, rules)


def color_steps(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The larger step of each pixel to its right and lower neighbour, uint8 (H, W)."""
    across, down = _differences(image)
    return np.asarray(cv2.max(across, down), np.uint8).reshape(across.shape)


def components(
    mask: NDArray[np.generic], *, connectivity: int = 4
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Connected components of a mask (H, W).

    Returns:
        Labels (H, W), 0 outside the mask, and for each label x, y, width, height, area.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=connectivity
    )
    return np.asarray(labels, np.int32), np.asarray(stats, np.int32)


def _differences(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    across = np.zeros(image.shape[:2], np.uint8)
    down = np.zeros(image.shape[:2], np.uint8)
    if image.shape[1] > 1:
        across[:, :-1] = _widest_channel(cv2.absdiff(image[:, 1:], image[:, :-1]))
    if image.shape[0] > 1:
        down[:-1] = _widest_channel(cv2.absdiff(image[1:], image[:-1]))
    return across, down


def _widest_channel(difference: NDArray[np.generic]) -> NDArray[np.uint8]:
    red, green, blue = cv2.split(np.ascontiguousarray(difference))
    return np.asarray(cv2.max(cv2.max(red, green), blue), np.uint8).reshape(difference.shape[:2])
