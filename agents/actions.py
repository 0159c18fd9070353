"""What an agent can do: a closed list of typed actions. Their docstrings are what the model reads.

A reply is JSON, or text such as ``click(7)`` and ``type(3, "hello", submit=true)``; either way it is
data that is checked against this list and against the marks on the image that the model saw. Nothing
in it is ever executed.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Annotated, Any, Literal, Self, Union, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from som.errors import SomError

Direction = Literal["up", "down", "left", "right"]
LONGEST_TEXT = 10_000


class ActionError(SomError):
    """A reply is no action that can be taken; the message is for the model."""


class BaseAction(BaseModel):
    """What all actions have in common: a closed set of fields that do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Click(BaseAction):
    """Click the middle of a mark."""

    action: Literal["click"] = "click"
    mark: int


class DoubleClick(BaseAction):
    """Click a mark twice, to open or to select a word."""

    action: Literal["double_click"] = "double_click"
    mark: int


class RightClick(BaseAction):
    """Click a mark with the right button, for its menu."""

    action: Literal["right_click"] = "right_click"
    mark: int


class Hover(BaseAction):
    """Move the pointer over a mark, to open what shows only then."""

    action: Literal["hover"] = "hover"
    mark: int


class Type(BaseAction):
    """Type text into a mark. clear empties it first; submit presses Enter after."""

    action: Literal["type"] = "type"
    mark: int
    text: str = Field(max_length=LONGEST_TEXT)
    clear: bool = True
    submit: bool = False


class Press(BaseAction):
    """Press a key or keys together, such as "Enter", "Escape", "Tab" or "Control+a"."""

    action: Literal["press"] = "press"
    keys: str = Field(max_length=60, pattern=r"^[^\s+]+(\+[^\s+]+){0,4}$|^\+$")


class SelectOption(BaseAction):
    """Choose an option of a drop-down by what it says."""

    action: Literal["select_option"] = "select_option"
    mark: int
    option: str = Field(max_length=500)


class Scroll(BaseAction):
    """Scroll the page, or the list or panel under a mark. amount is in screens: 0.8 by default."""

    action: Literal["scroll"] = "scroll"
    direction: Direction = "down"
    mark: int | None = None
    amount: float = Field(default=0.8, gt=0, le=20)


class Drag(BaseAction):
    """Drag one mark onto another."""

    action: Literal["drag"] = "drag"
    mark: int
    to: int


class Wait(BaseAction):
    """Wait for the page, at most 30 seconds."""

    action: Literal["wait"] = "wait"
    seconds: float = Field(default=1, gt=0, le=30)


class GoBack(BaseAction):
    """Go back to the page before."""

    action: Literal["go_back"] = "go_back"


class GoForward(BaseAction):
    """Go forward again."""

    action: Literal["go_forward"] = "go_forward"


class Goto(BaseAction):
    """Open an address in this tab."""

    action: Literal["goto"] = "goto"
    url: str = Field(max_length=2000)


class NewTab(BaseAction):
    """Open an address in a new tab."""

    action: Literal["new_tab"] = "new_tab"
    url: str = Field(default="about:blank", max_length=2000)


class SwitchTab(BaseAction):
    """Go to another tab, by its number in the list of tabs."""

    action: Literal["switch_tab"] = "switch_tab"
    tab: int = Field(ge=1)


class CloseTab(BaseAction):
    """Close this tab."""

    action: Literal["close_tab"] = "close_tab"


class Zoom(BaseAction):
    """Look at one mark larger, with marks of its own; the next reply may name those."""

    action: Literal["zoom"] = "zoom"
    mark: int


class ClickAt(BaseAction):
    """Click a point of the image in pixels, when no mark fits."""

    action: Literal["click_at"] = "click_at"
    x: int = Field(ge=0)
    y: int = Field(ge=0)


class MarkRegion(BaseAction):
    """Have a part of the image marked again, more finely: a box x1, y1, x2, y2 in pixels."""

    action: Literal["mark_region"] = "mark_region"
    x1: int = Field(ge=0)
    y1: int = Field(ge=0)
    x2: int = Field(ge=1)
    y2: int = Field(ge=1)

    @model_validator(mode="after")
    def _has_area(self) -> Self:
        if self.x1 >= self.x2 or self.y1 >= self.y2:
            raise ValueError("the box is empty: give x1 < x2 and y1 < y2")
        return self


class AskUser(BaseAction):
    """Ask the person something that only they know."""

    action: Literal["ask_user"] = "ask_user"
    question: str = Field(min_length=1, max_length=1000)


class Answer(BaseAction):
    """The task is done; say what was found or done."""

    action: Literal["answer"] = "answer"
    text: str = Field(max_length=LONGEST_TEXT)


class GiveUp(BaseAction):
    """The task cannot be done; say why."""

    action: Literal["give_up"] = "give_up"
    reason: str = Field(max_length=1000)


Action = Annotated[
    Union[  # noqa: UP007  a tagged union that pydantic reads
        Click, DoubleClick, RightClick, Hover, Type, Press, SelectOption, Scroll, Drag, Wait, GoBack,
        GoForward, Goto, NewTab, SwitchTab, CloseTab, Zoom, ClickAt, MarkRegion, AskUser, Answer,
        GiveUp,
    ],
    Field(discriminator="action"),
]  # fmt: skip
KINDS: dict[str, type[BaseAction]] = {
    kind.model_fields["action"].default: kind for kind in get_args(get_args(Action)[0])
}
_ADAPTER: TypeAdapter[Any] = TypeAdapter(Action)
MARK_FIELDS = ("mark", "to")


