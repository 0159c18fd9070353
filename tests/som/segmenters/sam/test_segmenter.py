from pathlib import Path
from typing import Any

import numpy as np
import pytest
import supervision as sv
import torch
from numpy.typing import NDArray

from som import Marker, segmenters
from som.errors import SegmenterError
from som.regions import make_regions
from som.segmenters.prompt import Prompt, parse_box, parse_points, parse_stroke
from som.segmenters.sam.dial import Dial, granularity_of_level
from som.segmenters.sam.families import FAMILIES, Family
from som.segmenters.sam.frame import Frame
from som.segmenters.sam.model import Encoded, Prompts
from som.segmenters.sam.original import TorchMasks
from som.segmenters.sam.segmenter import SamSegmenter
from som.segmenters.sam.session import SamSession


def open_wide(segmenter: SamSegmenter) -> SamSegmenter:
    """Random weights are sure of nothing: take every mask that they give."""
    loose = Family("sam", "", (), "", score=-5, stability=-5)
    _ = segmenter.model
    segmenter._family = loose
    return segmenter


def test_a_finer_setting_shows_all_that_a_coarser_one_does(
    segmenter: SamSegmenter, photo: NDArray[np.uint8]
) -> None:
    open_wide(segmenter)
    before: list[bytes] = []
    for granularity in (0.0, 0.25, 0.5, 0.7, 1.0):
        segmenter.granularity = granularity
        regions = segmenter(photo)
        assert isinstance(regions.mask, sv.CompactMask)
        shown = [mask.tobytes() for mask in regions.mask.to_dense()]
        assert shown[: len(before)] == before
        before = shown
    assert before


def test_the_dial_spends_points_where_they_are_asked_for() -> None:
    family = Family("sam", "", (), "")
    points = [Dial(family, g).points((480, 640)) for g in (0, 0.2, 0.5, 1)]
    assert points == [64, 64 + 256, 64 + 256 + 1024, 64 + 256 + 1024 + 4 * 256]
    assert Dial(family, 0.5).thresholds() == pytest.approx((0.88, 0.95))
    assert Dial(family, 1).thresholds() == pytest.approx((0.84, 0.91))
    assert [granularity_of_level(level) for level in (1, 6)] == [0, 1]
    with pytest.raises(ValueError, match="levels 1 to 6"):
        granularity_of_level(7)


class Counting:
    """Counts how often a segmenter's model encodes an image."""

    def __init__(self, segmenter: SamSegmenter) -> None:
        model: Any = segmenter.model
        self.count, self._encode = 0, model._model.encode
        model._model.encode = self

    def __call__(self, image: NDArray[np.uint8]) -> Any:
        self.count += 1
        return self._encode(image)


def test_one_region_for_each_prompt_in_their_order(
    segmenter: SamSegmenter, photo: NDArray[np.uint8]
) -> None:
    height, width = photo.shape[:2]
    painted = np.zeros((height, width), bool)
    painted[20:80, 30:120] = True
    prompts = [
        Prompt(((100, 50),)),
        parse_box("10,20,150,160"),
        parse_points("40,40 60,60 !200,100"),
        Prompt.painted(painted),
        parse_stroke("10,10 50,60 120,80"),
        Prompt(((200, 100),)),
    ]
    encodings = Counting(segmenter)
    session = segmenter.session(photo)
    together = session.regions(prompts)
    assert len(together) == len(prompts)
    assert set(together.data["source"]) == {"drawn"}
    for i, prompt in enumerate(prompts):
        alone = segmenter.session(photo).regions([prompt])
        assert alone.xyxy[0] == pytest.approx(together.xyxy[i], abs=1)
        same = alone.mask.to_dense()[0] == together.mask.to_dense()[i]
        assert same.mean() > 0.99
    assert encodings.count == 1, "the image is encoded once, however many prompts follow"


def test_a_click_on_a_region_changes_that_region(
    segmenter: SamSegmenter, photo: NDArray[np.uint8]
) -> None:
    session = segmenter.session(photo)
    regions = session.regions([Prompt(((100, 50),)), parse_box("10,20,150,160")])
    more = session.refine(regions, 1, Prompt(((200, 150),)))
    less = session.refine(regions, 1, Prompt(outside=((60, 60),), inside=()))
    assert len(more) == len(less) == 1
    assert (more.mask.to_dense()[0] != less.mask.to_dense()[0]).any()
    boxes_only = make_regions([[10, 20, 150, 160]])
    assert len(session.refine(boxes_only, 0, Prompt(((30, 30),)))) == 1


