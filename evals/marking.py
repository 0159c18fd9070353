"""Marks for a condition: regions are found once for an image, and drawn as each condition says.

They are kept on disk (`som.marks_cache`): a run that goes on, or another model, finds none anew.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from threading import BoundedSemaphore, Lock
from typing import Any

from som.evals.conditions import Condition
from som.image import load_image
from som.marker import Marker
from som.marks import MarkedImage
from som.marks_cache import cached
from som.regions import make_regions

# Segmenters keep all cores busy by themselves; a second one beside it gains little, more gain nothing.
_AT_ONCE = BoundedSemaphore(2)
# Conditions ask for the same image at the same time: one finds its regions, the others wait for them.
_LOCKS: dict[str, Lock] = defaultdict(Lock)


class Marking:
    """How the images of a task are marked.

    Args:
        segmenter: what finds regions, a name that `som.Marker` takes.
        granularity: 0 coarse .. 1 fine.
        max_side: longest side of what the model sees, in pixels; or what gives it for an image's
            width and height.
        **options: further options of `som.Marker`.
    """

    def __init__(
        self,
        segmenter: str = "auto",
        *,
        granularity: float = 0.5,
        max_side: int | Callable[[tuple[int, int]], int] | None = None,
        **options: Any,
    ) -> None:
        self.segmenter, self.granularity, self.max_side = segmenter, granularity, max_side
        self.options = options

    def mark(self, path: str, condition: Condition) -> MarkedImage:
        """An image with the marks of a condition.

        Raises:
            ImageError: it is no image that can be used.
        """
        found = _regions(path, self.segmenter, self.granularity)
        with _AT_ONCE:
            marked = Marker.from_detections(
                found.image,
                found.regions,
                style=condition.style,
                order=condition.order,
                max_side=self._side(found.size_wh),
                max_marks=condition.max_marks,
                **self.options,
            )
        return replace(marked, segmenter=found.segmenter, path=path)

    def plain(self, path: str) -> MarkedImage:
        """An image without marks of ours."""
        image = load_image(path)
        side = self._side((image.shape[1], image.shape[0]))
        return replace(Marker.from_detections(image, make_regions([]), max_side=side), path=path)

    def _side(self, size_wh: tuple[int, int]) -> int | None:
        return self.max_side(size_wh) if callable(self.max_side) else self.max_side


def _regions(path: str, segmenter: str, granularity: float) -> MarkedImage:
    with _LOCKS[path]:
        return _found(path, segmenter, granularity)


@lru_cache(maxsize=64)
def _found(path: str, segmenter: str, granularity: float) -> MarkedImage:
    with _AT_ONCE:
        return Marker(cached(segmenter, granularity=granularity))(path)
