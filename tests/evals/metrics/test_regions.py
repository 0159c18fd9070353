"""Overlap scores, against counts made by hand and pixel by pixel."""

import numpy as np
import pytest

from som.evals.metrics.regions import (
    NamingScores,
    box_iou,
    enclosing_box,
    mask_overlap,
    naming_scores,
    rec_accuracy,
    recall_at_1,
    res_scores,
)


def test_box_iou_counts_pixels() -> None:
    rng = np.random.default_rng(0)
    corners = np.sort(rng.integers(0, 30, (200, 2, 2, 2)), axis=2)
    a, b = (corners[:, i].reshape(-1, 4) for i in range(2))
    for one, two, got in zip(a, b, box_iou(a, b), strict=True):
        dense = np.zeros((2, 30, 30), bool)
        for mask, (x1, y1, x2, y2) in zip(dense, (one, two), strict=True):
            mask[y1:y2, x1:x2] = True
        shared, union = mask_overlap(*dense)
        assert got == pytest.approx(shared / union if union else 0)


def test_rec_counts_half_as_a_hit() -> None:
    assert rec_accuracy([0.5, 0.4999, 1, 0]) == 0.5


def test_recall_is_against_the_union_of_a_phrases_boxes() -> None:
    two = [(0, 0, 10, 10), (10, 0, 20, 10)]
    assert enclosing_box(two) == (0, 0, 20, 10)
    found = [(0, 0, 20, 10), (0, 0, 9, 10), None, (0, 0, 10, 10)]
    # The second phrase has IoU 0.45 with the union; the last has no box and does not count.
    assert recall_at_1(found, [two, two, two, []]) == pytest.approx(1 / 3)
    assert np.isnan(recall_at_1([None], [[]]))


def test_res_weighs_samples_in_miou_and_pixels_in_oiou() -> None:
    scores = res_scores([10, 90, 0, 5], [10, 100, 100, 10])
    assert scores.miou == pytest.approx((1 + 0.9 + 0 + 0.5) / 4)
    assert scores.oiou == pytest.approx(105 / 220)
    assert scores.precision == {0.5: 0.75, 0.7: 0.5, 0.9: 0.5}
    assert res_scores([0], [0]).miou == 0


def test_naming_keeps_unanswered_apart_from_wrong() -> None:
    truth = {"1": "cat", "2": "dining table", "3": "wall-other-merged", "4": "dog"}
    answer = {"1": "Cat", "2": "dining-table", "3": "wall", "4": "cat", "9": "dog"}
    assert naming_scores(answer, truth) == NamingScores(4, 4, 3)
    partly = naming_scores({"1": "cat", "4": " "}, truth)
    assert partly == NamingScores(4, 1, 1)
    assert (partly.precision, partly.recall) == (1.0, 0.25)
    assert (partly + NamingScores(1, 1, 0)).precision == 0.5
    assert np.isnan(NamingScores().precision)
