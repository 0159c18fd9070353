"""`PromptedSegmenter`: only what a person points at or draws, by any segmenter that has sessions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.errors import SegmenterError
from som.image import load_image
from som.segmenters.prompt import Prompt, parse_box, parse_points, parse_stroke

# Above this a pixel of a drawn mask counts as painted.
PAINTED = 127


class PromptedSegmenter:
    """One region for each prompt, in their order."""

    def __init__(self, segmenter: Any, prompts: Sequence[Prompt]) -> None:
        """Ask `segmenter` for these regions of every image.

        Raises:
            SegmenterError: `segmenter` has no sessions.
        """
        if not hasattr(segmenter, "session"):
            raise SegmenterError(
                f"segmenter {segmenter.name} takes no points, boxes or strokes; use photo, sam or sam2"
            )
        self.name: str = segmenter.name
        self._segmenter = segmenter
        self._prompts = tuple(prompts)

    def __call__(self, image: NDArray[np.uint8]) -> sv.Detections:
        """Segment one image, RGB uint8 (H, W, 3)."""
        regions: sv.Detections = self._segmenter.session(image).regions(self._prompts)
        return regions


def read_prompts(
    points: Sequence[str] = (),
    boxes: Sequence[str] = (),
    strokes: Sequence[str] = (),
    areas: Sequence[Path] = (),
) -> list[Prompt]:
    """Prompts as the command line has them.

    Args:
        points: "X,Y X,Y !X,Y" each: points inside one region, and outside after "!".
        boxes: "X1,Y1,X2,Y2" each.
        strokes: "X,Y X,Y ..." each.
        areas: images of the same size, white where a region is.

    Raises:
        SegmenterError: one is written otherwise.
        ImageError: an image cannot be read.
    """
    prompts = [parse_points(text) for text in points]
    prompts += [parse_box(text) for text in boxes]
    prompts += [parse_stroke(text) for text in strokes]
    prompts += [Prompt.painted(load_image(path).max(axis=2) > PAINTED) for path in areas]
    return prompts
