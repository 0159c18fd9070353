"""What is drawn can be read, has the colours it should, and leaves the input alone."""

import numpy as np
import pytest
import supervision as sv

from som import Marker, Style
from som.colors import PALETTE_RGB, assign, contrast_ratio, oklab, text_color
from som.draw import draw, line_width
from som.glyphs import label_size, label_sprite
from som.names import clashes, label_names
from som.place import Kind, Placement, place
from som.regions import make_regions, normalize

GREY = np.full((240, 320, 3), 128, np.uint8)


def nested() -> sv.Detections:
    masks = np.zeros((2, 240, 320), bool)
    masks[0, 20:220, 20:300] = True
    masks[1, 60:160, 20:160] = True  # shares its left edge with the other
    return normalize(make_regions([[20, 20, 300, 220], [20, 60, 160, 160]], mask=masks), (320, 240))


def marked(style: Style, regions: sv.Detections | None = None) -> tuple[np.ndarray, np.ndarray]:
    regions = nested() if regions is None else regions
    labels = label_names(len(regions), "numbers")
    colors = assign(regions, GREY)
    placement = place(regions, labels, (320, 240), style=style)
    return draw(GREY, regions, placement, labels, style=style, colors_rgb=colors), colors


def count(image: np.ndarray, color: np.ndarray) -> int:
    return int((image == color).all(axis=2).sum())


def test_the_input_is_left_alone() -> None:
    before = GREY.copy()
    marked(Style(shapes=("box", "outline", "fill", "dot")))
    np.testing.assert_array_equal(GREY, before)


def test_fill_has_the_opacity_asked_for_in_the_colour_of_the_smallest() -> None:
    image, colors = marked(Style(shapes=("fill",), opacity=0.25))
    outer, inner = image[200, 280], image[150, 30]
    np.testing.assert_allclose(outer, 0.75 * 128 + 0.25 * colors[0], atol=1)
    np.testing.assert_allclose(inner, 0.75 * 128 + 0.25 * colors[1], atol=1)
    np.testing.assert_array_equal(image[5, 5], (128, 128, 128))
    nothing, _ = marked(Style(shapes=("fill",), opacity=0))
    np.testing.assert_array_equal(nothing[200, 280], (128, 128, 128))


def test_outlines_show_where_regions_are_nested() -> None:
    image, colors = marked(Style(shapes=("outline",)))
    np.testing.assert_array_equal(image[20, 150], colors[0])  # outer, top
    np.testing.assert_array_equal(image[60, 100], colors[1])  # inner, top
    np.testing.assert_array_equal(image[200, 20], colors[0])
    np.testing.assert_array_equal(image[100, 20], colors[1])  # the edge both have
    np.testing.assert_array_equal(image[190, 200], (128, 128, 128))


def test_boxes_are_drawn_outside_their_region() -> None:
    regions = make_regions([[50, 60, 150, 100]])
    image, colors = marked(Style(), regions)
    line = line_width(GREY.shape)
    np.testing.assert_array_equal(image[80, 50 - line : 50], [colors[0]] * line)
    np.testing.assert_array_equal(image[80, 150 : 150 + line], [colors[0]] * line)
    assert (image[60:100, 50:150] == 128).all()


def test_boxes_at_the_edge_of_the_image_are_seen_on_all_sides() -> None:
    image, colors = marked(Style(), make_regions([[0, 0, 320, 240]]))
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):
        assert (edge == colors[0]).all(axis=1).mean() > 0.8


def test_one_mark_has_one_colour() -> None:
    image, colors = marked(Style(shapes=("outline",)))
    for color in colors:
        assert count(image, color) > 100


@pytest.mark.parametrize("grey", [0, 60, 128, 200, 255])
def test_text_on_labels_has_aaa_contrast_on_any_background(grey: int) -> None:
    page = np.full((300, 400, 3), grey, np.uint8)
    boxes = [[20 + 95 * c, 30 + 70 * r, 80 + 95 * c, 60 + 70 * r] for r in range(4) for c in range(4)]
    image = Marker.from_detections(page, make_regions(boxes))
    for mark in image:
        x1, y1, x2, y2 = (round(v) for v in mark.label_box_xyxy)
        patch = image.drawn[y1:y2, x1:x2].reshape(-1, 3)
        fill = np.array(mark.color_rgb)
        text = text_color(fill)[0]
        assert (patch == fill).all(axis=1).mean() > 0.25
        assert (patch == text).all(axis=1).mean() > 0.1
        assert contrast_ratio(text, fill) >= 7
    assert image.quality().contrast.min() >= 7


