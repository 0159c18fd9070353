"""The screen segmenter: from pixels to regions in one pass, and cheaply again."""

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.errors import SegmenterError
from som.regions import make_regions
from som.segmenters.screen.boxes import Boxes, areas, covered, ious
from som.segmenters.screen.fuse import fuse
from som.segmenters.screen.items import Item
from som.segmenters.screen.korean import HANGUL, korean_reader
from som.segmenters.screen.lines import find_runs
from som.segmenters.screen.pixels import find_steps
from som.segmenters.screen.reader import Reading, crop_line, read_lines
from som.segmenters.screen.shapes import (
    drop_duplicates,
    find_checkboxes,
    find_panels,
    find_pictures,
)
from som.segmenters.screen.typeset import is_wide, line_box

BAND_PX = 4096
LEAST_SCORE = 0.6
TALLEST_LINE_PX = 90
LEAST_BUTTON_PX = 20


@dataclass(frozen=True)
class Look:
    """What one look at a screen saw, kept so that the next look is cheap.

    Attributes:
        image: RGB uint8 (H, W, 3) that was looked at.
        regions: what was found.
        readings: what each line crop says, by digest of its pixels.
    """

    image: NDArray[np.uint8]
    regions: sv.Detections
    readings: dict[bytes, Reading] = field(repr=False)


class ScreenSegmenter:
    """Controls, links, fields, icons and text of a screenshot, by classical vision and OCR.

    Args:
        granularity: 0 coarse (controls only) to 1 fine (their parts too). Finer never gives fewer
            regions.
        korean: read Korean too; see `som.segmenters.screen.korean`.

    Raises:
        SegmenterError: granularity is not in 0..1.
        MissingDependencyError: nothing on this machine reads Korean.
    """

    name = "screen"

    def __init__(self, *, granularity: float = 0.5, korean: bool = False) -> None:
        if not 0 <= granularity <= 1:
            raise SegmenterError(f"granularity is {granularity}; give a number from 0 to 1")
        if korean:
            korean_reader()
        self.granularity, self.korean = granularity, korean

    def __call__(self, image: NDArray[np.uint8], /) -> sv.Detections:
        """The regions of an RGB uint8 image (H, W, 3), boxes only."""
        return self.segment(image).regions

    def segment(self, image: NDArray[np.uint8], previous: Look | None = None) -> Look:
        """Look at a screen, reading only lines that the previous look has not read.

        Every line is read from its own pixels alone, so the regions are the same with and without
        a previous look, wherever on the screen the lines have moved.

        Args:
            image: RGB uint8 (H, W, 3).
            previous: what this segmenter returned for an earlier screenshot, of any size.

        Returns:
            The regions, and what the next look needs.
        """
        if (
            previous is not None
            and previous.image.shape == image.shape
            and np.array_equal(previous.image, image)
        ):
            return previous
        known = {} if previous is None else previous.readings
        items: list[Item] = []
        readings: dict[bytes, Reading] = {}
        for top, bottom in _bands(image):
            seen, read = _see(image[top:bottom], {**known, **readings}, korean=self.korean)
            readings.update(read)
            items += [_moved(item, top) for item in seen]
        em_px = _em(items)
        fused = [item for item in fuse(items, em_px, image.shape[1]) if item.level <= self.granularity]
        return Look(image.copy(), _as_regions(fused, image.shape[1], image.shape[0]), readings)


