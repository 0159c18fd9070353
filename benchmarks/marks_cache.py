"""How much faster regions come from the cache than from the segmenter.

    python -m benchmarks.marks_cache

The best of three looks at each image; the cache is looked into with its file in the system's memory.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from som.image import load_image
from som.marks_cache import MarksCache, cached
from som.segmenters import get

IMAGES = Path(__file__).parent.parent / "examples" / "images"
LOOKS = 3


def best_s(function: Callable[[], Any]) -> float:
    """The shortest of several calls, in seconds."""
    times = []
    for _ in range(LOOKS):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times)


def main() -> None:
    """Print one line for each segmenter."""
    with TemporaryDirectory() as folder:
        print("segmenter   segment    cache   ratio   regions   entry")
        for name, file in (("screen", "screen.png"), ("photo", "coffee.jpg")):
            cache = MarksCache(Path(folder) / name)
            image = load_image(IMAGES / file)
            plain, kept = get(name, granularity=0.5), cached(name, cache, granularity=0.5)
            found = kept(image)
            size = sum(path.stat().st_size for path in cache.folder.rglob("*.regions"))
            slow, fast = best_s(partial(plain, image)), best_s(partial(kept, image))
            print(
                f"{name:<10} {slow:7.2f} s {1000 * fast:5.1f} ms {slow / fast:6.0f}x "
                f"{len(found):8d} {size / 1000:5.0f} kB"
            )


if __name__ == "__main__":
    main()
