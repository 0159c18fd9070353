from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.local_decoder import LocalDecoder
from som.devices import pick
from som.segmenters.overlap import nms
from som.segmenters.sam._torchvision import import_segment_anything
from som.segmenters.sam.automatic import Pass, candidates, crop_boxes, masks_everywhere
from som.segmenters.sam.original import OriginalSam


def best_ious(some: list[NDArray[np.bool_]], others: list[NDArray[np.bool_]]) -> NDArray[np.float64]:
    a = np.stack([mask.ravel() for mask in some]).astype(np.float32)
    b = np.stack([mask.ravel() for mask in others]).astype(np.float32)
    shared = a @ b.T
    ious: NDArray[np.float64] = shared / (a.sum(1)[:, None] + b.sum(1)[None] - shared)
    best: NDArray[np.float64] = ious.max(axis=1)
    return best


@pytest.mark.parametrize(
    ("min_score", "min_stability", "max_overlap", "layers"),
    [(-10, 0, 1, 0), (-10, 0.8, 0.7, 0), (0.9985, 0, 0.5, 0), (-10, 0.7, 0.7, 1)],
)
def test_finds_what_the_original_generator_finds(
    original: Any,
    photo: NDArray[np.uint8],
    min_score: float,
    min_stability: float,
    max_overlap: float,
    layers: int,
) -> None:
    original.mask_decoder = LocalDecoder(original)
    theirs = import_segment_anything().SamAutomaticMaskGenerator(
        original,
        points_per_side=8,
        pred_iou_thresh=min_score,
        stability_score_thresh=min_stability,
        box_nms_thresh=max_overlap,
        crop_nms_thresh=max_overlap,
        crop_n_layers=layers,
    )
    # It also gives masks without a pixel.
    expected = [record["segmentation"] for record in theirs.generate(photo) if record["area"]]

    found = masks_everywhere(
        OriginalSam(original, pick("cpu")),
        photo,
        points_per_side=8,
        min_score=min_score,
        min_stability=min_stability,
        max_overlap=max_overlap,
        layers=layers,
    )
    ours = [mask.mask.to_dense()[0] for mask in found]

    assert len(expected) > 20
    assert abs(len(ours) - len(expected)) <= 0.05 * len(expected)
    assert np.mean(best_ious(expected, ours) >= 0.98) >= 0.95
    assert np.mean(best_ious(ours, expected) >= 0.98) >= 0.95


def test_scores_and_stability_are_the_originals(original: Any, photo: NDArray[np.uint8]) -> None:
    theirs = (
        import_segment_anything()
        .SamAutomaticMaskGenerator(
            original, points_per_side=4, pred_iou_thresh=-10, stability_score_thresh=0, box_nms_thresh=1
        )
        .generate(photo)
    )
    ours = candidates(
        OriginalSam(original, pick("cpu")), photo, [Pass(4)], min_score=-10, min_stability=0
    )

    def table(rows: Any) -> NDArray[np.float64]:
        return np.array(sorted(rows))

    assert len(ours) == len(theirs) == 48
    expected = table(
        (
            *record["point_coords"][0],
            record["predicted_iou"],
            record["stability_score"],
            *record["bbox"],
        )
        for record in theirs
    )
    found = table(
        (
            *mask.point_xy,
            mask.score,
            mask.stability,
            mask.box_xyxy[0],
            mask.box_xyxy[1],
            mask.box_xyxy[2] - mask.box_xyxy[0] - 1,
            mask.box_xyxy[3] - mask.box_xyxy[1] - 1,
        )
        for mask in ours
    )
    assert found[:, :4] == pytest.approx(expected[:, :4], abs=2e-3)
    assert np.mean(np.abs(found[:, 4:] - expected[:, 4:]).max(axis=1) <= 1) >= 0.95


def test_crops_cover_the_image_and_overlap() -> None:
    covered = np.zeros((300, 500), int)
    for x1, y1, x2, y2 in crop_boxes((300, 500), 1):
        covered[y1:y2, x1:x2] += 1
    assert covered.min() == 1
    assert covered.max() == 4
    assert crop_boxes((300, 500), 0) == [(0, 0, 500, 300)]


def test_masks_cut_by_a_crop_are_left_to_its_neighbour(original: Any, photo: NDArray[np.uint8]) -> None:
    found = candidates(
        OriginalSam(original, pick("cpu")), photo, [Pass(4, layer=1)], min_score=-10, min_stability=0
    )
    width = photo.shape[1]
    for mask in found:
        x1, _, x2, _ = mask.crop_xyxy
        assert x1 == 0 or mask.box_xyxy[0] > x1 + 20
        assert x2 == width or mask.box_xyxy[2] - 1 < x2 - 20


def test_nms_keeps_the_best_of_those_that_overlap() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60], [0, 0, 10, 10]])
    assert nms(boxes, np.array([0.5, 0.9, 0.1, 0.5]), 0.7).tolist() == [1, 2]
    assert nms(boxes, np.array([0.5, 0.9, 0.1, 0.5]), 1.0).tolist() == [1, 0, 3, 2]
    assert nms(np.zeros((0, 4)), np.zeros(0), 0.7).tolist() == []
