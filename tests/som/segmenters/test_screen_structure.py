import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from som.segmenters.screen import ScreenSegmenter

WORDS = ("Overview", "Projects", "Calendar", "Reports", "Settings")


def framed_page() -> NDArray[np.uint8]:
    """A bar across the top, a side bar, and a table, none of whose entries has a drawn box."""
    image = Image.new("RGB", (1000, 700), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 999, 55), fill="#1f2937")
    draw.rectangle((0, 56, 199, 699), fill="#e8ecf2")
    for index, words in enumerate(WORDS):
        draw.text((230 + 120 * index, 20), words, fill="white", font_size=15)
        draw.text((30, 90 + 40 * index), words, fill="#222", font_size=15)
        for column in (250, 450, 700):
            draw.text((column, 150 + 45 * index), f"{words} {column}", fill="#222", font_size=15)
        draw.line((220, 180 + 45 * index, 980, 180 + 45 * index), fill="#99a")
    return np.asarray(image)


def boxes_of(text: str) -> NDArray[np.float32]:
    regions = ScreenSegmenter()(framed_page())
    rows = [index for index, found in enumerate(regions.data["text"]) if found == text]
    return np.asarray(regions.xyxy[rows], np.float32)


def test_entries_of_a_side_bar_fill_their_rows() -> None:
    for index, words in enumerate(WORDS):
        row = boxes_of(words)
        row = row[row[:, 1] > 60]
        assert len(row) == 1
        assert row[0, 0] <= 2
        assert row[0, 2] >= 196
        assert row[0, 1] < 90 + 40 * index < row[0, 3]
        assert 30 <= row[0, 3] - row[0, 1] <= 60


def test_entries_of_a_bar_have_padding_and_do_not_overlap() -> None:
    entries = np.concatenate([boxes_of(words) for words in WORDS])
    entries = entries[entries[:, 1] < 56]
    assert len(entries) == 5
    assert (entries[:, 3] - entries[:, 1] >= 30).all()
    assert (entries[1:, 0] >= entries[:-1, 2]).all()


def test_cells_of_a_table_stay_as_small_as_their_text() -> None:
    cell = boxes_of("Projects 450")
    assert len(cell) == 1
    assert cell[0, 3] - cell[0, 1] <= 24
