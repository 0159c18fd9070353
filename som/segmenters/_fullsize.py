"""Masks found on a reduced image, brought to the size of the original with clean edges."""

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

# Holes and islands below this share of a region are dust, not shape.
DUST_SHARE = 0.01
# Pixels of the reduced image kept around a crop, so that its edge is smoothed like any other.
MARGIN_PX = 3


def tidy(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the parts of a mask (h, w) that matter, and fill the holes that do not."""
    smallest = DUST_SHARE * np.count_nonzero(mask)
    solid = ~_large_parts(~np.pad(mask, 1), smallest)[1:-1, 1:-1]
    return _large_parts(solid, smallest)


def _large_parts(mask: NDArray[np.bool_], smallest: float) -> NDArray[np.bool_]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
    if count <= 2:
        return mask
    keep = stats[:, cv2.CC_STAT_AREA] >= smallest
    keep[0] = False
    large: NDArray[np.bool_] = keep[labels]
    return large


def compact_mask(mask: NDArray[np.bool_], image_shape: tuple[int, int]) -> sv.CompactMask:
    """Compact mask of one region at full size.

    Args:
        mask: bool (h, w), not empty, on the reduced image.
        image_shape: (H, W) of the original.

    Returns:
        `CompactMask` of length 1 whose crop is the region's tight box. Nothing larger is dense.
    """
    height, width = image_shape
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    scale_x, scale_y = width / mask.shape[1], height / mask.shape[0]
    left, top = int(columns[0] * scale_x), int(rows[0] * scale_y)
    right = min(width, int(np.ceil((columns[-1] + 1) * scale_x)))
    bottom = min(height, int(np.ceil((rows[-1] + 1) * scale_y)))
    if mask.shape == image_shape:
        crop = mask[top:bottom, left:right]
    else:
        crop = _enlarge(mask, (left, top, right, bottom), scale_x, scale_y)
    rows, columns = np.flatnonzero(crop.any(axis=1)), np.flatnonzero(crop.any(axis=0))
    crop = crop[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    whole = np.array([[0, 0, crop.shape[1] - 1, crop.shape[0] - 1]])
    packed = sv.CompactMask.from_dense(crop[None], whole, image_shape=crop.shape)
    return packed.with_offset(
        left + int(columns[0]), top + int(rows[0]), new_image_shape=image_shape
    )


def _enlarge(
    mask: NDArray[np.bool_], box: tuple[int, int, int, int], scale_x: float, scale_y: float
) -> NDArray[np.bool_]:
    """The part `box` (xyxy, original pixels) of a mask enlarged by interpolation, not by blocks."""
    left, top, right, bottom = box
    x0, y0 = max(0, int(left / scale_x) - MARGIN_PX), max(0, int(top / scale_y) - MARGIN_PX)
    x1, y1 = int(right / scale_x) + MARGIN_PX + 1, int(bottom / scale_y) + MARGIN_PX + 1
    soft = cv2.GaussianBlur(
        np.where(mask[y0:y1, x0:x1], np.float32(255), np.float32(0)),
        (5, 5),
        0.8,
        borderType=cv2.BORDER_REPLICATE,
    )
    # Pixel centres to pixel centres: original (x + 0.5) / scale - 0.5 on the reduced image.
    to_reduced = np.array(
        [
            [1 / scale_x, 0, (left + 0.5) / scale_x - 0.5 - x0],
            [0, 1 / scale_y, (top + 0.5) / scale_y - 0.5 - y0],
        ]
    )
    large = cv2.warpAffine(
        soft.astype(np.uint8),
        to_reduced,
        (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    enlarged: NDArray[np.bool_] = large > 127
    return enlarged
