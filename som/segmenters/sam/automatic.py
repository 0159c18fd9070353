"""Masks of everything in an image, from a grid of points (Kirillov et al., 2023, section 5).

The same as segment-anything's `SamAutomaticMaskGenerator` finds, in less time and memory: masks are
sorted out by score while they are small, only the window that a mask covers is enlarged, and each
leaves that window as run lengths.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.devices import in_batches
from som.masks import box_of, pack
from som.regions import Crop
from som.segmenters.overlap import nms
from som.segmenters.sam.frame import Upsampler
from som.segmenters.sam.model import Encoded, PromptModel, Prompts

# Crops of one layer share this much of the image's shorter side; a mask that ends this near to the
# edge of a crop is cut off there, and is left to the neighbouring crop.
CROP_OVERLAP, EDGE_PX = 512 / 1500, 20
# The stability of a small mask differs from that of the same mask at full size by less than this,
# unless it is tiny.
STABILITY_MARGIN, TINY_CELLS = 0.1, 30
OnProgress = Callable[[int], object]


@dataclass(frozen=True)
class Pass:
    """A grid of points over each crop of a layer; layer l cuts the image into 2**l x 2**l crops."""

    points_per_side: int
    layer: int = 0


@dataclass(frozen=True, eq=False)
class Found:
    """A mask that a point gave.

    Attributes:
        mask: one compact mask in the image.
        box_xyxy: its box, right and bottom exclusive.
        score: predicted IoU.
        stability: 0..1, how little the mask depends on the threshold.
        rank: 0 for the largest of the masks that its point gave, then 1 and 2.
        point_xy: the point.
        crop_xyxy: the crop that it was found in.
        grid: the grid that the point is of.
    """

    mask: sv.CompactMask
    box_xyxy: tuple[int, int, int, int]
    score: float
    stability: float
    rank: int
    point_xy: tuple[float, float]
    crop_xyxy: tuple[int, int, int, int]
    grid: Pass


def masks_everywhere(
    model: PromptModel,
    image: NDArray[np.uint8],
    *,
    points_per_side: int = 32,
    min_score: float = 0.88,
    min_stability: float = 0.95,
    max_overlap: float = 0.7,
    layers: int = 0,
) -> list[Found]:
    """What `SamAutomaticMaskGenerator` finds with the same settings.

    Args:
        model: any promptable model.
        image: RGB uint8 (H, W, 3).
        points_per_side: of the grid over each crop.
        min_score: `pred_iou_thresh`.
        min_stability: `stability_score_thresh`.
        max_overlap: `box_nms_thresh` and `crop_nms_thresh`.
        layers: `crop_n_layers`.

    Returns:
        Masks, best first within each crop.
    """
    every: list[Found] = []
    for layer in range(layers + 1):
        for crop in crop_boxes(image.shape[:2], layer):
            grid = [Pass(points_per_side, layer)]
            found = list(_in_crop(model, image, crop, grid, min_score, min_stability, None))
            every += without_overlaps(found, [mask.score for mask in found], max_overlap)
    if not layers:
        return every
    # Smaller crops show more detail.
    return without_overlaps(every, [-_area(mask.crop_xyxy) for mask in every], max_overlap)


def candidates(
    model: PromptModel,
    image: NDArray[np.uint8],
    passes: list[Pass],
    *,
    min_score: float,
    min_stability: float,
    on_points: OnProgress | None = None,
) -> list[Found]:
    """Every mask that the passes give, duplicates included; each crop is encoded once.

    Args:
        model: any promptable model.
        image: RGB uint8 (H, W, 3).
        passes: the grids.
        min_score: predicted IoU that a mask needs.
        min_stability: stability that it needs.
        on_points: called with how many points have been answered since the last call.
    """
    found: list[Found] = []
    for layer in sorted({grid.layer for grid in passes}):
        grids = [grid for grid in passes if grid.layer == layer]
        for crop in crop_boxes(image.shape[:2], layer):
            found += _in_crop(model, image, crop, grids, min_score, min_stability, on_points)
    return found


def without_overlaps(found: list[Found], priority: list[float], max_overlap: float) -> list[Found]:
    """Those whose box overlaps none of higher priority by more than `max_overlap` IoU."""
    if not found:
        return found
    # The original compares boxes whose right and bottom pixel still belongs to them.
    boxes = np.array([mask.box_xyxy for mask in found], np.float64) - (0, 0, 1, 1)
    return [found[i] for i in nms(boxes, np.asarray(priority), max_overlap)]


def crop_boxes(size_hw: tuple[int, ...], layer: int) -> list[tuple[int, int, int, int]]:
    """The crops of a layer, xyxy: the whole image, 2 x 2 overlapping crops, 4 x 4, ..."""
    height, width = size_hw[0], size_hw[1]
    if not layer:
        return [(0, 0, width, height)]
    count = 2**layer
    shared = int(CROP_OVERLAP * min(height, width) * (2 / count))
    wide, high = (math.ceil((shared * (count - 1) + edge) / count) for edge in (width, height))
    return [
        (x, y, min(x + wide, width), min(y + high, height))
        for x in ((wide - shared) * i for i in range(count))
        for y in ((high - shared) * i for i in range(count))
    ]


def grid_points(points_per_side: int) -> NDArray[np.float64]:
    """(n * n, 2) points evenly spaced over the unit square, row by row."""
    offset = 0.5 / points_per_side
    along = np.linspace(offset, 1 - offset, points_per_side)
    return np.stack([np.tile(along, points_per_side), np.repeat(along, points_per_side)], axis=1)


def _in_crop(
    model: PromptModel,
    image: NDArray[np.uint8],
    crop: tuple[int, int, int, int],
    grids: list[Pass],
    min_score: float,
    min_stability: float,
    on_points: OnProgress | None,
) -> Iterator[Found]:
    x1, y1, x2, y2 = crop
    encoded = model.encode(np.ascontiguousarray(image[y1:y2, x1:x2]))
    upsampler = Upsampler(encoded.frame)
    for grid in grids:
        points = grid_points(grid.points_per_side) * (x2 - x1, y2 - y1)
        place = _Place(crop, image.shape[:2], grid)

        def answer(
            rows: slice, points: NDArray[np.float64] = points, place: _Place = place
        ) -> list[Found]:
            found = _answer(model, encoded, upsampler, points[rows], min_score, min_stability)
            if on_points:
                on_points(len(points[rows]))
            return [place.moved(raw) for raw in found if not place.cuts(raw.mask)]

        for batch in in_batches(answer, len(points), model.points_per_batch):
            yield from batch


class _Raw(NamedTuple):
    """A mask as its crop's own coordinates have it."""

    mask: Crop
    score: float
    stability: float
    rank: int
    point_xy: tuple[float, float]


