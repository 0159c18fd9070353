"""Regions of photos, without weights: a hierarchy of regions from classical vision.

Boundaries (`_boundaries`) -> superpixels and a tree of regions (`_hierarchy`) -> one ranked list,
of which `granularity` says how much is shown.
"""

import math

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.errors import SegmenterError
from som.regions import make_regions
from som.segmenters._boundaries import find_cues
from som.segmenters._fullsize import compact_masks
from som.segmenters._hierarchy import Criterion, build_tree
from som.segmenters._ranking import rank
from som.segmenters._superpixels import superpixels
from som.segmenters.photo_session import PhotoSession

# Size of the image that is analysed: the cues' windows fit it, and it bounds time and memory.
WORKING_PIXELS = 180_000
# Below this many pixels a side there is nothing to tell apart.
SMALLEST_SIDE = 8
FEWEST_REGIONS = 12
# The first gives the objects and their parts; the others group the parts in other ways.
CRITERIA = (
    Criterion(),
    Criterion(appearance=12, spectral=0, least_contrast=3),
    Criterion(spectral=8, least_contrast=3.5),
)


class PhotoSegmenter:
    """Regions of a photo, from whole objects to their parts.

    All regions of a photo form one ranked list. `granularity` g shows at most its first
    ``12 * (max_regions / 12) ** g``: with the usual 100, that is 12 at 0, 35 at 0.5 and 100 at 1. A
    finer setting therefore keeps every region of a coarser one and adds to them. The first 40 are
    nodes of one tree: but for smoothed edges, any two are apart or one lies inside the other. Those
    after them may group the parts in other ways. A plain photo has fewer regions than the setting
    allows, a featureless one none.

    Example:
        >>> regions = PhotoSegmenter(granularity=0.7)(image)  # doctest: +SKIP
    """

    name = "photo"

    def __init__(self, *, granularity: float = 0.5, max_regions: int = 100) -> None:
        """Set how many regions to show.

        Args:
            granularity: 0 (a few large regions) to 1 (all of them).
            max_regions: most regions ever returned.

        Raises:
            SegmenterError: `granularity` is outside 0..1, or `max_regions` below 1.
        """
        if not 0 <= granularity <= 1:
            raise SegmenterError(f"granularity is {granularity}; give a number from 0 to 1")
        if max_regions < 1:
            raise SegmenterError(f"max_regions is {max_regions}; give 1 or more")
        self.granularity = granularity
        self.max_regions = max_regions

    def __call__(self, image: NDArray[np.uint8]) -> sv.Detections:
        """Segment one photo.

        Args:
            image: RGB uint8 (H, W, 3).

        Returns:
            Regions with compact masks, best first; `confidence` falls along the list. They overlap:
            parts lie inside wholes. None where the image shows no boundary.
        """
        height, width = image.shape[:2]
        if min(height, width) < SMALLEST_SIDE:
            return make_regions(np.zeros((0, 4)), source="photo")
        small = _reduce(image)
        parts = superpixels(find_cues(small))
        trees = [build_tree(parts, criterion) for criterion in CRITERIA]
        ranked = rank(trees, parts, self._shown())
        if not len(ranked):
            return make_regions(np.zeros((0, 4)), source="photo")
        masks = compact_masks(ranked, parts.labels, (height, width))
        boxes = masks.bbox_xyxy.astype(np.float32)
        boxes[:, 2:] += 1  # CompactMask's boxes include their last pixel, ours do not.
        confidence = np.linspace(1, 0.5, self.max_regions, dtype=np.float32)[: len(ranked)]
        return make_regions(boxes, mask=masks, confidence=confidence, source="photo")

    def session(self, image: NDArray[np.uint8]) -> PhotoSession:
        """Points, boxes, strokes and painted areas on one photo, answered by its regions."""
        every = PhotoSegmenter(granularity=1, max_regions=self.max_regions)
        return PhotoSession(image, every(image), granularity=self.granularity)

    def _shown(self) -> int:
        fewest = min(FEWEST_REGIONS, self.max_regions)
        step: float = (self.max_regions / fewest) ** self.granularity
        return round(fewest * step)


def _reduce(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    scale = math.sqrt(WORKING_PIXELS / (height * width))
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small: NDArray[np.uint8] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return small
