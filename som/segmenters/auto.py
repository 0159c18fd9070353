"""Tell a screenshot from a photo, and hand it to the segmenter made for it."""

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.segmenters.base import Segmenter, get
from som.segmenters.screen.pixels import color_steps, find_steps

STRIP_PX = 128
MOST_STRIPS = 12

EQUAL_SHARE = 0.6
"""Screens drawn without noise: most pixels equal their neighbours exactly."""
NOISY_EQUAL_SHARE, SMOOTH_SHARE, RULE_SHARE = 0.15, 0.68, 0.004
"""Screens with photos or compression: mostly smooth, with long straight edges besides."""


def is_screenshot(image: NDArray[np.uint8]) -> bool:
    """Whether an image was drawn by a program rather than taken by a camera.

    A camera's noise makes neighbours differ everywhere, and the world has few edges that run
    exactly along the pixel rows.

    Args:
        image: RGB uint8 (H, W, 3).
    """
    equal, smooth, rules = [], [], []
    for strip in _strips(image):
        steps = color_steps(strip)
        equal.append(float((steps == 0).mean()))
        smooth.append(float((steps <= 2).mean()))
        rules.append(float(find_steps(strip).rules.mean()))
    if np.mean(equal) >= EQUAL_SHARE:
        return True
    return bool(
        np.mean(equal) >= NOISY_EQUAL_SHARE
        and np.mean(smooth) >= SMOOTH_SHARE
        and np.mean(rules) >= RULE_SHARE
    )


def _strips(image: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Evenly spaced strips, or the whole of a small image, so that cost is bounded."""
    height = len(image)
    if height <= STRIP_PX * MOST_STRIPS:
        return [image]
    tops = np.linspace(0, height - STRIP_PX, MOST_STRIPS).astype(int)
    return [image[top : top + STRIP_PX] for top in tops]


class AutoSegmenter:
    """The screen segmenter for screenshots, the photo segmenter for everything else.

    Args:
        granularity: 0 coarse to 1 fine, for either.
        korean: read Korean on screenshots too.

    Attributes:
        name: "auto", and after a call the name of the segmenter that was used.
    """

    def __init__(self, *, granularity: float = 0.5, korean: bool = False) -> None:
        self.name = "auto"
        self._options = {
            "screen": {"granularity": granularity, "korean": korean},
            "photo": {"granularity": granularity},
        }
        self._segmenters: dict[str, Segmenter] = {}

    def __call__(self, image: NDArray[np.uint8], /) -> sv.Detections:
        """The regions of an RGB uint8 image (H, W, 3); `metadata["segmenter"]` says whose they are."""
        kind = "screen" if is_screenshot(image) else "photo"
        if kind not in self._segmenters:
            self._segmenters[kind] = get(kind, **self._options[kind])
        self.name = kind
        regions = self._segmenters[kind](image)
        regions.metadata["segmenter"] = kind
        return regions
