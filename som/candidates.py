"""Positions a label could take, and what each would cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from som.cover import NOTHING
from som.glyphs import label_size
from som.scene import Scene, box_sums

# Positions relative to a region's box, as (x of box, x of label, y of box, y of label, cost): the
# label's left is x1 + fx * box width + lx * label width, and so down. Cheapest first; differences
# are small beside what hiding something costs.
_OUTSIDE = (
    (0.0, 0.0, 0.0, -1.0, 0.00),  # above, flush left
    (0.0, -1.0, 0.5, -0.5, 0.02),  # left of the middle
    (0.0, -1.0, 0.0, 0.0, 0.03),  # left, flush top
    (1.0, 0.0, 0.5, -0.5, 0.05),  # right of the middle
    (1.0, 0.0, 0.0, 0.0, 0.06),  # right, flush top
    (1.0, -1.0, 0.0, -1.0, 0.06),  # above, flush right
    (0.0, 0.0, 1.0, 0.0, 0.08),  # below, flush left
    (1.0, -1.0, 1.0, 0.0, 0.10),  # below, flush right
    (0.5, -0.5, 0.0, -1.0, 0.08),  # above the middle
    (0.5, -0.5, 1.0, 0.0, 0.12),  # below the middle
    (0.0, -1.0, 1.0, -1.0, 0.10),  # left, flush bottom
    (1.0, 0.0, 1.0, -1.0, 0.12),  # right, flush bottom
)
_CORNERS = (
    (0.0, -0.5, 0.0, -0.5, 0.04),
    (1.0, -0.5, 0.0, -0.5, 0.08),
    (0.0, -0.5, 1.0, -0.5, 0.10),
    (1.0, -0.5, 1.0, -0.5, 0.12),
)
_INSIDE = (
    (0.0, 0.0, 0.0, 0.0, 0.05),
    (1.0, -1.0, 0.0, 0.0, 0.08),
    (0.0, 0.0, 1.0, -1.0, 0.10),
    (1.0, -1.0, 1.0, -1.0, 0.12),
    (0.0, 0.0, 0.5, -0.5, 0.07),
    (1.0, -1.0, 0.5, -0.5, 0.09),
)

# What a label may hide or resemble, each for hiding all of it.
_HIDES_OTHERS = 2.5
_HIDES_ITS_OWN = 1.2
_HIDES_PRINT = 0.9
_HIDES_PRINT_IN_PHOTO = 0.12
_LOOKS_LIKE_ANOTHERS = 0.6
_AWAY_FROM_MASK = 0.60
_LEADER, _EACH_LINE_AWAY = 0.35, 0.08
_CROSSES, _CROSSES_PRINT = 0.8, 0.7


@dataclass(frozen=True)
class Candidates:
    """k positions for each of u regions.

    Attributes:
        rows: (u,) the regions.
        boxes: int32 (u, k, 4), all within the canvas.
        cost: float32 (u, k); infinite where there is no such position.
        font_px: int32 (u, k) text size of the label there.
    """

    rows: NDArray[np.intp]
    boxes: NDArray[np.int32]
    cost: NDArray[np.float32]
    font_px: NDArray[np.int32]

    def of(self, rows: NDArray[np.intp]) -> "Candidates":
        """Those of some of the regions, which must all be here and sorted."""
        at = np.searchsorted(self.rows, rows)
        return Candidates(rows, self.boxes[at], self.cost[at], self.font_px[at])

    def cheapest(self, most: int) -> "Candidates":
        """The `most` cheapest positions of each region."""
        at = np.argpartition(self.cost, most, axis=1)[:, :most]
        boxes = np.take_along_axis(self.boxes, at[..., None], axis=1)
        cost = np.take_along_axis(self.cost, at, axis=1)
        return Candidates(self.rows, boxes, cost, np.take_along_axis(self.font_px, at, axis=1))

    def dearer_by(self, cost: NDArray[np.float32] | float) -> "Candidates":
        """The same positions at a higher cost."""
        return Candidates(self.rows, self.boxes, self.cost + np.float32(cost), self.font_px)

    def joined(self, other: "Candidates") -> "Candidates":
        """The positions of both, of the same regions."""
        return Candidates(
            self.rows,
            np.concatenate((self.boxes, other.boxes), axis=1),
            np.concatenate((self.cost, other.cost), axis=1),
            np.concatenate((self.font_px, other.font_px), axis=1),
        )


def beside(
    scene: Scene, rows: NDArray[np.intp], labels: Sequence[str], font_px: int, tags: str
) -> Candidates:
    """Positions in, on and next to regions.

    Args:
        scene: the regions and the maps.
        rows: (u,) which regions.
        labels: of all regions.
        font_px: their text size.
        tags: "corner" makes positions off the corners dearer.
    """
    table = np.array(_OUTSIDE + _CORNERS + _INSIDE, np.float32)
    box, size = scene.xyxy[rows], _label_sizes(labels, rows, font_px)
    left = box[:, [0]] + (box[:, [2]] - box[:, [0]]) * table[:, 0] + size[:, [0]] * table[:, 1]
    top = box[:, [1]] + (box[:, [3]] - box[:, [1]]) * table[:, 2] + size[:, [1]] * table[:, 3]
    base = np.repeat(table[None, :, 4], len(rows), axis=0)
    if tags == "corner":
        cornered = (table[:, 0] != 0.5) & (table[:, 2] != 0.5)
        base = base + np.where(cornered, 0, 0.5)
    if scene.masked:
        base = base + _AWAY_FROM_MASK
    at_x, at_y, at_cost = _at_anchor(scene, rows, size)
    return _costed(
        scene,
        rows,
        np.concatenate((left, at_x), axis=1),
        np.concatenate((top, at_y), axis=1),
        size,
        np.concatenate((base, at_cost), axis=1),
        font_px,
    )


def _at_anchor(
    scene: Scene, rows: NDArray[np.intp], size: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """On the deepest visible point, about it just outside what is visible there, at the mask's tips."""
    anchor = scene.anchors_xy[rows].astype(np.float32) + 0.5
    x, y = anchor[:, [0]], anchor[:, [1]]
    width, height = size[:, [0]], size[:, [1]]
    out = scene.depth_px[rows][:, None] + scene.cover.step + 1
    left = np.concatenate((x - width / 2, x - out - width, x + out, *[x - width / 2] * 2), axis=1)
    top = np.concatenate([y - height / 2] * 3 + [y - out - height, y + out], axis=1)
    if not scene.masked:
        return left, top, np.tile(np.array([0.2] + [0.3] * 4, np.float32), (len(rows), 1))
    # A region without a visible point of its own, covered by its parts, still has a rim to stand at.
    tips = scene.tips_xy[rows].astype(np.float32)
    tip_left = tips[..., 0] + np.array([-0.5, -0.5, -1, 0], np.float32) * width
    tip_top = tips[..., 1] + np.array([-1, 0, -0.5, -0.5], np.float32) * height
    tip_left[:, 3] += 1
    tip_top[:, 1] += 1
    cost = np.tile(np.array([0.0] + [0.15] * 4 + [0.2] * 4, np.float32), (len(rows), 1))
    return np.concatenate((left, tip_left), axis=1), np.concatenate((top, tip_top), axis=1), cost


