"""J and F, beside a pixel-by-pixel reading of their definitions."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from som.evals.metrics.video import boundary_f, jaccard, outline, sequence_scores, statistics

Mask = NDArray[np.bool_]


def edge_pixels(mask: Mask) -> list[tuple[int, int]]:
    """A pixel is on the outline where its right, lower or lower right neighbour is the other side."""
    height, width = mask.shape
    found = []
    for y in range(height):
        for x in range(width):
            near = [(y, x + 1), (y + 1, x), (y + 1, x + 1)]
            if y == height - 1:
                near = [(y, x + 1)]
            if x == width - 1:
                near = [(y + 1, x)]
            if (y, x) == (height - 1, width - 1):
                near = []
            if any(mask[one] != mask[y, x] for one in near):
                found.append((y, x))
    return found


def slow_f(truth: Mask, found: Mask) -> float:
    """Every outline pixel looks for one of the other outline within the tolerance."""
    height, width = truth.shape
    reach = math.ceil(0.008 * math.sqrt(height**2 + width**2))
    a, b = edge_pixels(truth), edge_pixels(found)
    if not a and not b:
        return 1
    if not a or not b:
        return 0

    def share(of: list[tuple[int, int]], among: list[tuple[int, int]]) -> float:
        hits = sum(any((y - v) ** 2 + (x - u) ** 2 <= reach**2 for v, u in among) for y, x in of)
        return hits / len(of)

    precision, recall = share(b, a), share(a, b)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0


def blob(rng: np.random.Generator, size: tuple[int, int]) -> Mask:
    y, x = np.mgrid[: size[0], : size[1]]
    cy, cx = rng.random(2) * size
    ry, rx = 2 + rng.random(2) * np.array(size) / 2
    return np.asarray(((y - cy) / ry) ** 2 + ((x - cx) / rx) ** 2 < 1)


@pytest.mark.parametrize("size", [(30, 44), (90, 160)])
def test_f_is_its_definition(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(size[0])
    for _ in range(12 if size[0] == 30 else 4):
        truth = blob(rng, size)
        shift = rng.integers(-3, 4, 2)
        found = np.roll(truth, shift, axis=(0, 1)) ^ (rng.random(size) < 0.002)
        assert sorted(zip(*np.nonzero(outline(truth)), strict=True)) == edge_pixels(truth)
        assert boundary_f(truth, found) == pytest.approx(slow_f(truth, found))
        other = blob(rng, size)
        assert boundary_f(truth, other) == pytest.approx(slow_f(truth, other))


def test_empty_masks() -> None:
    none, some = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    some[5:9, 5:9] = True
    assert (jaccard(none, none), boundary_f(none, none)) == (1, 1)
    assert (jaccard(some, none), boundary_f(some, none)) == (0, 0)
    assert (jaccard(none, some), boundary_f(none, some)) == (0, 0)
    assert (jaccard(some, some), boundary_f(some, some)) == (1, 1)


def test_undecided_pixels_do_not_count() -> None:
    truth, found = np.zeros((2, 20, 20), bool)
    truth[5:10, 5:10] = True
    found[5:10, 5:15] = True
    void = np.zeros((20, 20), bool)
    void[:, 10:] = True
    assert jaccard(truth, found) == 0.5
    assert jaccard(truth, found, void) == 1
    assert boundary_f(truth, found, void) == 1


def test_mean_recall_and_decay() -> None:
    found = statistics([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1])
    assert found.mean == pytest.approx(0.5)
    assert found.recall == pytest.approx(4 / 9)
    assert found.decay == pytest.approx(np.mean([0.9, 0.8, 0.7]) - np.mean([0.3, 0.2, 0.1]))


def test_the_first_and_the_last_frame_do_not_count() -> None:
    frames = np.zeros((5, 30, 40), np.int64)
    frames[:, 5:15, 5:15] = 1
    frames[:, 18:25, 20:35] = 2
    frames[:, 0, 0] = 255
    found = frames.copy()
    found[0] = found[-1] = 0
    found[2][found[2] == 2] = 0
    scores = sequence_scores(list(frames), list(found), [1, 2])
    assert scores[1].j_and_f == 1
    assert scores[2].j.mean == pytest.approx(2 / 3)
    assert scores[2].f.recall == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="expected 5 frames, got 4"):
        sequence_scores(list(frames), list(found)[1:], [1])
    with pytest.raises(ValueError, match="expected 3 or more"):
        sequence_scores(list(frames[:2]), list(found[:2]), [1])
