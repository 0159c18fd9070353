"""Which label takes which candidate: rounds of the best, and a second chance for the unlucky."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from som.candidates import Candidates, around, beside
from som.scene import Scene
from som.style import Style

# A label that costs more than this looks for a better place: by pushing others, then farther away.
_BAD = 0.55
# How many places it tries to push for, how many labels it may push, and what that must gain.
_TRIES, _MOST_PUSHED, _LEAST_GAIN = 6, 2, 0.05
# Places away from a region that are looked at before all of them are.
_MOST_AWAY = 32
# What it costs a label to have no size at all, where the others keep theirs and where all shrink
# alike; and the smaller sizes it may try.
_SMALLER, _ALL_SMALLER, _SMALLER_FONTS = 0.8, 0.3, (0.8, 0.64)
# So many pairs of boxes are compared in one go.
_PAIRS_AT_ONCE = 30_000


class Solver:
    """Labels taken so far, and the rounds that take more."""

    def __init__(self, scene: Scene, labels: Sequence[str], style: Style) -> None:
        n = len(labels)
        self.scene, self.labels, self.style = scene, labels, style
        self.boxes = np.zeros((n, 4), np.int32)
        self.costs = np.full(n, np.inf)
        self.fonts = np.zeros(n, np.int32)

    @property
    def complete(self) -> bool:
        """Whether every label has a place."""
        return bool(np.isfinite(self.costs).all())

    @property
    def bad(self) -> int:
        """How many labels are far from their region, or on what they should not hide."""
        return int((self.costs > _BAD).sum())

    def regret(self, font_px: int) -> float:
        """What all places cost, with what it costs to be smaller than this size."""
        return float(self.costs.sum() + _ALL_SMALLER * (1 - self.fonts / font_px).sum())

    def solve(self, font_px: int, *, by_importance: bool) -> None:
        """Place all labels at this text size, and at the smallest those that find no room.

        Args:
            font_px: text size.
            by_importance: let important regions choose first, rather than those with most to lose.
        """
        everyone = np.arange(len(self.labels))
        near = beside(self.scene, everyone, self.labels, font_px, self.style.tags)
        self._take(near, by_importance)
        # Regions with masks have room inside or none; on pages, rows of controls can move up.
        if not self.scene.masked:
            self._make_room(near)
        bad = np.flatnonzero(self.costs > _BAD)
        if len(bad):
            self.costs[bad] = np.inf
            places = near.of(bad).joined(around(self.scene, bad, self.labels, font_px, most=_MOST_AWAY))
            if not self.scene.masked:
                places = self._with_smaller(places, bad, font_px)
            self._take(places, by_importance)
        for size in dict.fromkeys((font_px, self.style.min_font_px)):
            lost = np.flatnonzero(~np.isfinite(self.costs))
            if len(lost):
                near = beside(self.scene, lost, self.labels, size, self.style.tags)
                far = around(self.scene, lost, self.labels, size)
                self._take(near.joined(far), by_importance)

    def _with_smaller(self, places: Candidates, rows: NDArray[np.intp], font_px: int) -> Candidates:
        """These places and those of smaller labels: on low rows, small and near beats far away."""
        for share in _SMALLER_FONTS:
            size = max(self.style.min_font_px, round(font_px * share))
            smaller = beside(self.scene, rows, self.labels, size, self.style.tags)
            places = places.joined(smaller.dearer_by(_SMALLER * (1 - size / font_px)))
        return places

    def _make_room(self, near: Candidates) -> None:
        """Let labels that ended badly push one or two others aside, where both gain together."""
        for row in np.flatnonzero(self.costs > _BAD).tolist():
            cost = near.cost[row]
            tries = np.argsort(cost, kind="stable")[:_TRIES]
            tries = tries[cost[tries] < self.costs[row] - _LEAST_GAIN]
            in_the_way = _overlap(near.boxes[row, tries], self.boxes)
            in_the_way[:, row] = False
            for at, blocked in zip(tries, in_the_way, strict=True):
                gain = float(self.costs[row] - cost[at])
                others = np.flatnonzero(blocked).tolist()
                moves = self._pushed_aside(near, row, near.boxes[row, at], others, gain)
                if moves is None:
                    continue
                for moved, place in {**moves, row: int(at)}.items():
                    self.boxes[moved] = near.boxes[moved, place]
                    self.costs[moved] = near.cost[moved, place]
                    self.fonts[moved] = near.font_px[moved, place]
                break

    def _pushed_aside(
        self, near: Candidates, row: int, wanted: NDArray[np.int32], others: list[int], gain: float
    ) -> dict[int, int] | None:
        """New places of the labels in the way of a wanted box, if they cost less than is gained."""
        if len(others) > _MOST_PUSHED:
            return None
        trial = self.boxes.copy()
        trial[row], trial[others] = wanted, 0
        moves = {}
        for other in others:
            cost = np.where(_hits(near.boxes[other], trial), np.inf, near.cost[other])
            best = int(cost.argmin())
            gain -= float(cost[best] - self.costs[other])
            if not gain > _LEAST_GAIN:
                return None
            trial[other] = near.boxes[other, best]
            moves[other] = best
        return moves

    def _take(self, candidates: Candidates, by_importance: bool) -> None:
        """Give each row of `candidates` its cheapest box that overlaps no label."""
        rows, boxes, cost = candidates.rows, candidates.boxes, candidates.cost.copy()
        taken = np.flatnonzero(np.isfinite(self.costs))
        cost[_hits(boxes, self.boxes[taken])] = np.inf
        rank = self.scene.importance[rows] if by_importance else _regret(cost)
        pending = np.argsort(-rank, kind="stable")
        while len(pending):
            pending = pending[np.isfinite(cost[pending].min(axis=1))]
            best = cost[pending].argmin(axis=1)
            wanted = boxes[pending, best]
            clash = np.tril(_overlap(wanted, wanted), -1).any(axis=1)
            won = pending[~clash]
            self.boxes[rows[won]] = wanted[~clash]
            self.costs[rows[won]] = cost[won, best[~clash]]
            self.fonts[rows[won]] = candidates.font_px[won, best[~clash]]
            pending = pending[clash]
            blocked = _hits(boxes[pending], wanted[~clash])
            cost[pending] = np.where(blocked, np.inf, cost[pending])


def _regret(cost: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a row loses if its best candidate goes to another."""
    if cost.shape[1] < 2:
        return np.zeros(len(cost), np.float32)
    two = np.sort(np.minimum(cost, 1e6), axis=1)[:, :2]
    return np.asarray(two[:, 1] - two[:, 0])


