"""Labels never overlap, never leave the image, and hide as little as they can."""

import numpy as np
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st

from som.place import Kind, Placement, base_font, place
from som.regions import make_regions, normalize
from som.style import Style


def names(n: int) -> list[str]:
    return [str(i) for i in range(1, n + 1)]


def solve(regions: sv.Detections, size_wh: tuple[int, int], **options: object) -> Placement:
    return place(normalize(regions, size_wh), names(len(regions)), size_wh, **options)  # type: ignore[arg-type]


def overlaps(boxes: np.ndarray) -> int:
    """Number of overlapping pairs, by the slow and certain way."""
    return sum(
        a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
        for i, a in enumerate(boxes)
        for b in boxes[:i]
    )


def check(placement: Placement, regions: sv.Detections, size_wh: tuple[int, int]) -> None:
    boxes = placement.label_xyxy[placement.kind != Kind.DROPPED]
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert (boxes >= 0).all()
    assert (boxes[:, [0, 2]] <= size_wh[0]).all()
    assert (boxes[:, [1, 3]] <= size_wh[1]).all()
    assert overlaps(boxes) == 0
    assert not placement.label_xyxy[placement.kind == Kind.DROPPED].any()
    for i, (x, y) in enumerate(placement.anchor_xy):
        x1, y1, x2, y2 = regions.xyxy[i]
        assert np.floor(x1) <= x < max(x2, np.floor(x1) + 1)
        assert np.floor(y1) <= y < max(y2, np.floor(y1) + 1)
        if regions.mask is not None and regions.mask.area[i]:
            assert regions.mask[i][y, x]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_boxes_on_any_canvas(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 700)), data.draw(st.integers(1, 500))
    n = data.draw(st.sampled_from([1, 2, 5, 30, 120]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    corners = rng.uniform(0, (width, height), (n, 2))
    sizes = rng.uniform(0.3, data.draw(st.sampled_from([4, 40, 400])), (n, 2))
    regions = normalize(make_regions(np.hstack((corners, corners + sizes))), (width, height))
    placement = solve(regions, (width, height))
    check(placement, regions, (width, height))
    again = solve(regions, (width, height))
    np.testing.assert_array_equal(placement.label_xyxy, again.label_xyxy)
    np.testing.assert_array_equal(placement.anchor_xy, again.anchor_xy)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_masks(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 120)), data.draw(st.integers(1, 160))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    n = data.draw(st.integers(1, 12))
    masks = np.zeros((n, height, width), bool)
    for mask in masks:  # rectangles, rings, speckles, lines and nothing at all
        y1, x1 = rng.integers(0, height), rng.integers(0, width)
        y2, x2 = y1 + 1 + rng.integers(0, 60), x1 + 1 + rng.integers(0, 60)
        shape = rng.integers(0, 5)
        if shape == 0:
            mask[y1:y2, x1:x2] = True
        elif shape == 1:
            mask[y1:y2, x1:x2] = True
            mask[y1 + 3 : y2 - 3, x1 + 3 : x2 - 3] = False
        elif shape == 2:
            mask[rng.random((height, width)) < 0.02] = True
        elif shape == 3:
            mask[y1, :] = True
    boxes = np.array(
        [
            [0, 0, 1, 1]
            if not mask.any()
            else [*np.argwhere(mask).min(0)[::-1], *(np.argwhere(mask).max(0)[::-1] + 1)]
            for mask in masks
        ]
    )
    regions = normalize(make_regions(boxes, mask=masks), (width, height))
    check(solve(regions, (width, height)), regions, (width, height))


@pytest.mark.parametrize("n", [100, 1000])
def test_many_targets_on_a_large_screen_all_get_a_label(n: int) -> None:
    side = int(np.ceil(np.sqrt(n)))
    boxes = [
        [c * 3840 / side + 4, r * 2160 / side + 4, c * 3840 / side + 60, r * 2160 / side + 30]
        for r in range(side)
        for c in range(side)
    ][:n]
    regions = make_regions(boxes)
    placement = solve(regions, (3840, 2160))
    check(placement, regions, (3840, 2160))
    assert (placement.kind != Kind.DROPPED).all()


def button(x: float, y: float, w: float = 80, h: float = 26) -> list[float]:
    return [x, y, x + w, y + h]


def test_small_targets_and_their_text_stay_visible_where_there_is_room() -> None:
    boxes = [button(60 + 150 * c, 60 + 70 * r) for r in range(5) for c in range(4)]
    regions = make_regions(boxes, text="Send")
    placement = solve(regions, (700, 450))
    for label in placement.label_xyxy:
        for x1, y1, x2, y2 in boxes:
            shared = max(0, min(label[2], x2) - max(label[0], x1)) * max(
                0, min(label[3], y2) - max(label[1], y1)
            )
            assert shared <= 0.05 * (x2 - x1) * (y2 - y1)
    assert (placement.kind == Kind.BESIDE).all()


def test_labels_stand_next_to_their_own_target_not_to_another() -> None:
    boxes = [button(40, 40 + 27 * i) for i in range(12)]  # a menu, row touching row
    placement = solve(make_regions(boxes, text="Row"), (400, 420))
    rows = np.array(boxes)
    for i, label in enumerate(placement.label_xyxy):
        middle = (label[1] + label[3]) / 2
        distance = np.abs((rows[:, 1] + rows[:, 3]) / 2 - middle)
        assert distance.argmin() == i
        assert label[2] <= 40 + 12 or label[0] >= 120 - 12 or i in {0, 11}


def test_print_on_the_page_is_kept_free() -> None:
    page = np.full((200, 400, 3), 255, np.uint8)
    page[60:100:2, 100:300] = 0  # text above the target and to its left
    page[100:140:2, 20:100] = 0
    target = make_regions([[100, 100, 180, 140]])
    page[100:140:2, 100:180] = 0
    label = solve(target, (400, 200), image=page).label_xyxy[0]
    hidden = (page[label[1] : label[3], label[0] : label[2]] == 0).mean()
    assert hidden < 0.05


def test_a_label_sits_in_what_smaller_regions_leave_free() -> None:
    masks = np.zeros((2, 200, 300), bool)
    masks[0] = True
    masks[1, 20:180, 20:220] = True  # covers the middle of the first
    regions = make_regions([[0, 0, 300, 200], [20, 20, 220, 180]], mask=masks)
    placement = solve(regions, (300, 200))
    assert placement.anchor_xy[0, 0] > 220
    assert placement.kind[0] == Kind.INSIDE
    x1, y1, x2, y2 = placement.label_xyxy[0]
    assert not masks[1, y1:y2, x1:x2].any()


def test_a_ring_is_labelled_on_itself() -> None:
    y, x = np.mgrid[:200, :200]
    radius = np.hypot(y - 100, x - 100)
    ring = ((radius < 90) & (radius > 50))[None]
    placement = solve(make_regions([[10, 10, 190, 190]], mask=ring), (200, 200))
    x1, y1, x2, y2 = placement.label_xyxy[0]
    assert placement.kind[0] == Kind.INSIDE
    assert ring[0, y1:y2, x1:x2].all()


def test_specks_get_a_label_beside_them_or_a_leader_line() -> None:
    specks = make_regions([[100 + 2 * i, 100, 101 + 2 * i, 101] for i in range(30)])
    placement = solve(specks, (400, 300))
    assert (placement.kind != Kind.DROPPED).all()
    assert (placement.kind == Kind.LEADER).sum() >= 10


def test_labels_shrink_before_any_is_dropped() -> None:
    boxes = [[40 * c, 30 * r, 40 * c + 36, 30 * r + 26] for r in range(10) for c in range(10)]
    placement = solve(make_regions(boxes), (400, 300), style=Style(font_px=40))
    assert (placement.kind != Kind.DROPPED).all()
    assert Style().min_font_px <= placement.font_px.min() < 40


def test_the_least_important_are_dropped_and_reported() -> None:
    confidence = np.linspace(0.1, 1, 200)
    regions = make_regions([[5, 5, 60, 60]] * 200, confidence=confidence)
    labels = [str(100 + i) for i in range(200)]  # of one width, or narrow ones would slip in
    placement = place(regions, labels, (64, 64))
    kept = placement.kind != Kind.DROPPED
    assert 0 < kept.sum() < 200
    assert confidence[kept].min() > confidence[~kept].max()


def test_nothing_fits_on_one_pixel() -> None:
    placement = solve(make_regions([[0, 0, 1, 1]]), (1, 1))
    assert placement.kind.tolist() == [Kind.DROPPED]
    assert placement.anchor_xy.tolist() == [[0, 0]]


def test_corner_tags_touch_a_corner() -> None:
    boxes = np.array([button(60 + 150 * c, 60 + 70 * r) for r in range(4) for c in range(4)])
    placement = solve(make_regions(boxes), (700, 400), style=Style(tags="corner"))
    for (x1, y1, x2, y2), (a, b, c, d) in zip(boxes, placement.label_xyxy, strict=True):
        assert any(a - 1 <= x <= c + 1 and b - 1 <= y <= d + 1 for x in (x1, x2) for y in (y1, y2))


def test_the_font_follows_the_image_up_to_the_cap() -> None:
    assert base_font((640, 480), Style()) < base_font((3840, 2160), Style())
    assert base_font((3840, 2160), Style(font_px=12)) == 12


def test_labels_push_each_other_aside_rather_than_send_one_away() -> None:
    # A slider, three radio buttons side by side and a button below: labels are wider than the radios.
    boxes = [
        [66, 64, 80, 78],
        [8, 91, 21, 104],
        [31, 91, 44, 104],
        [54, 91, 67, 104],
        [4, 117, 99, 157],
    ]
    placement = solve(make_regions(boxes), (1920, 1080))
    assert (placement.kind == Kind.LEADER).sum() <= 1


def test_leader_lines_lead_past_other_targets_not_over_them() -> None:
    icons = [[10, 20 + 28 * i, 28, 38 + 28 * i] for i in range(14)]
    texts = [[36, 18 + 28 * i, 100, 40 + 28 * i] for i in range(14)]
    boxes = np.array(icons + texts, float)
    page = np.full((432, 300, 3), 255, np.uint8)
    for x1, y1, x2, y2 in boxes.astype(int):
        page[y1:y2:2, x1:x2] = 0
    placement = solve(make_regions(boxes), (300, 432), image=page)
    crossing = 0
    for i in np.flatnonzero(placement.kind == Kind.LEADER):
        start = placement.label_xyxy[i].reshape(2, 2).mean(axis=0)
        end = np.clip(start, boxes[i, :2], boxes[i, 2:])
        way = start + (end - start) * np.linspace(0, 0.98, 60)[:, None]
        others = np.delete(boxes, i, axis=0)
        on = (way[:, None] > others[:, :2] + 1).all(2) & (way[:, None] < others[:, 2:] - 1).all(2)
        crossing += bool(on.any())
    assert crossing == 0


def test_rows_lower_than_a_label_keep_their_labels_near() -> None:
    """Two columns of checkboxes with their texts, 19 pixels apart where labels are 20 high."""
    image = np.full((1080, 1920, 3), 255, np.uint8)
    print_ = np.random.default_rng(0).choice([0, 255], (10, 44))[..., None]
    corners = [(left, 54 + 19 * row) for left in (6, 77) for row in range(6)]
    for left, top in corners:
        image[top + 1 : top + 11, left + 22 : left + 66] = print_
    image[4:50, 4:150:3] = 0
    boxes = np.array([[x, y, x + 20, y + 13] for x, y in corners] + [[2, 168, 98, 198]], np.float32)
    regions = make_regions(boxes)
    placement = place(regions, names(13), (1920, 1080), image=image)
    check(placement, regions, (1920, 1080))
    label = placement.label_xyxy
    apart = np.maximum(boxes[:, :2] - label[:, 2:], label[:, :2] - boxes[:, 2:]).max(axis=1)
    assert (apart <= 20).sum() >= 10
    assert apart.max() <= 100
