"""Regions in blocks: parts of an image that hold few enough of them to be looked at one by one."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Boxes = NDArray[np.float64]
Index = NDArray[np.intp]
# A box that holds the middles of so many others is a container: it says nothing of where gaps are.
CONTAINS = 3


def find_blocks(xyxy: ArrayLike, most: int) -> list[Index]:
    """Cut regions into blocks along the widest white space between them.

    Every region is in one block but containers that reach over several, which are in none. The cut is
    the recursive one of XY-trees (G. Nagy and S. Seth, 1984); where there is no white space, a block is
    halved across its longer side.

    Args:
        xyxy: (n, 4) boxes.
        most: regions in a block, at least 1.

    Returns:
        Rows of each block, from top to bottom and left to right.
    """
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    held = (boxes[:, None, :2] <= middle[None]) & (middle[None] < boxes[:, None, 2:])
    container = held.all(axis=2).sum(axis=1) - 1 >= CONTAINS
    blocks = list(_cut(boxes, np.flatnonzero(~container), most))
    for row in np.flatnonzero(container):
        outer = boxes[row]
        for i, block in enumerate(blocks):
            x1, y1, x2, y2 = block_box(boxes, block)
            if outer[0] >= x1 - 1 and outer[1] >= y1 - 1 and outer[2] <= x2 + 1 and outer[3] <= y2 + 1:
                blocks[i] = np.append(block, row)
                break
    return [np.sort(block) for block in blocks]


def block_box(boxes: Boxes, block: Index) -> tuple[float, float, float, float]:
    """The smallest box around the regions of a block."""
    x1, y1 = boxes[block, :2].min(axis=0)
    x2, y2 = boxes[block, 2:].max(axis=0)
    return float(x1), float(y1), float(x2), float(y2)


def _cut(boxes: Boxes, rows: Index, most: int) -> list[Index]:
    if len(rows) <= max(most, 1):
        return [rows] if len(rows) else []
    part = boxes[rows]
    gaps = [_widest_gap(part, axis) for axis in (0, 1)]
    # Lines of text lie close together, so a gap between columns need not be as wide.
    axis = int(np.argmax([gaps[0][0], gaps[1][0]]))
    width, at = gaps[axis]
    middle = (part[:, axis] + part[:, 2 + axis]) / 2
    if width <= 0:
        extent = part[:, 2:].max(axis=0) - part[:, :2].min(axis=0)
        axis = int(extent[1] >= extent[0])
        middle = (part[:, axis] + part[:, 2 + axis]) / 2
        order = np.argsort(middle, kind="stable")
        first, second = order[: len(order) // 2], order[len(order) // 2 :]
    else:
        first, second = np.flatnonzero(middle < at), np.flatnonzero(middle >= at)
    return [*_cut(boxes, rows[first], most), *_cut(boxes, rows[second], most)]


def _widest_gap(part: Boxes, axis: int) -> tuple[float, float]:
    """Width and place of the widest white space along an axis that leaves a fifth on either side.

    Returns:
        (0, 0) where there is none.
    """
    order = np.argsort(part[:, axis], kind="stable")
    starts, ends = part[order, axis], np.maximum.accumulate(part[order, 2 + axis])
    gaps = starts[1:] - ends[:-1]
    share = np.arange(1, len(order)) / len(order)
    gaps = np.where(np.minimum(share, 1 - share) >= 0.2, gaps, 0)
    best = int(gaps.argmax())
    if gaps[best] <= 0:
        return 0.0, 0.0
    return float(gaps[best]), float((starts[best + 1] + ends[best]) / 2)
