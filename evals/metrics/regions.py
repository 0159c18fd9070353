"""Overlap of boxes and masks, and the scores that are made of it.

RefCOCO's comprehension (REC) and segmentation (RES; Yang et al. 2022, LAVT, arXiv:2112.02244),
Flickr30k Entities' recall (Plummer et al. 2015, arXiv:1505.04870), precision over marks (Yang et al.
2023, Set-of-Mark, arXiv:2310.11441).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from som.evals.datasets.base import Box

HIT = 0.5
PRECISION_AT = (0.5, 0.7, 0.9)


def box_iou(a_xyxy: ArrayLike, b_xyxy: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of pairs of boxes.

    Args:
        a_xyxy: (..., 4), right and bottom exclusive.
        b_xyxy: (..., 4), broadcast against the first.

    Returns:
        (...), 0 where both boxes are empty.
    """
    a, b = np.asarray(a_xyxy, np.float64), np.asarray(b_xyxy, np.float64)
    low = np.maximum(a[..., :2], b[..., :2])
    high = np.minimum(a[..., 2:], b[..., 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=-1)
    union = _area(a) + _area(b) - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(union), where=union > 0))


def _area(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), axis=-1))


def enclosing_box(boxes_xyxy: Sequence[Box]) -> Box:
    """The smallest box around these: how a phrase's boxes are merged before its recall."""
    boxes = np.asarray(boxes_xyxy, np.float64).reshape(-1, 4)
    x1, y1 = boxes[:, :2].min(axis=0).tolist()
    x2, y2 = boxes[:, 2:].max(axis=0).tolist()
    return x1, y1, x2, y2


def rec_accuracy(ious: ArrayLike) -> float:
    """REC: the share of answers whose box has IoU 0.5 or more with the truth; no box is IoU 0."""
    return float(np.mean(np.asarray(ious, np.float64) >= HIT))


def recall_at_1(found: Sequence[Box | None], truth: Sequence[Sequence[Box]]) -> float:
    """The share of phrases whose first box has IoU 0.5 or more with the union of the true boxes.

    Args:
        found: a box for each phrase, None where there is no answer.
        truth: each phrase's boxes; phrases without any are not counted.
    """
    hits = [
        box is not None and float(box_iou(box, enclosing_box(boxes))) >= HIT
        for box, boxes in zip(found, truth, strict=True)
        if boxes
    ]
    return float(np.mean(hits)) if hits else float("nan")


def mask_overlap(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[int, int]:
    """Pixels in both masks, and in either."""
    return int(np.count_nonzero(a & b)), int(np.count_nonzero(a | b))


@dataclass(frozen=True)
class ResScores:
    """Referring segmentation.

    Attributes:
        miou: mean of the samples' IoU.
        oiou: all intersections over all unions, so that large objects weigh more.
        precision: share of samples with at least this IoU, by threshold.
    """

    miou: float
    oiou: float
    precision: dict[float, float]


def res_scores(intersections: ArrayLike, unions: ArrayLike) -> ResScores:
    """RES scores of samples.

    Args:
        intersections: (n,) pixels in both the answer and the truth; 0 where there is no answer.
        unions: (n,) pixels in either.
    """
    shared = np.asarray(intersections, np.float64)
    union = np.asarray(unions, np.float64)
    ious = np.divide(shared, union, out=np.zeros_like(union), where=union > 0)
    return ResScores(
        miou=float(ious.mean()),
        oiou=float(shared.sum() / union.sum()) if union.sum() else 0.0,
        precision={least: float(np.mean(ious >= least)) for least in PRECISION_AT},
    )


@dataclass(frozen=True)
class NamingScores:
    """Open-vocabulary naming of marks.

    Attributes:
        marks: marks that have a true name.
        named: of them, those that the answer names.
        correct: of them, those it names rightly.
    """

    marks: int = 0
    named: int = 0
    correct: int = 0

    @property
    def precision(self) -> float:
        """Rightly named over named; a mark left out is unanswered, not wrong."""
        return self.correct / self.named if self.named else float("nan")

    @property
    def recall(self) -> float:
        """Rightly named over all marks."""
        return self.correct / self.marks if self.marks else float("nan")

    def __add__(self, other: "NamingScores") -> "NamingScores":
        return NamingScores(
            self.marks + other.marks, self.named + other.named, self.correct + other.correct
        )


def naming_scores(answer: Mapping[str, str], truth: Mapping[str, str]) -> NamingScores:
    """Score the names of one image's marks.

    Args:
        answer: label -> name; labels that are not on the image count as nothing.
        truth: label -> true name.
    """
    named = {label: answer[label] for label in truth if answer.get(label, "").strip()}
    correct = sum(plain_name(name) == plain_name(truth[label]) for label, name in named.items())
    return NamingScores(len(truth), len(named), correct)


def plain_name(name: str) -> str:
    """A category as it compares: case, hyphens and "-other", "-merged" of COCO's panoptic names."""
    words = name.lower().replace("-", " ").replace("_", " ").split()
    return " ".join(word for word in words if word not in ("other", "merged", "stuff"))
