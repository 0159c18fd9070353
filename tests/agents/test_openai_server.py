"""The client against a real OpenAI-compatible server on loopback: `transformers serve`.

The model behind it is real too, if tiny: see `tiny_vlm`.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from som import MarkedImage, Marker
from som.agents.ask import ask
from som.agents.vlm.openai import OpenAICompatible
from som.errors import VLMError
from som.regions import make_regions

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="needs the extra `local`: pip install som-agent[local]")
    from tests.agents.tiny_vlm import save_tiny_llava

    return save_tiny_llava(tmp_path_factory.mktemp("tiny-llava"))


@pytest.fixture(scope="module")
def url(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("hf")
    (home / "hub").mkdir()  # /v1/models fails without it
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [Path(sys.executable).with_name("transformers"), "serve", model]
    server = subprocess.Popen(
        [*command, "--device", "cpu", "--host", "127.0.0.1", "--port", str(port)],
        env={**os.environ, "HF_HOME": str(home), "HF_HUB_OFFLINE": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        base = f"http://127.0.0.1:{port}"
        for _ in range(240):
            assert server.poll() is None, "the server stopped"
            try:
                urllib.request.urlopen(f"{base}/health", timeout=1).close()
                break
            except OSError:
                time.sleep(0.5)
        yield base
    finally:
        server.terminate()
        server.wait(20)


@pytest.fixture(scope="module")
def marked() -> MarkedImage:
    image = np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8)
    return Marker.from_detections(image, make_regions([[4, 4, 30, 30], [34, 20, 60, 44]], text="Go"))


def test_text_and_images_go_out_and_an_answer_streams_back(
    url: str, model: Path, marked: MarkedImage
) -> None:
    pieces: list[str] = []
    vlm = OpenAICompatible(str(model), base_url=url, max_tokens=24, temperature=0)
    answer = ask("Which is left?", [marked], vlm, on_text=pieces.append)
    assert len(pieces) > 3
    assert "".join(pieces) == answer.text != ""
    assert answer.reply.model == str(model)
    assert answer.reply.stop_reason in ("length", "stop")
    assert all(mark in marked.marks for _, mark in answer.marks)
    again = ask("Which is left?", [marked], vlm)
    assert again.text == answer.text


def test_the_model_sees_the_image(url: str, model: Path, marked: MarkedImage) -> None:
    vlm = OpenAICompatible(str(model), base_url=url, max_tokens=24, temperature=0)
    black = Marker.from_detections(np.zeros((48, 64, 3), np.uint8), make_regions([]))
    seen = {ask("What?", [image], vlm, legend=False).text for image in (marked, black)}
    assert len(seen) == 2


def test_choosing_gives_probabilities(url: str, model: Path, marked: MarkedImage) -> None:
    from som.agents.ask import build_messages

    vlm = OpenAICompatible(str(model), base_url=url, max_tokens=8, temperature=0)
    chances = vlm.choose(build_messages("Which?", (marked,)), ["1", "2", "none"])
    assert set(chances) == {"1", "2", "none"}
    assert sum(chances.values()) == pytest.approx(1)


def test_a_wrong_model_and_a_wrong_path_are_one_line(url: str, marked: MarkedImage) -> None:
    with pytest.raises(VLMError, match="nonsense") as caught:
        ask("?", [marked], OpenAICompatible("nonsense", base_url=url, max_retries=0))
    assert "\n" not in str(caught.value)
    with pytest.raises(VLMError, match="404"):
        ask("?", [marked], OpenAICompatible("m", base_url=f"{url}/nowhere", max_retries=0))


def test_the_command_line_asks_it(url: str, model: Path, tmp_path: Path) -> None:
    photo = Path(__file__).parents[2] / "examples" / "images" / "coffee.jpg"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "som", "ask", photo, "What is it?", "--max-side", "96"),
            *("--max-marks", "3", "--base-url", url, "--model", model, "--json"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(photo.parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"answer": "' in done.stdout