def around(
    scene: Scene,
    rows: NDArray[np.intp],
    labels: Sequence[str],
    font_px: int,
    *,
    most: int | None = None,
) -> Candidates:
    """Positions away from regions, on rings about them; a leader line will tie the label to each.

    Args:
        scene: the regions and the maps.
        rows: (u,) which regions.
        labels: of all regions.
        font_px: their text size.
        most: how many positions to keep of each region, the cheapest; None keeps all.
    """
    angles = np.arange(16) * (np.pi / 8)
    unit = np.stack((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)
    distances = np.array([0.7, 1.3, 2.0, 3.0, 4.5, 6.5, 9.0, 13.0, 18.0], np.float32)
    box, size = scene.xyxy[rows], _label_sizes(labels, rows, font_px)
    middle, half = (box[:, :2] + box[:, 2:]) / 2, (box[:, 2:] - box[:, :2]) / 2
    if scene.masked:  # a mask need not fill its box: rings run about what is visible of it
        middle = scene.anchors_xy[rows].astype(np.float32)
        half = np.minimum(half, scene.depth_px[rows][:, None] + scene.cover.step)
    line = size[:, 1].mean()
    # From its edge outwards, so that rings follow its shape.
    reach = half[:, None, :] + size[:, None, :] / 2 + distances[None, :, None] * line
    centre = middle[:, None, None, :] + reach[:, :, None, :] * unit[None, None]
    centre = centre.reshape(len(rows), -1, 2)
    cost = _LEADER + _EACH_LINE_AWAY * np.repeat(distances, len(angles))
    left, top = centre[..., 0] - size[:, [0]] / 2, centre[..., 1] - size[:, [1]] / 2
    base = np.repeat(cost[None].astype(np.float32), len(rows), axis=0)
    found = _costed(scene, rows, left, top, size, base, font_px)
    if most is not None:
        found = found.cheapest(most)
    return found.dearer_by(_CROSSES * _crossed(scene, rows, found.boxes))


def _costed(
    scene: Scene,
    rows: NDArray[np.intp],
    left: NDArray[np.float32],
    top: NDArray[np.float32],
    size: NDArray[np.float32],
    base: NDArray[np.float32],
    font_px: int,
) -> Candidates:
    """Boxes moved into the canvas, with what they hide added to their base cost."""
    width, height = scene.size_wh
    label = size.astype(np.int32)
    x1 = np.clip(np.round(left).astype(np.int32), 0, np.maximum(width - label[:, [0]], 0))
    y1 = np.clip(np.round(top).astype(np.int32), 0, np.maximum(height - label[:, [1]], 0))
    boxes = np.stack((x1, y1, x1 + label[:, [0]], y1 + label[:, [1]]), axis=2)
    own = scene.xyxy[rows][:, None]
    over = np.minimum(boxes[..., 2:], own[..., 2:]) - np.maximum(boxes[..., :2], own[..., :2])
    own_area = np.maximum(np.prod(own[..., 2:] - own[..., :2], axis=2), 1.0)
    hides_own = np.clip(over, 0, None).prod(axis=2) / own_area
    step = scene.cover.step
    weight, _ = box_sums(scene.weight, boxes, step)
    ink, cells = box_sums(scene.ink, boxes, step)
    cost = base + _HIDES_OTHERS * np.clip(weight - hides_own, 0, 2)
    cost = cost + _HIDES_ITS_OWN * hides_own
    cost = cost + (_HIDES_PRINT_IN_PHOTO if scene.masked else _HIDES_PRINT) * ink / cells
    cost = cost + _LOOKS_LIKE_ANOTHERS * _elsewhere(scene, rows, boxes)
    too_large = (label[:, 0] > width) | (label[:, 1] > height)
    cost[too_large] = np.inf
    fonts = np.full(cost.shape, font_px, np.int32)
    return Candidates(rows, boxes, cost.astype(np.float32), fonts)


def _label_sizes(labels: Sequence[str], rows: NDArray[np.intp], font_px: int) -> NDArray[np.float32]:
    return np.array([label_size(labels[row], font_px) for row in rows], np.float32)


def _elsewhere(scene: Scene, rows: NDArray[np.intp], boxes: NDArray[np.int32]) -> NDArray[np.float32]:
    """Share of nine points of each box that show a region which neither is nor holds its own."""
    share = np.array([0.05, 0.5, 0.95])
    x = boxes[..., [0]] + (boxes[..., [2]] - boxes[..., [0]]) * share
    y = boxes[..., [1]] + (boxes[..., [3]] - boxes[..., [1]]) * share
    grid = np.broadcast_arrays(x[..., None, :], y[..., :, None])
    shape = (*boxes.shape[:2], 9)
    return _foreign(scene, rows, grid[0].reshape(shape), grid[1].reshape(shape))


def _crossed(scene: Scene, rows: NDArray[np.intp], boxes: NDArray[np.int32]) -> NDArray[np.float32]:
    """Share of the way from each box to its region that leads over other regions, or over print."""
    own = scene.xyxy[rows][:, None]
    start = (boxes[..., :2] + boxes[..., 2:]) / 2
    end = np.clip(start, own[..., :2], own[..., 2:])
    way = start[..., None, :] + (end - start)[..., None, :] * np.linspace(0.2, 1, 9)[:, None]
    crossed = _foreign(scene, rows, way[..., 0], way[..., 1])
    if scene.masked:
        return crossed
    points = np.concatenate((way, way + 1), axis=-1).astype(np.int32)
    printed, _ = box_sums(scene.ink, points, scene.cover.step)
    return np.asarray(crossed + _CROSSES_PRINT * (printed > 0).mean(axis=2), dtype=np.float32)


def _foreign(
    scene: Scene, rows: NDArray[np.intp], x: NDArray[Any], y: NDArray[Any]
) -> NDArray[np.float32]:
    """Share of points (u, k, m) that show a region which neither is nor holds that of their row."""
    owner, step = scene.cover.owner, scene.cover.step
    columns = np.clip((x / step).astype(np.intp), 0, owner.shape[1] - 1)
    lines = np.clip((y / step).astype(np.intp), 0, owner.shape[0] - 1)
    seen = owner[lines, columns]
    foreign = (seen != NOTHING) & (seen != rows[:, None, None])
    if not scene.masked:
        # A card is no stranger to the label of a button that lies on it.
        at = np.nonzero(foreign)
        box, other = scene.xyxy[rows[at[0]]], scene.xyxy[seen[at]]
        holds = (other[:, :2] <= box[:, :2] + 1).all(axis=1)
        holds &= (other[:, 2:] >= box[:, 2:] - 1).all(axis=1)
        foreign[at] = ~holds
    return np.asarray(foreign.mean(axis=2), dtype=np.float32)
