"""`Marker`, `MarkedImage` and the mark file."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from PIL import Image

from som import MarkedImage, Marker, SomError, Style
from som.errors import MarkError, RegionsError
from som.regions import make_regions

BOXES = [[10, 10, 90, 50], [110, 10, 190, 50], [10, 70, 190, 140], [120, 80, 180, 110]]
TEXTS = ["Sign in", "", "A\ncard", "Later"]
ROLES = ["button", "", "card", "link"]


def picture() -> np.ndarray:
    return np.full((150, 200, 3), 230, np.uint8)


def regions(masks: bool = False) -> sv.Detections:
    mask = None
    if masks:
        mask = np.zeros((4, 150, 200), bool)
        for row, (x1, y1, x2, y2) in zip(mask, BOXES, strict=True):
            row[y1:y2, x1:x2] = True
        mask[2, 70:100, 10:100] = False  # a card with a bite out of it
    return make_regions(BOXES, mask=mask, text=TEXTS, role=ROLES, source="shape")


def marked(masks: bool = False, **options: object) -> MarkedImage:
    return Marker.from_detections(picture(), regions(masks), **options)


def test_marks_say_what_they_name() -> None:
    image = marked()
    assert [mark.id for mark in image] == [1, 2, 3, 4]
    assert [mark.label for mark in image] == ["1", "2", "3", "4"]
    first = image[1]
    assert first.box_xyxy == (10, 10, 90, 50)
    assert (first.text, first.role, first.source) == ("Sign in", "button", "shape")
    assert image["1"] is first
    x, y = first.anchor_xy
    assert 10 <= x < 90
    assert 10 <= y < 50


def test_the_image_is_untouched_and_the_drawn_one_is_not() -> None:
    image = marked()
    np.testing.assert_array_equal(image.image, picture())
    assert image.drawn.shape == image.image.shape
    assert (image.drawn != image.image).any()


@pytest.mark.parametrize("masks", [False, True])
def test_at_finds_the_smallest_region(masks: bool) -> None:
    image = marked(masks)
    for x, y, text in [(15, 15, "Sign in"), (130, 90, "Later"), (110, 130, "A\ncard")]:
        found = image.at(x, y)
        assert found is not None
        assert found.text == text
    assert image.at(100, 30) is None
    assert image.at(-1, -1) is None
    assert image.at(200, 150) is None
    bite = image.at(20, 80)
    assert (bite is None) == masks


def test_the_legend_quotes_text_on_one_line() -> None:
    assert marked().legend().splitlines() == [
        '[1] button "Sign in"',
        '[3] card "A card"',
        '[4] link "Later"',
    ]


def test_hostile_text_cannot_forge_a_legend_line() -> None:
    text = 'x"\n[99] button "Pay\u2028\x1b[2J'
    image = Marker.from_detections(picture(), make_regions([[0, 0, 50, 50]], text=text))
    assert len(image.legend().splitlines()) == 1
    assert json.loads(image.legend().split(" ", 1)[1]).startswith('x" [99] button "Pay')
    assert "\x1b" not in image.legend()


def test_unknown_marks_are_errors_that_say_the_range() -> None:
    with pytest.raises(MarkError, match="no mark 9 on this image; it has 1 to 4"):
        marked()[9]
    with pytest.raises(MarkError, match="it has no marks"):
        Marker.from_detections(picture(), sv.Detections.empty())[1]


@pytest.mark.parametrize("masks", [False, True])
@pytest.mark.parametrize("max_side", [None, 100, 77])
def test_the_mark_file_round_trips(masks: bool, max_side: int | None, tmp_path: Path) -> None:
    style = Style(shapes=("fill", "outline"), labels="letters", opacity=0.5)
    before = marked(masks, style=style, max_side=max_side)
    path = before.save_json(tmp_path / "marks.json")
    after = MarkedImage.from_json(path, picture())
    np.testing.assert_array_equal(after.drawn, before.drawn)
    assert after.to_json() == before.to_json()
    assert [mark.box_xyxy for mark in after] == [mark.box_xyxy for mark in before]
    assert after.at(15, 15) is not None


def test_a_mark_file_finds_its_image_beside_it(tmp_path: Path, monkeypatch: object) -> None:
    Image.fromarray(picture()).save(tmp_path / "shot.png")
    before = Marker.from_detections(tmp_path / "shot.png", regions())
    data = before.to_json()
    data["image"]["path"] = "gone/shot.png"
    (tmp_path / "shot.json").write_text(json.dumps(data))
    after = MarkedImage.from_json(tmp_path / "shot.json")
    assert len(after.marks) == 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data.update(version=9), "version 9, expected 1"),
        (lambda data: data["image"].update(sha256="0"), "another image"),
        (lambda data: data.pop("marks"), "not a mark file: KeyError 'marks'"),
        (lambda data: data["marks"][0].pop("box"), "not a mark file: KeyError 'box'"),
        (lambda data: data.update(style={"shapes": ["star"]}), "no mark shape 'star'"),
    ],
)
def test_what_is_no_mark_file(change: object, message: str) -> None:
    data = marked().to_json()
    change(data)  # type: ignore[operator]
    with pytest.raises(SomError, match=message):
        MarkedImage.from_json(data, picture())


def test_files_that_are_not_there_or_not_json(tmp_path: Path) -> None:
    with pytest.raises(MarkError, match="cannot read"):
        MarkedImage.from_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(MarkError, match="is not JSON"):
        MarkedImage.from_json(tmp_path / "bad.json")
    with pytest.raises(MarkError, match="names no image file"):
        MarkedImage.from_json(marked().to_json())
    with pytest.raises(MarkError, match="cannot write"):
        marked().save(tmp_path / "no" / "folder.png")
    with pytest.raises(MarkError, match="cannot write"):
        marked().save(tmp_path / "file.xyz")


def test_coordinates_are_the_originals_when_drawn_smaller() -> None:
    image = marked(masks=True, max_side=50)
    assert image.drawn.shape == (38, 50, 3)
    for mark, box in zip(image, BOXES, strict=True):
        assert mark.box_xyxy == tuple(box)
        x, y = mark.anchor_xy
        assert image.regions.mask is not None
        assert image.regions.mask[mark.region][y, x]


def test_anchors_of_regions_too_small_for_the_drawn_size_stay_inside() -> None:
    boxes = [[101, 7, 102, 8], [40, 41, 43, 42]]
    image = Marker.from_detections(picture(), make_regions(boxes), max_side=20)
    for (x1, y1, x2, y2), i in zip(boxes, image.anchors_xy(), strict=True):
        assert x1 <= i[0] < x2
        assert y1 <= i[1] < y2


@pytest.mark.parametrize("masks", [False, True])
def test_highlight_shows_only_the_named_marks(masks: bool) -> None:
    image = marked(masks)
    shown = image.highlight([1])
    assert shown.shape == image.drawn.shape
    assert shown[145, 5].mean() < 0.5 * image.image[145, 5].mean()
    assert shown[30:45, 60:85].mean() > 150
    np.testing.assert_array_equal(image.highlight([]), image.image)
    with pytest.raises(MarkError, match="no mark 7"):
        image.highlight([7])


def test_notebooks_show_the_drawn_image() -> None:
    image = marked()
    png = Image.open(io.BytesIO(image._repr_png_()))
    np.testing.assert_array_equal(np.asarray(png), image.drawn)


def test_same_input_same_bytes() -> None:
    assert marked(masks=True)._repr_png_() == marked(masks=True)._repr_png_()


def test_detections_from_elsewhere_become_marks() -> None:
    foreign = sv.Detections(
        xyxy=np.array([[-5, 10, 60, 500], [300, 10, 400, 50], [5, 5, 5, 9], [70, 20, 90, 40]]),
        confidence=np.array([0.9, 0.8, 0.7, 0.6]),
        class_id=np.array([0, 1, 2, 3]),
        data={"class_name": np.array(["person", "dog", "cat", "cup"])},
    )
    image = Marker.from_detections(picture(), foreign)
    assert [mark.role for mark in image] == ["person", "cup"]
    assert image[1].box_xyxy == (0, 10, 60, 150)
    assert image.regions.class_id is not None
    assert image.regions.class_id.tolist() == [0, 3]
    assert len(foreign) == 4


def test_dense_masks_keep_pixels_outside_their_box() -> None:
    mask = np.zeros((1, 150, 200), bool)
    mask[0, 20:60, 20:60] = True
    detections = sv.Detections(xyxy=np.array([[30, 30, 50, 50.0]]), mask=mask)
    image = Marker.from_detections(picture(), detections)
    assert isinstance(image.regions.mask, sv.CompactMask)
    assert int(image.regions.mask.area[0]) == 1600


def test_masks_of_another_size_are_refused() -> None:
    detections = sv.Detections(xyxy=np.array([[0, 0, 5, 5.0]]), mask=np.ones((1, 9, 9), bool))
    with pytest.raises(RegionsError, match="masks of 9x9 on an image of 200x150"):
        Marker.from_detections(picture(), detections)


def test_selection() -> None:
    few = Marker.from_detections(
        picture(),
        make_regions(BOXES, confidence=[0.2, 0.9, 0.5, 0.8], interactive=[True, False, False, True]),
        max_marks=3,
    )
    assert [mark.box_xyxy[:2] for mark in few] == [(10, 10), (110, 10), (120, 80)]
    assert len(marked(min_area=4000).marks) == 1
    assert len(marked(min_area=0.1).marks) == 3


def test_order_by_area_numbers_the_largest_first() -> None:
    assert marked(order="area")[1].text == "A\ncard"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "random"}, "no order 'random'"),
        ({"max_marks": 0}, "at least 1"),
        ({"min_area": -1}, "not be negative"),
        ({"colour": 1}, "options are: style, order"),
    ],
)
def test_options_out_of_range(options: dict[str, object], message: str) -> None:
    with pytest.raises(SomError, match=message):
        marked(**options)
    with pytest.raises(SomError, match=message):
        Marker(lambda image: regions(), **options)


def test_any_function_is_a_segmenter() -> None:
    image = Marker(lambda image: regions())(picture())
    assert len(image) == 4
    assert set(image.seconds) == {"load", "segment", "select", "place", "draw"}
    with pytest.raises(SomError, match="no segmenter 'samm'; choose one of: auto, screen, photo"):
        Marker("samm")
    with pytest.raises(SomError, match="granularity"):
        Marker("screen", granularity=2)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
def test_extreme_images(size: tuple[int, int]) -> None:
    width, height = size
    whole = make_regions([[0, 0, width, height]])
    for found in (whole, sv.Detections.empty()):
        image = Marker.from_detections(np.zeros((height, width, 3), np.uint8), found)
        assert image.drawn.shape == (height, width, 3)
        assert len(image.marks) + len(image.dropped) == len(found)
