"""What is right: the true place of a sample, and when an answer meets it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any, Self

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.errors import SomError
from som.evals.metrics.regions import box_iou, mask_overlap
from som.marks import MarkedImage
from som.rle import mask_area

RULES = ("point", "box", "mask", "label")
Box = tuple[float, float, float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Truth:
    """Where the right answer lies, and the rule that says when an answer meets it.

    Attributes:
        box_xyxy: the true box, pixels of the sample's image; None for "label".
        rule: "point": a click inside the box is right (ScreenSpot); "box": a box that overlaps it by
            IoU >= `iou` (referring expressions, phrases); "mask": likewise, of masks; "label": the
            image came with its marks, and these labels are right.
        iou: the least overlap.
        rle: the true mask in COCO's compressed run lengths, for "mask".
        labels: for "label".
    """

    box_xyxy: Box | None
    rule: str = "point"
    iou: float = 0.5
    rle: Mapping[str, Any] | None = None
    labels: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise SomError(f"no rule {self.rule!r}; choose one of: {', '.join(RULES)}")
        if (self.box_xyxy is None) != (self.rule == "label"):
            raise SomError(f"a truth of rule {self.rule!r} needs {'labels' * (self.rule == 'label')}")

    @property
    def area(self) -> int:
        """Pixels of the true mask; 0 where there is none."""
        return 0 if self.rle is None else mask_area(str(self.rle["counts"]))

    def meets(self, point_xy: Point | None, overlap: float | None, label: str | None) -> bool:
        """Whether an answer is right: where it would click, how far it overlaps, what it is called."""
        if self.rule == "label":
            return label in self.labels
        if self.rule == "point":
            return point_xy is not None and self.holds(*point_xy)
        return overlap is not None and overlap >= self.iou

    def holds(self, x: float, y: float) -> bool:
        """Whether a click there hits the true box, edges included."""
        x1, y1, x2, y2 = self.box_xyxy or (0, 0, -1, -1)
        return x1 <= x <= x2 and y1 <= y <= y2

    def overlap(self, box_xyxy: Box) -> float:
        """Intersection over union with a box."""
        if self.box_xyxy is None:
            return 0.0
        return float(box_iou(self.box_xyxy, box_xyxy))

    def overlaps(self, marked: MarkedImage) -> list[float]:
        """Intersection over union with each region; of masks where there are masks."""
        boxes = [four(xyxy) for xyxy in marked.regions.xyxy]
        if self.rle is None or marked.regions.mask is None:
            return [self.overlap(box) for box in boxes]
        counted = [self.pixels(marked, row) or (0, 0) for row in range(len(boxes))]
        return [shared / union if union else 0.0 for shared, union in counted]

    def pixels(self, marked: MarkedImage, row: int) -> tuple[int, int] | None:
        """Pixels in both the true mask and a region's, and in either; None where there are no masks."""
        if self.rle is None or marked.regions.mask is None or marked.window_xyxy is not None:
            return None
        true = _decoded(self.rle["counts"], marked.size_wh)
        return mask_overlap(true, np.asarray(marked.regions.mask[row]))

    def worth(self, marked: MarkedImage) -> list[tuple[bool, bool, float]]:
        """How well each region names the truth: whether it is right, holds it, and overlaps it."""
        if self.box_xyxy is None:
            return [(False, False, 0.0)] * len(marked.regions)
        x1, y1, x2, y2 = self.box_xyxy
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        anchors = marked.anchors_xy()
        worth = []
        for row, overlap in enumerate(self.overlaps(marked)):
            left, top, right, bottom = four(marked.regions.xyxy[row])
            point = float(anchors[row, 0]), float(anchors[row, 1])
            right_one = self.meets(point, overlap, None)
            worth.append((right_one, left <= x <= right and top <= y <= bottom, overlap))
        return worth

    def seen_in(self, marked: MarkedImage) -> Self:
        """The same truth in pixels of a marked image that may be an enlarged cut-out."""
        if marked.window_xyxy is None or self.box_xyxy is None:
            return self
        left, top, right, _ = marked.window_xyxy
        scale = marked.size_wh[0] / (right - left)
        x1, y1, x2, y2 = self.box_xyxy
        moved = (x1 - left) * scale, (y1 - top) * scale, (x2 - left) * scale, (y2 - top) * scale
        # A mask of the whole image says nothing about a cut-out; its box does.
        return replace(self, box_xyxy=moved, rule="box" if self.rule == "mask" else self.rule, rle=None)

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        box = None if self.box_xyxy is None else list(self.box_xyxy)
        return {**asdict(self), "box_xyxy": box, "labels": list(self.labels)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read `to_json` back."""
        box = data["box_xyxy"]
        return cls(
            None if box is None else four(box),
            data["rule"],
            data["iou"],
            data["rle"],
            tuple(data["labels"]),
        )


def four(values: Any) -> Box:
    """Four numbers as a box."""
    x1, y1, x2, y2 = (float(value) for value in values)
    return x1, y1, x2, y2


@lru_cache(maxsize=4)
def _decoded(counts: str, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    return np.asarray(sv.rle_to_mask(counts, size_wh), bool)