def _answer(
    model: PromptModel,
    encoded: Encoded,
    upsampler: Upsampler,
    points: NDArray[np.float64],
    min_score: float,
    min_stability: float,
) -> list[_Raw]:
    """Masks in the crop that hold up: mask, score, stability, rank and point of each."""
    labels = np.ones((len(points), 1), np.int64)
    masks = model.decode(encoded, Prompts(points[:, None].astype(np.float32), labels), multimask=True)
    per_point = masks.scores.shape[1]
    good = masks.scores > min_score
    asked = np.flatnonzero(good.any(axis=1))
    if not len(asked):
        return []
    # All masks of a point, so that their ranks do not depend on which of them are good enough.
    logits = masks.logits((asked[:, None] * per_point + np.arange(per_point)).ravel())
    logits = logits.reshape(len(asked), per_point, *logits.shape[1:])
    seen = encoded.frame.seen
    ranks = _ranks(np.count_nonzero(logits[:, :, *seen] > 0, axis=(2, 3)))
    found: list[_Raw] = []
    for i, j in zip(*np.nonzero(good[asked]), strict=True):
        small = logits[i, j]
        if _hopeless(small[seen], min_stability):
            continue
        mask, stability = upsampler.mask(small)
        if mask is not None and stability >= min_stability:
            x, y = points[asked[i]]
            score = float(masks.scores[asked[i], j])
            found.append(_Raw(mask, score, stability, int(ranks[i, j]), (float(x), float(y))))
    return found


def _hopeless(small: NDArray[np.float32], min_stability: float) -> bool:
    """Whether a small mask is so unstable that its full size need not be looked at."""
    loose = np.count_nonzero(small > -1)
    tight = np.count_nonzero(small > 1)
    return bool(loose > TINY_CELLS and tight < (min_stability - STABILITY_MARGIN) * loose)


def _ranks(areas: NDArray[np.intp]) -> NDArray[np.intp]:
    """Place of each mask among those of its point, largest first; (n, m) to (n, m)."""
    order = np.argsort(-areas, axis=1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.arange(areas.shape[1])[None], axis=1)
    return ranks


@dataclass(frozen=True)
class _Place:
    """A crop in its image, and the grid that is laid over it."""

    crop_xyxy: tuple[int, int, int, int]
    size_hw: tuple[int, ...]
    grid: Pass

    def cuts(self, mask: Crop) -> bool:
        """Whether a mask ends at an edge of the crop that is no edge of the image."""
        left, top = self.crop_xyxy[:2]
        box = np.array(box_of(mask)) + np.array([left, top, left - 1, top - 1])
        whole = np.array([0, 0, self.size_hw[1], self.size_hw[0]])
        at_crop = np.abs(box - np.array(self.crop_xyxy)) <= EDGE_PX
        return bool((at_crop & (np.abs(box - whole) > EDGE_PX)).any())

    def moved(self, raw: _Raw) -> Found:
        """What was found, in coordinates of the image."""
        x, y = self.crop_xyxy[:2]
        crop = Crop(raw.mask.mask, raw.mask.left + x, raw.mask.top + y)
        return Found(
            mask=pack(crop, self.size_hw),
            box_xyxy=box_of(crop),
            score=raw.score,
            stability=raw.stability,
            rank=raw.rank,
            point_xy=(raw.point_xy[0] + x, raw.point_xy[1] + y),
            crop_xyxy=self.crop_xyxy,
            grid=self.grid,
        )


def _area(box_xyxy: tuple[int, int, int, int]) -> int:
    return (box_xyxy[2] - box_xyxy[0]) * (box_xyxy[3] - box_xyxy[1])
