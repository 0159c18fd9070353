"""J and F of video object segmentation, as DAVIS 2017's own evaluation computes them.

Perazzi et al. 2016 (CVPR, DAVIS), Pont-Tuset et al. 2017 (arXiv:1704.00675);
github.com/davisvideochallenge/davis2017-evaluation. J is the IoU of a mask, F the agreement of its
outline within 0.8% of the image's diagonal. The first frame is given and the last left out; an
object's score is its mean over frames, and the data set's the mean over objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from som.evals.datasets.davis import VOID

BOUNDARY_TOLERANCE = 0.008
Mask = NDArray[np.bool_]


def jaccard(truth: Mask, found: Mask, void: Mask | None = None) -> float:
    """Intersection over union of two masks (H, W); 1 where both are empty."""
    if void is not None:
        truth, found = truth & ~void, found & ~void
    union = np.count_nonzero(truth | found)
    return np.count_nonzero(truth & found) / union if union else 1.0


def boundary_f(truth: Mask, found: Mask, void: Mask | None = None) -> float:
    """F of precision and recall of outline pixels, each matched by one of the other outline nearby.

    Args:
        truth: bool (H, W).
        found: bool (H, W).
        void: pixels that do not count.
    """
    if void is not None:
        truth, found = truth & ~void, found & ~void
    true_edge, found_edge = outline(truth), outline(found)
    n_true, n_found = np.count_nonzero(true_edge), np.count_nonzero(found_edge)
    if not n_true or not n_found:
        return float(n_true == n_found)
    radius = int(np.ceil(BOUNDARY_TOLERANCE * np.hypot(*truth.shape)))
    precision = np.count_nonzero(found_edge & _grown(true_edge, radius)) / n_found
    recall = np.count_nonzero(true_edge & _grown(found_edge, radius)) / n_true
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def outline(mask: Mask) -> Mask:
    """Pixels that differ from the one to the right, below, or both; none at the last corner."""
    padded = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    here = padded[:-1, :-1]
    edge = (here ^ padded[:-1, 1:]) | (here ^ padded[1:, :-1]) | (here ^ padded[1:, 1:])
    edge[-1, -1] = False
    return np.asarray(edge)


def _grown(edge: Mask, radius: int) -> Mask:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x * x + y * y <= radius * radius).astype(np.uint8)
    return np.asarray(cv2.dilate(edge.astype(np.uint8), disk) > 0)


class Statistics(NamedTuple):
    """Over the frames of one object: mean, share over 0.5, and first quarter minus last."""

    mean: float
    recall: float
    decay: float


def statistics(values: Sequence[float]) -> Statistics:
    """Mean, recall and decay of an object's frames."""
    array = np.asarray(values, np.float64)
    ends = np.round(np.linspace(1, len(array), 5) + 1e-10).astype(int) - 1
    decay = array[ends[0] : ends[1] + 1].mean() - array[ends[3] : ends[4] + 1].mean()
    return Statistics(float(array.mean()), float((array > 0.5).mean()), float(decay))


@dataclass(frozen=True)
class ObjectScores:
    """One object of one sequence."""

    j: Statistics
    f: Statistics

    @property
    def j_and_f(self) -> float:
        """The mean of the two means."""
        return (self.j.mean + self.f.mean) / 2


def sequence_scores(
    truth: Sequence[NDArray[np.int64]], found: Sequence[NDArray[np.int64]], objects: Sequence[int]
) -> dict[int, ObjectScores]:
    """Score one sequence.

    Args:
        truth: every frame's palette indices (H, W), from the first to the last.
        found: likewise, what was found; 0 is background.
        objects: palette indices of the objects of the first frame.

    Raises:
        ValueError: not one answer for each frame, or fewer than 3 frames.
    """
    if len(truth) != len(found):
        raise ValueError(f"expected {len(truth)} frames, got {len(found)}")
    if len(truth) < 3:
        raise ValueError("the first and the last frame do not count: expected 3 or more")
    voids = [frame == VOID for frame in truth]
    scores = {}
    for index in objects:
        frames = [
            (wanted == index, got == index, void)
            for wanted, got, void in zip(truth[1:-1], found[1:-1], voids[1:-1], strict=True)
        ]
        scores[index] = ObjectScores(
            statistics([jaccard(*frame) for frame in frames]),
            statistics([boundary_f(*frame) for frame in frames]),
        )
    return scores
