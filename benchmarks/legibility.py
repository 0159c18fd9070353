"""Can the marks be read? The same targets on the same pages, marked by four tools, read back by OCR.

    python -m benchmarks.screens render PAGES
    python -m benchmarks.legibility PAGES

Regions are the targets of the DOM, so only placement and drawing differ. A mark counts as read if OCR
finds its number, as a token of its own, in or near its target: more often than it finds that number
there on the page without marks. Every tool is read in the same way: the target's surroundings,
at three sizes. The two recreated tools are drawn from their published behaviour.
"""

import random
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import click
import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont
from tqdm import tqdm

from benchmarks.screens.pages import Page, read_pages
from som import Marker
from som.regions import make_regions

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]

# How far from its target a label is looked for, and how often its surroundings are enlarged: OCR that
# overlooks a lone digit at one size often finds it at another.
_NEAR_PX, _ENLARGED = 44, (3, 2, 4)
_MOST_CROP_PX = 900


def ours(image: Image, boxes: Boxes) -> Image:
    """This project, with its defaults."""
    return Marker.from_detections(image, make_regions(boxes), order="area").drawn


def supervisions(image: Image, boxes: Boxes) -> Image:
    """Supervision's box and label annotators with smart placement."""
    detections = sv.Detections(xyxy=boxes, class_id=np.arange(len(boxes)))
    scene = sv.BoxAnnotator().annotate(image.copy(), detections)
    labels = [str(i + 1) for i in range(len(boxes))]
    return np.asarray(sv.LabelAnnotator(smart_position=True).annotate(scene, detections, labels))


def omniparsers(image: Image, boxes: Boxes) -> Image:
    """As OmniParser draws: Hershey text on a filled tag at the corner that overlaps least."""
    scene = image.copy()
    ratio = image.shape[1] / 3200
    scale, thick = 0.8 * ratio, max(int(2 * ratio), 1)
    pad, line = max(int(3 * ratio), 1), max(int(3 * ratio), 1)
    palette = sv.ColorPalette.DEFAULT
    for i, (x1, y1, x2, y2) in enumerate(boxes.astype(int)):
        color = palette.by_idx(i).as_rgb()
        (width, height), _ = cv2.getTextSize(str(i + 1), cv2.FONT_HERSHEY_SIMPLEX, scale, thick)
        width, height = width + 2 * pad, height + 2 * pad
        corners = [(x1, y1 - height), (x1 - width, y1), (x2, y1), (x2 - width, y1 - height)]
        left, top = next(
            (
                corner
                for corner in corners
                if min(corner) >= 0
                and corner[0] + width <= image.shape[1]
                and _most_overlap((*corner, corner[0] + width, corner[1] + height), boxes) <= 0.3
            ),
            corners[0],
        )
        cv2.rectangle(scene, (x1, y1), (x2, y2), color, line)
        cv2.rectangle(scene, (left, top), (left + width, top + height), color, -1)
        light = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2] > 160
        at = (left + pad, top + height - pad)
        ink = (0, 0, 0) if light else (255, 255, 255)
        cv2.putText(scene, str(i + 1), at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)
    return scene


def browsergyms(image: Image, boxes: Boxes) -> Image:
    """As BrowserGym's overlay draws: dashed red boxes, a small tag over their top left corner."""
    picture = Pillow.fromarray(image)
    canvas = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=12)
    for i, (x1, y1, x2, y2) in enumerate(boxes.astype(int).tolist()):
        for x in range(x1, x2, 10):
            canvas.line([(x, y1), (min(x + 5, x2), y1)], "red", 2)
            canvas.line([(x, y2), (min(x + 5, x2), y2)], "red", 2)
        for y in range(y1, y2, 10):
            canvas.line([(x1, y), (x1, min(y + 5, y2))], "red", 2)
            canvas.line([(x2, y), (x2, min(y + 5, y2))], "red", 2)
        left, top, right, bottom = canvas.textbbox((x1, y1), str(i + 1), font=font)
        canvas.rectangle((left - 2, top - 2, right + 2, bottom + 2), fill="red")
        canvas.text((x1, y1), str(i + 1), fill="white", font=font)
    return np.asarray(picture)


