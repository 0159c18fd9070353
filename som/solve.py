"""Which label takes which candidate: rounds of the best, and a second chance for the unlucky."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from som.candidates import Candidates, around, beside
from som.glyphs import label_size
from som.scene import Scene
from som.style import Style

# A label that costs more than this looks for a better place: by pushing others, then farther away.
_BAD = 0.55
# How many places it tries to push for, how many labels it may push, and what that must gain.
_TRIES, _MOST_PUSHED, _LEAST_GAIN = 6, 2, 0.05
# Places away from a region that are looked at before all of them are.
_MOST_AWAY = 32
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

    def solve(self, font_px: int, *, by_importance: bool) -> None:
        """Place all labels at this text size, and at the smallest those that find no room.

        Args:
            font_px: text size.
            by_importance: let important regions choose first, rather than those with most to lose.
        """
        everyone = np.arange(len(self.labels))
        near = beside(self.scene, everyone, self._sizes(everyone, font_px), self.style.tags)
        self._take(near, font_px, by_importance)
        # Regions with masks have room inside or none; on pages, rows of controls can move up.
        if not self.scene.masked:
            self._make_room(near, font_px)
        bad = np.flatnonzero(self.costs > _BAD)
        if len(bad):
            self.costs[bad] = np.inf
            far = around(self.scene, bad, self._sizes(bad, font_px), most=_MOST_AWAY)
            self._take(near.of(bad).joined(far), font_px, by_importance)
        for size in dict.fromkeys((font_px, self.style.min_font_px)):
            lost = np.flatnonzero(~np.isfinite(self.costs))
            if len(lost):
                sizes = self._sizes(lost, size)
                near = beside(self.scene, lost, sizes, self.style.tags)
                self._take(near.joined(around(self.scene, lost, sizes)), size, by_importance)

    def _make_room(self, near: Candidates, font_px: int) -> None:
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
                    self.fonts[moved] = font_px
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

    def _sizes(self, rows: NDArray[np.intp], font_px: int) -> NDArray[np.int32]:
        return np.array([label_size(self.labels[i], font_px) for i in rows], np.int32)

    def _take(self, candidates: Candidates, font_px: int, by_importance: bool) -> None:
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
            self.fonts[rows[won]] = font_px
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
