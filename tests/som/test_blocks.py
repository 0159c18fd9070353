"""Blocks leave nothing out, hold no more than asked, and follow white space."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from som.blocks import block_box, find_blocks


def grid(left: int, top: int, columns: int, lines: int) -> list[list[int]]:
    return [
        [left + 30 * x, top + 20 * y, left + 30 * x + 20, top + 20 * y + 12]
        for y in range(lines)
        for x in range(columns)
    ]


def test_blocks_follow_the_white_space() -> None:
    boxes = np.array([*grid(0, 0, 3, 4), *grid(500, 0, 3, 4), *grid(0, 400, 3, 4)], float)
    blocks = find_blocks(boxes, 12)
    assert sorted(map(sorted, blocks)) == [list(range(12)), list(range(12, 24)), list(range(24, 36))]


def test_a_container_of_one_block_is_in_it_and_one_of_several_in_none() -> None:
    items = [*grid(0, 0, 3, 4), *grid(500, 0, 3, 4)]
    boxes = np.array([*items, [-5, -5, 100, 80], [-10, -10, 700, 200]], float)
    blocks = find_blocks(boxes, 13)
    assert [24] not in [list(block) for block in blocks]
    assert 25 not in np.concatenate(blocks)
    assert block_box(boxes, blocks[0])[2] <= 100


@pytest.mark.parametrize("most", [1, 2, 7])
def test_boxes_on_one_spot_are_halved(most: int) -> None:
    blocks = find_blocks([[5, 5, 9, 9], [5, 5, 9, 9], [5, 5, 9, 9]], most)
    assert sum(map(len, blocks)) + (3 if not blocks else 0) == 3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(*(st.integers(0, 900),) * 2, *(st.integers(1, 60),) * 2), min_size=1, max_size=80
    ),
    st.integers(1, 20),
)
def test_every_region_is_in_one_block(parts: list[tuple[int, ...]], most: int) -> None:
    boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in parts], float)
    blocks = find_blocks(boxes, most)
    rows = np.concatenate([*blocks, np.zeros(0, int)])
    assert len(rows) == len(np.unique(rows))
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    holds = ((boxes[:, None, :2] <= middle) & (middle < boxes[:, None, 2:])).all(axis=2).sum(axis=1)
    missing = set(range(len(boxes))) - set(rows.tolist())
    assert all(holds[row] > 3 for row in missing)
