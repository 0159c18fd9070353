"""How legible marks are, so that an agent can decide to mark less before it asks."""

from dataclasses import dataclass

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.colors import contrast_ratio
from som.regions import Crop, crop_of

# WCAG AAA for normal text.
ENOUGH_CONTRAST = 7.0
# Text of this size is read reliably; below, less and less.
ENOUGH_FONT_PX = 11


@dataclass(frozen=True)
class Quality:
    """One row for each region, dropped ones included.

    Attributes:
        covered: float64 (n,), share of the region's pixels that labels lie on, its own among them.
        overlapped: bool (n,), whether the label overlaps another.
        contrast: float64 (n,), of the label's text on its fill, 1..21.
        distance_px: float64 (n,), from the label to the nearest pixel of its region; 0 on it.
        dropped: bool (n,), whether there was no room for the label.
        legibility: float64 (n,), 0 (cannot be read, or hides what it names) .. 1.
    """

    covered: NDArray[np.float64]
    overlapped: NDArray[np.bool_]
    contrast: NDArray[np.float64]
    distance_px: NDArray[np.float64]
    dropped: NDArray[np.bool_]
    legibility: NDArray[np.float64]

    @property
    def score(self) -> float:
        """Of the whole image, 0..1: the mean legibility of its marks; 1 where there are none."""
        return float(self.legibility.mean()) if len(self.legibility) else 1.0


def measure(
    regions: sv.Detections,
    label_xyxy: NDArray[np.int32],
    text_rgb: NDArray[np.uint8],
    fill_rgb: NDArray[np.uint8],
    font_px: NDArray[np.int32],
) -> Quality:
    """Measure marks from where they are, without drawing them.

    Args:
        regions: n regions in pixels of the drawn image.
        label_xyxy: (n, 4) label boxes; empty where dropped.
        text_rgb: (n, 3) colour of each label's text.
        fill_rgb: (n, 3) colour behind it.
        font_px: (n,) text size.
    """
    n = len(regions)
    labels = np.asarray(label_xyxy, dtype=np.int64).reshape(n, 4)
    dropped = (labels[:, 2] <= labels[:, 0]) | (labels[:, 3] <= labels[:, 1])
    covered, distance = np.zeros(n), np.zeros(n)
    for row in range(n):
        crop = None if regions.mask is None else crop_of(regions, row)
        covered[row] = _covered(regions.xyxy[row], crop, labels[~dropped])
        if not dropped[row]:
            distance[row] = _distance(regions.xyxy[row], crop, labels[row])
    meets = _intersection(labels[:, None], labels[None]) > 0
    np.fill_diagonal(meets, False)
    overlapped = meets.any(axis=1) & ~dropped
    contrast = contrast_ratio(text_rgb.reshape(n, 3), fill_rgb.reshape(n, 3))
    readable = np.minimum(contrast / ENOUGH_CONTRAST, 1) * np.minimum(font_px / ENOUGH_FONT_PX, 1)
    near = 1 / (1 + distance / (20 * np.maximum(font_px, 1)))
    # Hiding up to a third of a region leaves it recognisable.
    seen = np.clip((1 - covered) / (2 / 3), 0, 1)
    legibility = readable * near * seen * np.where(overlapped, 0.25, 1) * ~dropped
    return Quality(covered, overlapped, contrast, distance, dropped, legibility)


def _covered(xyxy: NDArray[np.float32], crop: Crop | None, labels: NDArray[np.int64]) -> float:
    box = np.round(xyxy).astype(np.int64)
    box[2:] = np.maximum(box[2:], box[:2] + 1)
    labels = labels[_intersection(labels, box) > 0]
    if not len(labels):
        return 0.0
    if crop is None:
        crop = Crop(np.ones((box[3] - box[1], box[2] - box[0]), bool), box[0], box[1])
    mask, left, top = crop
    hidden = np.zeros_like(mask)
    for x1, y1, x2, y2 in labels:
        hidden[max(y1 - top, 0) : max(y2 - top, 0), max(x1 - left, 0) : max(x2 - left, 0)] = True
    return float((hidden & mask).sum() / max(mask.sum(), 1))


def _distance(xyxy: NDArray[np.float32], crop: Crop | None, label: NDArray[np.int64]) -> float:
    x1, y1, x2, y2 = label
    if crop is None:
        left, top, right, bottom = xyxy
        return float(np.hypot(max(left - x2, x1 - right, 0), max(top - y2, y1 - bottom, 0)))
    mask, left, top = crop
    sparse = max(1, min(mask.shape) // 64)
    ys, xs = np.nonzero(mask[::sparse, ::sparse])
    if not len(ys):
        return 0.0
    xs, ys = xs * sparse + left, ys * sparse + top
    across = np.maximum(np.maximum(x1 - xs, xs - (x2 - 1)), 0)
    down = np.maximum(np.maximum(y1 - ys, ys - (y2 - 1)), 0)
    nearest = float(np.sqrt((across**2 + down**2).min()))
    return 0.0 if nearest <= sparse else nearest


def _intersection(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    over = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    return np.asarray(np.clip(over, 0, None).prod(axis=-1))
