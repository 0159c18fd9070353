"""Masks found on a reduced image, brought to the size of the original with clean edges."""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.masks import Mask, bounds, cropped, pack

# Holes and islands below this share of a region are dust, not shape.
DUST_SHARE = 0.01
# Edges are smoothed by this much on the reduced image, looking this far around a crop.
SMOOTHING_PX, MARGIN_PX = 1.0, 4
# OpenCV and large array operations release the interpreter's lock; each worker holds one crop.
WORKERS = 2


def compact_masks(
    members: Mask, labels: NDArray[np.intp], image_shape: tuple[int, int]
) -> sv.CompactMask:
    """Compact masks at full size, without dust and pinholes.

    Args:
        members: bool (r, n), r > 0, the labels that each region is made of.
        labels: int (h, w), 0..n-1, the label map of the reduced image.
        image_shape: (H, W) of the original.

    Returns:
        r masks whose crops are tight. Nothing larger than one region's box is ever dense.
    """
    with ThreadPoolExecutor(WORKERS) as pool:
        return sv.CompactMask.merge(
            list(pool.map(lambda region: _compact(region[labels], image_shape), members))
        )


def _compact(mask: Mask, image_shape: tuple[int, int]) -> sv.CompactMask:
    height, width = image_shape
    scale = (width / mask.shape[1], height / mask.shape[0])
    box = bounds(mask)
    assert box is not None
    x1, y1, x2, y2 = box
    corner = (max(0, x1 - MARGIN_PX), max(0, y1 - MARGIN_PX))
    clean = _smooth(_tidy(mask[corner[1] : y2 + MARGIN_PX, corner[0] : x2 + MARGIN_PX]))
    left, top = int(corner[0] * scale[0]), int(corner[1] * scale[1])
    if mask.shape == image_shape:
        large = clean > 127
    else:
        right = min(width, round((corner[0] + clean.shape[1]) * scale[0]))
        bottom = min(height, round((corner[1] + clean.shape[0]) * scale[1]))
        large = _enlarge(clean, corner, (left, top, right, bottom), scale)
    crop = cropped(large, left, top)
    assert crop is not None
    return pack(crop, image_shape)


def _tidy(mask: Mask) -> Mask:
    """Keep the parts of a mask that matter, and fill the holes that do not."""
    smallest = DUST_SHARE * np.count_nonzero(mask)
    filled = ~_large_parts(~np.pad(mask, 1), smallest)[1:-1, 1:-1]
    return _large_parts(filled, smallest)


def _large_parts(mask: Mask, smallest: float) -> Mask:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
    if count <= 2:
        return mask
    keep = stats[:, cv2.CC_STAT_AREA] >= smallest
    keep[0] = False
    large: Mask = keep[labels]
    return large


def _smooth(mask: Mask) -> NDArray[np.uint8]:
    """0..255, above 127 inside the smoothed mask."""
    hard = mask.astype(np.uint8) * np.uint8(255)
    soft = cv2.GaussianBlur(hard, (0, 0), SMOOTHING_PX, borderType=cv2.BORDER_REPLICATE)
    # Smoothing would wipe out a line one pixel wide.
    smooth: NDArray[np.uint8] = (soft if soft.max() > 127 else hard).astype(np.uint8)
    return smooth


def _enlarge(
    soft: NDArray[np.uint8],
    corner: tuple[int, int],
    box: tuple[int, int, int, int],
    scale: tuple[float, float],
) -> Mask:
    """The mask in `box` (original pixels), of a crop whose top left is `corner` (reduced pixels).

    Interpolated, so that edges come out smooth and not as blocks.
    """
    left, top, right, bottom = box
    # Pixel centres to pixel centres: original (x + 0.5) / scale - 0.5 on the reduced image.
    to_reduced = np.array(
        [
            [1 / scale[0], 0, (left + 0.5) / scale[0] - 0.5 - corner[0]],
            [0, 1 / scale[1], (top + 0.5) / scale[1] - 0.5 - corner[1]],
        ]
    )
    large = cv2.warpAffine(
        soft,
        to_reduced,
        (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    inside: Mask = large > 127
    return inside
