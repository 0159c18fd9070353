"""What the arrangement of text and icons says about boxes that nobody drew.

Menu rows, bar entries and icon buttons are larger than what is written in them, and their edges
often show nowhere. Their neighbours tell: rows share their left edge and their pitch, entries of a
bar share their middle line.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from som.segmenters.screen.boxes import ious
from som.segmenters.screen.items import Item

ICON_GROWTH = 1.38
"""Icons stand bare or in a button about twice their size; between the two, either one fits."""
PITCHES = (1.9, 4.6)
"""Least and greatest distance of menu rows, in em: closer is running text, further is a list."""
NEAREST_RUNNING = 1.75


def join_icons(items: list[Item], parents: NDArray[np.intp], em_px: float) -> set[int]:
    """Let text take in the icon right before it and the arrow right after it.

    Args:
        items: all of them; texts are replaced by wider ones in place.
        parents: (n,) the panel around each, -1 for none.
        em_px: usual font size.

    Returns:
        Indices of the icons taken in.
    """
    texts = [i for i, item in enumerate(items) if item.kind == "text"]
    panels = np.array([item.box_xyxy for item in items if item.kind == "panel"], np.float32)
    taken: set[int] = set()
    for index, item in enumerate(items):
        largest = max(item.width, item.height)
        if item.kind != "icon" or largest > 2.6 * em_px:
            continue
        # A box beside a label is a checkbox, which is clicked by itself.
        if len(panels) and ious(item.box_xyxy[None], panels).max() >= 0.45:
            continue
        for text in texts:
            box, mine = items[text].box_xyxy, item.box_xyxy
            if parents[text] != parents[index]:
                continue
            if abs(box[1] + box[3] - mine[1] - mine[3]) > 0.7 * em_px:
                continue
            before = -0.2 * em_px <= box[0] - mine[2] <= 1.1 * em_px
            after = -0.2 * em_px <= mine[0] - box[2] <= 0.8 * em_px and largest <= 0.95 * em_px
            if before or after:
                joined = np.concatenate([np.minimum(box[:2], mine[:2]), np.maximum(box[2:], mine[2:])])
                items[text] = replace(items[text], box_xyxy=joined, has_icon=True)
                taken.add(index)
                break
    return taken


def grow_rows(
    items: list[Item], leaves: list[int], parents: NDArray[np.intp], em_px: float
) -> set[int]:
    """Widen stacked menu entries to the rows that they fill.

    Args:
        items: all of them; entries are replaced in place.
        leaves: indices of texts and icons that stand by themselves.
        parents: (n,) the panel around each, -1 for none.
        em_px: usual font size.

    Returns:
        Indices of the entries.
    """
    texts = [i for i in leaves if items[i].kind == "text" and items[i].width <= 16 * em_px]
    grown: set[int] = set()
    for index in texts:
        if index in grown:
            continue
        left = items[index].box_xyxy[0]
        column = [
            i
            for i in texts
            if parents[i] == parents[index]
            and abs(items[i].box_xyxy[0] - left) <= 0.25 * em_px
            and not _has_company(i, texts, items, parents)
        ]
        column.sort(key=lambda i: float(items[i].box_xyxy[1]))
        for stack in _even_stacks(column, items, em_px):
            parent = items[parents[index]] if parents[index] >= 0 else None
            _grow_stack(stack, items, parent, em_px)
            grown.update(stack)
    return grown


def _has_company(index: int, texts: list[int], items: list[Item], parents: NDArray[np.intp]) -> bool:
    """Whether other text stands in the same row: then it is a table, not a menu."""
    box = items[index].box_xyxy
    middle = (box[1] + box[3]) / 2
    return any(
        other != index
        and items[other].width > 3 * items[other].height
        and parents[other] == parents[index]
        and items[other].box_xyxy[1] < middle < items[other].box_xyxy[3]
        for other in texts
    )


def _even_stacks(column: list[int], items: list[Item], em_px: float) -> list[list[int]]:
    stacks: list[list[int]] = []
    current = column[:1]
    pitch = 0.0
    for above, below in pairwise(column):
        step = _middle(items[below]) - _middle(items[above])
        fits = PITCHES[0] * em_px <= step <= PITCHES[1] * em_px
        if fits and (len(current) < 2 or abs(step - pitch) <= 0.2 * em_px):
            current.append(below)
        else:
            stacks.append(current)
            current = [above, below] if fits and len(current) < 3 else [below]
        pitch = step
    stacks.append(current)
    return [stack for stack in stacks if len(stack) >= 3]


def _middle(item: Item) -> float:
    return float(item.box_xyxy[1] + item.box_xyxy[3]) / 2


def _grow_stack(stack: list[int], items: list[Item], parent: Item | None, em_px: float) -> None:
    boxes = np.stack([items[i].box_xyxy for i in stack])
    pitch = float(np.median(np.diff((boxes[:, 1] + boxes[:, 3]) / 2)))
    left, right = float(boxes[:, 0].min()) - 0.9 * em_px, float(boxes[:, 2].max()) + 1.5 * em_px
    if parent is not None and parent.width <= 24 * em_px:
        left, right = float(parent.box_xyxy[0]), float(parent.box_xyxy[2])
    for i in stack:
        middle = _middle(items[i])
        row = np.array([left, middle - pitch / 2, right, middle + pitch / 2], np.float32)
        items[i] = replace(items[i], box_xyxy=row, role="menuitem")


def grow_sidebars(
    items: list[Item],
    leaves: list[int],
    parents: NDArray[np.intp],
    em_px: float,
    image_width: int,
) -> set[int]:
    """Widen the entries of side bars to their rows.

    A side bar is a tall, narrow panel at the left or right edge of the image.

    Returns:
        Indices of the entries.
    """
    grown: set[int] = set()
    for parent in {int(parents[i]) for i in leaves if parents[i] >= 0}:
        bar = items[parent]
        at_edge = bar.box_xyxy[0] <= em_px or bar.box_xyxy[2] >= image_width - em_px
        if not at_edge or bar.width > 24 * em_px or bar.height < 16 * em_px:
            continue
        entries = [i for i in leaves if parents[i] == parent and items[i].kind == "text"]
        entries = _widest_of_rows(entries, items, em_px)
        middles = np.array([_middle(items[i]) for i in entries])
        steps = np.concatenate([[9e9], np.diff(middles), [9e9]])
        for position, index in enumerate(entries):
            half = min(steps[position], steps[position + 1]) / 2
            half = min(half, 2.0 * em_px) if half < 1e6 else 1.4 * em_px
            if half < 0.95 * em_px or is_caption(items[index], em_px):
                continue
            row = [bar.box_xyxy[0], middles[position] - half, bar.box_xyxy[2], middles[position] + half]
            items[index] = replace(items[index], box_xyxy=np.array(row, np.float32), role="menuitem")
            grown.add(index)
    return grown


def _widest_of_rows(entries: list[int], items: list[Item], em_px: float) -> list[int]:
    """One entry a row, top to bottom: badges and icons that were read as letters are no rows."""
    rows: list[int] = []
    for index in sorted(entries, key=lambda i: _middle(items[i])):
        if rows and _middle(items[index]) - _middle(items[rows[-1]]) < 0.6 * em_px:
            rows[-1] = max(rows[-1], index, key=lambda i: items[i].width)
        else:
            rows.append(index)
    return rows


def grow_bars(
    items: list[Item],
    leaves: list[int],
    parents: NDArray[np.intp],
    em_px: float,
    image_width: int,
) -> set[int]:
    """Widen the entries of bars by the padding that they usually have.

    A bar is a panel that spans most of the image and is not much higher than a control.

    Returns:
        Indices of the entries.
    """
    grown: set[int] = set()
    by_bar: dict[int, list[int]] = {}
    for index in leaves:
        if parents[index] >= 0:
            by_bar.setdefault(int(parents[index]), []).append(index)
    for parent, held in by_bar.items():
        bar = items[parent]
        # Further down, wide low panels are the rows of tables.
        at_top = bar.box_xyxy[1] <= 10 * em_px
        is_low = 2.4 * em_px <= bar.height <= 5.5 * em_px
        if not (at_top and is_low and bar.width >= 0.7 * image_width):
            continue
        inside = [i for i in held if items[i].kind in ("text", "icon")]
        inside.sort(key=lambda i: float(items[i].box_xyxy[0]))
        middles = np.array([_middle(items[i]) for i in inside])
        if not inside:
            continue
        on_line = np.abs(middles - np.median(middles)) <= 0.5 * em_px
        if on_line.mean() < 0.6:
            continue
        entries = [i for i, fits in zip(inside, on_line, strict=True) if fits]
        if len(entries) < 3:
            continue
        lefts = [float(items[i].box_xyxy[0]) for i in entries]
        rights = [float(items[i].box_xyxy[2]) for i in entries]
        for position, index in enumerate(entries):
            gap_left = lefts[position] - rights[position - 1] if position else 9e9
            gap_right = lefts[position + 1] - rights[position] if position + 1 < len(entries) else 9e9
            pad = max(min(gap_left / 2, gap_right / 2, 0.5 * em_px), 0.0)
            middle, half = _middle(items[index]), min(bar.height / 2, 1.15 * em_px)
            half = max(half, items[index].height / 2)
            items[index] = replace(
                items[index],
                box_xyxy=np.array(
                    [lefts[position] - pad, middle - half, rights[position] + pad, middle + half],
                    np.float32,
                ),
            )
            grown.add(index)
    return grown


def is_caption(item: Item, em_px: float) -> bool:
    """Whether it is a heading in small capitals, as over the groups of a menu or a table's columns."""
    return (
        not item.has_icon and item.text.isupper() and len(item.text) > 3 and item.height < 1.12 * em_px
    )