def _overlap(boxes: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which of (..., 4) boxes overlap which of (m, 4) others: (..., m)."""
    a, b = boxes[..., None, :], others
    hit = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2])
    hit &= (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    return np.asarray(hit)


def _hits(boxes: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which of (..., 4) boxes overlap any of (m, 4) others: (...).

    Many boxes are held only against those others whose left side is near enough to theirs: few, where
    all together would be thousands.
    """
    flat = boxes.reshape(-1, 4)
    hit = np.zeros(len(flat), np.bool_)
    if len(flat):
        hull = np.concatenate((flat[:, :2].min(axis=0), flat[:, 2:].max(axis=0)))
        others = others[_overlap(hull, others)]
    if len(flat) * len(others) < _PAIRS_AT_ONCE:
        hit |= _overlap(flat, others).any(axis=1)
        return hit.reshape(boxes.shape[:-1])
    others = others[np.argsort(others[:, 0], kind="stable")]
    x1, y1, x2, y2 = flat.T
    widest = (others[:, 2] - others[:, 0]).max()
    at = np.searchsorted(others[:, 0], x1 - widest, "right")
    end = np.searchsorted(others[:, 0], x2, "left")
    for _ in range(int((end - at).max())):
        left, top, right, bottom = others[np.minimum(at, len(others) - 1)].T
        hit |= (at < end) & (x1 < right) & (left < x2) & (y1 < bottom) & (top < y2)
        at += 1
    return hit.reshape(boxes.shape[:-1])
