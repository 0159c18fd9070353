"""`Marker`: regions, selection, placement and drawing in one call. The front door."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som import segmenters
from som.colors import assign
from som.detections_file import DetectionsFile
from som.errors import SomError
from som.image import load_image, resize
from som.layout import Layout
from som.marks import MarkedImage
from som.names import label_names
from som.order import area_order, reading_order
from som.place import place
from som.regions import crops_of, normalize, rows, scale_regions, select, text_of
from som.style import ORDERS, Style

SegmentFunction = Callable[[NDArray[np.uint8]], sv.Detections]


@dataclass(frozen=True)
class Options:
    """What happens between regions and marks.

    Attributes:
        style: how marks look.
        order: "reading" (rows and columns, as people read) or "area" (largest first).
        max_marks: keep only the most important; None keeps all.
        min_area: smallest region, in pixels; below 1, as a share of the image.
        max_side: longest side of the drawn image in pixels, the size that the VLM will see; labels
            are drawn at that size, so that no later resize blurs them. None keeps the image's own; a
            function gives it for the image's (width, height), as `Profile.max_side` of a model does.
    """

    style: Style = field(default_factory=Style)
    order: str = "reading"
    max_marks: int | None = None
    min_area: float = 0
    max_side: int | Callable[[tuple[int, int]], int] | None = None

    def __post_init__(self) -> None:
        if self.order not in ORDERS:
            raise SomError(f"no order {self.order!r}; choose one of: {', '.join(ORDERS)}")
        for name in ("max_marks", "max_side"):
            value = getattr(self, name)
            if isinstance(value, int) and value < 1:
                raise SomError(f"{name} must be at least 1, got {value}")
        if self.min_area < 0:
            raise SomError(f"min_area must not be negative, got {self.min_area}")


class Marker:
    """Marks images: ``Marker("screen")("shot.png")`` is a `MarkedImage`.

    Args:
        segmenter: a name (see ``som.segmenters.names()``), or anything that takes an RGB image and
            gives `supervision.Detections`.
        granularity: 0 coarse .. 1 fine, for segmenters given by name; finer never gives fewer.
        **options: the fields of `Options`.

    Raises:
        SomError: an unknown name or a number out of range.

    Example:
        >>> from som import Marker
        >>> marked = Marker("screen")("screenshot.png")
        >>> marked.save("marked.png")
    """

    def __init__(
        self, segmenter: str | SegmentFunction = "auto", *, granularity: float = 0.5, **options: Any
    ) -> None:
        if not 0 <= granularity <= 1:
            raise SomError(f"granularity must lie in 0..1, got {granularity}")
        self.options = _options(options)
        if isinstance(segmenter, str):
            self.segmenter: SegmentFunction = segmenters.get(segmenter, granularity=granularity)
        else:
            self.segmenter = segmenter

    def __call__(self, source: Any) -> MarkedImage:
        """Mark one image.

        Args:
            source: anything `som.load_image` takes: a path, bytes, a PIL image, an array.

        Raises:
            ImageError: it is no image that can be used.
        """
        seconds: dict[str, float] = {}
        with _timed(seconds, "load"):
            image = load_image(source)
        with _timed(seconds, "segment"):
            regions = self._segment_function(_path_of(source))(image)
        return _mark(image, regions, self.options, self._name(), _path_of(source), seconds)

    @classmethod
    def from_detections(cls, source: Any, detections: sv.Detections, **options: Any) -> MarkedImage:
        """Mark the regions one already has, from any detector, tracker or annotation file.

        Args:
            source: the image, anything `som.load_image` takes.
            detections: in pixels of that image; not changed. Their `tracker_id`, where each has one
                of its own, is the number of the mark.
            **options: the fields of `Options`.

        Raises:
            ImageError: it is no image that can be used.
            RegionsError: masks of another image size.
        """
        seconds: dict[str, float] = {}
        with _timed(seconds, "load"):
            image = load_image(source)
        name = "detections"
        return _mark(image, detections, _options(options), name, _path_of(source), seconds)

    def _segment_function(self, path: str | None) -> SegmentFunction:
        """The segmenter; for those that look regions up by file, that of this file."""
        if isinstance(self.segmenter, DetectionsFile):
            return self.segmenter.of(path)
        return self.segmenter

    def _name(self) -> str:
        function = self.segmenter
        return getattr(function, "name", getattr(function, "__name__", type(function).__name__))


def _mark(
    image: NDArray[np.uint8],
    regions: sv.Detections,
    options: Options,
    segmenter: str,
    path: str | None,
    seconds: dict[str, float],
) -> MarkedImage:
    size_wh = image.shape[1], image.shape[0]
    with _timed(seconds, "select"):
        regions = normalize(regions, size_wh)
        regions = select(regions, size_wh, max_marks=options.max_marks, min_area=options.min_area)
        by_area = options.order == "area"
        order = area_order(regions) if by_area else reading_order(regions.xyxy)
        regions = rows(regions, order)
    with _timed(seconds, "place"):
        drawn_wh = _drawn_size(size_wh, options.max_side)
        on_canvas = scale_regions(regions, size_wh, drawn_wh)
        texts = text_of(regions, "text")
        ids = _ids(regions)
        every = label_names(int(ids.max(initial=0)), options.style.labels, texts=texts)
        labels = [every[i - 1] for i in ids]
        canvas = resize(image, drawn_wh) if drawn_wh != size_wh else image
        crops = crops_of(on_canvas)
        placement = place(on_canvas, labels, drawn_wh, style=options.style, image=canvas, crops=crops)
        colors = assign(on_canvas, canvas)
    layout = Layout(drawn_wh, labels, colors, placement, options.style)
    marked = MarkedImage(image, regions, ids, layout, segmenter, seconds, path)
    with _timed(seconds, "draw"):
        _ = marked.drawn
    return marked


def _ids(regions: sv.Detections) -> NDArray[np.int64]:
    """Mark ids: those that a tracker gave, where each region has one of its own; else 1, 2, ..."""
    tracked = regions.tracker_id
    own = tracked is not None and len(tracked) > 0 and len(np.unique(tracked)) == len(tracked)
    if tracked is not None and own and tracked.min() >= 1:
        return tracked.astype(np.int64)
    return np.arange(1, len(regions) + 1)


def _options(options: dict[str, Any]) -> Options:
    try:
        return Options(**options)
    except TypeError as error:
        known = ", ".join(Options.__dataclass_fields__)
        raise SomError(f"{str(error).split(') ')[-1]}; options are: {known}") from error


def _drawn_size(
    size_wh: tuple[int, int], max_side: int | Callable[[tuple[int, int]], int] | None
) -> tuple[int, int]:
    side = max_side(size_wh) if callable(max_side) else max_side
    factor = 1.0 if side is None else min(1.0, side / max(size_wh))
    return max(1, round(size_wh[0] * factor)), max(1, round(size_wh[1] * factor))


def _path_of(source: Any) -> str | None:
    return str(source) if isinstance(source, str | Path) else None


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = perf_counter()
    yield
    seconds[stage] = perf_counter() - start
