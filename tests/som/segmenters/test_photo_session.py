import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from som.errors import SegmenterError
from som.regions import make_regions
from som.segmenters.photo import PhotoSegmenter
from som.segmenters.photo_session import PhotoSession
from som.segmenters.prompt import Prompt, parse_box, parse_points, parse_stroke
from som.segmenters.prompted import read_prompts

DISC, SQUARE = (90, 100, 50), (200, 60, 280, 140)


@pytest.fixture(scope="module")
def drawing() -> NDArray[np.uint8]:
    """A disc with a pupil and a square, under a camera's noise."""
    image = np.full((200, 320, 3), (40, 90, 160), np.uint8)
    cv2.circle(image, DISC[:2], DISC[2], (230, 200, 60), -1)
    cv2.circle(image, DISC[:2], 18, (120, 20, 20), -1)
    cv2.rectangle(image, SQUARE[:2], (SQUARE[2] - 1, SQUARE[3] - 1), (60, 180, 80), -1)
    noise = np.random.default_rng(0).normal(0, 4, image.shape)
    noisy: NDArray[np.uint8] = np.clip(image + noise, 0, 255).astype(np.uint8)
    return noisy


@pytest.fixture(scope="module")
def session(drawing: NDArray[np.uint8]) -> PhotoSession:
    return PhotoSegmenter().session(drawing)


def truth(shape: str) -> NDArray[np.bool_]:
    mask = np.zeros((200, 320), np.uint8)
    if shape == "square":
        mask[SQUARE[1] : SQUARE[3], SQUARE[0] : SQUARE[2]] = 1
    else:
        cv2.circle(mask, DISC[:2], DISC[2] if shape == "disc" else 18, 1, -1)
    return mask.astype(bool)


def iou(session: PhotoSession, prompt: Prompt, shape: str) -> float:
    found = session.regions([prompt]).mask.to_dense()[0]
    return float((found & truth(shape)).sum() / (found | truth(shape)).sum())


def test_points_boxes_strokes_and_paint_find_the_thing(session: PhotoSession) -> None:
    assert iou(session, Prompt(((240, 100),)), "square") > 0.85
    assert iou(session, parse_box("198,58,283,143"), "square") > 0.85
    assert iou(session, parse_stroke("210,70 240,100 270,130"), "square") > 0.85
    assert iou(session, Prompt.painted(truth("pupil")), "pupil") > 0.8
    blob = np.zeros((200, 320), bool)
    blob[70:130, 190:290] = True
    assert iou(session, Prompt.painted(blob), "square") > 0.6


def test_granularity_says_whether_a_point_means_the_whole(drawing: NDArray[np.uint8]) -> None:
    areas = [
        int(PhotoSegmenter(granularity=g).session(drawing).regions([Prompt(((90, 100),))]).mask.area[0])
        for g in (0.0, 1.0)
    ]
    assert areas[1] < 0.6 * areas[0]


def test_a_point_outside_takes_a_thing_out(session: PhotoSession) -> None:
    plain = session.regions([parse_points("60,100")]).mask.to_dense()[0]
    without = session.regions([parse_points("60,100 !240,100")]).mask.to_dense()[0]
    assert not without[100, 240]
    assert without[100, 60]
    assert plain[100, 60]


def test_clicks_grow_and_shrink_a_region(session: PhotoSession) -> None:
    square = session.regions([Prompt(((240, 100),))])
    grown = session.refine(square, 0, Prompt(((90, 100),))).mask.to_dense()[0]
    assert grown[100, 240]
    assert grown[100, 90]
    both = make_regions([[30, 40, 290, 160]])
    shrunk = session.refine(both, 0, Prompt(outside=((240, 100),))).mask.to_dense()[0]
    assert not shrunk[100, 240]
    assert shrunk[100, 150]


def test_where_nothing_is_found_the_prompt_is_the_region() -> None:
    flat = np.full((60, 80, 3), 128, np.uint8)
    regions = PhotoSegmenter().session(flat).regions([parse_box("10,20,30,50"), Prompt(((5, 6),))])
    assert regions.xyxy.tolist() == [[10, 20, 30, 50], [5, 6, 6, 7]]


def test_prompts_are_read_as_written() -> None:
    points, box, stroke = read_prompts(["1,2 3,4 !5,6"], ["1,2,30,40"], ["0,0 10,0 10,10"])
    assert points.inside == ((1, 2), (3, 4))
    assert points.outside == ((5, 6),)
    assert box.box_xyxy == (1, 2, 30, 40)
    assert stroke.inside == ((0, 0), (10, 0), (10, 10))
    for wrong in ("1", "1,2,3", "a,b", "nan,2", "!", "1,2;3,4"):
        with pytest.raises(SegmenterError, match=r"cannot read|a point is"):
            parse_points(wrong)
    with pytest.raises(SegmenterError, match="box 30,2,1,40 is empty"):
        parse_box("30,2,1,40")
    with pytest.raises(SegmenterError, match="nothing is painted"):
        Prompt.painted(np.zeros((4, 4), bool))


def test_a_long_stroke_gives_few_even_points() -> None:
    line = [(float(x), 0.0) for x in [*range(50), *range(50, 700, 50)]]
    xs = [x for x, _ in Prompt.stroke(line).inside]
    assert len(xs) == 8
    assert np.diff(xs) == pytest.approx(np.full(7, 650 / 7))
