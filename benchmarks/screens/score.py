"""How well screen segmenters find what can be pressed, beside baselines, and where they fail.

For each target, with the same rules for everyone:

- recall: some region has an IoU of at least 0.5 with it;
- addressable: the middle of some region lies in it, and the region has at most twice its area;
- marks per target, and seconds a page.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.screens.pages import Page
from som.segmenters.screen import ScreenSegmenter

Boxes = NDArray[np.float32]
Finder = Callable[[NDArray[np.uint8]], Boxes]


@dataclass(frozen=True)
class Score:
    """How one finder does on one page.

    Attributes:
        page: which.
        boxes: (m, 4) what it found.
        found: bool (n,) targets with a region at IoU >= 0.5.
        addressable: bool (n,) targets that some region clicks.
        seconds: for the page.
    """

    page: Page
    boxes: Boxes
    found: NDArray[np.bool_]
    addressable: NDArray[np.bool_]
    seconds: float


def score(page: Page, find: Finder) -> Score:
    """Run a finder on a page and compare with its targets."""
    image, targets = page.image, page.boxes
    start = perf_counter()
    boxes = find(image)
    seconds = perf_counter() - start
    if not len(boxes):
        none = np.zeros(len(targets), np.bool_)
        return Score(page, boxes, none, none, seconds)
    low = np.maximum(targets[:, None, :2], boxes[None, :, :2])
    high = np.minimum(targets[:, None, 2:], boxes[None, :, 2:])
    over = np.clip(high - low, 0, None).prod(axis=2)
    area, size = ((b[:, 2:] - b[:, :2]).prod(axis=1) for b in (targets, boxes))
    iou = over / (area[:, None] + size - over)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    clicks = ((middle >= targets[:, None, :2]) & (middle < targets[:, None, 2:])).all(axis=2)
    clicks &= size <= 2 * area[:, None]
    return Score(page, boxes, iou.max(axis=1) >= 0.5, clicks.any(axis=1), seconds)


def finders() -> dict[str, Finder]:
    """The product, and what one gets without it."""
    from rapidocr import RapidOCR

    segmenter = ScreenSegmenter()
    settings = {"Det.limit_type": "max", "Det.limit_side_len": 1600, "Rec.rec_batch_num": 1}
    reader = RapidOCR(params={"Global.log_level": "error", "Global.use_cls": False, **settings})

    def texts(image: NDArray[np.uint8]) -> Boxes:
        corners: Any = getattr(reader(cv2.cvtColor(image, cv2.COLOR_RGB2BGR)), "boxes", None)
        if corners is None:
            return np.zeros((0, 4), np.float32)
        return np.hstack((corners.min(axis=1), corners.max(axis=1))).astype(np.float32)

    return {
        "ours": lambda image: np.asarray(segmenter(image).xyxy, dtype=np.float32),
        "rapidocr text boxes alone": texts,
        "contours": contours,
        "contours and text, merged": lambda image: merged(contours(image), texts(image)),
    }


def contours(image: NDArray[np.uint8]) -> Boxes:
    """The usual classical recipe: edges, closed, and the boxes of what they enclose."""
    edges = cv2.Canny(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), 40, 120)
    closed = cv2.morphologyEx(edges, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    outlines = cv2.findContours(closed, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)[0]
    page = image.shape[0] * image.shape[1]
    kept = [
        (x, y, x + w, y + h)
        for x, y, w, h in map(cv2.boundingRect, outlines)
        if min(w, h) >= 10 and w * h < 0.4 * page
    ]
    return np.unique(np.array(kept, np.float32).reshape(-1, 4), axis=0)


def merged(shapes: Boxes, texts: Boxes) -> Boxes:
    """As OmniParser merges: text inside a shape is the shape's, the smaller of two alike goes."""
    kept = list(shapes)
    for text in texts:
        low, high = np.maximum(shapes[:, :2], text[:2]), np.minimum(shapes[:, 2:], text[2:])
        over = np.clip(high - low, 0, None).prod(axis=1)
        inside = over > 0.8 * (text[2:] - text[:2]).prod()
        small = (shapes[:, 2:] - shapes[:, :2]).prod(axis=1) < 12 * (text[2:] - text[:2]).prod()
        if not (inside & small).any():
            kept.append(text)
    return np.array(kept, np.float32).reshape(-1, 4)


