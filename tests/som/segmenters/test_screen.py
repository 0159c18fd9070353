import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from som.errors import SegmenterError
from som.segmenters.screen import ScreenSegmenter

Box = tuple[int, int, int, int]


def page(
    size_wh: tuple[int, int] = (900, 600), *, dark: bool = False, typed: str = "", scale: int = 1
) -> NDArray[np.uint8]:
    """A page with a bar of links, a field, a button, a checkbox, an icon and a card."""
    back, ink, line = ("#181c24", "#e6e6e6", "#556") if dark else ("#ffffff", "#222222", "#99a")
    image = Image.new("RGB", (size_wh[0] * scale, size_wh[1] * scale), back)
    draw = ImageDraw.Draw(image)

    def box(*values: int) -> list[int]:
        return [value * scale for value in values]

    def text(x: int, y: int, words: str, fill: str = ink) -> None:
        draw.text((x * scale, y * scale), words, fill=fill, font_size=16 * scale)

    for x, words in ((40, "Home"), (130, "Products"), (250, "About us"), (370, "Contact")):
        text(x, 20, words)
    draw.rounded_rectangle(box(40, 80, 340, 116), 4 * scale, outline=line, width=scale)
    text(52, 88, typed or "Search", ink if typed else "#888")
    draw.rounded_rectangle(box(360, 80, 480, 116), 6 * scale, fill="#1a66d0")
    text(382, 88, "Save draft", "white")
    draw.rectangle(box(40, 150, 56, 166), outline=line, width=scale)
    text(66, 148, "Remember me")
    draw.ellipse(box(840, 20, 856, 36), outline=ink, width=2 * scale)
    draw.line(box(853, 33, 862, 42), fill=ink, width=2 * scale)
    draw.rounded_rectangle(box(40, 220, 400, 420), 8 * scale, outline=line, width=scale)
    text(60, 240, "Monthly report")
    text(60, 290, "Read more", "#1a66d0")
    text(60, 380, "Download", "#1a66d0")
    return np.asarray(image)


def best_iou(regions: sv.Detections, box: Box) -> float:
    ious = sv.box_iou_batch(np.array([box], np.float32), regions.xyxy)
    return float(ious.max()) if ious.size else 0.0


def texts(regions: sv.Detections) -> list[str]:
    return [str(text) for text in regions.data["text"]]


@pytest.mark.parametrize(("dark", "scale"), [(False, 1), (True, 1), (False, 2)])
def test_finds_controls_links_and_icons(dark: bool, scale: int) -> None:
    regions = ScreenSegmenter()(page(dark=dark, scale=scale))
    field, button, checkbox = (40, 80, 340, 116), (360, 80, 480, 116), (40, 150, 56, 166)
    # The button that the icon would stand in.
    icon = (836, 16, 866, 46)
    for x1, y1, x2, y2 in (field, button, checkbox, icon):
        box = (x1 * scale, y1 * scale, x2 * scale, y2 * scale)
        assert best_iou(regions, box) >= 0.6, box
    found = " | ".join(texts(regions))
    for word in ("Home", "Products", "Contact", "Monthly report", "Read more", "Download"):
        assert word in found


def test_text_of_a_control_belongs_to_it() -> None:
    regions = ScreenSegmenter()(page())
    saves = [i for i, text in enumerate(texts(regions)) if "Save draft" in text]
    assert len(saves) == 1
    assert regions.data["role"][saves[0]] == "button"
    assert regions.data["source"][saves[0]] == "shape"
    fields = [i for i, role in enumerate(regions.data["role"]) if role == "textbox"]
    assert [texts(regions)[i] for i in fields] == ["Search"]


def test_links_of_a_bar_are_apart() -> None:
    regions = ScreenSegmenter()(page())
    assert {"Home", "Products", "About us", "Contact"} <= set(texts(regions))


def test_finer_never_gives_fewer() -> None:
    image = page()
    counts = [len(ScreenSegmenter(granularity=g)(image)) for g in np.linspace(0, 1, 11)]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


def test_granularity_out_of_range() -> None:
    with pytest.raises(SegmenterError, match=r"from 0 to 1"):
        ScreenSegmenter(granularity=1.5)


@pytest.mark.parametrize("size_wh", [(1, 1), (1, 500), (500, 1), (3, 3), (40, 40)])
def test_tiny_and_empty_images(size_wh: tuple[int, int]) -> None:
    image = np.full((size_wh[1], size_wh[0], 3), 255, np.uint8)
    assert len(ScreenSegmenter()(image)) == 0


def test_image_is_not_changed() -> None:
    image = page()
    before = image.copy()
    ScreenSegmenter()(image)
    assert np.array_equal(image, before)


def same(a: sv.Detections, b: sv.Detections) -> bool:
    return (
        np.array_equal(a.xyxy, b.xyxy)
        and np.array_equal(np.asarray(a.confidence), np.asarray(b.confidence))
        and all(list(a.data[key]) == list(b.data[key]) for key in a.data)
    )


@pytest.fixture
def read_count(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    from som.segmenters.screen.reader import Recognizer

    counts: list[int] = []
    read = Recognizer.read

    def counting(self: Recognizer, line: NDArray[np.uint8]) -> object:
        counts.append(line.shape[1])
        return read(self, line)

    monkeypatch.setattr(Recognizer, "read", counting)
    return counts


def test_second_look_is_the_same_and_reads_only_what_changed(read_count: list[int]) -> None:
    segmenter = ScreenSegmenter()
    first = segmenter.segment(page())
    read_count.clear()
    changed = page(typed="annual figures")
    second = segmenter.segment(changed, previous=first)
    assert 1 <= len(read_count) <= 2
    assert same(second.regions, segmenter(changed))
    assert "annual figures" in " ".join(texts(second.regions))


@pytest.mark.parametrize("scroll", [7, 120])
def test_second_look_after_a_scroll(scroll: int, read_count: list[int]) -> None:
    segmenter = ScreenSegmenter()
    tall = np.vstack([page(), page(dark=True)])
    first = segmenter.segment(tall[:700])
    read_count.clear()
    second = segmenter.segment(tall[scroll : scroll + 700], previous=first)
    assert len(read_count) <= 6
    assert same(second.regions, segmenter(tall[scroll : scroll + 700]))


def test_second_look_at_a_moved_window(read_count: list[int]) -> None:
    segmenter = ScreenSegmenter()
    desktop = np.full((900, 1300, 3), (40, 90, 110), np.uint8)
    before, after = desktop.copy(), desktop.copy()
    before[50:650, 100:1000] = page()
    after[133:733, 311:1211] = page()
    first = segmenter.segment(before)
    read_count.clear()
    second = segmenter.segment(after, previous=first)
    assert len(read_count) <= 1
    assert same(second.regions, segmenter(after))


def test_second_look_at_the_same_image(read_count: list[int]) -> None:
    segmenter = ScreenSegmenter()
    first = segmenter.segment(page())
    read_count.clear()
    assert segmenter.segment(page(), previous=first) is first
    assert not read_count


def test_very_tall_page_is_read_in_bands() -> None:
    tall = np.vstack([page()] * 9)
    regions = ScreenSegmenter()(tall)
    assert texts(regions).count("Products") == 9
    assert float(regions.xyxy[:, 3].max()) > 8 * 600
