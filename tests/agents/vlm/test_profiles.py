"""Models by name: the family, the size they see, what an image costs."""

from pathlib import Path

import numpy as np
import pytest

from som import Marker
from som.agents.vlm.cost import price_of
from som.agents.vlm.profiles import Profile, profile_of, profiles
from som.errors import SomError
from som.regions import make_regions

SIZES = [(64, 48), (300, 300), (1280, 720), (1080, 1920), (1920, 1080), (4032, 3024), (5000, 200)]


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-6-luna", "GPT-6 Luna"),
        ("openai:gpt-6.2-sol", "GPT-5.4 to GPT-6"),
        ("openai/gpt-5.4-mini", "GPT-5 mini"),
        ("gpt-5-2025-08-07", "GPT-5"),
        ("gpt-4o-mini", "GPT-4o mini"),
        ("claude-sonnet-5-5", "Claude 5"),
        ("anthropic:claude-haiku-4-5-20251001", "Claude 4.5 and 4.6"),
        ("claude-sonnet-4-20250514", "Claude"),
        ("gemini-3.8-flash", "Gemini 3 and 4"),
        ("gemini-2.5-pro", "Gemini 2"),
        ("local:HuggingFaceTB/SmolVLM-256M-Instruct", "SmolVLM (256M, 500M)"),
        ("HuggingFaceTB/SmolVLM2-2.2B-Instruct", "SmolVLM and Idefics 3"),
        ("Qwen/Qwen2.5-VL-7B-Instruct", "Qwen2.5-VL"),
        ("qwen2.5vl:7b", "Qwen2.5-VL"),
        ("qwen2_5_vl", "Qwen2.5-VL"),
        ("Qwen/Qwen3-VL-8B-Instruct-FP8", "Qwen3-VL and Qwen3.5"),
        ("Qwen/Qwen2-VL-2B-Instruct", "Qwen2-VL"),
        ("OpenGVLab/InternVL3_5-8B-HF", "InternVL"),
        ("NCSOFT/VARCO-VISION-2.0-14B", "VARCO-VISION"),
        ("naver-hyperclovax/HyperCLOVAX-SEED-Vision-Instruct-3B", "HyperCLOVA X SEED Vision"),
        ("llava-hf/llava-v1.6-mistral-7b-hf", "LLaVA-NeXT"),
        ("llava:7b", "LLaVA 1.5"),
        ("/models/Molmo-7B-D-0924/", "Molmo"),
        ("vikhyatk/moondream2", "Moondream"),
        ("mistralai/Pixtral-12B-2409", "Pixtral"),
        ("somebody/new-model", "any other"),
        ("", "any other"),
    ],
)
def test_a_name_finds_its_family(model: str, family: str) -> None:
    assert profile_of(model).name == family


# Measured on the providers' own APIs (huggingface.co/datasets/JOHNISKING/image-token-cost); Claude's
# numbers there hold the tokens of the prompt, 77 and 65 of them.
@pytest.mark.parametrize(
    ("model", "size_wh", "tokens"),
    [
        ("gpt-6-sol", (256, 256), 77),
        ("gpt-6-sol", (1280, 720), 1104),
        ("gpt-6-sol", (1920, 1080), 2448),
        ("gpt-6-sol", (2560, 1440), 2931),
        ("gpt-6-sol", (4032, 3024), 2942),
        ("claude-opus-5-5", (256, 256), 177 - 77),
        ("claude-opus-5-5", (1280, 720), 1273 - 77),
        ("claude-opus-5-5", (1920, 1080), 2768 - 77),
        ("claude-haiku-4-5", (1024, 1024), 1434 - 65),
        ("claude-haiku-4-5", (1920, 1080), 1625 - 65),
        # The examples of OpenAI's guide.
        ("gpt-4o", (1024, 1024), 765),
        ("gpt-4o", (2048, 4096), 1105),
        ("o4-mini", (1024, 1024), 1762),
        ("gpt-4.1-mini", (1024, 1024), 1659),
        ("gpt-4.1-mini", (1800, 2400), 2353),
        # Google's: one tile up to 384 pixels, else tiles of 768.
        ("gemini-2.5-flash", (384, 300), 258),
        ("gemini-2.5-flash", (960, 540), 516),
    ],
)
def test_image_tokens_are_those_that_are_billed(
    model: str, size_wh: tuple[int, int], tokens: int
) -> None:
    assert profile_of(model).image_tokens(size_wh) == tokens


@pytest.mark.parametrize("profile", profiles(), ids=lambda profile: profile.name)
@pytest.mark.parametrize("size_wh", SIZES)
def test_every_rule_takes_every_size(profile: Profile, size_wh: tuple[int, int]) -> None:
    fitted = profile.fit(size_wh)
    assert min(fitted) >= 1
    assert 0 < profile.image_tokens(size_wh) < 60_000
    assert 1 <= profile.max_side(size_wh) <= max(size_wh)
    if profile.provider:  # what is drawn at that size is not scaled down again
        factor = profile.max_side(size_wh) / max(size_wh)
        sent = round(size_wh[0] * factor), round(size_wh[1] * factor)
        assert max(profile.fit(sent)) >= max(sent) - 1


@pytest.mark.parametrize("profile", profiles()[:-1], ids=lambda profile: profile.name)
def test_the_example_of_a_family_is_of_it(profile: Profile) -> None:
    assert profile_of(profile.example) is profile
    assert price_of(profile.example) is not None or not profile.provider


def test_every_profile_says_where_it_is_from() -> None:
    assert all(profile.source for profile in profiles())
    assert len({profile.name for profile in profiles()}) == len(profiles())
    assert profiles()[-1].pattern == ""


def test_marks_are_drawn_at_the_size_that_the_model_sees() -> None:
    image = np.zeros((1080, 1920, 3), np.uint8)
    regions = make_regions([[10, 10, 300, 300]])
    for model, side in {"claude-haiku-4-5": 1456, "gpt-4o": 1365, "gpt-6-luna": 1920}.items():
        marked = Marker.from_detections(image, regions, max_side=profile_of(model).max_side)
        assert max(marked.drawn.shape) == side


def test_a_file_of_ones_own_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "models.toml"
    own.write_text(
        "[[family]]\nname = 'Ours'\npattern = '^ours'\ncan = ['logprobs']\n"
        "image = {rule = 'fixed', per_image = 9, max_side = 100}\n"
    )
    monkeypatch.setenv("SOM_MODELS", str(own))
    assert profile_of("us/ours-7b").image_tokens((5, 5)) == 9
    assert profile_of("gpt-4o").name == "GPT-4o and GPT-4.1"


@pytest.mark.parametrize(
    "text",
    [
        "[[family",
        "family = 3",
        "[[family]]\nname = 'x'\nsides = 3",
        "[[family]]\nname = 'x'\ncan = ['fly']",
        "[[family]]\nname = 'x'\ncoordinates = 'polar'",
        "[[family]]\nname = 'x'\npattern = '('",
        "[[family]]\nname = 'x'\nimage = {rule = 'magic'}",
        "[[family]]\nname = 'x'\nimage = {rule = 'fixed'}",
    ],
)
def test_a_wrong_file_is_one_line(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "models.toml"
    own.write_text(text)
    monkeypatch.setenv("SOM_MODELS", str(own))
    with pytest.raises(SomError, match=r"models\.toml") as caught:
        profile_of("x")
    assert "\n" not in str(caught.value)
