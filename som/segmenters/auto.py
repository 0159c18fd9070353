"""Tells a screenshot from a photo and hands it to the segmenter for it."""

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.segmenters.base import Segmenter, get

# Share of pixels that differ from their right and lower neighbours by at most this much in every
# channel: flat areas, and smooth gradients. Screenshots have them by construction, whatever their
# theme and after mild compression; a camera's noise breaks them up.
_SAME = 2
_FLAT_SCREEN = 0.8
# Pages full of photos: not flat in the main, but with more exactly equal neighbours than any photo.
_FLAT_PAGE, _EQUAL_PAGE = 0.6, 0.3


class AutoSegmenter:
    """`screen` for screenshots, `photo` for photos.

    Args:
        granularity: passed on.
    """

    name = "auto"

    def __init__(self, *, granularity: float = 0.5) -> None:
        self._granularity = granularity
        self._built: dict[str, Segmenter] = {}

    def __call__(self, image: NDArray[np.uint8], /) -> sv.Detections:
        """The regions of an image; `metadata["segmenter"]` says which segmenter found them."""
        kind = "screen" if is_screenshot(image) else "photo"
        if kind not in self._built:
            self._built[kind] = get(kind, granularity=self._granularity)
        regions = self._built[kind](image)
        regions.metadata["segmenter"] = kind
        return regions


def is_screenshot(image: NDArray[np.uint8]) -> bool:
    """Whether an image is a rendered one: a screenshot, a scan of print, a diagram.

    Args:
        image: uint8 RGB (H, W, 3).
    """
    if min(image.shape[:2]) < 2:
        return True
    across = cv2.absdiff(image[:-1, 1:], image[:-1, :-1]).max(axis=2)
    down = cv2.absdiff(image[1:, :-1], image[:-1, :-1]).max(axis=2)
    step = np.maximum(across, down)
    flat, equal = float((step <= _SAME).mean()), float((step == 0).mean())
    return flat > _FLAT_SCREEN or (flat > _FLAT_PAGE and equal > _EQUAL_PAGE)
