"""The client against `transformers serve`, a real server, with models of four families.

The models behind it are real too, if tiny: see `tests.agents.tiny_vlm`.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from som import MarkedImage, Marker
from som.agents.ask import ask, build_messages
from som.agents.pick import pick
from som.agents.vlm.base import Message, TextPart
from som.agents.vlm.local.model import LocalVLM
from som.agents.vlm.openai import OpenAICompatible
from som.errors import VLMError
from som.regions import make_regions
from tests.agents.local.servers import transformers_serve

pytestmark = pytest.mark.slow
Checkpoint = Callable[[str], Path]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with transformers_serve(tmp_path_factory.mktemp("hf")) as base:
        yield base


DECIDING = ["llava", "qwen2_5_vl", "internvl"]


@pytest.fixture(params=[*DECIDING, "smolvlm"])
def model(request: pytest.FixtureRequest, checkpoint: Checkpoint) -> str:
    return str(checkpoint(request.param))


@pytest.fixture(scope="module")
def marked() -> MarkedImage:
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    return Marker.from_detections(image, make_regions([[4, 4, 30, 30], [34, 20, 60, 44]], text="Go"))


def test_text_and_images_go_out_and_an_answer_streams_back(
    url: str, model: str, marked: MarkedImage
) -> None:
    pieces: list[str] = []
    vlm = OpenAICompatible(model, base_url=url, max_tokens=24, temperature=0)
    answer = ask("Which is left?", [marked, marked], vlm, on_text=pieces.append)
    assert "".join(pieces) == answer.text != ""
    assert answer.reply.model == model
    assert answer.reply.tokens_in > 100
    assert 1 <= answer.reply.tokens_out <= 24
    assert answer.reply.stop_reason in ("length", "stop")
    assert all(mark in marked.marks for _, mark in answer.marks)


def test_responses_stream_as_chat_completions_do(
    url: str, checkpoint: Checkpoint, marked: MarkedImage
) -> None:
    said = {}
    for api in ("chat", "responses"):
        pieces: list[str] = []
        vlm = OpenAICompatible(
            str(checkpoint("llava")), base_url=url, api=api, max_tokens=24, temperature=0
        )
        reply = ask("Which is left?", [marked], vlm, on_text=pieces.append).reply
        assert "".join(pieces) == reply.text != ""
        said[api] = (reply.text, reply.tokens_in, reply.tokens_out)
    assert said["chat"] == said["responses"]


@pytest.mark.parametrize("family", DECIDING)
def test_the_model_sees_the_image(
    url: str, checkpoint: Checkpoint, family: str, marked: MarkedImage
) -> None:
    vlm = OpenAICompatible(str(checkpoint(family)), base_url=url)
    black = Marker.from_detections(np.zeros((48, 64, 3), np.uint8), make_regions([[4, 4, 30, 30]]))
    seen = {
        tuple(vlm.choose(build_messages("What?", (image,), legend=False), ["1", "2"]).values())
        for image in (marked, black)
    }
    assert len(seen) == 2


@pytest.mark.parametrize("family", DECIDING)
def test_system_one_gives_probabilities_in_one_pass(
    url: str, checkpoint: Checkpoint, family: str, marked: MarkedImage
) -> None:
    vlm = OpenAICompatible(str(checkpoint(family)), base_url=url)
    picked = pick("Which is left?", [marked], vlm)
    assert picked.choice.method == "systemone"
    assert set(picked.choice) == {"1", "2", "none"}
    assert sum(picked.choice.values()) == pytest.approx(1)
    assert picked.choice.tokens_out == 0
    assert 0 < max(picked.choice.values()) < 1


def test_where_system_one_fails_the_choice_comes_another_way(
    url: str, checkpoint: Checkpoint, marked: MarkedImage
) -> None:
    """SmolVLM's processor, as of transformers 5.23, cannot both guard control tokens and see images."""
    vlm = OpenAICompatible(str(checkpoint("smolvlm")), base_url=url, max_tokens=8)
    picked = pick("Which is left?", [marked], vlm)
    assert picked.choice.method == "asked"
    assert sum(picked.choice.values()) == pytest.approx(1)


def test_system_one_takes_26_labels_and_more_in_rounds(url: str, checkpoint: Checkpoint) -> None:
    vlm = OpenAICompatible(str(checkpoint("llava")), base_url=url)
    options = [*map(str, range(1, 41)), "none"]
    choice = vlm.choose([Message("user", (TextPart("Which?"),))], options)
    assert choice.method == "systemone"
    assert list(choice) == options
    assert sum(choice.values()) == pytest.approx(1)


def test_it_says_what_the_same_model_says_in_this_process(
    url: str, checkpoint: Checkpoint, marked: MarkedImage
) -> None:
    """The same weights and tokens; only text, since images travel as files of another size."""
    asked = [Message("user", (TextPart("Which is left, [1] or [2]?"),))]
    folder = str(checkpoint("qwen2_5_vl"))
    served = OpenAICompatible(folder, base_url=url, max_tokens=16, temperature=0).complete(asked)
    local = LocalVLM(folder, device="cpu", max_tokens=16).complete(asked)
    assert served.text == local.text
    assert (served.tokens_in, served.tokens_out) == (local.tokens_in, local.tokens_out)


def test_a_wrong_model_and_a_wrong_path_are_one_line(url: str, marked: MarkedImage) -> None:
    with pytest.raises(VLMError, match="answered 500") as caught:  # what this server says of it
        ask("?", [marked], OpenAICompatible("nonsense", base_url=url, max_retries=0))
    assert "\n" not in str(caught.value)
    with pytest.raises(VLMError, match="404"):
        ask("?", [marked], OpenAICompatible("m", base_url=f"{url}/nowhere", max_retries=0))


def test_the_command_line_asks_it(url: str, checkpoint: Checkpoint, tmp_path: Path) -> None:
    photo = Path(__file__).parents[3] / "examples" / "images" / "coffee.jpg"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "som", "ask", photo, "What is it?", "--max-side", "96"),
            *("--max-marks", "3", "--base-url", url, "--model", checkpoint("llava"), "--json"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(photo.parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"answer": "' in done.stdout
