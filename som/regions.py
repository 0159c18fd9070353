"""Conventions on `supervision.Detections`: how this package writes regions, and what it requires.

A region is one row. `xyxy` is float32 (n, 4) in pixels of the original image, top-left origin,
right and bottom exclusive. `mask` is a `supervision.CompactMask`, a bool array (n, H, W) or None.
Columns in `data` that every segmenter here fills: `source`, `text`, `role` (str, "" when unknown)
and `interactive` (bool). Detections that come from elsewhere lack them; `normalize` adds them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import supervision as sv
from numpy.typing import ArrayLike, NDArray

from som.errors import RegionsError

TEXT_COLUMNS = ("source", "text", "role")


def make_regions(
    xyxy: ArrayLike,
    *,
    mask: sv.CompactMask | NDArray[np.bool_] | None = None,
    confidence: ArrayLike | None = None,
    source: str | Sequence[str] = "",
    text: str | Sequence[str] = "",
    role: str | Sequence[str] = "",
    interactive: bool | Sequence[bool] = False,
) -> sv.Detections:
    """Build regions that keep the conventions of this module.

    Args:
        xyxy: (n, 4) boxes in pixels, right and bottom exclusive.
        mask: `CompactMask` or bool (n, H, W).
        confidence: (n,) in 0..1; 1 when not given.
        source: "sam", "ocr", "shape", "dom", "a11y", "detector" or "drawn"; for all or for each.
        text: what can be read in the region; likewise.
        role: "button", "link", "textbox", ...; likewise.
        interactive: whether a person could act on it; likewise.

    Raises:
        RegionsError: a column's length differs from the number of boxes.
    """
    boxes = np.asarray(xyxy, dtype=np.float32).reshape(-1, 4)
    n = len(boxes)
    data: dict[str, NDArray[np.generic] | list[object]] = {}
    for name, values in (("source", source), ("text", text), ("role", role)):
        data[name] = _text_column(name, values, n)
    flags = np.broadcast_to(np.asarray(interactive, dtype=bool), (n,)) if n else np.zeros(0, bool)
    data["interactive"] = flags.copy()
    return sv.Detections(
        xyxy=boxes,
        mask=mask,
        confidence=(
            np.ones(n, np.float32) if confidence is None else np.asarray(confidence, np.float32)
        ),
        data=data,
    )


def _text_column(name: str, values: str | Sequence[str], n: int) -> NDArray[np.generic]:
    if isinstance(values, str):
        values = [values] * n
    if len(values) != n:
        raise RegionsError(f"column {name!r} has {len(values)} values for {n} regions")
    # Object dtype: a fixed-width string array cuts longer texts short when rows are merged.
    column = np.empty(n, dtype=object)
    column[:] = list(values)
    return column


def text_of(regions: sv.Detections, column: str) -> list[str]:
    """A text column ("text", "role" or "source") as strings; "" where it is not known."""
    values = regions.data.get(column)
    return [""] * len(regions) if values is None else [str(value) for value in values]


def normalize(regions: sv.Detections, size_wh: tuple[int, int]) -> sv.Detections:
    """Bring detections from anywhere to the conventions of this module.

    Boxes are clipped to the image, rows without area go, dense masks become compact, missing columns
    are filled; a detector's `class_name` becomes the role. Rows keep their order.

    Args:
        regions: any detections on an image of this size; not changed.
        size_wh: width and height of that image.

    Raises:
        RegionsError: masks of another image size.
    """
    width, height = size_wh
    boxes = np.asarray(regions.xyxy, dtype=np.float32).reshape(-1, 4)
    boxes = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    kept = np.flatnonzero((boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1]))
    names = regions.data.get("class_name")
    roles = text_of(regions, "role" if "role" in regions.data or names is None else "class_name")
    flags = regions.data.get("interactive")
    result = make_regions(
        boxes[kept],
        mask=_compact(regions.mask, kept, (height, width)),
        confidence=None if regions.confidence is None else regions.confidence[kept],
        source=[text_of(regions, "source")[i] for i in kept],
        text=[text_of(regions, "text")[i] for i in kept],
        role=[roles[i] for i in kept],
        interactive=False if flags is None else [bool(flags[i]) for i in kept],
    )
    for name, ids in (("class_id", regions.class_id), ("tracker_id", regions.tracker_id)):
        if ids is not None:
            setattr(result, name, ids[kept])
    return result


def _compact(
    mask: sv.CompactMask | NDArray[np.bool_] | None,
    kept: NDArray[np.intp],
    size_hw: tuple[int, int],
) -> sv.CompactMask | None:
    if mask is None:
        return None
    if tuple(mask.shape[1:]) != size_hw:
        raise RegionsError(
            f"masks of {mask.shape[2]}x{mask.shape[1]} on an image of {size_hw[1]}x{size_hw[0]}; "
            "resize one to the other"
        )
    if isinstance(mask, sv.CompactMask):
        return mask[kept]
    # Cropped to their own extent, not to the box, which need not hold all of the mask.
    dense = np.asarray(mask, dtype=bool)[kept]
    return sv.CompactMask.from_dense(dense, sv.mask_to_xyxy(dense), size_hw)


def select(
    regions: sv.Detections,
    size_wh: tuple[int, int],
    *,
    max_marks: int | None = None,
    min_area: float = 0,
) -> sv.Detections:
    """Leave out small regions, then all but the most important.

    Args:
        regions: on an image of this size.
        size_wh: width and height of that image.
        max_marks: how many to keep: what a person can act on first, then by confidence, then by
            area. None keeps all.
        min_area: smallest area, in pixels; below 1, as a share of the image.

    Returns:
        The regions kept, in the order they came.
    """
    areas = np.asarray(regions.area, dtype=np.float64)
    least = min_area * size_wh[0] * size_wh[1] if 0 < min_area < 1 else min_area
    kept = np.flatnonzero(areas >= least)
    if max_marks is not None and len(kept) > max_marks:
        confidence = np.ones(len(regions)) if regions.confidence is None else regions.confidence
        flags = np.asarray(regions.data.get("interactive", np.zeros(len(regions), bool)), bool)
        by_importance = np.lexsort((-areas[kept], -confidence[kept], ~flags[kept]))
        kept = np.sort(kept[by_importance[:max_marks]])
    return rows(regions, kept)


def rows(regions: sv.Detections, index: NDArray[np.intp]) -> sv.Detections:
    """The regions of these rows, in this order."""
    picked = regions[index]
    assert isinstance(picked, sv.Detections)
    return picked


def scale_regions(
    regions: sv.Detections, from_wh: tuple[int, int], to_wh: tuple[int, int]
) -> sv.Detections:
    """The same regions on the image resized from one size to another."""
    if from_wh == to_wh:
        return regions
    factor = np.array([to_wh[0] / from_wh[0], to_wh[1] / from_wh[1]] * 2, np.float32)
    mask = regions.mask
    return sv.Detections(
        xyxy=regions.xyxy * factor,
        mask=mask.resize((to_wh[1], to_wh[0])) if isinstance(mask, sv.CompactMask) else None,
        confidence=regions.confidence,
        class_id=regions.class_id,
        tracker_id=regions.tracker_id,
        data=regions.data,
    )


class Crop(NamedTuple):
    """One region's mask inside its box.

    Attributes:
        mask: bool (h, w).
        left: of the crop in the image, pixels.
        top: likewise.
    """

    mask: NDArray[np.bool_]
    left: int
    top: int


def crops_of(regions: sv.Detections) -> list[Crop] | None:
    """All masks, each decoded as its crop; never as full images.

    Returns:
        One for each region, or None where regions have no masks.

    Raises:
        RegionsError: the masks are dense; `normalize` makes them compact.
    """
    if regions.mask is None:
        return None
    return [crop_of(regions, row) for row in range(len(regions))]


def crop_of(regions: sv.Detections, row: int) -> Crop:
    """One mask, decoded as its crop; regions must have masks.

    Raises:
        RegionsError: there are none, or they are dense; `normalize` makes them compact.
    """
    mask = regions.mask
    if not isinstance(mask, sv.CompactMask):
        raise RegionsError("masks must be compact; call som.regions.normalize first")
    left, top = mask.offsets[row]
    return Crop(mask.crop(row), int(left), int(top))
