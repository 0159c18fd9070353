"""The offline grounder as an agent: it carries out orders that an instruction gives in so many words.

It reads the task once into orders (`som.agents.vlm.instructions`), grounds the next one on the marks
that there are now, and remembers by what it said: each reply begins with which order it is at. It
understands nothing beyond that, gives up with a reason where it is asked for more, and never claims
what it did not do.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from som.agents import actions as do
from som.agents.actions import BaseAction
from som.agents.vlm.base import Message
from som.agents.vlm.instructions import Order, read_orders
from som.agents.vlm.scene import Scene

MOST_LOOKS = 12
_FORMS = ("type", "select", "complete", "paste", "sort")
# In the second line, which says what the last action led to; what a page says comes later.
_REFUSED = re.compile(r"\A[^\n]*\n[^\n]{0,40}: (refused: [^\n]{1,200})")
_SAID = re.compile(r"^(\d+)/(\d+)(, more)?(?:, looking)?")


@dataclass(frozen=True)
class _Memory:
    """What earlier replies say: which order is next, how often it was tried, what was looked into."""

    order: int
    tries: int
    looked: frozenset[int]
    looks: int
    clicked: tuple[int, ...]


class _Lost(Exception):  # noqa: N818  it ends a run, and is no fault
    """What the order names is not there."""


def next_reply(messages: Sequence[Message]) -> str:
    """The reply of an agent, as JSON, to a conversation whose last message holds an observation."""
    seen = messages[-1].observation
    assert seen is not None
    orders = _with_submit(read_orders(messages[-1].question))
    if not orders:
        return _say("", do.GiveUp(reason="this task needs understanding, and I only match words"))
    refused = _REFUSED.search(messages[-1].text)
    if refused:
        return _say("", do.GiveUp(reason=refused[1]))
    memory = _remember(messages)
    scene = Scene(seen)
    at = memory.order
    while at < len(orders):
        try:
            found = _next(orders[at], scene, memory if at == memory.order else replace(memory, tries=0))
        except _Lost as lost:
            if orders[at].name == _SUBMIT_IF_ANY:
                at += 1
                continue
            return _say(f"{at + 1}/{len(orders)}", do.GiveUp(reason=str(lost)))
        if found is not None:
            action, more = found
            return _say(f"{at + 1}/{len(orders)}{more}: {orders[at]}", action)
        at += 1
    return _say("", do.Answer(text="carried out: " + "; ".join(map(str, orders))))


_SUBMIT_IF_ANY = "submit, if there is such a button"


def _with_submit(orders: list[Order]) -> list[Order]:
    """A form that was filled in is sent, though the instruction does not say so."""
    if orders and all(order.do in _FORMS for order in orders):
        return [*orders, Order("click", name=_SUBMIT_IF_ANY)]
    return orders


def _say(thought: str, action: BaseAction) -> str:
    return json.dumps({"thought": thought, "action": action.model_dump()})


def _remember(messages: Sequence[Message]) -> _Memory:
    order, tries, looked, looks, clicked = 0, 0, set[int](), 0, []
    for message in messages:
        if message.role != "assistant":
            continue
        try:
            said = json.loads(message.text)
            match = _SAID.match(said["thought"])
        except (ValueError, KeyError, TypeError):
            continue
        if match is None:
            continue
        at = int(match[1]) - 1
        if at != order:
            tries, looked, looks = 0, set(), 0
        mark = said["action"].get("mark")
        if ", looking" in match[0]:
            order, looks = at, looks + 1
            looked.add(mark)
        elif match[3]:
            order, tries = at, tries + 1
            clicked.append(mark)
        else:
            order, tries, looked, looks = at + 1, 0, set(), 0
            clicked.append(mark)
    return _Memory(order, tries, frozenset(looked), looks, tuple(m for m in clicked if m))


Found = tuple[BaseAction, str] | None


def _next(order: Order, scene: Scene, memory: _Memory) -> Found:
    """The next action of an order and ", more" where another follows; None once there is nothing to do.

    Raises:
        _Lost: what it names is not there.
    """
    if order.do == "wait":
        return do.Wait(seconds=min(30, max(0.1, float(order.value)))), ""
    if order.do in ("type", "paste", "complete"):
        return _fill(order, scene, memory)
    if order.do == "select":
        return _select(order, scene, memory)
    if order.do == "shades":
        return _shades(order, scene, memory)
    if order.do == "drag":
        return _drag(order, scene)
    if order.do == "sort":
        return _sort(order, scene)
    if order.do == "copy":
        return _copy(order, scene, memory)
    if order.do == "scroll":
        panel = scene.panel(order.phrase)
        return do.Scroll(direction=order.value, mark=panel.id if panel else None, amount=20), ""  # type: ignore[arg-type]
    if order.do == "expand":
        closed = scene.closed()
        if not closed:
            raise _Lost("there is nothing to expand")
        return do.Click(mark=closed[0].id), ""
    if order.do == "open":
        order = replace(order, do="click", name=order.owner, owner="")
    return _press(order, scene, memory)


def _press(order: Order, scene: Scene, memory: _Memory) -> Found:
    if order.name == _SUBMIT_IF_ANY:
        button = scene.submit()
        if button is None:
            raise _Lost("nothing to press")
        return do.Click(mark=button.id), ""
    results = scene.results()
    if order.ordinal and "result" in order.phrase and results:
        # Those of the pages before have been counted.
        order = replace(order, ordinal=order.ordinal - len(results) * len(memory.looked))
    thing = scene.find(order)
    if thing is None:
        return _look(order, scene, memory)
    if thing.has("disabled"):
        obstacle = scene.dismissal()
        if obstacle is None:
            raise _Lost(f"{thing} is disabled")
        return do.Click(mark=obstacle.id), ", more, looking"
    kinds: dict[str, Any] = {
        "double_click": do.DoubleClick, "right_click": do.RightClick, "hover": do.Hover
    }  # fmt: skip
    return kinds.get(order.do, do.Click)(mark=thing.id), ""


def _look(order: Order, scene: Scene, memory: _Memory) -> Found:
    """Look for what is not there: open what is closed, turn a page, scroll."""
    what = f'"{order.name or order.owner}"' if order.name or order.owner else order.phrase
    if not order.search and memory.looks == 0:
        return do.Wait(seconds=0.5), ", looking"  # it may be on its way
    if memory.looks < MOST_LOOKS:
        for thing in scene.openers():
            if thing.id not in memory.looked and thing.id not in memory.clicked:
                kind = do.Hover if thing.role == "menuitem" else do.Click
                return kind(mark=thing.id), ", looking"
        panel = scene.panel("")
        if order.owner or memory.looks < 3:
            return do.Scroll(
                direction="down", mark=panel.id if panel else None, amount=0.5
            ), ", looking"
    raise _Lost(f"I cannot find {what or 'such a field'} here")


def _fill(order: Order, scene: Scene, memory: _Memory) -> Found:
    """Type into one field or all, paste, or take a suggestion."""
    if order.do == "complete" and memory.tries == 1:
        return do.Wait(seconds=0.7), ", more"  # suggestions follow the last letter
    if order.do == "complete" and memory.tries:
        start, end = order.value.casefold(), order.name.casefold()
        for thing in scene.things:
            said = thing.text.casefold()
            if (
                thing.role not in ("textbox", "button")
                and said.startswith(start)
                and said.endswith(end)
            ):
                return do.Click(mark=thing.id), ""
        if memory.tries > 3:
            raise _Lost(f'no suggestion begins with "{order.value}"')
        return do.Wait(seconds=0.7), ", more"
    fields = scene.fields(order)
    if not fields:
        obstacle = scene.dismissal()
        if obstacle is not None and obstacle.id not in memory.looked:
            return do.Click(mark=obstacle.id), ", looking"
        return _look(order, scene, memory)
    value = order.value
    if "[lower]" in order.phrase or "[upper]" in order.phrase:
        value = value.lower() if "[lower]" in order.phrase else value.upper()
    if order.do == "paste":
        if memory.tries == 0:
            return do.Click(mark=fields[0].id), ", more"
        return do.Press(keys="Control+v"), ""
    if order.every:
        left = [field for field in fields if field.id not in memory.clicked[-memory.tries or None :]]
        left = left if memory.tries else fields
        if not left:
            return None
        return do.Type(mark=left[0].id, text=value), ", more"
    field = fields[0]
    if field.has("disabled"):
        obstacle = scene.dismissal()
        if obstacle is None:
            raise _Lost(f"{field} is disabled")
        return do.Click(mark=obstacle.id), ", looking"
    if field.role == "spinbutton" and memory.tries:
        # Where typing changed nothing, its arrows may.
        now, to = field.value, float(value)
        if now is None or now == to:
            return None
        return do.Press(
            keys="ArrowUp" if to > now else "ArrowDown", times=min(100, round(abs(to - now)))
        ), ""
    if field.role == "spinbutton":
        return do.Type(mark=field.id, text=value), ", more"
    if field.role == "slider":
        raise _Lost("a slider that shows no value cannot be set")
    return do.Type(mark=field.id, text=value), ", more" if order.do == "complete" else ""


def _select(order: Order, scene: Scene, memory: _Memory) -> Found:
    listed = scene.list_with(order.name)
    if listed is not None:
        return do.SelectOption(mark=listed.id, option=order.name), ""
    thing = scene.find(order)
    if thing is not None:
        return None if thing.has("checked") else (do.Click(mark=thing.id), "")
    if memory.tries == 0:
        drop_down = scene.drop_down()
        if drop_down is not None:
            return do.Click(mark=drop_down.id), ", more"
    return _look(order, scene, memory)


def _shades(order: Order, scene: Scene, memory: _Memory) -> Found:
    done = set(memory.clicked)
    left = [thing for thing in scene.shades(order.value) if thing.id not in done]
    return (do.Click(mark=left[0].id), ", more") if left else None


def _copy(order: Order, scene: Scene, memory: _Memory) -> Found:
    fields = scene.fields(replace(order, phrase="area", name="", ordinal=None))
    fields = [field for field in fields if field.has("multi-line")] or fields
    fields = fields[(order.ordinal or 1) - 1 :]
    if not fields:
        raise _Lost(f"I cannot find {order.phrase}")
    steps = [do.Click(mark=fields[0].id), do.Press(keys="Control+a"), do.Press(keys="Control+c")]
    return steps[memory.tries], ", more" if memory.tries < 2 else ""


_WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


def _drag(order: Order, scene: Scene) -> Found:
    thing = scene.find(order) or scene.shape()
    if thing is None:
        raise _Lost(f"I cannot find {order.phrase}")
    where = order.value
    step = max(20, (thing.box[2] - thing.box[0]) // 2)
    if where in _WAYS:
        x, y = _WAYS[where]
        return do.Drag(mark=thing.id, dx=x * step, dy=y * step), ""
    to = scene.place(thing, where)
    if to is None:
        raise _Lost(f"I cannot tell where {where} is")
    # A little beyond the other, so that it makes room.
    (x1, y1), (x2, y2) = thing.middle, to.middle
    beyond = [round(0.1 * (b - a) / max(abs(b - a), 1) * step * 2) for a, b in ((x1, x2), (y1, y2))]
    return do.Drag(mark=thing.id, to=to.id, dx=beyond[0], dy=beyond[1]), ""


def _sort(order: Order, scene: Scene) -> Found:
    rows = sorted(scene.numbers(), key=lambda pair: pair[1].middle[1])
    wanted = sorted(rows, key=lambda pair: pair[0], reverse=order.value == "down")
    for (number, now), (other, then) in zip(rows, wanted, strict=True):
        if number != other:
            height = now.box[3] - now.box[1]
            return do.Drag(mark=then.id, to=now.id, dy=-round(0.2 * height)), ", more"
    return None