def _bands(image: NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Cut very tall images where a row has the fewest colour steps, to bound the memory."""
    height = len(image)
    cuts = [0]
    while height - cuts[-1] > BAND_PX:
        start = cuts[-1] + BAND_PX * 3 // 4
        window = image[start : cuts[-1] + BAND_PX].astype(np.int16)
        steps = np.abs(np.diff(window, axis=1)).max(axis=2) > 3
        cuts.append(start + int(steps.sum(axis=1).argmin()) + 1)
    cuts.append(height)
    return list(pairwise(cuts))


def _moved(item: Item, down: int) -> Item:
    return replace(item, box_xyxy=item.box_xyxy + np.array([0, down, 0, down], np.float32))


def _see(
    image: NDArray[np.uint8], known: dict[bytes, Reading], *, korean: bool
) -> tuple[list[Item], dict[bytes, Reading]]:
    steps = find_steps(image)
    pictures = find_pictures(steps)
    panels = _outside(find_panels(steps), pictures, 0.8)
    checkboxes = find_checkboxes(steps, panels)
    runs = find_runs(image, steps, np.concatenate([pictures, checkboxes]))
    sides = runs[:, 2:] - runs[:, :2]
    readable = (sides[:, 1] <= TALLEST_LINE_PX) & (sides[:, 1] >= 5) & (sides[:, 0] >= 3)
    readable &= sides[:, 0] >= 0.3 * sides[:, 1]
    lines = [crop_line(image, run) for run in runs[readable]]
    readings, by_digest = read_lines(lines, known, korean=korean)
    items = []
    wide = sum(is_wide(r.text) and len(r.text) > 2 and r.score >= LEAST_SCORE for r in readings) > 1
    for run, reading in zip(runs[readable], readings, strict=True):
        if reading.score >= LEAST_SCORE and any(c.isalnum() for c in reading.text):
            if _looks_drawn(run, reading, on_wide_page=wide):
                items.append(Item(run, "icon", reading.text, reading.score))
                continue
            items.append(Item(line_box(run, reading.text), "text", reading.text, reading.score))
        elif min(run[2] - run[0], run[3] - run[1]) >= 4:
            items.append(Item(run, "icon"))
    items += [
        Item(run, "icon") for run in runs[~readable] if min(run[2] - run[0], run[3] - run[1]) >= 4
    ]
    if items and len(panels):
        # What holds several panels as large as buttons is the outline of all of them.
        buttons = panels[(panels[:, 2:] - panels[:, :2]).min(axis=1) >= LEAST_BUTTON_PX]
        if len(buttons):
            items = [
                item
                for item in items
                if item.kind != "icon" or (covered(buttons, item.box_xyxy[None]) >= 0.7).sum() < 2
            ]
        # An icon that is little more than a panel is its frame, a checkbox's for example.
        framed = [ious(item.box_xyxy[None], panels).max() >= 0.5 for item in items]
        items = [
            i for i, is_frame in zip(items, framed, strict=True) if i.kind != "icon" or not is_frame
        ]
    if items:
        # Holes of letters and parts of icons are no panels.
        panels = _outside(panels, np.stack([item.box_xyxy for item in items]), 0.7)
    items += [Item(box, "panel") for box in drop_duplicates(panels)]
    items += [Item(box, "picture") for box in pictures]
    return items, by_digest


def _looks_drawn(run: NDArray[np.float32], reading: Reading, *, on_wide_page: bool) -> bool:
    """Whether what was read as a few letters is more likely an icon.

    Args:
        run: where it stands.
        reading: what was read there.
        on_wide_page: whether the page has Chinese or Japanese text; else such letters are icons.
    """
    width, height = float(run[2] - run[0]), float(run[3] - run[1])
    if HANGUL.search(reading.text):
        return False  # read by who knows Hangul, and sure of it
    if is_wide(reading.text):
        return not on_wide_page and width < 1.5 * height
    if len(reading.text) > 2:
        return width < 0.3 * len(reading.text) * height
    squarish = 0.6 <= width / height <= 1.5
    sure = 0.8 if reading.text.isdigit() else 0.9 if len(reading.text) == 2 else 1.1
    return bool(squarish and reading.score < sure)


def _outside(boxes: Boxes, others: Boxes, share: float) -> Boxes:
    if not len(boxes) or not len(others):
        return boxes
    outside: Boxes = boxes[covered(boxes, others).max(axis=1) < share]
    return outside


def _em(items: list[Item]) -> float:
    heights = [item.height for item in items if item.kind == "text"]
    return float(np.clip(np.median(heights) / 1.18, 10, 60)) if heights else 14.0


def _as_regions(items: list[Item], width: int, height: int) -> sv.Detections:
    boxes = np.array([item.box_xyxy for item in items], np.float32).reshape(-1, 4)
    boxes = np.clip(boxes, 0, np.array([width, height, width, height], np.float32))
    kept = np.flatnonzero(areas(boxes) >= 1)
    items = [items[index] for index in kept]
    return make_regions(
        boxes[kept],
        confidence=[item.confidence for item in items],
        source=["ocr" if item.kind == "text" else "shape" for item in items],
        text=[item.text for item in items],
        role=[item.role for item in items],
        interactive=[item.interactive for item in items],
    )
