"""Text, icons and panels become regions: what holds what, and what each is.

A region has a level: it is given at every granularity from its level up, so that a finer one never
has fewer regions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from som.segmenters.screen.boxes import Boxes, areas, covered

BASIC, DETAIL, CONTAINER, PART = 0.0, 0.5, 0.75, 0.9
"""Levels: what a person acts on; plain text and pictures; what holds several; parts of controls."""
LARGEST_CONTROL_PX = 64
LARGEST_ICON_PX = 72


@dataclass(frozen=True)
class Item:
    """Something seen, before or after fusion.

    Attributes:
        box_xyxy: (4,) float32.
        kind: "text", "icon", "panel" or "picture".
        text: what it says.
        score: how sure its reading is, 0..1.
        role: "" until fused.
        interactive: whether a person could act on it.
        confidence: of it being a region of that role.
        level: least granularity at which it is given.
    """

    box_xyxy: NDArray[np.float32]
    kind: str
    text: str = ""
    score: float = 1.0
    role: str = ""
    interactive: bool = False
    confidence: float = 0.5
    level: float = BASIC

    @property
    def width(self) -> float:
        """Pixels."""
        return float(self.box_xyxy[2] - self.box_xyxy[0])

    @property
    def height(self) -> float:
        """Pixels."""
        return float(self.box_xyxy[3] - self.box_xyxy[1])


@dataclass
class _Node:
    item: Item
    children: list[int] = field(default_factory=list)


def fuse(items: Sequence[Item], em_px: float) -> list[Item]:
    """Decide for every item what it is and at which granularity it is given.

    Args:
        items: all that was seen, in any order; panels that nearly coincide only once.
        em_px: usual font size of this screen, in pixels.

    Returns:
        Items with role, interactive, confidence and level; text of controls filled in.
    """
    if not items:
        return []
    scale = em_px / 14
    nodes = _nest(items)
    fused = list(items)
    absorbed = np.zeros(len(items), bool)
    for index in range(len(items)):
        children = [items[child] for child in nodes[index].children]
        if items[index].kind != "panel":
            continue
        control = _as_control(items[index], children, scale)
        if control is None:
            fused[index] = _as_container(items[index], children)
            continue
        fused[index] = control
        for child in nodes[index].children:
            absorbed[child] = True
    for index, item in enumerate(items):
        if item.kind == "panel":
            continue
        fused[index] = _as_leaf(item, scale)
        if absorbed[index]:
            fused[index] = replace(fused[index], level=PART, interactive=False)
    for index in np.flatnonzero(absorbed).tolist():
        if items[index].kind == "panel":
            fused[index] = replace(fused[index], level=PART)
    return fused


def _nest(items: Sequence[Item]) -> list[_Node]:
    """Give every item to the smallest panel around it."""
    boxes: Boxes = np.stack([item.box_xyxy for item in items])
    size = areas(boxes)
    panels = np.flatnonzero([item.kind == "panel" for item in items])
    nodes = [_Node(item) for item in items]
    if not len(panels):
        return nodes
    panels = panels[np.argsort(size[panels], kind="stable")]
    inside = covered(boxes, boxes[panels]) >= 0.85
    inside &= size[:, None] < size[panels][None]
    for index in range(len(items)):
        holders = np.flatnonzero(inside[index])
        if len(holders):
            nodes[panels[holders[0]]].children.append(index)
    return nodes


def _as_control(panel: Item, children: list[Item], scale: float) -> Item | None:
    """The control that a panel and its few contents are, or None."""
    width, height = panel.width, panel.height
    texts = sorted((c for c in children if c.kind == "text"), key=lambda c: c.box_xyxy[0])
    others = [c for c in children if c.kind != "text"]
    small = min(width, height) <= 26 * scale and max(width, height) <= 30 * scale
    if not texts and small and 0.75 <= width / height <= 1.33:
        if min(width, height) >= 9 * scale and len(others) <= 1:
            return replace(panel, role="checkbox", interactive=True, confidence=0.6)
        return None
    if height > LARGEST_CONTROL_PX * scale or height < 14 * scale:
        return None
    text = " ".join(c.text for c in texts)
    if not children:
        if width >= 4 * height and width <= 900 * scale:
            return replace(panel, role="textbox", interactive=True, confidence=0.5)
        if width <= LARGEST_ICON_PX * scale:
            return replace(panel, role="icon", interactive=False, confidence=0.3)
        return None
    if not texts:
        if width <= 2 * LARGEST_ICON_PX * scale and len(others) <= 2:
            return replace(panel, role="button", interactive=True, confidence=0.6)
        if len(others) <= 1 and width >= 4 * height:
            return replace(panel, role="textbox", interactive=True, confidence=0.5)
        return None
    if len(texts) > 1 or len(others) > 2 or height > 4.2 * texts[0].height:
        return None
    left = texts[0].box_xyxy[0] - panel.box_xyxy[0]
    right = panel.box_xyxy[2] - texts[-1].box_xyxy[2]
    if right > 2.5 * left + 3 * height and left <= 3 * height:
        if width > 700 * scale and not others:
            return None
        return replace(panel, text=text, role="textbox", interactive=True, confidence=0.6)
    return replace(panel, text=text, role="button", interactive=True, confidence=0.8)


def _as_container(panel: Item, children: list[Item]) -> Item:
    text = " ".join(child.text for child in children if child.text)
    return replace(panel, text=text[:200], role="group", confidence=0.4, level=CONTAINER)


def _as_leaf(item: Item, scale: float) -> Item:
    if item.kind == "picture":
        return replace(item, role="image", confidence=0.6, level=BASIC)
    if item.kind == "icon":
        large = max(item.width, item.height) > LARGEST_ICON_PX * scale
        tiny = max(item.width, item.height) < 7 * scale
        level = CONTAINER if tiny else DETAIL if large else BASIC
        return replace(
            item, role="icon", interactive=not large and not tiny, confidence=0.4, level=level
        )
    short = len(item.text) <= 30
    return replace(
        item,
        role="link" if short else "text",
        interactive=short,
        confidence=(0.45 if short else 0.3) * item.score,
        level=BASIC,
    )
