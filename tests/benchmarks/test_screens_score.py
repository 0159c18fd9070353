import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.screens.pages import Page, read_pages
from benchmarks.screens.score import merged, score, sheet, table


@pytest.fixture
def page(tmp_path: Path) -> Page:
    Image.new("RGB", (200, 100), "white").save(tmp_path / "one.png")
    boxes = [[10, 10, 50, 30], [100, 10, 140, 30]]
    record = {"origin": "made", "split": "report", "targets": [{"box": box} for box in boxes]}
    (tmp_path / "one.json").write_text(json.dumps(record))
    return read_pages(tmp_path, "report")[0]


def test_a_box_counts_as_found_addressable_both_or_neither(page: Page) -> None:
    boxes = np.array([[10, 10, 50, 30], [112, 15, 128, 25]], np.float32)
    done = score(page, lambda _: boxes)
    assert done.found.tolist() == [True, False]
    assert done.addressable.tolist() == [True, True]
    # More than twice as large, or with its middle elsewhere: a click would go astray.
    done = score(page, lambda _: np.array([[0, 0, 60, 40], [125, 10, 165, 30]], np.float32))
    assert done.addressable.tolist() == [False, False]


def test_a_page_where_nothing_is_found_has_a_line_and_a_tile(page: Page) -> None:
    done = score(page, lambda _: np.zeros((0, 4), np.float32))
    assert "0.000" in table({"nothing": [done]})
    assert np.asarray(sheet([done])).std() > 0


def test_text_inside_a_shape_of_its_size_is_merged_into_it() -> None:
    shapes = np.array([[0, 0, 60, 20], [0, 30, 190, 100]], np.float32)
    texts = np.array([[10, 4, 50, 16], [20, 50, 30, 60]], np.float32)
    assert merged(shapes, texts).tolist() == [*shapes.tolist(), texts[1].tolist()]
