from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
import transformers
from numpy.typing import NDArray
from PIL import Image

from som import Marker
from som.errors import SegmenterError
from som.regions import Crop
from som.segmenters import hub_files
from som.segmenters.photo import PhotoSegmenter
from som.segmenters.words.finders import Hits, load_finder
from som.segmenters.words.segmenter import WordsSegmenter
from tests.som.segmenters.words import tiny

PHRASES = ["red cup", "handle", "a spoon. of it"]


@pytest.fixture(scope="module")
def photo() -> NDArray[np.uint8]:
    whole: NDArray[np.uint8] = skimage.data.coffee()  # type: ignore[no-untyped-call]
    return np.ascontiguousarray(whole[::2, ::2])


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("words")
    return {
        "dino": tiny.save_grounding_dino(folder / "dino"),
        "owl": tiny.save_owlv2(folder / "owl"),
        "sam3": tiny.save_sam3(folder / "sam3"),
    }


@pytest.mark.parametrize("kind", ["dino", "owl", "sam3"])
def test_finds_carry_their_phrase_and_score(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8], kind: str
) -> None:
    segmenter = WordsSegmenter(PHRASES, weights=str(checkpoints[kind]), granularity=1, device="cpu")
    segmenter._load().threshold = 0.02
    marked = Marker(segmenter)(photo)
    assert len(marked) > 1
    assert {mark.role for mark in marked.marks} <= set(PHRASES)
    assert (marked.regions.mask is not None) == (kind == "sam3")
    assert ((marked.regions.confidence >= 0.01) & (marked.regions.confidence <= 1)).all()
    assert any(phrase in marked.legend() for phrase in PHRASES)


def test_grounding_dino_is_read_as_its_own_processor_reads_it(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8]
) -> None:
    finder = load_finder(str(checkpoints["dino"]), torch.device("cpu"))
    hits = finder.find(photo, ["red cup", "handle"], 0.0)

    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints["dino"])
    processor = transformers.GroundingDinoProcessor(
        transformers.GroundingDinoImageProcessorPil(), tokenizer
    )
    inputs = processor(images=photo, text="red cup. handle.", return_tensors="pt")
    model = transformers.GroundingDinoForObjectDetection.from_pretrained(checkpoints["dino"]).eval()
    with torch.inference_mode():
        out = model(
            **{
                key: inputs[key]
                for key in ("pixel_values", "pixel_mask", "input_ids", "attention_mask")
            }
        )
    likely = out.logits[0].sigmoid().numpy()
    # [CLS] r e d c u p . h a n d l e . [SEP]
    expected = np.stack([likely[:, 1:7].max(axis=1), likely[:, 8:14].max(axis=1)], axis=1)
    assert np.mean(hits.phrases == expected.argmax(axis=1)) > 0.8
    assert hits.scores == pytest.approx(expected.max(axis=1), abs=0.03)
    theirs = processor.post_process_grounded_object_detection(
        out, inputs["input_ids"], threshold=0, text_threshold=0, target_sizes=[photo.shape[:2]]
    )[0]["boxes"]
    assert np.abs(hits.boxes_xyxy - theirs.numpy()).max() < 3


def test_owlv2_is_read_as_its_own_processor_reads_it(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8]
) -> None:
    finder = load_finder(str(checkpoints["owl"]), torch.device("cpu"))
    hits = finder.find(photo, PHRASES, 0.0)

    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints["owl"])
    square = np.full((300, 300, 3), 128, np.uint8)
    square[:200] = photo
    small = Image.fromarray(square).resize((64, 64), Image.Resampling.BILINEAR)
    pixels = (np.asarray(small) / 255 - hub_files.CLIP["image_mean"]) / hub_files.CLIP["image_std"]
    tokens = tokenizer(
        PHRASES, padding="max_length", truncation=True, max_length=16, return_tensors="pt"
    )
    model = transformers.Owlv2ForObjectDetection.from_pretrained(checkpoints["owl"]).eval()
    with torch.inference_mode():
        out = model(
            pixel_values=torch.as_tensor(pixels, dtype=torch.float32).permute(2, 0, 1)[None],
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
        )
    images = transformers.Owlv2ImageProcessorPil()
    theirs = images.post_process_object_detection(out, threshold=0, target_sizes=[photo.shape[:2]])[0]
    inside = theirs["boxes"].numpy().clip(0, [300, 200, 300, 200])
    close = np.abs(hits.boxes_xyxy - inside).max(axis=1) < 6
    assert close.mean() > 0.9
    assert np.mean(hits.phrases == theirs["labels"].numpy()) > 0.9


class Known:
    """A finder that knows where things are."""

    name, threshold = "known", 0.4

    def __init__(self, masks: bool = False) -> None:
        self.asked: list[float] = []
        self._masks = masks

    def find(self, image: NDArray[np.uint8], phrases: list[str], threshold: float) -> Hits:
        self.asked.append(threshold)
        boxes = np.array(
            [
                [10, 10, 60, 60],
                [12, 10, 60, 60],
                [11, 11, 60, 60],
                [100, 20, 160, 90],
                [-20, 190, 5, 260],
            ]
        )
        scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5])
        masks = [Crop(np.ones((9, 9), bool), i, i) for i in range(5)] if self._masks else None
        return Hits(
            boxes.astype(np.float32), scores.astype(np.float32), np.array([0, 0, 1, 1, 0]), masks
        )


def known(segmenter: WordsSegmenter, finder: Any) -> WordsSegmenter:
    segmenter._finder = finder
    return segmenter


def test_one_thing_found_twice_is_one_region(photo: NDArray[np.uint8]) -> None:
    finder = Known()
    regions = known(WordsSegmenter(["cup", "saucer"]), finder)(photo)
    assert regions.xyxy.tolist() == [[10, 10, 60, 60], [100, 20, 160, 90], [0, 190, 5, 200]]
    assert regions.data["role"].tolist() == ["cup", "saucer", "cup"]
    assert regions.confidence == pytest.approx([0.9, 0.6, 0.5])
    assert set(regions.data["source"]) == {"known"}
    assert len(known(WordsSegmenter(["cup", "saucer"]), Known(masks=True))(photo).mask) == 3


def test_boxes_are_refined_by_a_segmenter(photo: NDArray[np.uint8]) -> None:
    refined = known(WordsSegmenter(["cup", "saucer"], refine=PhotoSegmenter()), Known())(photo)
    assert refined.mask is not None
    assert refined.data["role"].tolist() == ["cup", "saucer", "cup"]
    assert refined.xyxy[0][2] <= 62


def test_granularity_is_how_sure_a_find_must_be(photo: NDArray[np.uint8]) -> None:
    finder = Known()
    for granularity in (0.0, 0.5, 1.0):
        known(WordsSegmenter(["cup", "saucer"], granularity=granularity), finder)(photo)
    assert finder.asked == pytest.approx([0.6, 0.4, 0.2])


def test_what_cannot_be_searched_for_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SegmenterError, match="nothing to find"):
        WordsSegmenter([" ", ""])
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(SegmenterError, match="is a bert model; words need one of: grounding-dino"):
        load_finder(str(tmp_path), torch.device("cpu"))