def grow_icon(item: Item) -> Item:
    """An icon with part of the button that it may stand in."""
    x1, y1, x2, y2 = (float(value) for value in item.box_xyxy)
    # Buttons of icons are square, even where the icon is not.
    side = max(x2 - x1, y2 - y1)
    width = max((x2 - x1) * ICON_GROWTH, min(side, 1.8 * (x2 - x1)))
    height = max((y2 - y1) * ICON_GROWTH, min(side, 1.8 * (y2 - y1)))
    if max(width, height) > 1.7 * min(width, height):
        # A row of dots says nothing about the size of its button but that it is larger.
        width = height = 1.5 * side
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    box = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    return replace(item, box_xyxy=np.array(box, np.float32))


def merge_paragraphs(
    items: list[Item], leaves: list[int], parents: NDArray[np.intp]
) -> list[list[int]]:
    """Groups of lines that run on: same left edge and size, close together, the upper one long.

    Returns:
        Groups of at least two indices, top to bottom.
    """
    texts = sorted(
        (i for i in leaves if items[i].kind == "text"), key=lambda i: float(items[i].box_xyxy[1])
    )
    below: dict[int, int] = {}
    for position, upper in enumerate(texts):
        a = items[upper]
        if len(a.text) < 24:
            continue
        for lower in texts[position + 1 :]:
            b = items[lower]
            gap = float(b.box_xyxy[1] - a.box_xyxy[3])
            if gap > a.height:
                break
            alike = 0.8 <= a.height / b.height <= 1.25 and parents[upper] == parents[lower]
            if alike and gap >= -0.4 * a.height and abs(a.box_xyxy[0] - b.box_xyxy[0]) <= 3:
                below[upper] = lower
                break
    groups: list[list[int]] = []
    for first in texts:
        if first not in below or first in below.values():
            continue
        group = [first]
        while group[-1] in below:
            group.append(below[group[-1]])
        groups.append(group)
    return groups
