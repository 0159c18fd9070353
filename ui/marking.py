"""From a visitor's settings to a marked image. Regions are found once; a style redraws at once."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any, Literal

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som import segmenters
from som.errors import SegmenterError, SomError
from som.image import pixels_sha256
from som.marker import Marker
from som.marks import MarkedImage
from som.segmenters.prompt import Prompt
from som.style import Style

DrawnKind = Literal["point", "outside", "box", "stroke"]
Point = tuple[float, float]
# What a model gets, and therefore what is shown: large enough for the text of a screenshot.
MAX_SIDE = 1568
# Pictures and settings whose regions are kept for a visitor.
KEPT = 12
MOST_DRAWN, MOST_POINTS = 50, 200


@dataclass(frozen=True)
class Drawn:
    """One thing that a visitor drew on a picture, in its pixels."""

    kind: DrawnKind
    points: tuple[Point, ...]

    @classmethod
    def from_event(cls, kind: Any, points: Any) -> "Drawn":
        """Check what a browser sent.

        Raises:
            SomError: it is nothing that can be drawn.
        """
        least = {"point": 1, "outside": 1, "box": 2, "stroke": 1}
        if kind not in least or not isinstance(points, list) or len(points) > MOST_POINTS:
            raise SomError("draw a point, a box or a stroke")
        try:
            pairs = tuple((float(x), float(y)) for x, y in points)
        except (TypeError, ValueError) as error:
            raise SomError("a point is two numbers, in pixels of the picture") from error
        if len(pairs) < least[kind] or not np.isfinite(pairs).all():
            raise SomError("a point is two numbers, in pixels of the picture")
        return cls(kind, pairs)


@dataclass(frozen=True)
class Marking:
    """How pictures are marked: what a visitor set."""

    segmenter: str = "auto"
    granularity: float = 0.5
    style: Style = field(default_factory=Style)
    order: str = "reading"
    max_marks: int | None = None


@dataclass(eq=False)
class Picture:
    """One picture of a visitor's: its pixels, what is drawn on it, and its marks.

    `name` tells it from the visitor's others, `key` is the same for the same pixels, `version` counts
    how often it was marked.
    """

    title: str
    pixels: NDArray[np.uint8]
    name: str
    key: str = ""
    drawn: tuple[Drawn, ...] = ()
    marked: MarkedImage | None = None
    version: int = 0

    def __post_init__(self) -> None:
        self.key = self.key or pixels_sha256(self.pixels)


@dataclass(frozen=True)
class _Found:
    """Regions that are known already, as a segmenter."""

    name: str
    regions: sv.Detections

    def __call__(self, image: NDArray[np.uint8], /) -> sv.Detections:
        return self.regions


def prompted_name(segmenter: str) -> str:
    """The segmenter that answers what is drawn: screens have no outlines to follow."""
    return "photo" if segmenter in ("auto", "screen") else segmenter


def prompts_of(drawn: Sequence[Drawn]) -> list[Prompt]:
    """What is asked for by what was drawn.

    A point outside belongs to the thing drawn last before it.
    """
    prompts: list[Prompt] = []
    for shape in drawn:
        if shape.kind == "outside":
            if not prompts:
                raise SomError(
                    "first point at something, then (with Shift) at what does not belong to it"
                )
            prompts[-1] = replace(prompts[-1], outside=(*prompts[-1].outside, *shape.points))
        elif shape.kind == "box":
            (x1, y1), (x2, y2) = shape.points[:2]
            prompts.append(Prompt(box_xyxy=(x1, y1, x2, y2)))
        elif shape.kind == "stroke":
            prompts.append(Prompt.stroke(shape.points))
        else:
            prompts.append(Prompt(inside=shape.points))
    return prompts


class Regions:
    """Finds regions of one visitor's pictures, and remembers them by picture and settings."""

    def __init__(self, build: Callable[..., Any] = segmenters.get) -> None:
        """Start with nothing found.

        Args:
            build: makes a segmenter from a name and its granularity.
        """
        self._build = build
        self._kept: OrderedDict[tuple[Any, ...], tuple[Any, float]] = OrderedDict()
        self.found = 0
        """How often the slow part was done."""

    def mark(self, picture: Picture, marking: Marking) -> MarkedImage:
        """Mark a picture: everything in it, or just what is drawn on it.

        Raises:
            SomError: the settings are wrong, or the segmenter cannot run.
        """
        find = self._everything if not picture.drawn else self._drawn
        name, regions, found_s = find(picture, marking)
        marker = Marker(
            _Found(name, regions),
            style=marking.style,
            order=marking.order,
            max_marks=marking.max_marks,
            max_side=MAX_SIDE,
        )
        marked = marker(picture.pixels)
        return replace(marked, path=picture.title, seconds={**marked.seconds, "segment": found_s})

    def _everything(self, picture: Picture, marking: Marking) -> tuple[str, sv.Detections, float]:
        def find() -> tuple[str, sv.Detections]:
            segmenter = self._build(marking.segmenter, granularity=marking.granularity)
            regions = segmenter(picture.pixels)
            return segmenter.name, regions

        (name, regions), seconds = self._once(
            (picture.key, marking.segmenter, marking.granularity), find
        )
        return name, regions, seconds

    def _drawn(self, picture: Picture, marking: Marking) -> tuple[str, sv.Detections, float]:
        name = prompted_name(marking.segmenter)

        def prepare() -> Any:
            segmenter = self._build(name, granularity=marking.granularity)
            if not hasattr(segmenter, "session"):
                raise SegmenterError(f"segmenter {name} takes nothing drawn; choose auto or photo")
            return segmenter.session(picture.pixels)

        session, seconds = self._once((picture.key, name, marking.granularity, "session"), prepare)
        return name, session.regions(prompts_of(picture.drawn)), seconds

    def _once(self, key: tuple[Any, ...], find: Callable[[], Any]) -> tuple[Any, float]:
        """What `find` gives, done once for a key; and how many seconds that took."""
        if key not in self._kept:
            start = perf_counter()
            self._kept[key] = find(), perf_counter() - start
            self.found += 1
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]
