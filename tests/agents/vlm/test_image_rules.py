"""The rules of open models against the processors of transformers that they describe."""

from types import SimpleNamespace
from typing import Any

import pytest

from som.agents.vlm.profiles import profile_of

pytestmark = pytest.mark.slow
pytest.importorskip("transformers", reason='needs pip install "som-agent[local]"')

SIZES = [
    (w, h)
    for w, h in (
        *((64, 48), (300, 300), (336, 672), (640, 480), (800, 600), (1280, 720), (1080, 1920)),
        *((1920, 1080), (2560, 1440), (3840, 2160), (4032, 3024), (1500, 200), (123, 457)),
    )
]


@pytest.mark.parametrize("size_wh", SIZES)
@pytest.mark.parametrize("model", ["Qwen/Qwen2.5-VL-7B", "Qwen/Qwen3-VL-8B"])
def test_qwen(model: str, size_wh: tuple[int, int]) -> None:
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

    rule: Any = profile_of(model).image
    width, height = size_wh
    down, across = smart_resize(
        height, width, rule.patch, min_pixels=rule.min_pixels, max_pixels=rule.max_pixels
    )
    assert profile_of(model).fit(size_wh) == (across, down)
    assert profile_of(model).image_tokens(size_wh) == across * down // rule.patch**2 + 2


@pytest.mark.parametrize("size_wh", SIZES)
def test_internvl(size_wh: tuple[int, int]) -> None:
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import get_optimal_tiled_canvas

    across, down = get_optimal_tiled_canvas(size_wh[::-1], (448, 448), 1, 12)
    profile = profile_of("OpenGVLab/InternVL3-8B-hf")
    assert profile.fit(size_wh) == (across * 448, down * 448)
    tiles = across * down
    assert profile.image_tokens(size_wh) == (tiles + (tiles > 1)) * 256


@pytest.mark.parametrize("size_wh", SIZES)
@pytest.mark.parametrize(
    "model", ["llava-hf/llava-onevision-qwen2-7b-ov-hf", "NCSOFT/VARCO-VISION-2.0"]
)
def test_llava_onevision(model: str, size_wh: tuple[int, int]) -> None:
    from transformers import LlavaOnevisionProcessor

    profile = profile_of(model)
    rule: Any = profile.image
    pinpoints = [[down * rule.tile, across * rule.tile] for across, down in rule.grids]
    processor: Any = SimpleNamespace(
        image_processor=SimpleNamespace(image_grid_pinpoints=pinpoints),
        num_image_tokens=rule.per_tile,
        vision_aspect_ratio="anyres_max_9",
    )
    kind = LlavaOnevisionProcessor
    processor._get_unpadded_features = lambda *sizes: kind._get_unpadded_features(processor, *sizes)
    width, height = size_wh
    wanted = kind._get_number_of_features(processor, height, width, rule.tile, rule.tile)
    assert profile.image_tokens(size_wh) == wanted


@pytest.mark.parametrize("size_wh", SIZES)
@pytest.mark.parametrize(
    ("model", "side", "tile"), [("HuggingFaceTB/SmolVLM-256M", 2048, 512), ("smolvlm2-2.2b", 1536, 384)]
)
def test_smolvlm(model: str, side: int, tile: int, size_wh: tuple[int, int]) -> None:
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    sizes = {"size": {"longest_edge": side}, "max_image_size": {"longest_edge": tile}}
    processor = SmolVLMImageProcessorPil(**sizes)
    width, height = size_wh
    patches, rows, columns = processor.get_number_of_image_patches(height, width, sizes)
    profile = profile_of(model)
    rule: Any = profile.image
    assert profile.image_tokens(size_wh) // (rule.per_tile + 2) == patches
    assert profile.fit(size_wh) == (columns * tile, rows * tile)
