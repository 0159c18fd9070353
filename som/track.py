"""The same thing keeps its number from frame to frame, where only pixels say what is the same.

Regions of two frames are paired by what they say, where they are and how large they are, all at once
(H. W. Kuhn, "The Hungarian method for the assignment problem", 1955). A page that was scrolled is
recognised by its texts, which all moved by the same way. What is gone for a few frames, behind a menu
say, gets its number back.
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from som.regions import text_of

Boxes = NDArray[np.float64]
# What was not seen for so many frames has lost its number.
FORGOTTEN_AFTER = 4
# Least likeness of two regions that are one thing, 0..1.
ENOUGH = 0.4
# A shift counts when so many texts agree on it, to this many pixels.
VOTES, SHIFT_PX = 3, 4


@dataclass
class _Thing:
    number: int
    box: Boxes
    text: str
    unseen: int = 0


class Tracker:
    """Gives regions numbers that stay.

    Example:
        >>> tracker = Tracker()
        >>> first = tracker.update(regions)  # doctest: +SKIP
    """

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._things: list[_Thing] = []
        self._shown: set[int] = set()
        self._new: frozenset[int] = frozenset()

    @property
    def new(self) -> frozenset[int]:
        """Numbers in the last frame that were not in the one before."""
        return self._new

    def update(self, regions: sv.Detections) -> NDArray[np.int64]:
        """The numbers of the regions of a new frame.

        Args:
            regions: with `xyxy` and, where known, the column `text`; not changed.

        Returns:
            int64 (n,), each >= 1 and different: the number it had, else the lowest free one.
        """
        boxes = np.asarray(regions.xyxy, np.float64).reshape(-1, 4)
        texts = [_folded(text) for text in text_of(regions, "text")]
        numbers = np.zeros(len(boxes), np.int64)
        for thing, row in self._pairs(boxes, texts):
            thing.box, thing.text, thing.unseen = boxes[row], texts[row], -1
            numbers[row] = thing.number
        for thing in self._things:
            thing.unseen += 1
        self._things = [thing for thing in self._things if thing.unseen < FORGOTTEN_AFTER]
        used = {thing.number for thing in self._things}
        free = (number for number in range(1, len(used) + len(boxes) + 1) if number not in used)
        for row in np.flatnonzero(numbers == 0).tolist():
            numbers[row] = next(free)
            self._things.append(_Thing(int(numbers[row]), boxes[row], texts[row]))
        self._new = frozenset(numbers.tolist()) - self._shown
        self._shown = set(numbers.tolist())
        return numbers

    def _pairs(self, boxes: Boxes, texts: list[str]) -> list[tuple[_Thing, int]]:
        if not self._things or not len(boxes):
            return []
        old = np.array([thing.box for thing in self._things])
        said = [thing.text for thing in self._things]
        likeness = _likeness(old, boxes, said, texts)
        shift = _shift(old, boxes, said, texts)
        if shift is not None:
            moved = _likeness(old + np.tile(shift, 2), boxes, said, texts)
            # Rows of icons look alike moved or not: most texts moved, so the moved ones go first.
            likeness = np.maximum(0.9 * likeness, moved)
        found = zip(*linear_sum_assignment(likeness, maximize=True), strict=True)
        return [(self._things[i], int(j)) for i, j in found if likeness[i, j] >= ENOUGH]


def _likeness(old: Boxes, new: Boxes, said: list[str], texts: list[str]) -> NDArray[np.float64]:
    """How likely each pair is one thing, 0..1: (things, regions)."""
    low = np.maximum(old[:, None, :2], new[None, :, :2])
    high = np.minimum(old[:, None, 2:], new[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    size, other = ((part[:, 2:] - part[:, :2]).prod(axis=1) for part in (old, new))
    iou = shared / np.maximum(size[:, None] + other[None] - shared, 1e-9)
    words = {text: i for i, text in enumerate({*said, *texts} - {""}, start=1)}
    before, after = (np.array([words.get(text, 0) for text in part]) for part in (said, texts))
    known = (before[:, None] > 0) & (after[None] > 0)
    same = known & (before[:, None] == after[None])
    # In place with another text it may be a field that was typed into; elsewhere it is another thing.
    differ = known & ~same
    counts = [np.bincount(part, minlength=len(words) + 1)[part] for part in (before, after)]
    once = (counts[0][:, None] == 1) & (counts[1][None] == 1)
    ratio = np.minimum(size[:, None], other[None]) / np.maximum(size[:, None], other[None])
    alike = np.where(same & once, 0.5 * np.minimum(ratio * 1.25, 1), 0)
    likeness = np.where(differ, 0.7 * iou, np.maximum(iou, alike + 0.5 * iou * same))
    return np.asarray(likeness, np.float64)


def _shift(old: Boxes, new: Boxes, said: list[str], texts: list[str]) -> NDArray[np.float64] | None:
    """The way that more texts moved than stayed, x and y; None where they did not move together."""
    moves: Counter[tuple[int, int]] = Counter()
    where: dict[str, list[int]] = {}
    for j, text in enumerate(texts):
        where.setdefault(text, []).append(j)
    for i, text in enumerate(said):
        for j in where.get(text, []) if text else []:
            dx, dy = new[j, :2] - old[i, :2]
            moves[round(dx / SHIFT_PX), round(dy / SHIFT_PX)] += 1
    if not moves:
        return None
    (dx, dy), votes = moves.most_common(1)[0]
    if (dx, dy) == (0, 0) or votes < VOTES:
        return None
    return np.array([dx, dy], float) * SHIFT_PX


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