def test_every_palette_colour_carries_text_at_seven_to_one() -> None:
    assert contrast_ratio(PALETTE_RGB, text_color(PALETTE_RGB)).min() >= 7
    assert contrast_ratio((255, 255, 255), (0, 0, 0)) == pytest.approx(21)
    assert contrast_ratio((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.01)


# No colour reaches 3:1 on middle grey together with 7:1 for its own text.
@pytest.mark.parametrize(("grey", "least"), [(20, 2.9), (128, 2.2), (250, 2.9)])
def test_neighbours_differ_and_stand_out_from_the_page(grey: int, least: float) -> None:
    page = np.full((600, 800, 3), grey, np.uint8)
    boxes = np.array(
        [[80 * c, 60 * r, 80 * c + 60, 60 * r + 40] for r in range(10) for c in range(10)], float
    )
    colors = assign(make_regions(boxes), page)
    np.testing.assert_array_equal(colors, assign(make_regions(boxes), page))
    lab = oklab(colors).reshape(10, 10, 3)
    across = np.linalg.norm(np.diff(lab, axis=1), axis=2)
    down = np.linalg.norm(np.diff(lab, axis=0), axis=2)
    assert min(across.min(), down.min()) > 0.08
    assert np.median(across) > 0.15
    assert (contrast_ratio(colors, (grey,) * 3) >= least).mean() > 0.9


def test_oklab_of_known_colours() -> None:
    np.testing.assert_allclose(oklab((255, 255, 255)), (1, 0, 0), atol=1e-4)
    np.testing.assert_allclose(oklab((255, 0, 0)), (0.62796, 0.22486, 0.12585), atol=1e-4)


def test_a_leader_line_ends_on_its_region() -> None:
    regions = make_regions([[100 + 2 * i, 100, 101 + 2 * i, 101] for i in range(30)])
    labels = label_names(30, "numbers")
    placement = place(regions, labels, (320, 240))
    row = int(np.flatnonzero(placement.kind == Kind.LEADER)[0])
    only = placement[[row]]
    color = np.array([[176, 0, 32]], np.uint8)
    one = regions[np.array([row])]
    assert isinstance(one, sv.Detections)
    image = draw(GREY, one, only, [labels[row]], style=Style(shapes=()), colors_rgb=color)
    x, y = only.anchor_xy[0]
    np.testing.assert_array_equal(image[y, x], color[0])
    middle = (only.anchor_xy[0] + only.label_xyxy[0].reshape(2, 2).mean(axis=0)) / 2
    mx, my = middle.round().astype(int)
    assert (image[my - 3 : my + 4, mx - 3 : mx + 4] != 128).any()


def test_a_leader_line_stops_at_the_box_it_points_at() -> None:
    box = [100, 100, 160, 130]
    placement = Placement(
        np.array([[130, 115]], np.int32),
        np.array([[120, 20, 140, 36]], np.int32),
        np.array([Kind.LEADER], np.uint8),
        np.array([12], np.int32),
    )
    color = np.array([[176, 0, 32]], np.uint8)
    label = np.zeros_like(label_sprite("1", 12))
    placement.label_xyxy[0, 2:] = 120 + label.shape[1], 20 + label.shape[0]
    image = draw(GREY, make_regions([box]), placement, ["1"], style=Style(), colors_rgb=color)
    assert (image[103:130, 100:160] == 128).all()  # but for the round end of the line
    x = 120 + label.shape[1] // 2
    np.testing.assert_allclose(image[70, x], color[0], atol=40)  # smoothed


def test_more_marks_than_a_byte_can_count() -> None:
    boxes = np.array([[16 * c, 12 * r, 16 * c + 14, 12 * r + 10] for r in range(20) for c in range(20)])
    masks = np.zeros((400, 240, 320), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes, strict=True):
        mask[y1:y2, x1:x2] = True
    regions = normalize(make_regions(boxes, mask=masks), (320, 240))
    nowhere = Placement(
        np.zeros((400, 2), np.int32),
        np.zeros((400, 4), np.int32),
        np.zeros(400, np.uint8),
        np.zeros(400, np.int32),
    )
    nowhere.label_xyxy[:] = (*[0, 0], *label_size("1", 1))
    nowhere.font_px[:] = 1
    colors = assign(regions, GREY)
    style = Style(shapes=("fill", "outline"), opacity=0.5)
    image = draw(GREY, regions, nowhere, ["1"] * 400, style=style, colors_rgb=colors)
    for row in range(40, 400):
        x, y = boxes[row, :2]
        np.testing.assert_array_equal(image[y, x], colors[row])
        np.testing.assert_allclose(image[y + 5, x + 7], 64 + 0.5 * colors[row], atol=1)


def test_boxes_can_be_filled_too() -> None:
    image, colors = marked(Style(shapes=("fill",), opacity=0.5), make_regions([[50, 60, 150, 200]]))
    np.testing.assert_allclose(image[190, 140], 64 + 0.5 * colors[0], atol=1)
    np.testing.assert_array_equal(image[220, 200], (128, 128, 128))


def test_dropped_regions_leave_no_trace() -> None:
    regions = make_regions([[0, 0, 2, 2]])
    placement = place(regions, ["1"], (2, 2))
    tiny = np.zeros((2, 2, 3), np.uint8)
    colors = assign(regions, tiny)
    image = draw(tiny, regions, placement, ["1"], style=Style(), colors_rgb=colors)
    assert not image.any()


def test_labels_of_one_size_have_one_height() -> None:
    heights = {label_size(label, 16)[1] for label in ("1", "88", "133", "A", "Q", "WM")}
    assert len(heights) == 1
    assert label_size("1", 16)[0] < label_size("88", 16)[0] < label_size("888", 16)[0]
    sprite = label_sprite("8", 24)
    assert sprite.max() == 255
    assert not sprite[[0, -1]].any()
    assert not sprite[:, [0, -1]].any()


def test_names() -> None:
    assert label_names(3, "numbers") == ["1", "2", "3"]
    letters = label_names(700, "letters")
    assert letters[:3] == ["A", "B", "C"]
    assert letters[23:26] == ["Z", "AA", "AB"]
    assert len(set(letters)) == 700
    assert not set("".join(letters)) & set("IO0123456789")


def test_letters_where_the_picture_is_full_of_numbers() -> None:
    keypad = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "OK"]
    page = ["Sign in", "3 items", "2024", "Page 2", "$5", "7"]
    assert label_names(11, "auto", texts=keypad)[0] == "A"
    assert label_names(6, "auto", texts=page)[0] == "1"
    assert clashes(30, [str(day) for day in range(1, 31)])
    assert not clashes(6, [])