def marks_of(action: BaseAction) -> list[int]:
    """The mark ids that an action names."""
    ids = (getattr(action, name, None) for name in MARK_FIELDS)
    return [mark for mark in ids if mark is not None]


def action_prompt(names: Sequence[str] | None = None) -> str:
    """One line for each action: how it is written, and what it does.

    Args:
        names: only these; all when not given.
    """
    lines = []
    for name, kind in KINDS.items():
        if names is None or name in names:
            lines.append(f"- {_signature(name, kind)}: {' '.join((kind.__doc__ or '').split())}")
    return "\n".join(lines)


def action_schema(mark_ids: Collection[int], names: Sequence[str] | None = None) -> dict[str, Any]:
    """The JSON schema of a reply, in which a mark can only be one that is on the image.

    Args:
        mark_ids: on the image that the model sees.
        names: only these actions; all when not given. Actions on marks go where there is no mark.
    """
    ids = sorted(mark_ids)
    options = []
    for name, kind in KINDS.items():
        if names is not None and name not in names:
            continue
        schema = kind.model_json_schema()
        properties = {key: _plain(value) for key, value in schema["properties"].items()}
        required = ["action", *(key for key in schema.get("required", []) if key != "action")]
        on_marks = [key for key in MARK_FIELDS if key in properties]
        if not ids:
            if set(on_marks) & set(required):
                continue
            properties = {key: value for key, value in properties.items() if key not in on_marks}
        else:
            for key in on_marks:
                properties[key] = {"type": "integer", "enum": ids}
        properties["action"] = {"type": "string", "enum": [name]}
        options.append(
            {
                "type": "object",
                "description": " ".join((kind.__doc__ or "").split()),
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            }
        )
    return {
        "type": "object",
        "properties": {
            "thought": {"type": "string", "description": "One sentence: why this is next."},
            "action": {"anyOf": options},
        },
        "required": ["thought", "action"],
        "additionalProperties": False,
    }


def parse_action(text: str, mark_ids: Collection[int]) -> BaseAction:
    """The action that a reply gives.

    Args:
        text: JSON, by itself, in a code block or within prose, or the text form ``click(7)``.
        mark_ids: on the image that the model saw.

    Raises:
        ActionError: there is none, it is written wrongly, or it names a mark that is not there.
    """
    errors: list[ActionError] = []
    for found in (*_objects(text), *_calls(text)):
        try:
            action = _checked(found)
        except ActionError as error:
            errors.append(error)
            continue
        missing = [mark for mark in marks_of(action) if mark not in set(mark_ids)]
        if missing:
            raise ActionError(f"there is no mark [{missing[0]}] on this image; {_listed(mark_ids)}")
        return action
    if errors:
        raise errors[-1]
    raise ActionError(
        'no action in the reply; write one as JSON, for example {"action": "click", "mark": 7}'
    )


def thought_of(text: str) -> str:
    """The reason that a reply gives for its action, "" when it gives none."""
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
    return ""


def _checked(found: dict[str, Any]) -> BaseAction:
    name = found.get("action")
    if name not in KINDS:
        raise ActionError(f"no action {name!r}; there are: {', '.join(KINDS)}")
    try:
        action: BaseAction = _ADAPTER.validate_python(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        said = first["msg"].removeprefix("Value error, ")
        usage = _signature(str(name), KINDS[str(name)])
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


_CALL = re.compile(r"\b([a-z_]+)\(([^()\n]*(?:\"(?:[^\"\\]|\\.)*\"[^()\n]*)*)\)")


def _calls(text: str) -> Iterator[dict[str, Any]]:
    """Every ``name(argument, key=value)`` in a text whose name is an action."""
    for match in _CALL.finditer(text):
        name, inside = match.groups()
        if name not in KINDS:
            continue
        fields = [key for key in KINDS[name].model_fields if key != "action"]
        found: dict[str, Any] = {"action": name}
        for i, (key, value) in enumerate(_arguments(inside)):
            if key is None and i >= len(fields):
                raise ActionError(f"{name} takes {len(fields)} values: {_signature(name, KINDS[name])}")
            found[key or fields[i]] = value
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
        return json.loads(text, strict=False)
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


def _signature(name: str, kind: type[BaseAction]) -> str:
    parts = []
    for key, field in kind.model_fields.items():
        if key != "action":
            given = "" if field.is_required() else f"={json.dumps(field.default)}"
            parts.append(f"{key}{given}")
    return f"{name}({', '.join(parts)})"


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """What servers with constrained output accept: no titles, defaults or bounds."""
    if "anyOf" in schema:  # an optional value
        schema = next(part for part in schema["anyOf"] if part.get("type") != "null")
    return {key: schema[key] for key in ("type", "enum", "description") if key in schema}


def _listed(mark_ids: Collection[int]) -> str:
    ids = sorted(mark_ids)
    if not ids:
        return "it has no marks"
    if len(ids) > 30:
        return f"it has {len(ids)} marks from [{ids[0]}] to [{ids[-1]}]"
    return "it has " + ", ".join(f"[{i}]" for i in ids)
