"""The order in which marks are numbered: as people read, or by area."""

from collections.abc import Iterator

import numpy as np
import supervision as sv
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float64]
Index = NDArray[np.intp]


def area_order(regions: sv.Detections) -> Index:
    """Rows from the largest region to the smallest; equal ones keep their order."""
    return np.argsort(-np.asarray(regions.area, dtype=np.float64), kind="stable")


def reading_order(xyxy: ArrayLike) -> Index:
    """Rows as people read: what contains before what it contains, columns, lines, left to right.

    Boxes are first put into a tree by containment; the children of each are then ordered by a
    recursive cut of the page along its white space (XY-cut; G. Nagy and S. Seth, "Hierarchical
    representation of optically scanned documents", 1984), with one addition: a gap between columns
    counts only if the two sides do not share their lines, so that a table is read row by row and a
    side bar before the page beside it.

    Args:
        xyxy: (n, 4) boxes.

    Returns:
        (n,) a permutation.
    """
    boxes = np.asarray(xyxy, dtype=np.float64).reshape(-1, 4)
    if not len(boxes):
        return np.zeros(0, np.intp)
    children: dict[int, list[int]] = {}
    for row, parent in enumerate(_parents(boxes)):
        children.setdefault(int(parent), []).append(row)

    def walk(parent: int) -> Iterator[int]:
        rows = np.array(children.get(parent, []), dtype=np.intp)
        for row in _ordered(boxes, rows):
            yield int(row)
            yield from walk(int(row))

    return np.fromiter(walk(-1), np.intp, len(boxes))


def _parents(boxes: Boxes) -> Index:
    """For each box the smallest that holds at least nine tenths of it and is larger; -1 for none."""
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    by_area = np.lexsort((np.arange(len(boxes)), -areas))  # a parent comes before its child
    ordered, sizes = boxes[by_area], areas[by_area]
    parents = np.full(len(boxes), -1, dtype=np.intp)
    for k in range(1, len(boxes)):
        overlap = np.minimum(ordered[k, 2:], ordered[:k, 2:]) - np.maximum(
            ordered[k, :2], ordered[:k, :2]
        )
        shared = np.clip(overlap, 0, None).prod(axis=1)
        holds = np.flatnonzero((shared >= 0.9 * sizes[k]) & (sizes[:k] >= 1.1 * sizes[k]))
        if len(holds):
            parents[by_area[k]] = by_area[holds[-1]]
    return parents


def _ordered(boxes: Boxes, rows: Index) -> Index:
    if len(rows) <= 1:
        return rows
    part = boxes[rows]
    group = _columns(part)
    if group is None:
        group = _bands(part)
    if group is None:
        return rows[_lines(part)]
    return np.concatenate([_ordered(boxes, rows[group == i]) for i in range(group.max() + 1)])


def _columns(part: Boxes) -> Index | None:
    """0 left and 1 right of the widest gap that separates columns; None if there is none."""
    heights = part[:, 3] - part[:, 1]
    least = 0.6 * float(np.median(heights))
    for at, width in _gaps(part[:, 0], part[:, 2]):
        right = part[:, 0] >= at
        sides = part[~right], part[right]
        if _stands_beside(*sides) or (width >= least and _are_columns(*sides)):
            return right.astype(np.intp)
    return None


def _are_columns(left: Boxes, right: Boxes) -> bool:
    """Whether a reader would finish the left side before turning to the right."""
    left_rows, right_rows = _centres(left), _centres(right)
    if min(len(left_rows), len(right_rows)) < 2:
        return False
    fewer, more = sorted((left_rows, right_rows), key=len)
    height = float(np.median(np.concatenate((left, right))[:, 3::-2] @ np.array([1.0, -1.0])))
    pitch = float(min(np.median(np.diff(left_rows)), np.median(np.diff(right_rows))))
    # A quarter of the way to the next line: by chance half of the lines lie that near.
    slack = 0.25 * max(height, pitch)
    shared = np.abs(fewer[:, None] - more[None]).min(axis=1) < slack
    if shared.mean() < 0.6:
        return True
    # Sides that share their lines are a table, unless they are set as text: close lines of long
    # boxes, and more white between the sides than between the lines.
    gap = right[:, 0].min() - left[:, 2].max()
    widths = [float(np.median(side[:, 2] - side[:, 0])) for side in (left, right)]
    return bool(pitch < 1.7 * height and gap > pitch - height and min(widths) > 8 * height)


def _stands_beside(left: Boxes, right: Boxes) -> bool:
    """Whether one side is a single block beside several lines of the other."""
    block, lines = sorted((left, right), key=len)
    if len(block) > 1 or len(lines) < 2:
        return False
    covered = np.minimum(block[0, 3], lines[:, 3]) - np.maximum(block[0, 1], lines[:, 1])
    return len(_centres(lines[covered > 0])) > 1 if (covered > 0).any() else False


def _bands(part: Boxes) -> Index | None:
    """Number of the band that each box lies in; just two where there are columns below the first."""
    gaps = sorted(at for at, _ in _gaps(part[:, 1], part[:, 3]))
    if not gaps:
        return None
    for at in gaps[:12]:
        below = part[:, 1] >= at
        if below.sum() >= 0.6 * len(part) and _columns(part[below]) is not None:
            return below.astype(np.intp)
    return np.searchsorted(np.array(gaps), part[:, 1], side="right").astype(np.intp)


def _gaps(low: NDArray[np.float64], high: NDArray[np.float64]) -> Iterator[tuple[float, float]]:
    """White space along one axis as (middle, width), the widest first."""
    order = np.argsort(low, kind="stable")
    reach = np.maximum.accumulate(high[order])[:-1]
    starts = low[order][1:]
    width = starts - reach
    for i in np.argsort(-width, kind="stable"):
        if width[i] < 0:
            return
        yield (float(starts[i] + reach[i]) / 2, float(width[i]))


def _centres(part: Boxes) -> NDArray[np.float64]:
    """The centre of each line of boxes, from top to bottom."""
    lines = _line_of(part)
    middle = (part[:, 1] + part[:, 3]) / 2
    return np.array([middle[lines == line].mean() for line in range(lines.max() + 1)])


def _lines(part: Boxes) -> Index:
    return np.lexsort((part[:, 0], _line_of(part)))


def _line_of(part: Boxes) -> Index:
    """Number of the line that each box stands on; robust to uneven baselines and heights."""
    middle = (part[:, 1] + part[:, 3]) / 2
    lines = np.zeros(len(part), dtype=np.intp)
    line, top, bottom = -1, 0.0, -np.inf
    for row in np.argsort(middle, kind="stable"):
        # On the line if its middle lies within the box that began it, or the other way round.
        if line < 0 or not (
            top <= middle[row] < bottom or part[row, 1] <= (top + bottom) / 2 < part[row, 3]
        ):
            line += 1
            top, bottom = part[row, 1], part[row, 3]
        lines[row] = line
    return _joined(part, lines)


def _joined(part: Boxes, lines: Index) -> Index:
    """Lines that stand beside each other, none of one below any of the other, made one line."""
    joined = np.zeros(len(part), dtype=np.intp)
    line, current = 0, part[lines == 0]
    for number in range(1, lines.max() + 1):
        following = part[lines == number]
        low, high = (np.maximum, np.minimum)
        across = high(current[:, None, 2], following[:, 2]) - low(current[:, None, 0], following[:, 0])
        level = current[:, 3].max() > following[:, 1].min()
        if level and (across <= 0).all():
            current = np.concatenate((current, following))
        else:
            line, current = line + 1, following
        joined[lines == number] = line
    return joined
