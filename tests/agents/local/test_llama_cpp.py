"""The client against llama.cpp's server, with a tiny model that this test writes, behind a key."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from som import MarkedImage
from som.agents.actions import action_schema
from som.agents.ask import ask, build_messages
from som.agents.pick import pick
from som.agents.vlm.base import Message, TextPart
from som.agents.vlm.openai import OpenAICompatible
from som.errors import VLMError

pytest.importorskip("xllamacpp", reason="llama.cpp is missing: pip install xllamacpp gguf")
pytest.importorskip("gguf", reason="no GGUF files can be written: pip install gguf")
KEY = "sesame-key"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    from tests.agents.local.servers import llama_cpp
    from tests.agents.tiny_gguf import save_tiny_gguf

    with llama_cpp(*save_tiny_gguf(tmp_path_factory.mktemp("gguf")), KEY) as base:
        yield base


def make(url: str, **options: Any) -> OpenAICompatible:
    return OpenAICompatible(
        "tiny", base_url=url, **{"api_key": KEY, "max_tokens": 24, "temperature": 0, **options}
    )


def test_text_and_images_go_out_and_an_answer_streams_back(url: str, marked: MarkedImage) -> None:
    pieces: list[str] = []
    answer = ask("Which is left?", [marked], make(url), on_text=pieces.append)
    assert len(pieces) > 1
    assert "".join(pieces) == answer.text != ""
    assert answer.reply.tokens_in > 100
    assert answer.reply.stop_reason in ("length", "stop")
    assert make(url, max_tokens=4).complete(build_messages("?", (marked,))).tokens_out <= 4


def test_an_image_is_more_tokens(url: str, marked: MarkedImage) -> None:
    vlm = make(url, max_tokens=1)
    one, two = (
        vlm.complete(build_messages("?", (marked,) * count, legend=False)).tokens_in for count in (1, 2)
    )
    assert two - one > 16


def test_a_schema_is_held(url: str, marked: MarkedImage) -> None:
    schema = action_schema([1, 2, 3], ["click", "hover"])
    del schema["properties"]["thought"]
    schema["required"] = ["action"]
    reply = make(url, max_tokens=200).complete(build_messages("?", (marked,)), schema=schema)
    assert reply.constrained
    said = json.loads(reply.text)["action"]
    assert said["action"] in ("click", "hover")
    assert said["mark"] in (1, 2, 3)


def test_log_probabilities_come_with_the_reply(url: str) -> None:
    asked = [Message("user", (TextPart("Which?"),))]
    reply = make(url, logprobs=True, max_tokens=8).complete(asked)
    assert len(reply.logprobs) >= 4
    assert all(log <= 0 for log in reply.logprobs)


def test_picking_gives_probabilities_though_it_is_no_decision_model(
    url: str, marked: MarkedImage
) -> None:
    picked = pick("Which is left?", [marked], make(url))
    assert picked.choice.method != "asked"
    assert set(picked.choice) == {"1", "2", "3", "none"}
    assert sum(picked.choice.values()) == pytest.approx(1)


def test_the_only_model_is_found(url: str) -> None:
    assert OpenAICompatible(base_url=url, api_key=KEY).name == "tiny"


def test_errors_are_one_line_without_the_key(url: str, marked: MarkedImage) -> None:
    with pytest.raises(VLMError, match="does not accept the key") as caught:
        ask("?", [marked], make(url, api_key="wrong-key"))
    assert "wrong-key" not in str(caught.value)
    long = [Message("user", (TextPart("word " * 4000),))]
    with pytest.raises(VLMError, match=r"context|exceed|tokens") as caught:
        make(url, max_retries=0).complete(long)
    assert "\n" not in str(caught.value)
    with pytest.raises(VLMError, match="404"):
        make(f"{url}/nowhere", max_retries=0).complete(long[:1])
