"""Reading order follows rows and columns as people read."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from som.order import area_order, reading_order
from som.regions import make_regions

Box = list[float]


def column(
    x: float, y: float, n: int, width: float = 120, height: float = 16, gap: float = 8
) -> list[Box]:
    return [[x, y + i * (height + gap), x + width, y + i * (height + gap) + height] for i in range(n)]


def check(in_order: list[Box], seed: int = 0) -> None:
    """Shuffled, the boxes come back in the order they were written down."""
    shuffle = np.random.default_rng(seed).permutation(len(in_order))
    boxes = np.array(in_order, float)[shuffle]
    assert shuffle[reading_order(boxes)].tolist() == list(range(len(in_order)))


def test_one_column() -> None:
    check(column(10, 10, 30))


def test_one_line_with_uneven_baselines() -> None:
    check([[10, 12, 60, 30], [70, 8, 120, 30], [130, 14, 180, 28], [190, 9, 260, 33]])


def test_a_slanted_line_is_one_line() -> None:
    check([[i * 70, i * 2, i * 70 + 60, i * 2 + 20] for i in range(6)])


def test_a_grid_is_read_by_rows() -> None:
    check([[c * 120, r * 90, c * 120 + 100, r * 90 + 70] for r in range(4) for c in range(5)])


def test_a_table_is_read_by_rows() -> None:
    jitter = np.random.default_rng(1).integers(-2, 3, (8, 4))
    check(
        [
            [c * 200, r * 40 + jitter[r, c], c * 200 + 90, r * 40 + 16 + jitter[r, c]]
            for r in range(8)
            for c in range(4)
        ]
    )


@pytest.mark.parametrize("seed", range(8))
def test_a_grid_of_uneven_cells_is_read_by_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    corners = np.array([[c * 68.0, r * 58.0] for r in range(15) for c in range(20)])
    corners += rng.integers(0, 8, corners.shape)
    sizes = rng.integers((14, 12), (54, 34), corners.shape)
    check(np.hstack((corners, corners + sizes)).tolist(), seed)


def test_two_columns_of_text_under_a_headline() -> None:
    headline = [[10.0, 10.0, 640.0, 40.0]]
    left, right = (column(x, 60, 12, width=300, height=14, gap=6) for x in (10, 340))
    check(headline + left + right)


def test_a_side_bar_comes_before_the_page_beside_it() -> None:
    side = column(10, 60, 9, gap=19)
    page = [
        [300 + c * 180, 70 + r * 50, 420 + c * 180, 90 + r * 50] for r in range(6) for c in range(4)
    ]
    check(side + page)


def test_a_side_bar_beside_one_large_block() -> None:
    side = column(10, 60, 9, gap=19)
    check([*side, [300, 0, 1200, 700], [320, 80, 500, 110]])


def test_a_header_comes_before_columns() -> None:
    header = [[10.0, 5.0, 80.0, 30.0], [150.0, 8.0, 500.0, 28.0], [700.0, 6.0, 760.0, 32.0]]
    check(header + column(10, 60, 9, gap=19, width=200) + column(300, 71, 7, width=400, height=40))


def test_a_form_is_read_label_then_field() -> None:
    rows = [([20, y + 8, 90, y + 24], [120, y, 400, y + 32]) for y in range(0, 400, 50)]
    check([box for pair in rows for box in pair])


def test_what_contains_comes_before_what_it_contains() -> None:
    card_a, card_b = [0, 0, 200, 150], [220, 0, 420, 150]
    check([card_a, [20, 20, 100, 40], [20, 100, 80, 130], card_b, [240, 25, 320, 45]])


def test_no_regions_and_one() -> None:
    assert reading_order(np.zeros((0, 4))).tolist() == []
    assert reading_order([[1, 2, 3, 4]]).tolist() == [0]


@given(st.lists(st.tuples(*[st.integers(0, 300)] * 2, *[st.integers(1, 90)] * 2), max_size=60))
def test_is_always_a_permutation(sizes: list[tuple[int, int, int, int]]) -> None:
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in sizes], float).reshape(-1, 4)
    order = reading_order(boxes)
    assert sorted(order.tolist()) == list(range(len(boxes)))
    assert order.tolist() == reading_order(boxes.copy()).tolist()


@pytest.mark.parametrize("n", [1000])
def test_a_thousand_lines_do_not_exhaust_the_stack(n: int) -> None:
    check(column(0, 0, n))


def test_area_order() -> None:
    regions = make_regions([[0, 0, 2, 2], [0, 0, 9, 9], [5, 5, 7, 7], [0, 0, 4, 4]])
    assert area_order(regions).tolist() == [1, 3, 0, 2]
