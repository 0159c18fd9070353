import numpy as np
import pytest
import supervision as sv
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


def test_uniform_image_has_no_regions() -> None:
    regions = PhotoSegmenter()(np.full((120, 160, 3), 128, np.uint8))
    assert len(regions) == 0


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
    for granularity in (0, 0.25, 0.5, 0.8, 1):
        regions = PhotoSegmenter(granularity=granularity)(image)
        masks = {np.packbits(mask).tobytes() for mask in dense(regions)}
        assert len(masks) == len(regions)
        assert previous <= masks
        previous = masks


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
