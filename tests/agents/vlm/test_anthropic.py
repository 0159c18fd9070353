"""Claude: its messages, and its computer tool as actions of ours."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from som import MarkedImage, Marker
from som.agents.actions import action_schema
from som.agents.ask import build_messages
from som.agents.replies import parse_action
from som.agents.vlm import get_vlm
from som.agents.vlm.anthropic import Anthropic, to_wire
from som.agents.vlm.anthropic_computer import ComputerUse, call_of, keys_of, written
from som.agents.vlm.base import Message, TextPart
from som.errors import VLMError
from som.regions import make_regions
from tests.agents.vlm.loopback import Server, claude_events, stream

Serve = Callable[..., Server]


@pytest.fixture
def screen() -> MarkedImage:
    """2000 x 1000 pixels, drawn at half the size: [1] and [2], a field and a button."""
    image = np.full((1000, 2000, 3), 230, np.uint8)
    regions = make_regions([[200, 100, 800, 200], [1200, 100, 1400, 200]])
    return Marker.from_detections(image, regions, max_side=1000)


def test_what_goes_out(marked: MarkedImage) -> None:
    body = to_wire([*build_messages("?", (marked,)), Message("assistant", (TextPart("[1]"),))])
    assert [turn["role"] for turn in body["messages"]] == ["user", "assistant"]
    assert "mark" in body["system"]
    kinds = [part["type"] for part in body["messages"][0]["content"]]
    assert kinds.count("image") == 2


def test_a_schema_holds_the_reply_and_optional_keys_stay_out(serve: Serve) -> None:
    said = {
        "thought": "so",
        "action": {"action": "scroll", "direction": "down", "mark": None, "amount": None},
    }
    server = serve(stream(claude_events(json.dumps(said)), named=True))
    vlm = Anthropic("claude-opus-5-5", base_url=server.url, api_key="k", max_retries=0)
    reply = vlm.complete([Message("user", (TextPart("?"),))], schema=action_schema(range(1, 30)))
    assert reply.constrained == "schema"
    assert json.loads(reply.text)["action"] == {"action": "scroll", "direction": "down"}
    assert reply.cost_usd == pytest.approx((10 * 4.00 + 1 * 0.20 + 5 * 20.00) / 1e6)
    schema = server.bodies("messages")[0]["output_config"]["format"]["schema"]
    assert "$defs" in schema  # the marks are listed once, not in each action


@pytest.mark.parametrize(
    ("calls", "action"),
    [
        ([("left_click", {"coordinate": [250, 75]})], "click(1)"),
        ([("left_click", {"coordinate": [900, 400]})], "click_at(900, 400)"),
        (
            [("left_click", {"coordinate": [250, 75]}), ("type", {"text": "tea"})],
            'type(1, "tea", clear=false)',
        ),
        (
            [
                ("left_click", {"coordinate": [250, 75]}),
                ("key", {"text": "ctrl+a"}),
                ("type", {"text": "tea"}),
                ("key", {"text": "Return"}),
            ],
            'type(1, "tea", clear=true, submit=true)',
        ),
        ([("double_click", {"coordinate": [650, 75]})], "double_click(2)"),
        ([("right_click", {"coordinate": [650, 75]})], "right_click(2)"),
        ([("mouse_move", {"coordinate": [650, 75]})], "hover(2)"),
        ([("key", {"text": "ctrl+Page_Down"})], 'press("Control+PageDown")'),
        (
            [("scroll", {"coordinate": [1, 1], "scroll_direction": "up", "scroll_amount": 5})],
            'scroll("up", amount=0.5)',
        ),
        (
            [("left_click_drag", {"start_coordinate": [250, 75], "coordinate": [650, 75]})],
            "drag(1, 2)",
        ),
        ([("wait", {"duration": 99})], "wait(30)"),
        ([("zoom", {"region": [0, 0, 100, 50]})], "mark_region(0, 0, 100, 50)"),
        ([("computer", {"action": "left_click", "coordinate": [250, 75]})], "click(1)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_its_calls_are_actions_of_ours(
    screen: MarkedImage, calls: list[tuple[str, Any]], action: str
) -> None:
    made = [call_of(name, json.dumps(given)) for name, given in calls]
    assert parse_action(written("", made, screen), [1, 2]) == parse_action(action, [1, 2])


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (("type", '{"text": "x"}'), "click the field and type in the same turn"),
        (("screenshot", ""), "no such action"),
        (("left_click", "{}"), "its input is not"),
        (("left_click", '{"coordinate": "there"}'), "its input is not"),
        (("right_click", '{"coordinate": [900, 400]}'), "no mark at this point"),
        (("scroll", '{"scroll_direction": "in", "scroll_amount": 1}'), "its input is not"),
        (("rm", "not json"), "no such action"),
    ],
)
def test_what_cannot_be_done_is_said_to_the_model(
    screen: MarkedImage, call: tuple[str, str], reason: str
) -> None:
    assert reason in written("", [call_of(*call)], screen)


def test_keys_have_the_names_that_browsers_have() -> None:
    assert [keys_of(text) for text in ("ctrl+shift+Escape", "Up", "a", "super+l")] == [
        *("Control+Shift+Escape", "ArrowUp", "a", "Meta+l"),
    ]


@pytest.mark.parametrize(
    ("model", "beta", "tool"),
    [
        ("claude-sonnet-5-5", "", "computer_toolset_20260801"),
        ("claude-opus-4-6", "computer-use-2025-11-24", "computer_20251124"),
        ("claude-haiku-4-5", "computer-use-2025-01-24", "computer_20250124"),
    ],
)
def test_a_turn_over_the_wire(
    serve: Serve, screen: MarkedImage, model: str, beta: str, tool: str
) -> None:
    named = ("left_click", "computer") if "toolset" in tool else ("computer", None)
    given = '{"action": "left_click", "coordinate": ' if named[1] is None else '{"coordinate": '
    server = serve(stream(claude_events(given, "[250, 75]}", tool=named, stop="tool_use"), named=True))
    vlm = ComputerUse(model, base_url=server.url, api_key="k", max_retries=0)
    reply = vlm.complete(build_messages("Log in", (screen,)))
    assert json.loads(reply.text)["action"] == {"action": "click", "mark": 1}
    assert (reply.constrained, reply.tokens_in, reply.tokens_out) == ("tools", 11, 5)
    body = server.asked[0][1]
    assert (server.betas[0], body["tools"][0]["type"]) == (beta, tool)
    assert "computer tool" in body["system"]


def test_words_without_a_call_are_the_answer(serve: Serve, screen: MarkedImage) -> None:
    server = serve(stream(claude_events("It costs 3 euros."), named=True))
    vlm, _ = get_vlm("computer:claude-opus-5-5", base_url=server.url, api_key="k")
    action = json.loads(vlm.complete(build_messages("가격은?", (screen,))).text)["action"]
    assert action == {"action": "answer", "text": "It costs 3 euros."}
    assert "컴퓨터" in server.bodies("messages")[0]["system"]
    with pytest.raises(VLMError, match="needs a screen"):
        vlm.complete([Message("user", (TextPart("?"),))])


def test_without_its_package_it_is_one_line(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['anthropic'] = None; from som.cli import main; "
        f"main(['ask', {str(tmp_path / 'x.png')!r}, 'q', '--model', 'claude-opus-5-5'])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert 'pip install "som-agent[anthropic]"' in done.stderr
