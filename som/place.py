"""Where each label goes: all labels at once, against everything that should stay visible.

Point-feature labelling (J. Christensen, J. Marks and S. Shieber, "An empirical study of algorithms
for point-feature label placement", 1995) on a page: each region has candidate positions, each
candidate a cost (what it hides, what it could be mistaken for, how natural it is), labels that would
overlap exclude each other. The best candidates are taken in rounds, those with most to lose first;
what ends badly tries again with positions farther away, tied to its region by a leader line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.cover import Cover, paint
from som.regions import Crop, crops_of
from som.scene import Scene
from som.solve import Solver
from som.style import Style

# The map of what is visible has about this many cells, whatever the size of the image. Regions of
# photos are larger than the controls of a page, and a coarser map finds the same places.
_CELLS, _CELLS_OF_MASKS = 250_000, 110_000
# With a larger share of labels in bad places than this, smaller ones are tried for all.
_FEW_BAD = 0.15
# A label this near to its region, in pixels, needs no line to it.
_TOUCHING = 3


class Kind(IntEnum):
    """How a label stands to its region."""

    INSIDE = 0
    BESIDE = 1
    LEADER = 2
    DROPPED = 3


@dataclass(frozen=True)
class Placement:
    """Labels of n regions, in pixels of the canvas.

    Attributes:
        anchor_xy: int32 (n, 2), the deepest visible pixel of each region: where a click hits it.
        label_xyxy: int32 (n, 4) label boxes, right and bottom exclusive; zeros where dropped.
        kind: uint8 (n,) of `Kind`.
        font_px: int32 (n,) text size of each label.
    """

    anchor_xy: NDArray[np.int32]
    label_xyxy: NDArray[np.int32]
    kind: NDArray[np.uint8]
    font_px: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.kind)

    def __getitem__(self, index: Any) -> "Placement":
        """The placement of these rows only."""
        return Placement(
            self.anchor_xy[index], self.label_xyxy[index], self.kind[index], self.font_px[index]
        )


def place(
    regions: sv.Detections,
    labels: Sequence[str],
    size_wh: tuple[int, int],
    *,
    style: Style | None = None,
    image: NDArray[np.uint8] | None = None,
    crops: list[Crop] | None = None,
) -> Placement:
    """Place all labels.

    No two labels overlap and none leaves the canvas. A label lies inside its region where it fits
    without hiding what it names, else beside it, else away from it with a leader line. Where there is
    no room, the labels without a place shrink to `Style.min_font_px`; then all do; then the least
    important (by confidence, then by area) are dropped.

    Args:
        regions: n regions in pixels of the canvas; masks compact or None.
        labels: n strings.
        size_wh: width and height of the canvas.
        style: what is drawn; `Style()` by default.
        image: uint8 RGB (H, W, 3), the canvas; what is printed on it is kept free where possible.
        crops: the regions' masks as `som.regions.crops_of` gives them, if already decoded.

    Returns:
        The placement; the same for the same input.
    """
    style = style or Style()
    n = len(regions)
    if n == 0:
        return _nothing(np.zeros((0, 2), np.int32))
    crops = crops_of(regions) if crops is None else crops
    cover = paint(regions, size_wh, step=step_for(size_wh, masked=crops is not None), crops=crops)
    scene = Scene.build(regions, cover, size_wh, image, crops)
    sizes = [base_font(size_wh, style)]
    sizes += sorted({max(style.min_font_px, round(sizes[0] * f)) for f in (0.8, 0.64)}, reverse=True)
    sizes.append(style.min_font_px)
    tried: list[Solver] = []
    for size in sizes:
        solver = Solver(scene, labels, style)
        # When room is short even at the smallest size, the important ones choose first.
        solver.solve(size, by_importance=size == sizes[-1])
        tried.append(solver)
        # Where rows of a page are lower than a label, most get no place but far away: go smaller.
        if solver.complete and (scene.masked or solver.bad <= _FEW_BAD * n):
            break
    complete = [solver for solver in tried if solver.complete]
    best = min(complete, key=lambda solver: solver.regret(sizes[0]), default=tried[-1])
    return _finish(best, regions, cover, crops)


def base_font(size_wh: tuple[int, int], style: Style) -> int:
    """Text size for an image: grows with it, but slower than it."""
    follows = round(9.5 + 0.006 * float(np.sqrt(size_wh[0] * size_wh[1])))
    limit = style.font_px or 48
    return max(style.min_font_px, min(follows if style.font_px is None else limit, limit))


def step_for(size_wh: tuple[int, int], *, masked: bool) -> int:
    """Pixels a cell of the visible map is wide, so that the map stays small."""
    cells = _CELLS_OF_MASKS if masked else _CELLS
    return max(1, round(float(np.sqrt(size_wh[0] * size_wh[1] / cells))))


def _finish(
    solver: Solver, regions: sv.Detections, cover: Cover, crops: list[Crop] | None
) -> Placement:
    placed = np.isfinite(solver.costs)
    boxes = np.where(placed[:, None], solver.boxes, 0).astype(np.int32)
    anchors = _inside(regions, solver.scene.anchors_xy, crops)
    kinds = _kinds(boxes, regions, cover, crops).astype(np.uint8)
    kinds[~placed] = Kind.DROPPED
    return Placement(anchors, boxes, kinds, np.where(placed, solver.fonts, 0).astype(np.int32))


def _kinds(
    boxes: NDArray[np.int32], regions: sv.Detections, cover: Cover, crops: list[Crop] | None
) -> NDArray[np.int64]:
    """How each label stands to its region: its middle inside, its box touching, or neither."""
    middle = (boxes[:, :2] + boxes[:, 2:]) // 2
    own = regions.xyxy
    inside = (middle >= own[:, :2]).all(axis=1) & (middle < own[:, 2:]).all(axis=1)
    apart = np.maximum(own[:, :2] - boxes[:, 2:], boxes[:, :2] - own[:, 2:]).max(axis=1)
    near = apart <= _TOUCHING
    if crops is not None:
        cell = middle // cover.step
        inside &= cover.owner[cell[:, 1], cell[:, 0]] == np.arange(len(boxes))
        for row in np.flatnonzero(near & ~inside):
            mask, left, top = crops[row]
            x1, y1, x2, y2 = (int(v) for v in boxes[row])
            rows = slice(max(0, y1 - _TOUCHING - top), max(0, y2 + _TOUCHING - top))
            columns = slice(max(0, x1 - _TOUCHING - left), max(0, x2 + _TOUCHING - left))
            near[row] = mask[rows, columns].any()
    return np.where(inside, Kind.INSIDE, np.where(near, Kind.BESIDE, Kind.LEADER))


def _inside(
    regions: sv.Detections, anchors: NDArray[np.int32], crops: list[Crop] | None
) -> NDArray[np.int32]:
    """Anchors moved to a pixel of the region, where the coarse map put them beside it."""
    if crops is None:
        low = np.floor(regions.xyxy[:, :2]).astype(np.int32)
        high = np.maximum(low, np.ceil(regions.xyxy[:, 2:]).astype(np.int32) - 1)
        return np.clip(anchors, low, high)
    anchors = anchors.copy()
    for row, (mask, left, top) in enumerate(crops):
        x, y = int(anchors[row, 0]) - left, int(anchors[row, 1]) - top
        if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and mask[y, x]:
            continue
        # Wholly covered by smaller regions: any pixel of its own near the middle will do.
        sparse = max(1, min(mask.shape) // 32)
        ys, xs = (sparse * at for at in np.nonzero(mask[::sparse, ::sparse]))
        if not len(ys):
            ys, xs = np.nonzero(mask)
        if len(ys):
            nearest = np.argmin((xs - x) ** 2 + (ys - y) ** 2)
            anchors[row] = xs[nearest] + left, ys[nearest] + top
    return anchors


def _nothing(anchors: NDArray[np.int32]) -> Placement:
    n = len(anchors)
    return Placement(anchors, np.zeros((n, 4), np.int32), np.zeros(n, np.uint8), np.zeros(n, np.int32))
