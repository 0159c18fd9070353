"""`ScreenSegmenter`: what can be read and pressed on a screen."""

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.regions import rows
from som.segmenters.screen.fuse import fuse
from som.segmenters.screen.shapes import find_shapes
from som.segmenters.screen.text import read_lines


class ScreenSegmenter:
    """Text by OCR, fused with controls, icons and cards by classical vision.

    Args:
        granularity: 0 keeps what is surely a control; 1 keeps every line of text, card and picture.
            A finer setting keeps all that a coarser one does.
    """

    name = "screen"

    def __init__(self, *, granularity: float = 0.5) -> None:
        # Confidences lie in 0.3 (running text, cards) .. 0.7 (buttons with their text in the middle).
        self._least = 0.6 - 0.6 * granularity

    def __call__(self, image: NDArray[np.uint8], /) -> sv.Detections:
        """The regions of a screenshot; boxes without masks."""
        lines = read_lines(image)
        boxes = np.array([line.box_xyxy for line in lines], np.float32).reshape(-1, 4)
        regions = fuse(lines, find_shapes(image, boxes), (image.shape[1], image.shape[0]))
        assert regions.confidence is not None
        return rows(regions, np.flatnonzero(regions.confidence >= self._least))
