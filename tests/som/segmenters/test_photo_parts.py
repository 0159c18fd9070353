"""The steps of the photo segmenter, one by one."""

import numpy as np
from numpy.typing import NDArray

from som.segmenters._boundaries import find_cues
from som.segmenters._fullsize import compact_masks
from som.segmenters._hierarchy import Criterion, build_tree
from som.segmenters._ranking import rank
from som.segmenters._superpixels import Superpixels, spectral_contrast, superpixels


def halves(height: int = 80, width: int = 120) -> NDArray[np.uint8]:
    image = np.full((height, width, 3), (60, 90, 60), np.uint8)
    image[:, width // 2 :] = (190, 150, 120)
    return image


def cut(image: NDArray[np.uint8]) -> Superpixels:
    return superpixels(find_cues(image))


def test_boundary_is_strongest_where_the_halves_meet() -> None:
    strength = find_cues(halves()).strength
    assert abs(int(strength[40].argmax()) - 60) <= 1
    assert strength[40, 60] > 10 * strength[40, 5]


def test_texture_alone_makes_a_boundary() -> None:
    y, x = np.mgrid[:100, :160]
    stripes = np.where(x < 80, y % 6 < 3, x % 6 < 3)
    image = np.repeat((90 + 80 * stripes)[..., None], 3, axis=2).astype(np.uint8)
    strength = find_cues(image).strength[20:80].mean(axis=0)
    assert strength[77:84].mean() > 1.5 * np.delete(strength, np.s_[65:95]).mean()


def test_superpixels_tile_the_photo() -> None:
    parts = cut(halves())
    assert np.array_equal(np.unique(parts.labels), np.arange(len(parts.area)))
    assert parts.area.sum() == parts.labels.size
    assert (parts.pairs[:, 0] < parts.pairs[:, 1]).all()
    for histogram in (parts.lightness, parts.green_red, parts.blue_yellow, parts.texture):
        assert np.allclose(histogram.sum(axis=1), parts.area)


def test_spectral_contrast_steps_across_the_weak_link() -> None:
    """Superpixels in a row, two neighbours in the middle hardly alike."""
    n, weak = 60, 24
    none = np.zeros((n, 2))
    parts = Superpixels(
        labels=np.arange(n)[None],
        area=np.ones(n, np.intp),
        pairs=np.stack([np.arange(n - 1), np.arange(1, n)], axis=1),
        border=np.ones(n - 1),
        strength=np.zeros(n - 1),
        lightness=none,
        green_red=none,
        blue_yellow=none,
        texture=none,
    )
    difference = np.zeros(n - 1)
    difference[weak] = 5
    steps = spectral_contrast(parts, difference)
    assert steps[weak] > 2 * np.delete(steps, weak).max()


def test_tree_splits_the_photo_at_its_root() -> None:
    parts = cut(halves())
    tree = build_tree(parts, Criterion())
    n = len(parts.area)
    assert tree.members.shape == (2 * n - 1, n)
    assert tree.members[-1].all()
    assert np.array_equal(tree.area, tree.members @ parts.area)
    last = np.flatnonzero(tree.died == np.sort(tree.died)[-2])
    right = np.isin(parts.labels, np.flatnonzero(tree.members[last[0]]))
    share = right[:, 60:].mean() if right[:, 60:].mean() > 0.5 else 1 - right[:, 60:].mean()
    assert share > 0.98


def test_short_ranking_starts_the_long_one() -> None:
    blocks = np.random.default_rng(1).integers(0, 255, (5, 6, 3)).astype(np.uint8)
    parts = cut(np.kron(blocks, np.ones((20, 20, 1), np.uint8)))
    trees = [build_tree(parts, Criterion()), build_tree(parts, Criterion(appearance=12))]
    long = rank(trees, parts, 60)
    assert len(np.unique(long, axis=0)) == len(long) > 20
    assert np.array_equal(rank(trees, parts, 7), long[:7])


def test_enlarged_disk_is_round_and_in_place() -> None:
    y, x = np.mgrid[:60, :80]
    small = ((x + 0.5 - 40) ** 2 + (y + 0.5 - 30) ** 2 < 20**2).astype(np.intp)
    mask = compact_masks(np.array([[False, True]]), small, (600, 800))[0]
    y, x = np.mgrid[:600, :800]
    disk = (x + 0.5 - 400) ** 2 + (y + 0.5 - 300) ** 2 < 200**2
    assert (mask & disk).sum() / (mask | disk).sum() > 0.98


def test_dust_is_removed_and_pinholes_are_filled() -> None:
    labels = np.zeros((100, 100), np.intp)
    labels[20:80, 20:80] = 1
    labels[50, 50] = 0
    labels[5, 5] = 1
    mask = compact_masks(np.array([[False, True]]), labels, (100, 100))[0]
    assert mask[50, 50]
    assert not mask[5, 5]


def test_region_at_the_frame_keeps_to_it_and_a_line_survives() -> None:
    labels = np.zeros((50, 70), np.intp)
    labels[:, 60:] = 1
    labels[25, :60] = 2
    masks = compact_masks(np.eye(3, dtype=bool), labels, (500, 700))
    assert np.asarray(masks[1])[0, -1]
    assert np.asarray(masks[1])[-1, -1]
    assert np.asarray(masks[2]).sum() > 0
