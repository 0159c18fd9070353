"""Every adapter against the code of the package that its weights come from."""

import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

from som import devices
from som.devices import in_batches, pick
from som.errors import SegmenterError, SomError
from som.segmenters.sam._torchvision import import_segment_anything
from som.segmenters.sam.families import FAMILIES
from som.segmenters.sam.frame import Frame
from som.segmenters.sam.hub import load_hub
from som.segmenters.sam.model import Prompts
from som.segmenters.sam.original import OriginalSam, load_original
from som.segmenters.sam.segmenter import SamSegmenter
from tests.som.segmenters.sam import tiny

POINTS = np.array([[[100, 60], [20, 150]], [[250, 30], [10, 10]]], np.float32)
LABELS = np.array([[1, 0], [1, 1]])
BOXES = np.array([[10, 20, 120, 150], [30, 5, 290, 60]], np.float32)


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize("kind", ["points", "boxes", "both", "mask"])
def test_the_original_answers_as_its_own_predictor(
    original: Any, photo: NDArray[np.uint8], kind: str, multimask: bool
) -> None:
    predictor = import_segment_anything().SamPredictor(original)
    predictor.set_image(photo)
    prompts = Prompts(
        POINTS if kind != "boxes" else None,
        LABELS if kind != "boxes" else None,
        BOXES if kind in ("boxes", "both") else None,
        np.random.default_rng(0).normal(size=(2, 32, 32)).astype(np.float32)
        if kind == "mask"
        else None,
    )
    ours = OriginalSam(original, pick("cpu"))
    found = ours.decode(ours.encode(photo), prompts, multimask=multimask)
    for i in range(2):
        _, scores, low = predictor.predict(
            point_coords=None if prompts.points_xy is None else POINTS[i],
            point_labels=None if prompts.labels is None else LABELS[i],
            box=None if prompts.boxes_xyxy is None else BOXES[i],
            mask_input=None if prompts.masks is None else prompts.masks[i : i + 1],
            multimask_output=multimask,
        )
        count = len(scores)
        assert found.scores[i] == pytest.approx(scores, abs=1e-4)
        assert found.logits(range(i * count, (i + 1) * count)) == pytest.approx(low, abs=1e-3)


def test_a_model_is_read_off_its_weights(tmp_path: Path) -> None:
    saved = tiny.original(seed=3)
    torch.save(saved.state_dict(), tmp_path / "sam.pth")
    loaded = load_original(tmp_path / "sam.pth", pick("cpu")).sam
    assert loaded.image_encoder.img_size == tiny.SIDE
    assert [block.window_size for block in loaded.image_encoder.blocks] == [3, 0]
    assert loaded.image_encoder.blocks[0].attn.num_heads == 3
    for name, values in saved.state_dict().items():
        assert torch.equal(values, loaded.state_dict()[name])


def hub_inputs(frame: Frame, prompts: Prompts) -> dict[str, Any]:
    inputs: dict[str, Any] = {}
    if prompts.points_xy is not None:
        inputs["input_points"] = torch.as_tensor(frame.to_input(prompts.points_xy))[None]
        inputs["input_labels"] = torch.as_tensor(prompts.labels)[None]
    if prompts.boxes_xyxy is not None:
        corners = frame.to_input(prompts.boxes_xyxy.reshape(-1, 2, 2)).reshape(1, -1, 4)
        inputs["input_boxes"] = torch.as_tensor(corners)
    return inputs


@pytest.mark.parametrize("family", ["slimsam", "sam-hq", "sam2", "sam3"])
@pytest.mark.parametrize("kind", ["points", "boxes"])
def test_hub_models_answer_as_in_one_go(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8], family: str, kind: str
) -> None:
    ours = load_hub(str(checkpoints[family]), FAMILIES[family], pick("cpu"))
    prompts = Prompts(POINTS, LABELS) if kind == "points" else Prompts(boxes_xyxy=BOXES)
    encoded = ours.encode(photo)
    found = ours.decode(encoded, prompts, multimask=True)

    pixels = torch.nn.functional.interpolate(
        torch.as_tensor(photo).permute(2, 0, 1)[None].float(),
        encoded.frame.input_hw, mode="bilinear", antialias=True,
    ).round()  # fmt: skip
    mean, std = (
        torch.tensor(values).view(1, 3, 1, 1)
        for values in (
            ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
            if family == "sam3"
            else ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        )
    )
    pixels = (pixels / 255 - mean) / std
    height, width = encoded.frame.input_hw
    pixels = torch.nn.functional.pad(pixels, (0, tiny.SIDE - width, 0, tiny.SIDE - height))
    model = getattr(transformers, FAMILIES[family].model_class).from_pretrained(checkpoints[family])
    with torch.inference_mode():
        expected = model(pixel_values=pixels, **hub_inputs(encoded.frame, prompts))
    assert found.scores == pytest.approx(expected.iou_scores[0].numpy(), abs=5e-3)
    low = expected.pred_masks[0].flatten(0, 1).numpy()
    assert np.abs(found.logits(range(len(low))) - low).max() < 0.05 * np.abs(low).max()


