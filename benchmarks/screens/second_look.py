"""What a second look costs beside a full read: ``python -m benchmarks.screens.second_look PAGE.png``.

Each page is changed as an agent's next screenshot is: a word is typed, a menu opens, the page scrolls.
"""

import sys
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from som.segmenters.screen import Look, ScreenSegmenter

REPEATS = 3


def with_word(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The page with a word typed near its top left."""
    image = Image.fromarray(page)
    draw = ImageDraw.Draw(image)
    draw.rectangle((300, 100, 400, 124), fill="white")
    draw.text((304, 103), "annual plan", fill="black", font_size=16)
    return np.asarray(image)


def with_menu(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The page with an open menu of five entries."""
    image = Image.fromarray(page)
    draw = ImageDraw.Draw(image)
    draw.rectangle((400, 120, 560, 320), fill="white", outline="#888")
    for row, words in enumerate(("Open", "Rename", "Duplicate", "Share", "Move to trash")):
        draw.text((416, 132 + 38 * row), words, fill="#222", font_size=15)
    return np.asarray(image)


def scrolled(page: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The page moved up by a sixth."""
    return np.roll(page, -(len(page) // 6), axis=0)


def seconds(look: Callable[[], Look]) -> float:
    """Least wall time of several calls."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        look()
        times.append(time.perf_counter() - start)
    return min(times)


def main(paths: list[str]) -> None:
    """Print seconds of full reads, and second looks as a share of them."""
    segmenter = ScreenSegmenter()
    print(f"{'page':40s} {'full s':>7s} {'word':>6s} {'menu':>6s} {'scroll':>6s}  same regions")
    for path in paths:
        page = np.asarray(Image.open(path).convert("RGB"))
        first = segmenter.segment(page)
        full = seconds(lambda page=page: segmenter.segment(page))  # type: ignore[misc]
        ratios, same = [], True
        for change in (with_word, with_menu, scrolled):
            image = change(page)
            second = segmenter.segment(image, previous=first)
            same &= np.array_equal(second.regions.xyxy, segmenter(image).xyxy)
            ratios.append(
                seconds(lambda image=image, first=first: segmenter.segment(image, previous=first))  # type: ignore[misc]
                / full
            )
        name = path.rsplit("/", 1)[-1][:40]
        print(f"{name:40s} {full:7.2f} " + " ".join(f"{r:6.2f}" for r in ratios) + f"  {same}")


if __name__ == "__main__":
    main(sys.argv[1:])
