"""Models in this process: tiny ones of each family, through the same code as large ones."""

import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from som.agents.actions import action_schema
from som.agents.replies import parse_action
from som.agents.vlm import get_vlm
from som.agents.vlm.base import VLM, Message, TextPart
from som.agents.vlm.local.model import LocalVLM, ask_for
from som.errors import SomError, VLMError
from tests.agents.local.conftest import picture
from tests.agents.tiny_vlm import FAMILIES

Checkpoint = Callable[[str], Path]


@pytest.fixture(params=FAMILIES)
def vlm(request: pytest.FixtureRequest, checkpoint: Checkpoint) -> LocalVLM:
    return LocalVLM(str(checkpoint(request.param)), device="cpu", max_tokens=16)


def test_it_answers_and_streams(vlm: LocalVLM, messages: list[Message]) -> None:
    pieces: list[str] = []
    reply = vlm.complete(messages, on_text=pieces.append)
    assert isinstance(vlm, VLM)
    assert "".join(pieces) == reply.text
    assert len(pieces) > 1
    assert 1 < reply.tokens_out <= 16
    assert reply.stop_reason == ("stop" if reply.tokens_out < 16 else "length")
    assert len(reply.logprobs) == reply.tokens_out
    assert all(-20 < log <= 0 for log in reply.logprobs)
    assert reply.constrained == ""
    assert vlm.complete(messages).text == reply.text


def test_it_sees_the_images_and_nothing_in_the_text_is_one(
    vlm: LocalVLM, messages: list[Message]
) -> None:
    tokens, of_images = vlm.count_tokens(messages)
    assert vlm.complete(messages).tokens_in == tokens > of_images > 0
    one = [Message("user", (picture(1), TextPart("<image><|image_pad|><IMG_CONTEXT>")))]
    assert vlm.count_tokens(one)[1] == of_images / 2
    assert vlm.count_tokens([Message("user", (TextPart("What <image>?"),))])[1] == 0
    other = [Message("user", (picture(3), *one[0].parts[1:]))]
    options = ["1", "2", "none"]
    assert vlm.choose(one, options).probabilities != vlm.choose(other, options).probabilities


def test_a_schema_holds_whatever_the_model_would_say(vlm: LocalVLM, messages: list[Message]) -> None:
    vlm.max_tokens = 115
    names = ["click", "hover", "select_option", "answer"]
    reply = vlm.complete(messages, schema=action_schema([1, 2, 12], names))
    assert reply.constrained == "grammar"
    assert reply.stop_reason == "stop"
    assert set(json.loads(reply.text)) == {"thought", "action"}
    parse_action(reply.text, [1, 2, 12])


OPTIONS = ("1", "2", "12", "112", "A7", "none")


def test_probabilities_are_those_of_full_passes(vlm: LocalVLM, messages: list[Message]) -> None:
    choice = vlm.choose(messages, OPTIONS)
    assert choice.method == "logits"
    assert list(choice) == list(OPTIONS)
    assert sum(choice.values()) == pytest.approx(1)
    logs = brute_force(vlm, messages, OPTIONS)
    total = sum(map(math.exp, logs))
    assert list(choice.values()) == pytest.approx([math.exp(log) / total for log in logs], rel=1e-3)


def brute_force(vlm: LocalVLM, messages: list[Message], options: Sequence[str]) -> list[float]:
    """One pass over the whole prompt and reply for each option, nothing shared."""
    import torch

    loaded = vlm._loaded
    inputs = vlm._encode(ask_for(messages, options))
    length = inputs["input_ids"].shape[1]
    logs = []
    for option in options:
        reply = torch.tensor([loaded.tokenizer(f"[{option}]", add_special_tokens=False)["input_ids"]])
        whole: dict[str, Any] = {**inputs, "input_ids": torch.cat([inputs["input_ids"], reply], 1)}
        whole["attention_mask"] = torch.ones_like(whole["input_ids"])
        for kind in ("mm_token_type_ids", "token_type_ids"):
            if kind in whole:
                whole[kind] = torch.cat([whole[kind], torch.zeros_like(reply)], 1)
        with torch.inference_mode():
            scores = loaded.model(**whole, use_cache=False).logits[0].log_softmax(-1)
        rows = range(length - 1, length - 1 + reply.shape[1])
        logs.append(sum(float(scores[row, t]) for row, t in zip(rows, reply[0].tolist(), strict=True)))
    return logs