class Discs:
    """A model that answers each point with three discs around it, surest of the middle one."""

    name, points_per_batch = "discs", 8

    def encode(self, image: NDArray[np.uint8]) -> Encoded:
        return Encoded(None, Frame.padded((image.shape[0], image.shape[1]), 256, 64))

    def decode(self, encoded: Encoded, prompts: Prompts, *, multimask: bool) -> TorchMasks:
        ys, xs = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
        centres = torch.as_tensor(encoded.frame.to_input(prompts.points_xy[:, 0])) / 4
        away = torch.hypot(xs - centres[:, :1, None], ys - centres[:, 1:, None])
        radii = torch.tensor([6.0, 20.0, 12.0] if multimask else [12.0]).view(-1, 1, 1)
        scores = torch.tensor([0.97, 0.98, 0.99] if multimask else [0.99])
        return TorchMasks((radii - away[:, None]) * 40, scores.expand(len(centres), -1))


def test_a_point_means_a_whole_or_a_part_by_granularity(photo: NDArray[np.uint8]) -> None:
    scale = 300 / 64
    for granularity, radius in ((0.0, 20), (0.5, 12), (1.0, 6)):
        session = SamSession(Discs(), photo, granularity=granularity)
        region = session.regions([Prompt(((150, 100),))])
        x1, y1, x2, y2 = region.xyxy[0]
        assert (x1 + x2) / 2 == pytest.approx(150, abs=scale)
        assert x2 - x1 == pytest.approx(2 * radius * scale, rel=0.1)
        assert y2 - y1 == pytest.approx(min(200, 2 * radius * scale), rel=0.1)


def test_coarse_settings_show_wholes_and_fine_ones_parts_too(photo: NDArray[np.uint8]) -> None:
    for granularity, ranks in ((0.0, {0}), (0.4, {0, 1}), (0.7, {0, 1, 2})):
        found = Dial(FAMILIES["sam"], granularity).masks(Discs(), photo)
        assert {mask.rank for mask in found} == ranks


def test_prompts_off_the_image_are_refused(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8]
) -> None:
    session = SamSegmenter("sam", weights=str(checkpoints["sam"])).session(photo)
    with pytest.raises(SegmenterError, match="point 900,1 is not on the image of 300x200 pixels"):
        session.regions([Prompt(((900, 1),))])
    with pytest.raises(SegmenterError, match="box 400,1,500,9 is not on the image"):
        session.regions([parse_box("400,1,500,9")])
    with pytest.raises(SegmenterError, match="the mask is 5x4 pixels, the image 300x200"):
        session.regions([Prompt.painted(np.ones((4, 5), bool))])
    with pytest.raises(SegmenterError, match="needs a point inside"):
        session.regions([Prompt(outside=((1, 1),))])
    assert len(session.regions([])) == 0


class Blind:
    """A model that never sees anything."""

    name, points_per_batch = "blind", 8

    def __init__(self, model: Any) -> None:
        self._model = model

    def encode(self, image: NDArray[np.uint8]) -> Any:
        return self._model.encode(image)

    def decode(self, encoded: Any, prompts: Any, *, multimask: bool) -> Any:
        masks = self._model.decode(encoded, prompts, multimask=multimask)
        masks._logits = masks._logits - 1e6
        return masks


def test_an_empty_answer_gives_the_prompt_itself(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8]
) -> None:
    segmenter = SamSegmenter("sam", weights=str(checkpoints["sam"]))
    segmenter._model = Blind(segmenter.model)
    regions = segmenter.session(photo).regions([parse_box("10,20,150,160"), Prompt(((7, 9),))])
    assert regions.xyxy.tolist() == [[10, 20, 150, 160], [7, 9, 8, 10]]
    assert regions.confidence.tolist() == [0, 0]
    assert len(segmenter(photo)) == 0


def test_marks_come_from_the_registry_like_any_other(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8]
) -> None:
    built = segmenters.get("sam2", weights=str(checkpoints["sam2"]), granularity=0.0, device="cpu")
    open_wide(built)
    marked = Marker(built, max_marks=9)(photo)
    assert 1 <= len(marked) <= 9
    assert marked.segmenter == "sam2"
    assert all(mark.source == "sam" for mark in marked.marks)
    with pytest.raises(SegmenterError, match="segmenter photo has no option weights"):
        segmenters.get("photo", weights="x")
