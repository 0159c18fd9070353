"""Quality measured on cases whose answer is known."""

import numpy as np
import pytest

from som import Marker, Style
from som.quality import Quality, measure
from som.regions import make_regions, normalize

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def quality(boxes: list[list[float]], labels: list[list[int]], **options: object) -> Quality:
    n = len(boxes)
    font = options.pop("font_px", 16)
    text = np.array([options.pop("text", WHITE)] * n, np.uint8)
    fill = np.array([BLACK] * n, np.uint8)
    regions = make_regions(boxes, **options)  # type: ignore[arg-type]
    return measure(regions, np.array(labels), text, fill, np.full(n, font))


def test_perfect_marks() -> None:
    found = quality([[10, 10, 110, 60], [200, 10, 300, 60]], [[10, 0, 30, 10], [200, 0, 220, 10]])
    assert found.covered.tolist() == [0, 0]
    assert found.distance_px.tolist() == [0, 0]
    assert not found.overlapped.any()
    assert found.contrast.tolist() == pytest.approx([21, 21])
    assert found.score == 1


def test_covered_share_counts_all_labels_once() -> None:
    found = quality([[0, 0, 100, 10], [0, 0, 50, 10]], [[0, 0, 50, 10], [25, 0, 75, 10]])
    assert found.covered.tolist() == pytest.approx([0.75, 1.0])
    assert found.overlapped.all()
    assert found.score < 0.3


def test_covered_share_of_a_mask_counts_its_pixels_only() -> None:
    mask = np.zeros((1, 100, 100), bool)
    mask[0, 50:, :] = True
    regions = normalize(make_regions([[0, 0, 100, 100]], mask=mask), (100, 100))
    white, black = np.array([WHITE], np.uint8), np.array([BLACK], np.uint8)
    found = measure(regions, np.array([[0, 0, 100, 75]]), white, black, np.array([16]))
    assert found.covered[0] == pytest.approx(0.5)
    above = measure(regions, np.array([[40, 0, 60, 20]]), white, black, np.array([16]))
    assert above.distance_px[0] == pytest.approx(31, abs=2)


def test_low_contrast_small_text_and_distance_cost() -> None:
    box, label = [[0.0, 0.0, 50.0, 50.0]], [[60, 0, 80, 12]]
    near = quality(box, label)
    assert near.distance_px[0] == 10
    far = quality(box, [[360, 0, 380, 12]])
    assert far.score < near.score
    faint = quality(box, label, text=(60, 60, 60))
    assert faint.contrast[0] < 3
    assert faint.score < 0.5 * near.score
    assert quality(box, label, font_px=6).score < near.score


def test_a_dropped_label_counts_as_unreadable() -> None:
    found = quality([[0, 0, 50, 50]] * 2, [[0, 0, 10, 10], [0, 0, 0, 0]])
    assert found.dropped.tolist() == [False, True]
    assert found.legibility[1] == 0


def test_no_marks_are_perfectly_legible() -> None:
    assert quality([], []).score == 1


def test_a_crowded_image_scores_lower_than_a_calm_one() -> None:
    page = np.full((200, 300, 3), 255, np.uint8)
    calm = make_regions([[30, 30, 100, 60], [30, 120, 100, 150]])
    rng = np.random.default_rng(0)
    corners = rng.uniform(0, (280, 180), (150, 2))
    crowded = make_regions(np.hstack((corners, corners + 18)))
    scores = [
        Marker.from_detections(page, regions, style=Style()).quality().score
        for regions in (calm, crowded)
    ]
    assert scores[0] > 0.95
    assert scores[1] < 0.7
