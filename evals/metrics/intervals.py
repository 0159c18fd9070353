"""Confidence intervals by bootstrap over images.

Questions about one image are not independent, so whole images are drawn with replacement (the cluster
bootstrap; Cameron, Gelbach and Miller 2008, Review of Economics and Statistics 90:414). Every metric
here is a ratio of sums - a mean is one over the count of samples - so a draw costs one weighted sum.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

DRAWS = 2000
LEVEL = 0.95
# Of the weights that are held at one time.
_CELLS = 8_000_000


class Interval(NamedTuple):
    """A value and its confidence interval; `low` and `high` are NaN where there is one image only."""

    value: float
    low: float
    high: float


def interval(
    numerators: ArrayLike,
    clusters: Sequence[str],
    denominators: ArrayLike | None = None,
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """The ratio of two sums over samples, with its interval.

    Args:
        numerators: (n,), one for each sample: 1 for a hit, an IoU, pixels in both masks, ...
        clusters: (n,) the image of each sample.
        denominators: (n,), pixels in either mask, ...; 1 for each by default, which gives the mean.
        draws: how many bootstrap samples.
        level: of confidence.
        seed: the same seed gives the same interval.
    """
    top = np.asarray(numerators, np.float64)[:, None]
    under = np.ones_like(top) if denominators is None else np.asarray(denominators, float)[:, None]
    return intervals(top, under, clusters, draws=draws, level=level, seed=seed)[0]


def intervals(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    clusters: Sequence[str],
    *,
    draws: int = DRAWS,
    level: float = LEVEL,
    seed: int = 0,
) -> list[Interval]:
    """Several ratios of the same samples, on the same draws.

    Args:
        numerators: (n, k).
        denominators: (n, k); 0 where a sample does not belong to that ratio.
        clusters: (n,) the image of each sample.
        draws: how many bootstrap samples.
        level: of confidence.
        seed: the same seed gives the same intervals.
    """
    values = _divide(numerators.sum(axis=0), denominators.sum(axis=0))
    drawn = resampled(numerators, denominators, clusters, draws=draws, seed=seed)
    return [
        Interval(float(value), *bounds(column, level))
        for value, column in zip(values, drawn.T, strict=True)
    ]


def resampled(
    numerators: NDArray[np.float64],
    denominators: NDArray[np.float64],
    clusters: Sequence[str],
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> NDArray[np.float64]:
    """The ratios (draws, k) on images drawn with replacement; NaN where a draw has no such sample.

    Args:
        numerators: (n, k).
        denominators: (n, k).
        clusters: (n,) the image of each sample.
        draws: how many bootstrap samples.
        seed: of the draws.
    """
    names, index = np.unique(np.asarray(clusters, dtype=object).astype(str), return_inverse=True)
    count, columns = len(names), numerators.shape[1]
    if count < 2:
        return np.full((draws, columns), np.nan)
    sums = np.zeros((2, count, columns))
    np.add.at(sums[0], index, numerators)
    np.add.at(sums[1], index, denominators)
    rng = np.random.default_rng(seed)
    drawn = np.empty((draws, columns))
    step = max(1, _CELLS // count)
    for start in range(0, draws, step):
        rows = min(step, draws - start)
        picks = rng.integers(0, count, (rows, count)) + count * np.arange(rows)[:, None]
        weights = np.bincount(picks.ravel(), minlength=rows * count).reshape(rows, count)
        drawn[start : start + rows] = _divide(weights @ sums[0], weights @ sums[1])
    return drawn


def _divide(top: NDArray[np.float64], under: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(top, under, out=np.full(top.shape, np.nan), where=under != 0))


def bounds(drawn: NDArray[np.float64], level: float = LEVEL) -> tuple[float, float]:
    """The percentile interval of the draws of one value; draws that are NaN are left out."""
    kept = drawn[~np.isnan(drawn)]
    if not len(kept):
        return float("nan"), float("nan")
    low, high = np.quantile(kept, [(1 - level) / 2, (1 + level) / 2]).tolist()
    return low, high
