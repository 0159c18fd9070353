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
        self._make_room(near, font_px)
        bad = np.flatnonzero(self.costs > _BAD)
        if len(bad):
            self.costs[bad] = np.inf
            far = around(self.scene, bad, self._sizes(bad, font_px))
            self._take(near.of(bad).joined(far), font_px, by_importance)
        smallest = self.style.min_font_px
        lost = np.flatnonzero(~np.isfinite(self.costs))
        if len(lost) and smallest < font_px:
            sizes = self._sizes(lost, smallest)
            near = beside(self.scene, lost, sizes, self.style.tags)
            self._take(near.joined(around(self.scene, lost, sizes)), smallest, by_importance)

    def _make_room(self, near: Candidates, font_px: int) -> None:
        """Let labels that ended badly push one or two others aside, where both gain together."""
        for row in np.flatnonzero(self.costs > _BAD):
            for at in np.argsort(near.cost[row], kind="stable")[:_TRIES]:
                if not near.cost[row, at] < self.costs[row] - _LEAST_GAIN:
                    break
                gain = self.costs[row] - near.cost[row, at]
                moves = self._pushed_aside(near, int(row), near.boxes[row, at], gain)
                if moves is not None:
                    for other, box, cost in [
                        *moves,
                        (int(row), near.boxes[row, at], near.cost[row, at]),
                    ]:
                        self.boxes[other], self.costs[other] = box, cost
                        self.fonts[other] = font_px
                    break

    def _pushed_aside(
        self, near: Candidates, row: int, wanted: NDArray[np.int32], gain: float
    ) -> list[tuple[int, NDArray[np.int32], float]] | None:
        """New places of the labels that lie on a wanted box, if they cost less than is gained."""
        in_the_way = _overlap(wanted[None, None], self.boxes)[0, 0]
        in_the_way[row] = False
        others = np.flatnonzero(in_the_way)
        if len(others) > _MOST_PUSHED:
            return None
        trial = self.boxes.copy()
        trial[row], trial[others] = wanted, 0
        moves = []
        for other in others:
            cost = near.cost[other].copy()
            cost[_overlap(near.boxes[[other]], trial)[0].any(axis=1)] = np.inf
            best = int(cost.argmin())
            if not cost[best] - self.costs[other] < gain - _LEAST_GAIN:
                return None
            gain -= cost[best] - self.costs[other]
            trial[other] = near.boxes[other, best]
            moves.append((int(other), near.boxes[other, best], float(cost[best])))
        return moves

    def _sizes(self, rows: NDArray[np.intp], font_px: int) -> NDArray[np.int32]:
        return np.array([label_size(self.labels[i], font_px) for i in rows], np.int32)

    def _take(self, candidates: Candidates, font_px: int, by_importance: bool) -> None:
        """Give each row of `candidates` its cheapest box that overlaps no label."""
        rows, boxes, cost = candidates.rows, candidates.boxes, candidates.cost.copy()
        taken = np.flatnonzero(np.isfinite(self.costs))
        cost[_overlap(boxes, self.boxes[taken]).any(axis=2)] = np.inf
        rank = self.scene.importance[rows] if by_importance else _regret(cost)
        pending = np.argsort(-rank, kind="stable")
        while len(pending):
            pending = pending[np.isfinite(cost[pending].min(axis=1))]
            best = cost[pending].argmin(axis=1)
            wanted = boxes[pending, best]
            clash = np.tril(_overlap(wanted[:, None], wanted)[:, 0], -1).any(axis=1)
            won = pending[~clash]
            self.boxes[rows[won]] = wanted[~clash]
            self.costs[rows[won]] = cost[won, best[~clash]]
            self.fonts[rows[won]] = font_px
            pending = pending[clash]
            blocked = _overlap(boxes[pending], wanted[~clash]).any(axis=2)
            cost[pending] = np.where(blocked, np.inf, cost[pending])


def _regret(cost: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a row loses if its best candidate goes to another."""
    if cost.shape[1] < 2:
        return np.zeros(len(cost), np.float32)
    two = np.sort(np.minimum(cost, 1e6), axis=1)[:, :2]
    return np.asarray(two[:, 1] - two[:, 0])


def _overlap(boxes: NDArray[np.int32], others: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which of (u, k) boxes overlap which of m others, (u, k, m)."""
    a, b = boxes[:, :, None, :], others[None, None, :, :]
    hit = (a[..., 0] < b[..., 2]) & (b[..., 0] < a[..., 2])
    hit &= (a[..., 1] < b[..., 3]) & (b[..., 1] < a[..., 3])
    return np.asarray(hit)
