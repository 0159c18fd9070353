"""Calibration: does an answer given with 80% come true four times in five?

Expected calibration error over bins of equal width (Naeini et al. 2015, AAAI; Guo et al. 2017,
arXiv:1706.04599).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BINS = 10


@dataclass(frozen=True)
class Bin:
    """One bin of a reliability plot.

    Attributes:
        low: its lower edge; the first bin includes it, others do not.
        high: its upper edge, included.
        count: answers in it.
        confidence: their mean confidence, None where there are none.
        accuracy: the share of them that is right.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Calibration:
    """How far confidence and accuracy are apart.

    Attributes:
        ece: expected calibration error, the mean gap weighted by answers.
        mce: the largest gap of a bin.
        brier: mean squared difference of confidence and outcome.
        bins: the reliability plot.
    """

    ece: float
    mce: float
    brier: float
    bins: tuple[Bin, ...]


def calibration(confidence: ArrayLike, correct: ArrayLike, *, bins: int = BINS) -> Calibration:
    """Calibration of answers.

    Args:
        confidence: (n,) the probability that the model gave its answer, 0..1.
        correct: (n,) whether it was right.
        bins: how many of equal width.

    Raises:
        ValueError: no answers, or a confidence outside 0..1.
    """
    sure, right = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    if not len(sure) or sure.shape != right.shape:
        raise ValueError(f"expected one outcome for each confidence, got {sure.shape}, {right.shape}")
    if not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError("a confidence must lie in 0..1")
    edges = np.linspace(0, 1, bins + 1)
    index = np.clip(np.searchsorted(edges, sure, side="left") - 1, 0, bins - 1)
    found, gaps = [], np.zeros(bins)
    for i in range(bins):
        inside = index == i
        count = int(inside.sum())
        means = (float(sure[inside].mean()), float(right[inside].mean())) if count else (None, None)
        if means[0] is not None and means[1] is not None:
            gaps[i] = abs(means[0] - means[1])
        found.append(Bin(float(edges[i]), float(edges[i + 1]), count, *means))
    counts = np.array([one.count for one in found])
    return Calibration(
        ece=float((gaps * counts).sum() / counts.sum()),
        mce=float(gaps.max()),
        brier=float(np.mean((sure - right) ** 2)),
        bins=tuple(found),
    )