def test_padding_and_normalisation_are_those_of_the_image_processor(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8]
) -> None:
    ours = load_hub(str(checkpoints["slimsam"]), FAMILIES["slimsam"], pick("cpu"))
    processor = transformers.SamImageProcessorPil(
        size={"longest_edge": tiny.SIDE}, pad_size={"height": tiny.SIDE, "width": tiny.SIDE}
    )
    theirs = processor(photo, return_tensors="pt")["pixel_values"]
    seen = []
    ours.model.vision_encoder.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    ours.encode(photo)
    assert seen[0].shape == theirs.shape
    assert torch.allclose(seen[0], theirs, atol=0.02)


def test_a_mask_prompt_goes_to_its_own_prompt(
    checkpoints: dict[str, Path], photo: NDArray[np.uint8]
) -> None:
    ours = load_hub(str(checkpoints["sam2"]), FAMILIES["sam2"], pick("cpu"))
    encoded = ours.encode(photo)
    masks = np.random.default_rng(0).normal(size=(2, 32, 32)).astype(np.float32)
    both = ours.decode(encoded, Prompts(POINTS, LABELS, None, masks), multimask=False)
    second = ours.decode(encoded, Prompts(POINTS[1:], LABELS[1:], None, masks[1:]), multimask=False)
    assert both.logits([1]) == pytest.approx(second.logits([0]), abs=1e-5)
    assert np.abs(both.logits([0]) - both.logits([1])).max() > 1e-3


def test_wrong_checkpoints_say_what_they_are(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    def load(family: str, weights: Path | str) -> None:
        _ = SamSegmenter(family, weights=str(weights), device="cpu").model

    with pytest.raises(SegmenterError, match=r"no checkpoint .*missing.pth; give a .pth file"):
        load("sam", tmp_path / "missing.pth")
    with pytest.raises(SegmenterError, match=r"is a sam2 model; use --segmenter sam2"):
        load("sam-hq", checkpoints["sam2"])
    with pytest.raises(SegmenterError, match=r"takes a model in transformers' format"):
        load("sam2", checkpoints["sam"])
    with pytest.raises(SegmenterError, match=r"the folder has no config.json"):
        load("sam2", tmp_path)

    other = tmp_path / "other.pth"
    torch.save({"fc.weight": torch.zeros(2)}, other)
    with pytest.raises(SegmenterError, match=r"holds no weights of a segment-anything model"):
        load("sam", other)
    torch.save({"image_encoder.patch_embed.seq.0.c.weight": torch.zeros(2)}, other)
    with pytest.raises(SegmenterError, match=r"looks like MobileSAM"):
        load("sam", other)
    other.write_bytes(b"<html>not found</html>")
    with pytest.raises(SegmenterError, match=r"no file of weights"):
        load("sam", other)
    other.write_bytes(checkpoints["sam"].read_bytes()[:5000])
    with pytest.raises(SegmenterError, match=r"fetch it again"):
        load("sam", other)
    half = tmp_path / "half"
    half.mkdir()
    (half / "config.json").write_bytes((checkpoints["sam2"] / "config.json").read_bytes())
    with pytest.raises(SegmenterError, match=r"cannot load"):
        load("sam2", half)


class Hostile:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("hostile-was-here"),))


def test_nothing_in_a_checkpoint_is_executed(
    tmp_path: Path, checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"image_encoder": Hostile()}, "hostile.pth")
    with pytest.raises(SegmenterError, match=r"holds more than weights"):
        load_original(Path("hostile.pth"), pick("cpu"))
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "config.json").write_bytes((checkpoints["sam2"] / "config.json").read_bytes())
    torch.save({"weight": Hostile()}, pickled / "pytorch_model.bin")
    with pytest.raises(SegmenterError, match=r"cannot load"):
        load_hub(str(pickled), FAMILIES["sam2"], pick("cpu"))
    assert not Path("hostile-was-here").exists()
    assert zipfile.is_zipfile("hostile.pth")


def test_without_memory_the_batches_get_smaller(caplog: pytest.LogCaptureFixture) -> None:
    sizes = []

    def run(rows: slice) -> int:
        size = int(rows.stop - rows.start)
        sizes.append(size)
        if size > 10:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:114] DefaultCPUAllocator: can't allocate memory"
            )
        return size

    assert sum(in_batches(run, 100, 64)) == 100
    assert sizes[:4] == [64, 32, 16, 8]
    assert "out of memory: going on with 8 prompts at a time" in caplog.text
    with pytest.raises(SomError, match=r"out of memory even for one prompt"):
        in_batches(lambda rows: run(slice(0, 99)), 5, 4)
    with pytest.raises(RuntimeError, match=r"shapes"):
        in_batches(lambda rows: (_ for _ in ()).throw(RuntimeError("shapes")), 5, 4)


def test_devices() -> None:
    assert pick("cpu").type == "cpu"
    assert pick("auto").type in ("cuda", "mps", "cpu")
    with pytest.raises(SomError, match=r"no device 'tpu0'"):
        pick("tpu0")
    if not torch.cuda.is_available():
        with pytest.raises(SomError, match=r"torch finds no cuda here; use --device"):
            pick("cuda")
    assert not devices.out_of_memory(ValueError("out of memory"))


def test_the_stand_in_leaves_no_torchvision_behind() -> None:
    code = (
        "import sys; from importlib.util import find_spec\n"
        "there = find_spec('torchvision') is not None\n"
        "from som.segmenters.sam._torchvision import import_segment_anything as load\n"
        "assert load().SamPredictor and ('torchvision' in sys.modules) == there\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
