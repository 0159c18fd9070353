"""Actions out of what a model says, and back into words.

A reply is JSON, or text such as ``click(7)`` and ``type(3, "hello", submit=true)``; either way it is
data that is checked against the closed list of actions and against the marks on the image that the
model saw. Nothing in it is ever executed.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from som.agents.actions import KINDS, Action, BaseAction, marks_of, signature
from som.errors import SomError

# How a model writes: JSON, held to a schema where the server can, or text for models that do neither.
Form = Literal["json", "text"]
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Action)
_EXAMPLES = {"json": '{"action": "click", "mark": 7}', "text": 'click(7) or type(3, "hello")'}


class ActionError(SomError):
    """A reply is no action that can be taken; the message is for the model."""


def parse_action(
    text: str,
    mark_ids: Collection[int],
    names: Sequence[str] | None = None,
    form: Form = "json",
) -> BaseAction:
    """The action that a reply gives.

    Args:
        text: JSON, by itself, in a code block or within prose, or the text form ``click(7)``. What a
            model thinks aloud between ``<think>`` and ``</think>`` is passed over.
        mark_ids: on the image that the model saw.
        names: actions that may be taken; all when not given.
        form: that was asked for; both are read, errors tell of this one.

    Raises:
        ActionError: there is none, it is written wrongly, or it names a mark that is not there.
    """
    text = _THINKING.sub("", text)
    errors: list[ActionError] = []
    for found in (*_objects(text), *_calls(text, errors)):
        try:
            action = _checked(found, names)
        except ActionError as error:
            errors.append(error)
            continue
        missing = [mark for mark in marks_of(action) if mark not in set(mark_ids)]
        if missing:
            raise ActionError(f"there is no mark [{missing[0]}] on this image; {_listed(mark_ids)}")
        return action
    if errors:
        raise errors[0]
    raise ActionError(f"no action in the reply; write one as {form}, such as {_EXAMPLES[form]}")


def thought_of(text: str) -> str:
    """The reason that a reply gives for its action, "" when it gives none."""
    text = _THINKING.sub("", text)
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            found, _ = decoder.raw_decode(text, start)
        except ValueError:
            start = text.find("{", start + 1)
            continue
        thought = found.get("thought", "") if isinstance(found, dict) else ""
        return thought if isinstance(thought, str) else ""
    call = next(iter(_ordered(text)), None)
    return " ".join(text[: call.start()].strip(" \t\n`*->").split()) if call else ""


def write_action(action: BaseAction, form: Form = "text") -> str:
    """An action as a model would write it; fields that have their usual value are left out."""
    fields = action.model_dump(exclude_defaults=True)
    name = str(action.action)  # type: ignore[attr-defined]
    if form == "json":
        return json.dumps({"action": name, **fields}, ensure_ascii=False)
    order = [key for key in type(action).model_fields if key != "action"]
    parts = []
    for i, key in enumerate(order):
        if key not in fields:
            continue
        value = json.dumps(fields[key], ensure_ascii=False)
        named = any(before not in fields for before in order[:i]) or isinstance(fields[key], bool)
        parts.append(f"{key}={value}" if named else value)
    return f"{name}({', '.join(parts)})"


def _checked(found: dict[str, Any], names: Sequence[str] | None) -> BaseAction:
    name = found.get("action")
    known = [kind for kind in KINDS if names is None or kind in names]
    if name not in known:
        raise ActionError(f"no action {name!r}; there are: {', '.join(known)}")
    try:
        action: BaseAction = _ADAPTER.validate_python(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        said = first["msg"].removeprefix("Value error, ")
        usage = signature(str(name))
        raise ActionError(f"{name}: {where + ': ' if where else ''}{said}; it is {usage}") from error
    return action


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """Every JSON object in a text that holds an action, the outermost first."""
    decoder = json.JSONDecoder()
    start = text.find("{")
    while start >= 0:
        try:
            found, end = decoder.raw_decode(text, start)
        except ValueError:
            start = text.find("{", start + 1)
            continue
        if isinstance(found, dict):
            inner = found.get("action")
            if isinstance(inner, dict):
                yield inner
            elif inner is not None:
                yield {key: value for key, value in found.items() if key != "thought"}
        start = text.find("{", end)


_THINKING = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
# What may stand around an action on a line of its own.
_AROUND = " \t\n`*->.;"
_CALL = re.compile(r"\b([a-z_]+)\(([^()\n]*(?:\"(?:[^\"\\]|\\.)*\"[^()\n]*)*)\)")


def _ordered(text: str) -> list[re.Match[str]]:
    """Every ``name(...)`` whose name is an action; those on a line of their own first."""
    calls = [match for match in _CALL.finditer(text) if match[1] in KINDS]
    return sorted(calls, key=lambda match: not _alone(text, match))


def _alone(text: str, match: re.Match[str]) -> bool:
    before = text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip(_AROUND)
    after = text[match.end() :].partition("\n")[0].strip(_AROUND)
    return before.casefold() in ("", "action:") and not after


def _calls(text: str, errors: list[ActionError]) -> Iterator[dict[str, Any]]:
    """Every ``name(argument, key=value)`` in a text whose name is an action."""
    for match in _ordered(text):
        name, inside = match.groups()
        fields = [key for key in KINDS[name].model_fields if key != "action"]
        found: dict[str, Any] = {"action": name}
        try:
            for i, (key, value) in enumerate(_arguments(inside)):
                if key is None and i >= len(fields):
                    raise ActionError(f"{name} takes {len(fields)} values: {signature(name)}")
                found[key or fields[i]] = value
        except ActionError as error:
            errors.append(error)
            continue
        yield found


_ARGUMENT = re.compile(
    r"\s*(?:(\w+)\s*=\s*)?(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|\[?-?[\w.]+\]?)\s*(?:,|$)"
)


def _arguments(inside: str) -> Iterator[tuple[str | None, Any]]:
    at = 0
    while inside[at:].strip():
        match = _ARGUMENT.match(inside, at)
        if match is None:
            raise ActionError(f'cannot read ({inside}); write texts in quotes, as in type(3, "hello")')
        key, value = match.groups()
        yield key, _literal(value)
        at = match.end()


def _literal(text: str) -> Any:
    """A number, a truth value or a text; nothing else is ever read."""
    if text[0] == "'":
        text = '"' + text[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
    if text[0] == '"':
        try:
            return json.loads(text, strict=False)
        except ValueError as error:
            raise ActionError(f"cannot read {text}; write a backslash as two") from error
    word = text.strip("[]")
    known = {"true": True, "false": False, "none": None, "null": None}
    if word.lower() in known:
        return known[word.lower()]
    try:
        return int(word)
    except ValueError:
        pass
    try:
        return float(word)
    except ValueError:
        return word


def _listed(mark_ids: Collection[int]) -> str:
    ids = sorted(mark_ids)
    if not ids:
        return "it has no marks"
    if len(ids) > 30:
        return f"it has {len(ids)} marks from [{ids[0]}] to [{ids[-1]}]"
    return "it has " + ", ".join(f"[{i}]" for i in ids)
