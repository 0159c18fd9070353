"""What a run leaves on disk, whatever happens to the process that writes it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from som.agents import actions as do
from som.agents.conversation import build_messages
from som.agents.durable import whole_lines
from som.agents.envs.base import Outcome
from som.agents.loop import run
from som.agents.records import Header
from som.agents.secrets import Secret, Secrets
from som.agents.steps import End, Step
from som.agents.trace import Trace, TraceError, TraceWriter, read_trace
from som.agents.vlm.base import Choice, Reply
from som.errors import SomError
from tests.agents.pictures import Pictures, clicks

ROOT = Path(__file__).parent.parent.parent


def written(folder: Path, count: int = 3) -> list[Step]:
    """The steps of a run whose trace is in the folder now."""
    steps = []
    with TraceWriter(folder, Header(task="turn", model="replay", settings={"marks": "dom"})) as trace:
        for step in run("turn", Pictures(), clicks(count), max_steps=count):
            trace.write(step, url_after=f"https://after.example/{step.number}")
            steps.append(step)
    return steps


def same(one: Step, other: Step) -> None:
    for name in ("number", "thought", "action", "by", "error", "confirmed", "outcome", "end", "reply"):
        assert getattr(one, name) == getattr(other, name), name
    for name in ("url", "title", "tabs", "notes", "new_ids", "states", "rest"):
        assert getattr(one.observation, name) == getattr(other.observation, name), name
    assert one.observation.marked.marks == other.observation.marked.marks


def test_steps_come_back_as_they_were(tmp_path: Path) -> None:
    steps = written(tmp_path)
    trace = read_trace(tmp_path)
    assert (trace.header.task, trace.header.settings) == ("turn", {"marks": "dom"})
    assert trace.header.packages["som-agent"]
    assert trace.url == "https://after.example/3"
    assert trace.end == End("budget", "3 steps are over")
    back = trace.steps()
    for step, again in zip(steps, back, strict=True):
        same(step, again)
        assert np.array_equal(step.observation.marked.drawn, again.observation.marked.drawn)
    # What the model saw is kept too, each text once.
    seen = Pictures().observe()
    for sent, record in zip(steps[-1].messages, trace.records[-1].messages, strict=True):
        assert sent.text == "\n".join(trace.text(part.text) for part in record.parts if part.text)
    texts = {part.text for r in trace.records for m in r.messages for part in m.parts if part.text}
    assert len(list((tmp_path / "prompts").iterdir())) == len(texts)
    for old, new in zip(
        build_messages("turn", seen, steps), build_messages("turn", seen, back), strict=True
    ):
        assert old.text == new.text


def test_all_parts_of_a_step_are_kept(tmp_path: Path) -> None:
    seen = Pictures().observe()
    odd = "\u2028 </script> \x00 한국어"
    steps = [
        Step(1, seen, reply=Reply(odd, "m", 3, 4, 0.5, cost_usd=0.25), error=odd),
        Step(2, seen, choice=Choice({"1": 0.75, "none": 0.25}, "logprobs", "m", 5, 1, cost_usd=0.5)),
        Step(3, seen, action=do.Drag(mark=1, to=2), by="person", confirmed=False),
        Step(4, seen, action=do.Scroll(mark=1), outcome=Outcome(False, odd), seconds={"act": 0.5}),
        Step(5, seen, action=do.Answer(text=odd), end=End("answered", odd)),
    ]
    with TraceWriter(tmp_path, Header()) as trace:
        for step in steps:
            trace.write(step)
    found = read_trace(tmp_path)
    for step, again in zip(steps, found.steps(), strict=True):
        same(step, again)
    choice = found.steps()[1].choice
    assert choice is not None
    assert dict(choice) == {"1": 0.75, "none": 0.25}
    assert (choice.method, choice.tokens_in) == ("logprobs", 5)
    assert (found.tokens, found.cost_usd) == ((8, 5), 0.75)


def test_halves_of_characters_are_no_trouble(tmp_path: Path) -> None:
    seen = replace(Pictures().observe(), title="half \ud83d")
    with TraceWriter(tmp_path, Header(task="\ud83d")) as trace:
        trace.write(Step(1, seen, tuple(build_messages("half \ud83d", seen)), error="\udc00"))
    assert read_trace(tmp_path).records[0].seen.title == "half ?"


def test_old_steps_need_no_memory_for_their_images(tmp_path: Path) -> None:
    steps = written(tmp_path)
    first, *_, last = read_trace(tmp_path).steps(images=1)
    assert first.observation.marked.image.base.size == 1  # type: ignore[union-attr]
    assert first.observation.marked.size_wh == steps[0].observation.marked.size_wh
    assert np.array_equal(last.observation.marked.image, steps[-1].observation.marked.image)
    seen = Pictures().observe()
    sent = [build_messages("turn", seen, s) for s in (steps, read_trace(tmp_path).steps(1))]
    assert [message.text for message in sent[0]] == [message.text for message in sent[1]]


def test_a_line_cut_at_any_byte_is_a_step_that_was_not_finished(tmp_path: Path) -> None:
    written(tmp_path, 2)
    path = tmp_path / "trace.jsonl"
    whole = path.read_bytes()
    start = whole[:-1].rindex(b"\n") + 1
    for cut in range(start, len(whole)):
        assert len(whole_lines(whole[:cut])) == 2
        if cut % 37 and cut < len(whole) - 9 and cut > start + 1:
            continue  # reading all of it is slow
        path.write_bytes(whole[:cut])
        trace = read_trace(tmp_path)
        assert [record.number for record in trace.records] == [1]
        assert trace.torn is (cut > start)
    # What a disk leaves where it was not written.
    path.write_bytes(whole[: start + 99] + bytes(99) + b"\n")
    assert len(read_trace(tmp_path).records) == 1
    with TraceWriter(tmp_path, Header(), resume=True) as trace_file:
        trace_file.write(replace(read_trace(tmp_path).steps()[0], number=2))
    assert [record.number for record in read_trace(tmp_path).records] == [1, 2]


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL")
@pytest.mark.parametrize("seed", [1, 2, pytest.param(3, marks=pytest.mark.slow)])
def test_a_killed_run_leaves_every_finished_step_and_goes_on(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    command = [sys.executable, "-m", "tests.agents.pictures", str(tmp_path), "200"]
    total = 0
    for resume in ([], ["resume"]):
        child = subprocess.Popen(
            [*command, *resume], cwd=ROOT, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": "."}
        )
        said = [child.stdout.readline() for _ in range(chance.randint(1, 4))]
        time.sleep(chance.random() * 0.15)
        child.send_signal(signal.SIGKILL)
        said += child.communicate()[0].splitlines(keepends=True)
        finished = [int(line) for line in said if line.endswith(b"\n")]
        trace = read_trace(tmp_path)
        assert finished[0] == total + 1, "steps are numbered on"
        assert [record.number for record in trace.records][: finished[-1]] == [
            *range(1, finished[-1] + 1)
        ]
        assert len(trace.records) - finished[-1] in (0, 1), "written, but not said any more"
        for step in trace.steps():
            assert step.observation.marked.drawn.shape == (400, 500, 3)
        total = len(trace.records)


def test_one_process_at_a_time_writes(tmp_path: Path) -> None:
    with TraceWriter(tmp_path, Header()) as trace:
        with pytest.raises(TraceError, match="another process is writing"):
            TraceWriter(tmp_path, Header(), resume=True)
        trace.write(Step(1, Pictures().observe()))
        assert len(read_trace(tmp_path).records) == 1, "a reader needs no lock"
    with TraceWriter(tmp_path, Header(), resume=True):
        pass


def test_a_run_goes_on_from_its_trace(tmp_path: Path) -> None:
    written(tmp_path)
    past = read_trace(tmp_path).steps(images=2)
    vlm = clicks(2)
    with TraceWriter(tmp_path, Header(model="other"), resume=True) as trace:
        for step in run("turn", Pictures(), vlm, max_steps=2, past=past):
            trace.write(step)
    found = read_trace(tmp_path)
    assert [record.number for record in found.records] == [1, 2, 3, 4, 5]
    assert [resumed.model for resumed in found.resumed] == ["other"]
    assert "turned to 3" in vlm.asked[0][-1].text
    # The first three steps say what they did, though their messages are not kept in memory.
    assert sum(message.role == "assistant" for message in vlm.asked[0]) == 3


def test_secrets_reach_no_file(tmp_path: Path) -> None:
    value = "hunter2-Zebra"
    secrets = Secrets([Secret("word", value, ("a.example",))])
    seen = Pictures(texts=(f"Hello {value}", "Stop")).observe()
    seen = replace(seen, url=f"https://a.example/?q={value}", states={1: f'value "{value.upper()}"'})
    step = Step(
        1, seen, tuple(build_messages(f"use {value}", seen)), Reply(f"I typed {value}", "m"),
        thought=value, action=do.Type(mark=1, text=value), outcome=Outcome(True, value),
    )  # fmt: skip
    with TraceWriter(tmp_path, Header(task=value, settings={value: [value]}), mask=secrets.mask) as t:
        t.write(step, url_after=value)
    files = [path for path in tmp_path.rglob("*") if path.suffix in (".jsonl", ".txt")]
    assert len(files) > 2
    for path in files:
        assert value.lower() not in path.read_text().lower()
    assert read_trace(tmp_path).records[0].thought == "{{secret:word}}"


def test_a_short_secret_leaves_names_of_files_whole(tmp_path: Path) -> None:
    secrets = Secrets([Secret(f"d{i}", f"{i:03x}", ("shop.example",)) for i in range(0, 4096, 37)])
    seen = Pictures().observe()
    with TraceWriter(tmp_path, Header(), mask=secrets.mask) as trace:
        trace.write(Step(1, seen, tuple(build_messages("turn", seen))))
    found = read_trace(tmp_path)
    assert np.array_equal(found.steps()[0].observation.marked.image, seen.marked.image)
    assert all(
        found.text(part.text) for m in found.records[0].messages for part in m.parts if part.text
    )


@pytest.mark.parametrize("name", ["/etc/secret.png", "../secret.png", "images/../../secret.png"])
def test_a_trace_names_no_file_outside_its_folder(tmp_path: Path, name: str) -> None:
    written(tmp_path, 1)
    path = tmp_path / "trace.jsonl"
    whole = path.read_text("utf-8")
    drawn = read_trace(tmp_path).records[0].seen.drawn
    sha256 = next(part.text for part in read_trace(tmp_path).records[0].messages[0].parts if part.text)
    for old in (drawn, sha256):
        path.write_text(whole.replace(old, name), "utf-8")
        with pytest.raises(TraceError, match="line 2 is broken"):
            read_trace(tmp_path)


def test_what_is_no_trace_is_one_line(tmp_path: Path) -> None:
    def broken(change: str) -> Trace:
        (tmp_path / "trace.jsonl").write_text(change)
        return read_trace(tmp_path)

    with pytest.raises(TraceError, match="cannot read the trace"):
        read_trace(tmp_path)
    with pytest.raises(TraceError, match="first line is missing"):
        broken('{"kind": "header"')
    with pytest.raises(TraceError, match="no header"):
        broken('{"kind": "resumed"}\n')
    with pytest.raises(TraceError, match="version 9, expected 1"):
        broken('{"kind": "header", "version": 9}\n')
    with pytest.raises(TraceError, match="line 2 is broken"):
        broken('{"kind": "header"}\nnonsense\n{"kind": "resumed"}\n')
    assert broken('{"kind": "header", "x": 1}\n{"kind": "later"}\n').records == ()
    with pytest.raises(TraceError, match="no trace to go on with"):
        TraceWriter(tmp_path / "new", Header(), resume=True)
    with pytest.raises(TraceError, match="already holds a trace"):
        TraceWriter(tmp_path, Header())
    (tmp_path / "file").touch()
    with pytest.raises(TraceError, match="cannot write a trace"):
        TraceWriter(tmp_path / "file", Header())


def test_a_missing_image_is_one_line(tmp_path: Path) -> None:
    written(tmp_path, 1)
    trace = read_trace(tmp_path)
    (tmp_path / trace.records[0].seen.image).write_bytes(b"")
    with pytest.raises(SomError, match="step 1 of"):
        trace.steps()


def test_huge_masks_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("som.agents.trace_writer.LARGEST_MASKS_BYTES", 10)
    written(tmp_path, 1)
    line = (tmp_path / "trace.jsonl").read_text().splitlines()[1]
    assert all(mark.get("mask") is None for mark in json.loads(line)["seen"]["marks"]["marks"])
    assert read_trace(tmp_path).steps()
