import numpy as np
import pytest

from som.segmenters.screen.fuse import ACTS, BASIC, fuse
from som.segmenters.screen.items import Item
from som.segmenters.screen.reader import Reading
from som.segmenters.screen.segmenter import _looks_drawn
from som.segmenters.screen.structure import grow_sidebars, is_caption

EM = 13.0


def text(said: str, x1: float, y1: float, x2: float, y2: float) -> Item:
    return Item(np.array([x1, y1, x2, y2], np.float32), "text", said)


def test_a_side_bar_has_one_row_for_each_entry_whatever_badge_stands_in_it() -> None:
    bar = Item(np.array([0, 0, 250, 700], np.float32), "panel")
    items = [
        bar,
        text("APPLICATIONS", 20, 20, 110, 33),
        text("Dashboards", 48, 50, 124, 66),
        text("Forms", 48, 90, 89, 106),
        text("Hot", 180, 92, 205, 104),
        text("Tables", 48, 130, 92, 146),
    ]
    parents = np.array([-1, 0, 0, 0, 0, 0])
    grown = grow_sidebars(items, [1, 2, 3, 4, 5], parents, EM, 1280)
    assert grown == {2, 3, 5}
    for index in grown:
        assert items[index].box_xyxy[[0, 2]].tolist() == [0, 250]
    assert items[4].width == 25


@pytest.mark.parametrize(
    ("said", "width", "height", "on_wide_page", "drawn"),
    [
        ("日", 16, 16, False, True),  # a form's icon, on a page in English
        ("日", 16, 16, True, False),
        ("设置", 32, 16, False, False),
        ("00º", 16, 18, False, True),  # three letters are wider than high
        ("Map", 30, 14, False, False),
    ],
)
def test_icons_that_were_read_as_letters(
    said: str, width: int, height: int, on_wide_page: bool, drawn: bool
) -> None:
    run = np.array([5, 5, 5 + width, 5 + height], np.float32)
    assert _looks_drawn(run, Reading(said, 0.95), on_wide_page=on_wide_page) is drawn


def test_headings_in_small_capitals_are_captions_and_entries_with_an_icon_are_not() -> None:
    assert is_caption(text("GENERAL", 20, 20, 73, 33), EM)
    assert not is_caption(text("General", 20, 20, 73, 33), EM)
    assert not is_caption(text("GENERAL", 20, 20, 100, 40), EM)
    assert not is_caption(
        Item(np.array([4, 20, 73, 33], np.float32), "text", "GENERAL", has_icon=True), EM
    )


@pytest.mark.parametrize(
    ("left", "lines", "tile"),
    [
        (48, ["Terminal"], True),
        (48, ["Show", "Help"], True),
        (12, ["Terminal"], False),  # a card of figures has its icon at a side
        (48, ["One", "Two", "Three", "Four"], False),
    ],
)
def test_a_picture_with_its_name_below_is_a_tile(left: int, lines: list[str], tile: bool) -> None:
    panel = Item(np.array([0, 0, 140, 150], np.float32), "panel")
    icon = Item(np.array([left, 20, left + 44, 64], np.float32), "icon")
    names = [text(said, 46, 76 + 18 * i, 94, 88 + 18 * i) for i, said in enumerate(lines)]
    first, *inside = fuse([panel, icon, *names], EM, 1280)[: 2 + len(lines)]
    assert (first.role == "button") is tile
    assert (first.level == BASIC) is tile
    if tile:
        assert first.text == " ".join(lines)
        assert not any(item.interactive for item in inside)


def test_confidence_is_how_likely_a_press_acts() -> None:
    button = Item(np.array([0, 0, 90, 30], np.float32), "panel")
    items = fuse([button, text("Save", 20, 8, 60, 22), text("A label", 200, 8, 250, 22)], EM, 1280)
    roles = {item.text: (item.role, item.confidence) for item in items if item.level == BASIC}
    assert roles["Save"] == ("button", ACTS["button"])
    role, sure = roles["A label"]
    assert sure <= ACTS[role] < ACTS["button"]
