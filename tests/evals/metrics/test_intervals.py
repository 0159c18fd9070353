"""Bootstrap over images, and the comparison of two runs, beside plain loops and known values."""

from math import comb

import numpy as np
import pytest

from som.evals.metrics import intervals as module
from som.evals.metrics.compare import compare, mcnemar_exact
from som.evals.metrics.intervals import interval, intervals, resampled


def test_each_draw_is_images_with_replacement() -> None:
    rng = np.random.default_rng(1)
    top, under = rng.random((40, 2)), rng.integers(0, 2, (40, 2)).astype(float)
    clusters = [f"image{i % 7}" for i in range(40)]
    got = resampled(top, under, clusters, draws=50, seed=3)
    names = sorted(set(clusters))
    picks = np.random.default_rng(3).integers(0, len(names), (50, len(names)))
    for row, drawn in zip(got, picks, strict=True):
        rows = [i for pick in drawn for i in range(40) if clusters[i] == names[pick]]
        np.testing.assert_allclose(row, top[rows].sum(axis=0) / under[rows].sum(axis=0))


def test_memory_bound_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random(60)
    clusters = [str(i // 2) for i in range(60)]
    whole = interval(values, clusters, seed=5)
    monkeypatch.setattr(module, "_CELLS", 100)
    assert interval(values, clusters, seed=5) == pytest.approx(whole, rel=1e-12)
    assert interval(values, clusters, seed=6) != whole


def test_samples_of_one_image_do_not_count_as_many() -> None:
    rng = np.random.default_rng(0)
    hits = np.repeat(rng.random(50) < 0.5, 20).astype(float)
    by_image = interval(hits, [str(i // 20) for i in range(1000)])
    by_sample = interval(hits, [str(i) for i in range(1000)])
    assert by_image.value == by_sample.value == hits.mean()
    assert (by_image.high - by_image.low) > 3 * (by_sample.high - by_sample.low)


def test_the_interval_of_a_mean_is_that_of_the_normal_law() -> None:
    values = np.random.default_rng(0).normal(0.5, 0.1, 400)
    found = interval(values, [str(i) for i in range(400)], draws=20_000)
    error = 1.96 * values.std() / 20
    assert found.low == pytest.approx(values.mean() - error, abs=error / 20)
    assert found.high == pytest.approx(values.mean() + error, abs=error / 20)


def test_ratios_of_a_subset_and_of_nothing() -> None:
    hits = np.array([[1.0, 0, 0], [1, 1, 0], [0, 0, 0], [1, 1, 0]])
    under = np.array([[1.0, 0, 0], [1, 1, 0], [1, 1, 0], [1, 1, 0]])
    whole, part, none = intervals(hits, under, list("abcd"))
    assert whole.value == 0.75
    assert part.value == pytest.approx(2 / 3)
    assert 0 <= part.low < part.high <= 1
    assert np.isnan(none).all()
    assert np.isnan(interval([1, 0], ["a", "a"])[1:]).all()


def test_mcnemar_is_the_binomial_tail() -> None:
    tail = sum(comb(12, k) for k in range(4)) / 2**12
    assert mcnemar_exact(3, 9) == pytest.approx(2 * tail)
    assert mcnemar_exact(9, 3) == pytest.approx(2 * tail)
    assert mcnemar_exact(0, 0) == 1
    assert mcnemar_exact(4, 4) == 1


def test_a_comparison_is_paired() -> None:
    rng = np.random.default_rng(0)
    easy = rng.random(400) < 0.5
    better = easy | (rng.random(400) < 0.06)
    clusters = [str(i) for i in range(400)]
    found = compare(better, easy, clusters)
    extra = int((better & ~easy).sum())
    assert (found.a_only, found.b_only) == (extra, 0)
    assert found.difference.value == pytest.approx(extra / 400)
    # Two percent, which two separate intervals of five percent each would never show.
    assert found.difference.low > 0
    assert found.p_bootstrap < 0.01
    assert found.p_mcnemar == pytest.approx(2 / 2**extra)
    same = compare(easy, easy, clusters)
    assert (same.difference.value, same.p_bootstrap, same.p_mcnemar) == (0, 1, 1)
    back = compare(easy, better, clusters)
    assert back.difference.low == pytest.approx(-found.difference.high)