def calibration(pages: Sequence[Page]) -> str:
    """How often a press on a mark acts, by role, beside the confidence that the segmenter gives."""
    segmenter = ScreenSegmenter()
    rows: dict[str, list[tuple[float, float]]] = {}
    for page in pages:
        regions = segmenter(page.image)
        targets = page.boxes
        size = (regions.xyxy[:, 2:] - regions.xyxy[:, :2]).prod(axis=1)
        area = (targets[:, 2:] - targets[:, :2]).prod(axis=1)
        middle = (regions.xyxy[:, None, :2] + regions.xyxy[:, None, 2:]) / 2
        hits = ((middle >= targets[:, :2]) & (middle < targets[:, 2:])).all(axis=2)
        acts = (hits & (size[:, None] <= 2 * area)).any(axis=1)
        assert regions.confidence is not None
        for role, acted, sure in zip(regions.data["role"], acts, regions.confidence, strict=True):
            rows.setdefault(str(role), []).append((float(acted), float(sure)))
    lines = [f"{'role':12s}{'marks':>7s}{'acts':>7s}{'confidence':>12s}"]
    for role, seen in sorted(rows.items(), key=lambda item: -len(item[1])):
        acted_share, sure_mean = np.array(seen).mean(axis=0)
        lines.append(f"{role:12s}{len(seen):7d}{acted_share:7.2f}{sure_mean:12.2f}")
    every = np.concatenate([np.array(seen) for seen in rows.values()])
    bins = np.clip((every[:, 1] * 10).astype(int), 0, 9)
    gaps = [
        abs((every[bins == b].mean(axis=0) * [1, -1]).sum()) * (bins == b).mean() for b in set(bins)
    ]
    return "\n".join([*lines, f"expected calibration error {sum(gaps):.3f}"])


def table(scores: dict[str, list[Score]]) -> str:
    """The table: one line a finder, all targets counted alike."""
    lines = [f"{'':28s}{'recall@0.5':>11s}{'addressable':>13s}{'marks/target':>14s}{'s/page':>8s}"]
    for name, done in scores.items():
        targets = sum(len(s.found) for s in done)
        lines.append(
            f"{name:28s}{sum(s.found.sum() for s in done) / targets:11.3f}"
            f"{sum(s.addressable.sum() for s in done) / targets:13.3f}"
            f"{sum(len(s.boxes) for s in done) / targets:14.2f}"
            f"{sum(s.seconds for s in done) / len(done):8.2f}"
        )
    return "\n".join(lines)


def sheet(scores: list[Score], most: int = 10) -> Image.Image:
    """The worst pages: what was found in blue, targets not found in red, not addressable filled."""
    worst = sorted(scores, key=_quality)[:most]
    tiles = []
    for one in worst:
        drawn = one.page.image.copy()
        for box in one.boxes.astype(int).tolist():
            cv2.rectangle(drawn, box[:2], box[2:], (40, 90, 255), 1)
        for box, found, hit in zip(one.page.boxes.astype(int), one.found, one.addressable, strict=True):
            x1, y1, x2, y2 = box.tolist()
            if not hit:
                drawn[y1:y2, x1:x2] = drawn[y1:y2, x1:x2] // 2 + np.array([127, 0, 0], np.uint8)
            if not found:
                cv2.rectangle(drawn, (x1, y1), (x2, y2), (230, 0, 0), 2)
        tile = Image.fromarray(drawn)
        tile.thumbnail((960, 620))
        tiles.append(tile)
    page = Image.new("RGB", (1930, 630 * -(-len(tiles) // 2)), "white")
    for i, tile in enumerate(tiles):
        page.paste(tile, (970 * (i % 2), 630 * (i // 2)))
    return page


def _quality(one: Score) -> tuple[float, str]:
    return float(one.found.mean() + one.addressable.mean()), one.page.name