def test_thousands_of_options(checkpoint: Checkpoint, messages: list[Message]) -> None:
    vlm = LocalVLM(str(checkpoint("internvl")), device="cpu")
    options = [*map(str, range(1, 1201)), "none"]
    choice = vlm.choose([Message("user", (picture(),))], options)
    assert sum(choice.values()) == pytest.approx(1)
    assert min(choice.values()) > 0


def test_an_interrupt_while_text_comes_ends_the_reply(
    checkpoint: Checkpoint, messages: list[Message]
) -> None:
    vlm = LocalVLM(str(checkpoint("smolvlm")), device="cpu", max_tokens=2000)
    seen: list[str] = []

    def stop(piece: str) -> None:
        seen.append(piece)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        vlm.complete(messages, on_text=stop)
    assert len(seen) == 3
    vlm.max_tokens = 4
    assert vlm.complete(messages).tokens_out == 4


def test_it_gives_up_in_time(checkpoint: Checkpoint, messages: list[Message]) -> None:
    vlm = LocalVLM(str(checkpoint("smolvlm")), device="cpu", max_tokens=4000, timeout_s=0.01)
    with pytest.raises(VLMError, match=r"took longer than 0\.01 s"):
        vlm.complete(messages)


def test_a_prompt_too_long_is_one_line(checkpoint: Checkpoint) -> None:
    vlm = LocalVLM(str(checkpoint("llava")), device="cpu")
    long = [Message("user", (picture(), TextPart("word " * 2000)))]
    with pytest.raises(VLMError, match=r"the prompt has \d+ tokens, local:.* takes 8192"):
        vlm.complete(long)
    with pytest.raises(VLMError, match="takes 8192"):
        vlm.choose(long, ["1", "2"])


def test_weights_in_eight_bits_say_nearly_the_same(
    checkpoint: Checkpoint, messages: list[Message]
) -> None:
    pytest.importorskip("torchao", reason="no weights in 8 bits on a processor: pip install torchao")
    whole = LocalVLM(str(checkpoint("qwen2_5_vl")), device="cpu").choose(messages, OPTIONS)
    vlm = LocalVLM(str(checkpoint("qwen2_5_vl")), device="cpu", quantize="8bit")
    layer = vlm._loaded.model.model.language_model.layers[0].mlp.gate_proj
    assert "Int8" in type(layer.weight).__name__
    assert list(vlm.choose(messages, OPTIONS).values()) == pytest.approx(list(whole.values()), abs=0.1)


def test_one_loaded_model_is_shared(checkpoint: Checkpoint) -> None:
    first = LocalVLM(str(checkpoint("llava")), device="cpu")
    vlm, notice = get_vlm(f"local:{checkpoint('llava')}", device="cpu")
    assert isinstance(vlm, LocalVLM)
    assert vlm._loaded is first._loaded
    assert notice == ""
    assert vlm.name == f"local:{checkpoint('llava')}"


def test_a_template_without_a_system_role_gets_its_text_first(checkpoint: Checkpoint) -> None:
    from som.agents.vlm.local.prompt import chat_template, takes_system, to_turns

    said = [Message("system", (TextPart("S"),)), Message("user", (TextPart("U"), picture()))]
    for family, system in (("gemma3", False), ("qwen3_vl", True)):
        processor = LocalVLM(str(checkpoint(family)), device="cpu")._loaded.processor
        template = chat_template(processor)
        assert takes_system(processor, template) == system
        turns = to_turns(said, system=system)
        assert [turn["role"] for turn in turns] == (["system", "user"] if system else ["user"])
        assert turns[-1]["content"][0]["text"] == ("U" if system else "S\nU")
    twice = to_turns([*said, *said[1:]], system=True)
    assert [turn["role"] for turn in twice] == ["system", "user"]


