"""What a person points at or draws to ask for one region: points, a box, a stroke, a painted area."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.errors import SegmenterError
from som.regions import Crop

Point = tuple[float, float]
# Points taken from a stroke: enough to follow it, as few as a model was trained with.
STROKE_POINTS = 8


@dataclass(frozen=True, eq=False)
class Prompt:
    """Asks for one region. Pixels of the image.

    Attributes:
        inside: points that belong to the region.
        outside: points that do not.
        box_xyxy: the region lies in it, and fills it.
        mask: bool (H, W) of the image: the region, roughly.
    """

    inside: tuple[Point, ...] = ()
    outside: tuple[Point, ...] = ()
    box_xyxy: tuple[float, float, float, float] | None = None
    mask: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        if self.box_xyxy is not None:
            x1, y1, x2, y2 = self.box_xyxy
            if not (x1 < x2 and y1 < y2):
                raise SegmenterError(f"box {x1:g},{y1:g},{x2:g},{y2:g} is empty; give x1,y1,x2,y2")

    @classmethod
    def stroke(cls, points: Sequence[Point]) -> Self:
        """A free line across the region."""
        if not points:
            raise SegmenterError("a stroke needs at least one point")
        line = np.asarray(points, np.float64)
        along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
        count = min(STROKE_POINTS, len(line)) if along[-1] else 1
        at = np.linspace(0, along[-1], count)
        even = [np.interp(at, along, line[:, axis]) for axis in (0, 1)]
        return cls(tuple((float(x), float(y)) for x, y in zip(*even, strict=True)))

    @classmethod
    def painted(cls, mask: NDArray[np.bool_]) -> Self:
        """An area painted over the region.

        Raises:
            SegmenterError: nothing is painted.
        """
        if not mask.any():
            raise SegmenterError("nothing is painted in the mask; paint the region in white")
        return cls(mask=mask)

    def check(self, size_wh: tuple[int, int], *, alone: bool = True) -> None:
        """Refuse what cannot be answered on an image of this size.

        Args:
            size_wh: width and height of the image.
            alone: whether the prompt must say by itself what it asks for.

        Raises:
            SegmenterError: a point or the box lies off the image, the mask has another size, or
                nothing says what belongs to the region.
        """
        width, height = size_wh
        if alone and not self.inside and self.box_xyxy is None and self.mask is None:
            raise SegmenterError("a prompt needs a point inside the region, a box or a painted area")
        for x, y in (*self.inside, *self.outside):
            if not (0 <= x < width and 0 <= y < height):
                raise SegmenterError(
                    f"point {x:g},{y:g} is not on the image of {width}x{height} pixels"
                )
        if self.box_xyxy is not None:
            x1, y1, x2, y2 = self.box_xyxy
            if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
                raise SegmenterError(
                    f"box {x1:g},{y1:g},{x2:g},{y2:g} is not on the image of {width}x{height} pixels"
                )
        if self.mask is not None and self.mask.shape != (height, width):
            h, w = self.mask.shape
            raise SegmenterError(f"the mask is {w}x{h} pixels, the image {width}x{height}")

    def literal(self, size_wh: tuple[int, int]) -> Crop:
        """The prompt itself as a region, for where nothing better is found; never empty."""
        width, height = size_wh
        if self.mask is not None and self.mask.any():
            ys, xs = np.nonzero(self.mask)
            box = xs.min(), ys.min(), xs.max() + 1, ys.max() + 1
            return Crop(self.mask[box[1] : box[3], box[0] : box[2]], int(box[0]), int(box[1]))
        if self.box_xyxy is not None:
            corners = np.array(self.box_xyxy)
        else:
            points = np.array(self.inside)
            corners = np.concatenate([points.min(axis=0), points.max(axis=0) + 1])
        x1, y1 = (int(np.clip(v, 0, edge - 1)) for v, edge in zip(corners[:2], size_wh, strict=True))
        x2 = int(np.clip(np.ceil(corners[2]), x1 + 1, width))
        y2 = int(np.clip(np.ceil(corners[3]), y1 + 1, height))
        return Crop(np.ones((y2 - y1, x2 - x1), bool), x1, y1)


class Session(Protocol):
    """One image, prepared once, that any number of prompts can be asked of."""

    def regions(self, prompts: Sequence[Prompt]) -> sv.Detections:
        """One region for each prompt, in their order."""
        ...

    def refine(self, regions: sv.Detections, row: int, prompt: Prompt) -> sv.Detections:
        """The region in `row` changed by more points: one row."""
        ...


def innermost(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """The pixel (x, y) of a mask that lies farthest from its edge; the mask must not be empty."""
    padded = np.pad(mask.astype(np.uint8), 1)
    distance = cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1]
    y, x = np.unravel_index(int(distance.argmax()), mask.shape)
    return int(x), int(y)


def parse_points(text: str) -> Prompt:
    """Read "120,80 130,90 !10,10": points inside the region, and after "!" points outside.

    Raises:
        SegmenterError: it is written otherwise.
    """
    inside: list[Point] = []
    outside: list[Point] = []
    for word in text.split():
        numbers = _numbers(word.removeprefix("!"), 2, "a point is X,Y, or !X,Y outside the region")
        (outside if word.startswith("!") else inside).append((numbers[0], numbers[1]))
    return Prompt(tuple(inside), tuple(outside))


def parse_stroke(text: str) -> Prompt:
    """Read "10,10 20,30 40,35": a line through these points."""
    return Prompt.stroke(parse_points(text).inside)


def parse_box(text: str) -> Prompt:
    """Read "X1,Y1,X2,Y2"."""
    x1, y1, x2, y2 = _numbers(text, 4, "a box is X1,Y1,X2,Y2")
    return Prompt(box_xyxy=(x1, y1, x2, y2))


def _numbers(text: str, count: int, hint: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise SegmenterError(f"cannot read {text!r}: {hint}, in pixels")
    return numbers