TOOLS: dict[str, Callable[[Image, Boxes], Image]] = {
    "ours": ours,
    "supervision, smart placement": supervisions,
    "OmniParser (recreated)": omniparsers,
    "BrowserGym (recreated)": browsergyms,
}


def _most_overlap(box: tuple[float, ...], boxes: Boxes) -> float:
    over = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    return float((np.clip(over, 0, None).prod(1) / ((box[2] - box[0]) * (box[3] - box[1]))).max())


def _around(box: Boxes, shape: tuple[int, ...]) -> tuple[slice, slice]:
    x1, y1, x2, y2 = box.astype(int)
    columns = slice(max(0, x1 - _NEAR_PX), min(shape[1], x2 + _NEAR_PX))
    rows = slice(max(0, y1 - _NEAR_PX), min(shape[0], y2 + _NEAR_PX))
    return rows, columns


def _tokens(reader: Any, crop: Image, scale: int) -> Counter[str]:
    large = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    result = reader(cv2.cvtColor(large, cv2.COLOR_RGB2BGR))
    return Counter(token for text in result.txts or () for token in re.findall(r"\d+", text))


def _targets(page: Page, most: int) -> Boxes:
    """At most so many of a page's targets, none too large to read around, the largest first.

    That order is the one that ours numbers by here, so that every tool's mark i is at box i.
    """
    sizes = page.boxes[:, 2:] - page.boxes[:, :2]
    kept = page.boxes[(sizes < _MOST_CROP_PX).all(axis=1)][:most]
    areas = (kept[:, 2:] - kept[:, :2]).prod(axis=1)
    return np.asarray(kept[np.argsort(-areas, kind="stable")], dtype=np.float32)


@click.command()
@click.argument("pages", type=click.Path(exists=True, path_type=Path))
@click.option("--limit", default=26, show_default=True, help="How many pages.")
@click.option("--marks", default=60, show_default=True, help="At most so many targets a page.")
@click.option("--sample", default=22, show_default=True, help="So many of them are read back.")
@click.option("--misses", type=click.Path(path_type=Path), help="Folder for what could not be read.")
def main(pages: Path, limit: int, marks: int, sample: int, misses: Path | None) -> None:
    """Mark PAGES with every tool and print the share of marks that can be read."""
    from rapidocr import RapidOCR

    settings = {"Det.limit_type": "max", "Det.limit_side_len": 1600, "Rec.rec_batch_num": 1}
    reader = RapidOCR(params={"Global.log_level": "error", "Global.use_cls": False, **settings})
    chosen = read_pages(pages)
    random.Random(0).shuffle(chosen)
    chosen = chosen[:limit]
    read: Counter[str] = Counter()
    seconds = dict.fromkeys(TOOLS, 0.0)
    total = 0
    for page in tqdm(chosen, disable=None):
        boxes = _targets(page, marks)
        rows = sorted(random.Random(1).sample(range(len(boxes)), min(sample, len(boxes))))
        total += len(rows)
        windows = {row: _around(boxes[row], page.image.shape) for row in rows}
        read_page = cache(
            lambda row, scale, page=page, at=windows: _tokens(reader, page.image[at[row]], scale)
        )
        for tool, draw in TOOLS.items():
            start = perf_counter()
            drawn = draw(page.image, boxes)
            seconds[tool] += perf_counter() - start
            for row, window in windows.items():
                label = str(row + 1)
                found = any(
                    _tokens(reader, drawn[window], scale)[label] > read_page(row, scale)[label]
                    for scale in _ENLARGED
                )
                read[tool] += found
                if not found and misses and tool == "ours":
                    misses.mkdir(parents=True, exist_ok=True)
                    Pillow.fromarray(drawn[window]).save(misses / f"{page.name}-{label}.png")
    print(f"{total} marks on {len(chosen)} pages")
    for tool in TOOLS:
        each_ms = seconds[tool] / len(chosen) * 1e3
        print(f"  {tool:30s} read {read[tool] / total:.3f}   {each_ms:6.1f} ms a page")


if __name__ == "__main__":
    main()
