"""Prompts about a photo without weights: the photo segmenter's regions, and GrabCut where none fits.

GrabCut: Rother, Kolmogorov and Blake, 2004, as OpenCV has it.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.masks import Mask, box_of, cropped, dense, pack, paint
from som.regions import Crop, crops_of, make_regions
from som.segmenters.prompt import Point, Prompt, innermost

# A region fits a box from this IoU on, and a stroke when it holds this share of its points.
FITS_BOX, FITS_STROKE = 0.7, 0.9
# What covers more of the photo is hardly what a point in it means.
BACKGROUND = 0.5
# GrabCut works on an image of about this many pixels, in so many rounds.
CUT_PIXELS, ROUNDS = 90_000, 4


class PhotoSession:
    """A `Session` over the regions that `PhotoSegmenter` finds."""

    def __init__(
        self, image: NDArray[np.uint8], found: sv.Detections, *, granularity: float = 0.5
    ) -> None:
        """Take an image and everything found in it.

        Args:
            image: RGB uint8 (H, W, 3).
            found: with compact masks.
            granularity: which of the regions around a point is meant: below 1/3 the largest, above 2/3
                the smallest, else the one that stands out most.
        """
        self._image = image
        self._crops: list[Crop] = crops_of(found) or []
        self._areas = np.array([np.count_nonzero(crop.mask) for crop in self._crops])
        self._granularity = granularity

    def regions(self, prompts: Sequence[Prompt]) -> sv.Detections:
        """`Session.regions`."""
        height, width = self._image.shape[:2]
        for prompt in prompts:
            prompt.check((width, height))
        return self._packed([self._answer(prompt) for prompt in prompts])

    def refine(self, regions: sv.Detections, row: int, prompt: Prompt) -> sv.Detections:
        """`Session.refine`."""
        height, width = self._image.shape[:2]
        prompt.check((width, height), alone=False)
        mask = dense(regions, row, (height, width))
        kept = innermost(mask)
        for point in prompt.inside:
            rows = self._around(point)
            if rows:
                # As much as belongs to the point, but nothing that swallows the region.
                alike = [i for i in rows if self._areas[i] <= 2 * mask.sum()] or rows[-1:]
                paint(mask, self._crops[alike[0]])
        for point in prompt.outside:
            rows = self._around(point)
            loose = [
                i for i in rows if self._areas[i] < mask.sum() / 2 and not _holds(self._crops[i], kept)
            ]
            if loose:
                paint(mask, self._crops[loose[0]], False)
        return self._packed([cropped(mask) or prompt.literal((width, height))])

    def _answer(self, prompt: Prompt) -> Crop:
        height, width = self._image.shape[:2]
        found = None
        if prompt.mask is not None:
            found = self._cut(prompt.mask, prompt)
        elif prompt.box_xyxy is not None:
            found = self._in_box(prompt)
        elif len(prompt.inside) == 1:
            rows = [i for i in self._around(prompt.inside[0]) if not self._excluded(i, prompt)]
            if rows:
                found = self._crops[self._meant(rows)]
        else:
            found = self._along(prompt)
        return found or prompt.literal((width, height))

    def _around(self, point: Point) -> list[int]:
        """Regions that hold a point, largest first."""
        rows = [i for i, crop in enumerate(self._crops) if _holds(crop, point)]
        return sorted(rows, key=lambda i: -int(self._areas[i]))

    def _meant(self, rows: list[int]) -> int:
        """Which of the regions around a point, given largest first."""
        limit = BACKGROUND * self._image.shape[0] * self._image.shape[1]
        things = [i for i in rows if self._areas[i] <= limit] or rows[-1:]
        if self._granularity < 1 / 3:
            return things[0]
        # Regions come ranked, best first.
        return things[-1] if self._granularity > 2 / 3 else min(things)

    def _excluded(self, row: int, prompt: Prompt) -> bool:
        return any(_holds(self._crops[row], point) for point in prompt.outside)

    def _in_box(self, prompt: Prompt) -> Crop | None:
        assert prompt.box_xyxy is not None
        height, width = self._image.shape[:2]
        x1, y1 = (max(0, math.floor(v)) for v in prompt.box_xyxy[:2])
        x2, y2 = min(width, math.ceil(prompt.box_xyxy[2])), min(height, math.ceil(prompt.box_xyxy[3]))
        ious = []
        for crop in self._crops:
            left, top, right, bottom = box_of(crop)
            wide = max(0, min(x2, right) - max(x1, left))
            high = max(0, min(y2, bottom) - max(y1, top))
            union = (x2 - x1) * (y2 - y1) + crop.mask.size - wide * high
            ious.append(wide * high / union)
        if ious and max(ious) >= FITS_BOX:
            return self._crops[int(np.argmax(ious))]
        box = np.zeros((height, width), bool)
        box[y1:y2, x1:x2] = True
        return self._cut(box, prompt, only_inside=True)

    def _along(self, prompt: Prompt) -> Crop | None:
        """The smallest region along a line, or the smallest at each of its points together."""
        need = FITS_STROKE * len(prompt.inside)
        fit = [
            i
            for i, crop in enumerate(self._crops)
            if sum(_holds(crop, point) for point in prompt.inside) >= need
            and not self._excluded(i, prompt)
        ]
        if fit:
            return self._crops[min(fit, key=lambda i: int(self._areas[i]))]
        mask = np.zeros(self._image.shape[:2], bool)
        for point in prompt.inside:
            rows = [i for i in self._around(point) if not self._excluded(i, prompt)]
            if rows:
                paint(mask, self._crops[rows[-1]])
        return cropped(mask)

    def _cut(self, rough: Mask, prompt: Prompt, *, only_inside: bool = False) -> Crop | None:
        """GrabCut from a rough mask; what it leaves out of a box stays out."""
        height, width = rough.shape
        scale = min(1.0, math.sqrt(CUT_PIXELS / (height * width)))
        size = max(2, round(width * scale)), max(2, round(height * scale))
        small = cv2.resize(self._image, size, interpolation=cv2.INTER_AREA)
        inside = cv2.resize(rough.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
        outside = cv2.GC_BGD if only_inside else cv2.GC_PR_BGD
        labels = np.where(inside, cv2.GC_PR_FGD, outside).astype(np.uint8)
        for points, label in ((prompt.inside, cv2.GC_FGD), (prompt.outside, cv2.GC_BGD)):
            for x, y in points:
                labels[int(y * scale), int(x * scale)] = label
        if inside.all() or not inside.any():
            return cropped(rough)
        inner, outer = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.setRNGSeed(0)
        cv2.grabCut(
            cv2.cvtColor(small, cv2.COLOR_RGB2BGR),
            labels,
            (0, 0, 0, 0),
            outer,
            inner,
            ROUNDS,
            cv2.GC_INIT_WITH_MASK,
        )
        kept = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
        large = cv2.resize(kept * 255, (width, height), interpolation=cv2.INTER_LINEAR) > 127
        # Colours alike all over the box leave nothing: the box itself is the better answer.
        return cropped(large) if large.sum() > 0.05 * rough.sum() else cropped(rough)

    def _packed(self, crops: list[Crop]) -> sv.Detections:
        if not crops:
            return make_regions(np.zeros((0, 4)), source="drawn")
        size_hw = self._image.shape[:2]
        masks = sv.CompactMask.merge([pack(crop, size_hw) for crop in crops])
        return make_regions([box_of(crop) for crop in crops], mask=masks, source="drawn")


def _holds(crop: Crop, point: Point) -> bool:
    x, y = int(point[0]) - crop.left, int(point[1]) - crop.top
    height, width = crop.mask.shape
    return 0 <= x < width and 0 <= y < height and bool(crop.mask[y, x])
