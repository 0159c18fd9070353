"""Conventions on `supervision.Detections`: how this package writes regions, and what it requires.

A region is one row. `xyxy` is float32 (n, 4) in pixels of the original image, top-left origin, right
and bottom exclusive. `mask` is a `supervision.CompactMask`, a bool array (n, H, W) or None. Columns in
`data` that every segmenter here fills: `source`, `text`, `role` (str, "" when unknown) and
`interactive` (bool). Detections that come from elsewhere lack them; `normalize` adds them.
"""

from collections.abc import Sequence

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
        source: "sam", "ocr", "shape", "dom", "a11y", "detector" or "drawn"; one for all or one each.
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
        data=data,  # type: ignore[arg-type]
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
