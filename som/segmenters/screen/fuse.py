"""Text, icons and panels become regions: what holds what, and what each is.

A region has a level: it is given at every granularity from its level up, so that a finer one never
has fewer regions.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from som.segmenters.screen.boxes import Boxes, areas, covered
from som.segmenters.screen.items import Item
from som.segmenters.screen.structure import (
    grow_bars,
    grow_icon,
    grow_rows,
    grow_sidebars,
    is_caption,
    join_icons,
    merge_paragraphs,
)

BASIC, DETAIL, CONTAINER, PART = 0.0, 0.5, 0.75, 0.9
"""Levels: what a person acts on; plain text and pictures; what holds several; parts of controls."""
LARGEST_CONTROL_PX = 64
LARGEST_ICON_PX = 72
TILE_PX = 56, 220
# How often a press on a region of each role did something, on the half of the rendered pages that is
# tuned on (python -m benchmarks.screens score PAGES --split tune prints it).
ACTS = {
    "menuitem": 0.85,
    "button": 0.65,
    "checkbox": 0.65,
    "icon": 0.65,
    "textbox": 0.6,
    "link": 0.3,
    "image": 0.3,
    "text": 0.25,
    "group": 0.2,
    "heading": 0.2,
}


def fuse(items: Sequence[Item], em_px: float, image_width: int) -> list[Item]:
    """Decide for every item what it is and at which granularity it is given.

    Args:
        items: all that was seen, in any order; panels that nearly coincide only once.
        em_px: usual font size of this screen, in pixels.
        image_width: pixels.

    Returns:
        Items with role, interactive, confidence and level; text of controls filled in.
    """
    if not items:
        return []
    scale = em_px / 14
    parents = _nest(items)
    fused = list(items)
    absorbed = join_icons(fused, parents, em_px)
    for index, item in enumerate(items):
        if item.kind != "panel":
            continue
        inside = [i for i in np.flatnonzero(parents == index).tolist() if i not in absorbed]
        control = _as_control(item, [fused[child] for child in inside], scale)
        fused[index] = control or _as_container(item, [fused[child] for child in inside])
        if control is not None:
            absorbed.update(inside)
    leaves = [i for i, item in enumerate(items) if item.kind != "panel" and i not in absorbed]
    paragraphs = merge_paragraphs(fused, leaves, parents)
    running = {i for group in paragraphs for i in group}
    leaves = [i for i in leaves if i not in running]
    rows = grow_sidebars(fused, leaves, parents, em_px, image_width)
    rows |= grow_rows(fused, [i for i in leaves if i not in rows], parents, em_px)
    bars = grow_bars(fused, [i for i in leaves if i not in rows], parents, em_px, image_width)
    for index, item in enumerate(items):
        if item.kind != "panel":
            fused[index] = _as_leaf(fused[index], scale, index in rows or index in bars)
            if index in running:
                fused[index] = replace(fused[index], level=CONTAINER, interactive=False)
        if index in absorbed:
            fused[index] = replace(fused[index], level=PART, interactive=False)
    return fused + [_as_paragraph([fused[i] for i in group]) for group in paragraphs]


def _nest(items: Sequence[Item]) -> NDArray[np.intp]:
    """The smallest panel around each item, -1 where there is none."""
    boxes: Boxes = np.stack([item.box_xyxy for item in items])
    size = areas(boxes)
    parents = np.full(len(items), -1, np.intp)
    panels = np.flatnonzero([item.kind == "panel" for item in items])
    if len(panels):
        panels = panels[np.argsort(size[panels], kind="stable")]
        inside = covered(boxes, boxes[panels]) >= 0.85
        inside &= size[:, None] < size[panels][None]
        held = inside.any(axis=1)
        parents[held] = panels[inside[held].argmax(axis=1)]
    return parents


def _as_paragraph(lines: list[Item]) -> Item:
    boxes = np.stack([line.box_xyxy for line in lines])
    return Item(
        np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)]),
        "text",
        " ".join(line.text for line in lines),
        min(line.score for line in lines),
        role="text",
        confidence=ACTS["text"] * min(line.score for line in lines),
        level=DETAIL,
    )


def _as_control(panel: Item, children: list[Item], scale: float) -> Item | None:
    """The control that a panel and its few contents are, or None."""
    width, height = panel.width, panel.height
    texts = sorted((c for c in children if c.kind == "text"), key=lambda c: c.box_xyxy[0])
    others = [c for c in children if c.kind != "text"]
    small = min(width, height) <= 26 * scale and max(width, height) <= 30 * scale
    if not texts and small and 0.75 <= width / height <= 1.33:
        if min(width, height) >= 9 * scale and len(others) <= 1:
            return replace(panel, role="checkbox", interactive=True, confidence=ACTS["checkbox"])
        return None
    text = " ".join(c.text for c in texts)
    if _is_tile(panel, texts, others, scale):
        return replace(panel, text=text, role="button", interactive=True, confidence=ACTS["button"])
    if height > LARGEST_CONTROL_PX * scale or height < 14 * scale:
        return None
    if not children:
        if width >= 4 * height and width <= 900 * scale:
            return replace(panel, role="textbox", interactive=True, confidence=ACTS["textbox"])
        if width <= LARGEST_ICON_PX * scale:
            # A disc or a square as large as a button is one more often than not.
            button = min(width, height) >= 20 * scale and 0.8 <= width / height <= 1.25
            level = BASIC if button else CONTAINER
            return replace(panel, role="icon", confidence=ACTS["icon"], level=level)
        return None
    if not texts:
        if width <= 2 * LARGEST_ICON_PX * scale and len(others) <= 2:
            return replace(panel, role="button", interactive=True, confidence=ACTS["button"])
        if len(others) <= 1 and width >= 4 * height:
            return replace(panel, role="textbox", interactive=True, confidence=ACTS["textbox"])
        return None
    if len(texts) > 1 or len(others) > 2 or height > 4.2 * texts[0].height:
        return None
    left = texts[0].box_xyxy[0] - panel.box_xyxy[0]
    right = panel.box_xyxy[2] - texts[-1].box_xyxy[2]
    if right > 2.5 * left + 3 * height and left <= 3 * height:
        if width > 700 * scale and not others:
            return None
        return replace(panel, text=text, role="textbox", interactive=True, confidence=ACTS["textbox"])
    return replace(panel, text=text, role="button", interactive=True, confidence=ACTS["button"])


def _is_tile(panel: Item, texts: list[Item], others: list[Item], scale: float) -> bool:
    """Whether a panel is a tile as launchers have them: a picture, its name below, both centred."""
    width, height = panel.width, panel.height
    low, high = TILE_PX[0] * scale, TILE_PX[1] * scale
    if not (low <= width <= high and low <= height <= high and 0.5 <= width / height <= 2):
        return False
    if len(others) != 1 or not 1 <= len(texts) <= 3:
        return False
    middle = (panel.box_xyxy[0] + panel.box_xyxy[2]) / 2
    picture = others[0].box_xyxy
    if (picture[2] - picture[0]) < 16 * scale or (picture[3] - picture[1]) < 16 * scale:
        return False
    below = all(text.box_xyxy[1] >= picture[3] - 2 * scale for text in texts)
    centred = all(
        abs((item.box_xyxy[0] + item.box_xyxy[2]) / 2 - middle) <= 0.08 * width
        for item in (*texts, others[0])
    )
    return below and centred


def _as_container(panel: Item, children: list[Item]) -> Item:
    text = " ".join(child.text for child in children if child.text)
    return replace(panel, text=text[:200], role="group", confidence=ACTS["group"], level=CONTAINER)


def _is_figure(text: str) -> bool:
    """Whether a text is an amount, not a name: short numbers may be pages or days to click."""
    return len(text) > 2 and not any(c.isalpha() or c == "#" for c in text)


def _as_leaf(item: Item, scale: float, in_menu: bool) -> Item:
    if item.kind == "picture":
        return replace(item, role="image", confidence=ACTS["image"])
    if item.kind == "icon":
        large = max(item.width, item.height) > LARGEST_ICON_PX * scale
        tiny = max(item.width, item.height) < 8 * scale
        level = CONTAINER if tiny else DETAIL if large else BASIC
        if not (large or tiny or in_menu):
            item = grow_icon(item)
        return replace(
            item,
            role="icon",
            interactive=not large and not tiny,
            confidence=ACTS["icon"],
            level=level,
        )
    if in_menu:
        sure = ACTS["menuitem"] * item.score
        return replace(item, role=item.role or "link", interactive=True, confidence=sure)
    if is_caption(item, 14 * scale):
        return replace(item, role="heading", confidence=ACTS["heading"] * item.score, level=CONTAINER)
    heading = item.height > 1.4 * 16.5 * scale
    short = len(item.text) <= 30 and not heading
    role = "link" if short else "heading" if heading else "text"
    return replace(
        item,
        role=role,
        interactive=short,
        confidence=ACTS[role] * item.score,
        level=CONTAINER if heading or _is_figure(item.text) else BASIC if short else DETAIL,
    )