def test_a_checkpoint_without_a_template_gets_a_plain_one(checkpoint: Checkpoint) -> None:
    from som.agents.vlm.local.prompt import chat_template

    vlm = LocalVLM(str(checkpoint("llava")), device="cpu", max_tokens=4)
    processor = vlm._loaded.processor
    own = processor.chat_template
    processor.chat_template = processor.tokenizer.chat_template = None
    try:
        assert "ASSISTANT:" in chat_template(processor)
        one = [Message("user", (TextPart("What?"), picture()))]
        assert vlm.count_tokens(one)[1] == 16
        assert vlm.complete(one).tokens_out == 4
    finally:
        processor.chat_template = processor.tokenizer.chat_template = own


def test_errors_are_one_line(checkpoint: Checkpoint, tmp_path: Path) -> None:
    def message(name: str, **options: Any) -> str:
        with pytest.raises(SomError) as caught:
            LocalVLM(name, **{"device": "cpu", **options})
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "name a model" in message("")
    assert "no model" in message(str(tmp_path / "nowhere"))
    assert "no device 'tpu'" in message(str(checkpoint("llava")), device="tpu")
    assert "takes 4bit or 8bit" in message(str(checkpoint("llava")), quantize="2bit")
    assert "4bit needs cuda" in message(str(checkpoint("llava")), quantize="4bit")
    text_only = tmp_path / "text"
    text_only.mkdir()
    (text_only / "config.json").write_text('{"model_type": "bert"}')
    assert "is a bert model" in message(str(text_only))
    (text_only / "config.json").write_text('{"model_type": "vision-of-2031"}')
    assert "does not know" in message(str(text_only))
    (text_only / "config.json").write_text(
        '{"model_type": "own", "auto_map": {"AutoConfig": "code.Config", "AutoModel": "code.Model"}}'
    )
    (text_only / "code.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    assert "--allow-remote-code" in message(str(text_only))
    assert not (tmp_path / "ran").exists()


def test_missing_packages_are_one_line(
    checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch, messages: list[Message]
) -> None:
    vlm = LocalVLM(str(checkpoint("llava")), device="cpu")
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(SomError, match=r'needs llguidance: pip install "som-agent\[local\]"'):
        vlm.complete(messages, schema={"type": "object"})
    monkeypatch.setitem(sys.modules, "torchao", None)
    with pytest.raises(SomError, match=r"--quantize 8bit on cpu needs torchao: pip install torchao"):
        LocalVLM(str(checkpoint("llava")), device="cpu", quantize="8bit")


def test_the_command_line_asks_it(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from som.cli import main

    monkeypatch.chdir(tmp_path)
    photo = Path(__file__).parents[3] / "examples" / "images" / "coffee.jpg"
    model = f"local:{checkpoint('internvl')}"
    small = ["--max-side", "96", "--max-marks", "3", "--model-device", "cpu"]
    asked = ["ask", str(photo), "Which is left?", "--model", model, *small, "--pick", "--json"]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["method"] == "logits"
    assert 0.5 < sum(mark["probability"] for mark in said["marks"]) + said["none"] <= 1.01
    wrong = CliRunner().invoke(main, [*asked, "--quantize", "4bit"])
    assert wrong.exit_code == 1
    assert "4bit needs cuda" in wrong.output
    other = CliRunner().invoke(
        main, ["ask", str(photo), "?", "--base-url", "localhost:9", "--quantize", "8bit"]
    )
    assert "takes no quantize" in other.output
