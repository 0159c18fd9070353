"""Claude's own computer-use tool as a space of actions beside marks.

Claude points with pixels of the screenshot; each of its calls becomes an action of ours: on the mark
under the point, or, where there is none, at the point. So the loop, its safety rules and its traces
stay as they are. The tool's versions and their models:
platform.claude.com/docs/en/agents-and-tools/tool-use/computer-use-tool.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from som.agents.actions import (
    Answer,
    BaseAction,
    Click,
    ClickAt,
    DoubleClick,
    Drag,
    Hover,
    MarkRegion,
    Press,
    RightClick,
    Scroll,
    Type,
    Wait,
)
from som.agents.vlm.anthropic import Anthropic, to_wire, tokens_of
from som.agents.vlm.base import Message, OnText, Reply, TextPart
from som.agents.vlm.coordinates import Shape, mark_under
from som.agents.vlm.cost import price_of
from som.agents.vlm.server import Clock
from som.errors import VLMError
from som.marks import Mark, MarkedImage
from som.prompts import render

TOOLSET = "computer_toolset_20260801"
# Calls that make no sense here: each step brings a screenshot, and the mouse is not held down.
_DISABLED = ("screenshot", "cursor_position", "left_mouse_down", "left_mouse_up", "hold_key")
# Names of keys as X has them, and as we do.
_KEYS = {
    "return": "Enter", "enter": "Enter", "esc": "Escape", "backspace": "Backspace", "page_up": "PageUp",
    "page_down": "PageDown", "up": "ArrowUp", "down": "ArrowDown", "left": "ArrowLeft",
    "right": "ArrowRight", "ctrl": "Control", "control": "Control", "alt": "Alt", "shift": "Shift",
    "super": "Meta", "cmd": "Meta", "meta": "Meta", "tab": "Tab", "delete": "Delete", "home": "Home",
    "end": "End", "space": "Space", "escape": "Escape",
}  # fmt: skip
# Of a turn of the wheel, in screens.
_SCREENS_PER_TURN = 0.1


@dataclass(frozen=True)
class Call:
    """One call of the tool: its name, and what it was given."""

    name: str
    given: dict[str, Any]


class ComputerUse(Anthropic):
    """A Claude model that acts by its computer-use tool; see `Anthropic` for the arguments.

    `complete` needs a message with an observation or a marked image, as the agent's loop sends them,
    and its reply is an action of ours as JSON.
    """

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """The next action; `schema` is not needed, the tool has its own.

        Raises:
            VLMError: there is no answer, or no message shows a marked image.
        """
        marked = next((message.marked[0] for message in reversed(messages) if message.marked), None)
        if marked is None:
            raise VLMError("Claude's computer tool needs a screen; use it with som act")
        clock = Clock.of(self.timeout_s)
        with self._errors(), self._deadline.running():
            text, calls, usage, stop = self._listen(messages, marked, on_text, clock)
        (tokens_in, cached), tokens_out = usage
        price = price_of(self.name)
        if not calls and not text:
            raise VLMError(f"{self.name} answered nothing ({stop}); ask otherwise")
        return Reply(
            text=written(text, calls, marked),
            model=self.name,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            seconds=clock.seconds(),
            stop_reason="length" if stop == "max_tokens" else "stop",
            cost_usd=price.of(tokens_in, tokens_out, cached) if price else None,
            constrained="tools" if calls else "",
        )

    def _listen(
        self, messages: Sequence[Message], marked: MarkedImage, on_text: OnText | None, clock: Clock
    ) -> tuple[str, list[Call], tuple[tuple[int, int], int], str]:
        """Words, calls, tokens and stop reason of one reply."""
        question = messages[-1].question
        lang = "ko" if re.search(r"[가-힣]", question) else "en"
        system = Message("system", (TextPart(render("computer", lang)),))
        others = [message for message in messages if message.role != "system"]
        body: dict[str, Any] = {"model": self.name, "max_tokens": self.max_tokens, "stream": True}
        body |= to_wire([system, *others])
        create, more = self._tool(marked)
        words: list[str] = []
        names: list[str] = []
        given: list[str] = []
        usage, stop = ((0, 0), 0), ""
        with create(**body, **more) as stream:
            for event in stream:
                clock.check(self.name)
                if event.type == "message_start":
                    usage = tokens_of(event.message.usage), 0
                elif event.type == "content_block_start" and event.content_block.type == "tool_use":
                    names.append(event.content_block.name)
                    given.append("")
                elif event.type == "content_block_delta":
                    if given:
                        given[-1] += getattr(event.delta, "partial_json", "") or ""
                    piece = getattr(event.delta, "text", "")
                    words += [piece] if piece else []
                    if piece and on_text:
                        on_text(piece)
                elif event.type == "message_delta":
                    stop = event.delta.stop_reason or stop
                    usage = usage[0], event.usage.output_tokens
        if stop == "refusal":
            raise VLMError(f"{self.name} refused to go on; ask otherwise")
        calls = [call_of(name, text) for name, text in zip(names, given, strict=True)]
        return "".join(words).strip(), calls, usage, stop

    def _tool(self, marked: MarkedImage) -> tuple[Callable[..., Any], dict[str, Any]]:
        """How the tool is asked for: the newest form of it that the model takes."""
        name, profile = self.name, self.profile
        if profile.name.startswith(("Claude 5", "Claude Opus 4.7")):
            configs = {each: {"enabled": False} for each in _DISABLED}
            return self._client.messages.create, {"tools": [{"type": TOOLSET, "configs": configs}]}
        new = re.search(r"opus-4-[56]|sonnet-4-6", name) is not None
        width, height = marked.layout.size_wh
        tool = {"name": "computer", "display_width_px": width, "display_height_px": height}
        tool["type"] = "computer_20251124" if new else "computer_20250124"
        beta = "computer-use-2025-11-24" if new else "computer-use-2025-01-24"
        return self._client.beta.messages.create, {"tools": [tool], "betas": [beta]}


def call_of(name: str, text: str) -> Call:
    """A call as it was streamed; older versions of the tool have the action's name in its input."""
    try:
        given = json.loads(text or "{}")
    except ValueError:
        given = {}
    given = given if isinstance(given, dict) else {}
    if name == "computer":
        name = str(given.pop("action", ""))
    return Call(name, given)


