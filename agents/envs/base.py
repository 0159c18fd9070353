"""What an environment is: it shows itself as a marked image, and carries out actions."""

from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from som.agents.secrets import Secrets
from som.marks import MarkedImage


@dataclass(frozen=True)
class Tab:
    """One open tab."""

    title: str
    url: str
    active: bool


@dataclass(frozen=True)
class Target:
    """What a mark stands for, as far as the environment knows; what safety rules judge.

    Attributes:
        role: "button", "link", "textbox", ...
        text: its name, as a person would read it.
        tag: of the element, in lower case.
        type: of an input or button: "submit", "password", ...
        href: where a link leads.
        form_action: where its form is sent, "" without one.
        autocomplete: what the page says belongs in it: "cc-number", "email", ...
        url: of the document it is in.
        form_method: how its form is sent: "get", "post", "" without one.
        form_button: what the button says that sends its form.
        form_secret: whether its form has a password field that is filled or to fill.
        hint: what the document calls it, for things without a name: "btn-delete".
    """

    role: str = ""
    text: str = ""
    tag: str = ""
    type: str = ""
    href: str = ""
    form_action: str = ""
    autocomplete: str = ""
    url: str = ""
    form_method: str = ""
    form_button: str = ""
    form_secret: bool = False
    hint: str = ""


@dataclass(frozen=True, eq=False)
class Observation:
    """What there is to see.

    Attributes:
        marked: the screenshot and its marks; a mark's id stays with its element from step to step.
        url: of the page, and its
        title.
        tabs: all that are open.
        notes: facts for the model: dialogs, requests that were refused, a download that was not made.
        new_ids: marks that were not there at the last observation.
        states: of marks that have one: "checked", "disabled", "expanded", 'value "abc"'.
        rest: how much of the page lies above and below what is shown, in screens.
        seconds: of each part.
    """

    marked: MarkedImage
    url: str = ""
    title: str = ""
    tabs: tuple[Tab, ...] = ()
    notes: tuple[str, ...] = ()
    new_ids: frozenset[int] = frozenset()
    states: dict[int, str] = field(default_factory=dict)
    rest: tuple[float, float] = (0.0, 0.0)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What an action led to.

    Attributes:
        ok: whether it could be carried out.
        message: what happened, for the model.
        changed: whether anything is different now; None where that is not known.
        seconds: it took.
    """

    ok: bool
    message: str
    changed: bool | None = None
    seconds: float = 0.0


class Environment(Protocol):
    """A place to act in."""

    name: str

    def observe(self) -> Observation:
        """Look at it."""
        ...

    def act(self, action: Any) -> Outcome:
        """Carry out an action of `som.agents.actions`; a model's mistake is an outcome, no error."""
        ...

    def describe(self, mark_id: int) -> Target | None:
        """What a mark of the last observation stands for, None when there is no such mark."""
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...


@runtime_checkable
class HasSecrets(Protocol):
    """An environment that types secrets by name."""

    secrets: Secrets


@runtime_checkable
class KnowsPoints(Protocol):
    """An environment that also knows what lies where no mark is, and what has the focus."""

    def describe_at(self, x: float, y: float) -> Target | None:
        """What a click at a point of the last image lands on, in its pixels."""
        ...

    def describe_focused(self) -> Target | None:
        """What keys go to, None when nothing in particular."""
        ...
