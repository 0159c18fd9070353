"""Single masks: from a dense array to a crop to a packed mask, and back."""

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.regions import Crop, crop_of, normalize

Mask = NDArray[np.bool_]


def bounds(mask: Mask) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what is set, the last two exclusive; None when nothing is."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def cropped(mask: Mask, left: int = 0, top: int = 0) -> Crop | None:
    """What is set of a mask whose own corner lies at (left, top); None when nothing is."""
    box = bounds(mask)
    if box is None:
        return None
    x1, y1, x2, y2 = box
    return Crop(mask[y1:y2, x1:x2], left + x1, top + y1)


def box_of(crop: Crop) -> tuple[int, int, int, int]:
    """Where a crop lies, xyxy, right and bottom exclusive."""
    height, width = crop.mask.shape
    return crop.left, crop.top, crop.left + width, crop.top + height


def pack(crop: Crop, size_hw: tuple[int, ...]) -> sv.CompactMask:
    """One compact mask of an image of this height and width."""
    height, width = crop.mask.shape
    # CompactMask's boxes include their last pixel.
    whole = np.array([[0, 0, width - 1, height - 1]])
    packed = sv.CompactMask.from_dense(crop.mask[None], whole, image_shape=(height, width))
    return packed.with_offset(crop.left, crop.top, new_image_shape=(size_hw[0], size_hw[1]))


def paint(mask: Mask, crop: Crop, value: bool = True) -> None:
    """Set what a crop covers, in place."""
    x1, y1, x2, y2 = box_of(crop)
    mask[y1:y2, x1:x2][crop.mask] = value


def dense(regions: sv.Detections, row: int, size_hw: tuple[int, int]) -> Mask:
    """The mask of one region as bool (H, W); its box where regions have no masks."""
    mask = np.zeros(size_hw, bool)
    one = regions[[row]]
    assert isinstance(one, sv.Detections)
    one = normalize(one, (size_hw[1], size_hw[0]))
    if one.mask is None:
        x1, y1, x2, y2 = np.rint(one.xyxy[0]).astype(int)
        mask[y1:y2, x1:x2] = True
    else:
        paint(mask, crop_of(one, 0))
    return mask