def written(words: str, calls: Sequence[Call], marked: MarkedImage) -> str:
    """A reply as the loop reads it: an action as JSON, or words that say why there is none."""
    if not calls:
        return _json("", Answer(text=words))
    try:
        action = action_of(calls, marked)
    except (VLMError, ValidationError, KeyError, TypeError, ValueError) as error:
        reason = str(error) if isinstance(error, VLMError) else "its input is not as it should be"
        return f"{calls[0].name} cannot be carried out: {reason}"
    return _json(words, action)


def _json(thought: str, action: BaseAction) -> str:
    return json.dumps({"thought": thought, "action": action.model_dump()}, ensure_ascii=False)


def action_of(calls: Sequence[Call], marked: MarkedImage) -> BaseAction:
    """The action of ours that the first calls of a turn ask for.

    A click that is followed by typing is one action, and so is the Enter after that. What comes later
    in the turn is left to the next step, which sees what the first has done.

    Raises:
        VLMError: there is no such action here.
        ValueError: an input is not as the tool has it.
    """
    first, *rest = calls
    name, given = first.name, first.given
    if name == "type":
        raise VLMError("click the field and type in the same turn")
    if name == "key":
        return Press(keys=keys_of(str(given["text"])))
    if name == "wait":
        return Wait(seconds=min(30.0, max(0.1, float(given.get("duration", 1)))))
    if name == "zoom":
        x1, y1, x2, y2 = (max(0, int(value)) for value in given["region"])
        return MarkRegion(x1=x1, y1=y1, x2=x2, y2=y2)
    if name == "scroll":
        mark = _mark_at(given.get("coordinate"), marked)
        amount = min(20.0, max(0.1, float(given["scroll_amount"]) * _SCREENS_PER_TURN))
        direction = given["scroll_direction"]
        return Scroll(direction=direction, mark=mark.id if mark else None, amount=amount)
    if name == "left_click_drag":
        ends = [_mark_at(given[key], marked) for key in ("start_coordinate", "coordinate")]
        if ends[0] is None or ends[1] is None:
            raise VLMError("there is no mark at one of its ends")
        return Drag(mark=ends[0].id, to=ends[1].id)
    if name in ("left_click", "middle_click"):
        return _clicked(given, rest, marked)
    if name in ("double_click", "triple_click", "right_click", "mouse_move"):
        kinds = {"right_click": RightClick, "mouse_move": Hover}
        mark = _mark_at(given.get("coordinate"), marked)
        if mark is None:
            raise VLMError("there is no mark at this point")
        action: BaseAction = kinds.get(name, DoubleClick)(mark=mark.id)
        return action
    raise VLMError("there is no such action here")


def _clicked(given: dict[str, Any], rest: Sequence[Call], marked: MarkedImage) -> BaseAction:
    mark = _mark_at(given.get("coordinate"), marked)
    if mark is None:
        x, y = given["coordinate"]
        return ClickAt(x=max(0, int(x)), y=max(0, int(y)))
    replaces = (
        bool(rest) and rest[0].name == "key" and keys_of(str(rest[0].given["text"])) == "Control+a"
    )
    rest = rest[1:] if replaces else rest
    if not rest or rest[0].name != "type":
        return Click(mark=mark.id)
    text = str(rest[0].given["text"])
    enters = len(rest) > 1 and rest[1].name == "key" and keys_of(str(rest[1].given["text"])) == "Enter"
    submit = text.endswith("\n") or enters
    return Type(mark=mark.id, text=text.rstrip("\n"), clear=replaces, submit=submit)


def _mark_at(coordinate: Any, marked: MarkedImage) -> Mark | None:
    """The mark under a point of the drawn image, which is what the model saw."""
    if coordinate is None:
        return None
    x, y = coordinate
    scale_x, scale_y = marked.scale_xy
    x, y = float(x) / scale_x, float(y) / scale_y
    return mark_under(Shape((x, y, x, y)), marked, tolerance=0.005)


def keys_of(text: str) -> str:
    """Keys in the names that browsers have for them: ``ctrl+Return`` is ``Control+Enter``."""
    return "+".join(_KEYS.get(part.lower(), part) for part in text.strip().split("+"))
