"""Expected calibration error and its bins."""

import numpy as np
import pytest

from som.evals.metrics.calibration import calibration


def test_the_mean_gap_weighted_by_answers() -> None:
    found = calibration([0.9, 0.95, 0.85, 1.0, 0.3, 0.35], [1, 1, 0, 1, 0, 1], bins=5)
    high = [0.9, 0.95, 0.85, 1.0]
    gaps = abs(np.mean(high) - 0.75), abs(0.325 - 0.5)
    assert found.ece == pytest.approx((4 * gaps[0] + 2 * gaps[1]) / 6)
    assert found.mce == pytest.approx(max(gaps))
    assert [one.count for one in found.bins] == [0, 2, 0, 0, 4]
    assert found.bins[0].confidence is None
    assert found.bins[4].accuracy == 0.75
    assert found.brier == pytest.approx(np.mean([0.01, 0.05**2, 0.85**2, 0, 0.09, 0.65**2]))


def test_a_fair_model_is_calibrated_and_a_sure_one_is_not() -> None:
    rng = np.random.default_rng(0)
    sure = rng.random(20_000)
    right = rng.random(20_000) < sure
    assert calibration(sure, right).ece < 0.02
    assert calibration(np.ones(20_000), right).ece == pytest.approx(0.5, abs=0.02)


def test_edges_belong_to_the_bin_below() -> None:
    found = calibration([0, 0.5, 1], [0, 1, 1], bins=2)
    assert [one.count for one in found.bins] == [2, 1]


def test_what_is_no_confidence() -> None:
    for wrong in ([1.1], [float("nan")], [-0.1]):
        with pytest.raises(ValueError, match=r"must lie in 0\.\.1"):
            calibration(wrong, [1])
    with pytest.raises(ValueError, match="one outcome for each"):
        calibration([], [])
