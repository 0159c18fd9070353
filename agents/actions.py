"""What an agent can do: a closed list of typed actions. Their docstrings are what the model reads.

`som.agents.replies` reads actions out of what a model says.
"""

import json
from collections.abc import Collection, Sequence
from typing import Annotated, Any, Literal, Self, Union, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from som.prompts import entries

Direction = Literal["up", "down", "left", "right"]
LONGEST_TEXT = 10_000


class BaseAction(BaseModel):
    """What all actions have in common: a closed set of fields that do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Click(BaseAction):
    """Click the middle of a mark."""

    action: Literal["click"] = "click"
    mark: int


class DoubleClick(BaseAction):
    """Click a mark twice, to open it or to select a word.

    With text, select just that text in the mark, or anywhere on the page when there is no mark.
    """

    action: Literal["double_click"] = "double_click"
    mark: int | None = None
    text: str = Field(default="", max_length=LONGEST_TEXT)

    @model_validator(mode="after")
    def _has_target(self) -> Self:
        if self.mark is None and not self.text:
            raise ValueError("give a mark, a text or both")
        return self


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
    """Press a key or keys together, such as "Enter", "Escape", "Tab" or "Control+a".

    times presses it over and over: arrows move a slider or list that has the focus.
    """

    action: Literal["press"] = "press"
    keys: str = Field(max_length=60, pattern=r"^[^\s+]+(\+[^\s+]+){0,4}$|^\+$")
    times: int = Field(default=1, ge=1, le=100)


class SelectOption(BaseAction):
    """Choose an option of a drop-down by what it says.

    In a list with several choices it is added, or taken away when it was chosen.
    """

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
    """Drag a mark onto another, or by dx pixels of the image to the right and dy down.

    With both, it is dropped that far from the other mark.
    """

    action: Literal["drag"] = "drag"
    mark: int
    to: int | None = None
    dx: int = Field(default=0, ge=-10_000, le=10_000)
    dy: int = Field(default=0, ge=-10_000, le=10_000)

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.to is None and not self.dx and not self.dy:
            raise ValueError("give another mark, or how far")
        return self


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
    """Click a point of the image, when no mark fits."""

    action: Literal["click_at"] = "click_at"
    x: int = Field(ge=0)
    y: int = Field(ge=0)


class MarkRegion(BaseAction):
    """Have a part of the image marked again, more finely: a box from x1, y1 to x2, y2."""

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
MARK_FIELDS = ("mark", "to")


def marks_of(action: BaseAction) -> list[int]:
    """The mark ids that an action names."""
    ids = (getattr(action, name, None) for name in MARK_FIELDS)
    return [mark for mark in ids if mark is not None]


def meaning(name: str, lang: str = "en") -> str:
    """What an action does: its docstring, or its line in ``prompts/LANG/actions.txt``."""
    if lang == "en":
        return " ".join((KINDS[name].__doc__ or "").split())
    return entries("actions", lang)[name]


def action_prompt(names: Sequence[str] | None = None, lang: str = "en") -> str:
    """One line for each action: how it is written, and what it does.

    Args:
        names: only these; all when not given.
        lang: of what it does.
    """
    listed = [name for name in KINDS if names is None or name in names]
    return "\n".join(f"- {signature(name)}: {meaning(name, lang)}" for name in listed)


def action_schema(
    mark_ids: Collection[int], names: Sequence[str] | None = None, lang: str = "en"
) -> dict[str, Any]:
    """The JSON schema of a reply, in which a mark can only be one that is on the image.

    Args:
        mark_ids: on the image that the model sees.
        names: only these actions; all when not given. Actions on marks go where there is no mark.
        lang: of the descriptions.
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
                "description": meaning(name, lang),
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


def signature(name: str) -> str:
    """How an action is written: ``type(mark, text, clear=true, submit=false)``."""
    parts = []
    for key, field in KINDS[name].model_fields.items():
        if key != "action":
            given = "" if field.is_required() else f"={json.dumps(field.default)}"
            parts.append(f"{key}{given}")
    return f"{name}({', '.join(parts)})"


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """What servers with constrained output accept: no titles, defaults or bounds."""
    if "anyOf" in schema:  # an optional value
        schema = next(part for part in schema["anyOf"] if part.get("type") != "null")
    return {key: schema[key] for key in ("type", "enum", "description") if key in schema}
