import cv2
import numpy as np
import pytest
import supervision as sv
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from skimage import data

from som.errors import SegmenterError
from som.segmenters.photo import PhotoSegmenter

Image = NDArray[np.uint8]


def photo(name: str) -> Image:
    image: Image = getattr(data, name)()
    return image


def dense(regions: sv.Detections) -> NDArray[np.bool_]:
    return np.asarray(regions.mask)


def best_iou(truth: NDArray[np.bool_], regions: sv.Detections) -> float:
    masks = dense(regions)
    union = (masks | truth).sum(axis=(1, 2))
    return float(((masks & truth).sum(axis=(1, 2)) / union).max())


def shapes_scene() -> tuple[Image, list[NDArray[np.bool_]]]:
    """A disk, a rectangle and a ring's inside on a noisy ground, and their true masks."""
    y, x = np.mgrid[:300, :400]
    disk = (x - 90) ** 2 + (y - 90) ** 2 < 50**2
    rectangle = (x >= 200) & (x < 340) & (y >= 40) & (y < 120)
    small = (x - 280) ** 2 + (y - 220) ** 2 < 25**2
    image = np.full((300, 400, 3), (90, 140, 90), np.uint8)
    image[disk], image[rectangle], image[small] = (200, 60, 50), (40, 60, 180), (230, 220, 80)
    noise = np.random.default_rng(0).normal(0, 6, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), [disk, rectangle, small]


def test_known_shapes_are_recovered() -> None:
    image, truths = shapes_scene()
    regions = PhotoSegmenter()(image)
    for truth in truths:
        assert best_iou(truth, regions) > 0.9


def test_large_photo_gives_masks_of_its_own_size() -> None:
    image, truths = shapes_scene()
    large = np.kron(image, np.ones((8, 8, 1), np.uint8))
    regions = PhotoSegmenter(granularity=0.2)(large)
    assert isinstance(regions.mask, sv.CompactMask)
    assert regions.mask.shape[1:] == (2400, 3200)
    disk = np.kron(truths[0], np.ones((8, 8), bool))
    assert max((m & disk).sum() / (m | disk).sum() for m in regions.mask) > 0.9


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 50), (50, 1), (7, 300), (8, 8), (9, 33), (30, 500), (20, 5000)]
)
def test_tiny_images_do_not_fail(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 255, (*shape, 3)).astype(np.uint8)
    regions = PhotoSegmenter()(image)
    assert len(regions) <= 35


def test_small_things_in_a_panorama_are_found() -> None:
    image = np.full((300, 6000, 3), (90, 140, 90), np.uint8)
    truths = []
    for left in range(300, 6000, 900):
        image[100:220, left : left + 150] = (200, 60, 50)
        truths.append(np.zeros((300, 6000), bool))
        truths[-1][100:220, left : left + 150] = True
    regions = PhotoSegmenter(granularity=1)(image)
    assert min(best_iou(truth, regions) for truth in truths) > 0.85


def test_uniform_image_has_no_regions() -> None:
    regions = PhotoSegmenter()(np.full((120, 160, 3), 128, np.uint8))
    assert len(regions) == 0


@pytest.mark.parametrize("spread", [6, 60])
def test_noise_has_no_regions(spread: int) -> None:
    noise = np.random.default_rng(0).normal(128, spread, (200, 260, 3))
    assert len(PhotoSegmenter(granularity=1)(np.clip(noise, 0, 255).astype(np.uint8))) == 0


def test_regular_pattern_is_handled() -> None:
    squares = (np.indices((256, 256)) // 16).sum(axis=0) % 2 * 255
    regions = PhotoSegmenter()(np.repeat(squares[..., None], 3, axis=2).astype(np.uint8))
    assert len(regions) <= 35


def test_grey_photo_is_segmented_by_light_and_texture() -> None:
    _, truths = shapes_scene()
    stripes = np.indices((300, 400)).sum(axis=0) // 2 % 2 * 60 + 70
    scene = np.where(truths[0], 230, np.where(truths[1], stripes, 100)).astype(np.uint8)
    regions = PhotoSegmenter()(np.repeat(scene[..., None], 3, axis=2))
    assert best_iou(truths[0], regions) > 0.9
    assert best_iou(truths[1], regions) > 0.9


def test_simple_scene_gets_few_marks() -> None:
    assert len(PhotoSegmenter(granularity=1)(shapes_scene()[0])) < 25


def test_no_specks_no_near_duplicates_no_dust() -> None:
    masks = dense(PhotoSegmenter(granularity=1)(photo("coffee")[::2, ::2]))
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    size = flat.sum(axis=1)
    common = flat @ flat.T
    iou = common / (size[:, None] + size - common)
    assert size.min() > 0.002 * flat.shape[1]
    assert (iou - np.eye(len(iou))).max() < 0.93
    for mask in masks:
        parts = cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
        assert parts.min() > 0.001 * mask.sum()


@pytest.mark.parametrize("name", ["astronaut", "rocket"])
def test_first_regions_are_wholes_and_their_parts(name: str) -> None:
    """The first ones come from one tree: apart, or one inside the other."""
    masks = dense(PhotoSegmenter(granularity=0.5)(photo(name)))[:, ::2, ::2]
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    common = flat @ flat.T
    smaller = np.minimum.outer(flat.sum(axis=1), flat.sum(axis=1))
    share = common / smaller
    assert ((share < 0.15) | (share > 0.85)).all()


def test_boxes_bound_their_masks() -> None:
    regions = PhotoSegmenter(granularity=1)(photo("chelsea"))
    for (x1, y1, x2, y2), mask in zip(regions.xyxy.astype(int), dense(regions), strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        assert (x1, y1, x2, y2) == (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)


def test_columns_follow_the_conventions() -> None:
    regions = PhotoSegmenter()(photo("coffee"))
    assert set(regions.data["source"]) == {"photo"}
    assert set(regions.data["text"]) == {""}
    assert regions.confidence is not None
    assert (np.diff(regions.confidence) <= 0).all()
    assert regions.confidence.min() > 0
    assert regions.confidence.max() <= 1


@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_finer_keeps_all_coarser_regions(name: str) -> None:
    image = photo(name)
    previous: set[bytes] = set()
    for granularity in (0, 0.3, 0.6, 1):
        regions = PhotoSegmenter(granularity=granularity)(image)
        masks = {np.packbits(mask).tobytes() for mask in dense(regions)}
        assert len(masks) == len(regions)
        assert previous <= masks
        previous = masks


@settings(max_examples=15, deadline=None)
@given(
    grains=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    most=st.integers(1, 60),
    seed=st.integers(0, 1000),
)
def test_granularity_is_monotone(grains: list[float], most: int, seed: int) -> None:
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    image = np.kron(blocks, np.ones((16, 16, 1), np.uint8))
    coarse, fine = (PhotoSegmenter(granularity=g, max_regions=most)(image) for g in grains)
    assert len(coarse) <= len(fine) <= most
    assert np.array_equal(dense(coarse), dense(fine)[: len(coarse)])


def test_same_pixels_give_the_same_regions_and_stay_untouched() -> None:
    image = photo("astronaut")
    before = image.copy()
    first, second = PhotoSegmenter()(image), PhotoSegmenter()(image)
    assert np.array_equal(dense(first), dense(second))
    assert np.array_equal(image, before)


@pytest.mark.parametrize("options", [{"granularity": 1.1}, {"granularity": -1}, {"max_regions": 0}])
def test_bad_settings_say_what_to_give(options: dict[str, float]) -> None:
    with pytest.raises(SegmenterError, match="give"):
        PhotoSegmenter(**options)  # type: ignore[arg-type]
