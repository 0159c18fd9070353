"""Two runs on the same samples: is one better, or is it luck?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from som.evals.metrics.intervals import DRAWS, LEVEL, Interval, bounds, resampled


@dataclass(frozen=True)
class Comparison:
    """A minus B, sample by sample.

    Attributes:
        samples: how many both runs have.
        difference: mean of A minus mean of B, with its interval by bootstrap over images.
        p_bootstrap: two-sided; the share of draws on the other side of zero, doubled.
        a_only: samples that A has right and B wrong.
        b_only: the other way round.
        p_mcnemar: exact and two-sided; it takes samples as independent, which samples of one image
            are not, so the bootstrap is the one to trust where images have several.
    """

    samples: int
    difference: Interval
    p_bootstrap: float
    a_only: int
    b_only: int
    p_mcnemar: float


def compare(
    a: ArrayLike,
    b: ArrayLike,
    clusters: Sequence[str],
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> Comparison:
    """Compare two runs on the same samples.

    Args:
        a: (n,) the first run's score for each sample, 0..1.
        b: (n,) the second's, in the same order.
        clusters: (n,) the image of each sample.
        draws: how many bootstrap samples.
        level: of confidence.
        seed: of the draws.
    """
    first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    apart = (first - second)[:, None]
    drawn = resampled(apart, np.ones_like(apart), clusters, draws=draws, seed=seed)[:, 0]
    a_only = int(np.count_nonzero((first >= 0.5) & (second < 0.5)))
    b_only = int(np.count_nonzero((first < 0.5) & (second >= 0.5)))
    return Comparison(
        samples=len(first),
        difference=Interval(float(apart.mean()), *bounds(drawn, level)),
        p_bootstrap=_two_sided(drawn),
        a_only=a_only,
        b_only=b_only,
        p_mcnemar=mcnemar_exact(a_only, b_only),
    )


def mcnemar_exact(a_only: int, b_only: int) -> float:
    """McNemar's exact test: do the samples on which two runs differ fall as a coin would?

    Args:
        a_only: samples that only the first run has right.
        b_only: samples that only the second has right.

    Returns:
        The two-sided p; 1 where they never differ.
    """
    from scipy.stats import binomtest

    differ = a_only + b_only
    return float(binomtest(a_only, differ, 0.5).pvalue) if differ else 1.0


def _two_sided(drawn: NDArray[np.float64]) -> float:
    if np.isnan(drawn).any():
        return float("nan")
    # The observed difference is one of the draws, so that p is never 0 (Davison and Hinkley 1997).
    tail = min(np.count_nonzero(drawn <= 0), np.count_nonzero(drawn >= 0))
    return float(min(1.0, 2 * (tail + 1) / (len(drawn) + 1)))
