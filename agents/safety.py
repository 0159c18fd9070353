"""What an agent may not do without a person: buying, sending, deleting, logging in and the like.

A policy looks at an action, at what it lands on and at the page around, names the kind of risk, and
says what its owner's rules make of that kind: allow, confirm or refuse. Words on a page are hints that
a page can hide; where nothing else may be reached, `som.agents.network` is what holds.
"""

import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from som.agents import actions as do
from som.agents.actions import BaseAction
from som.agents.envs.base import Environment, KnowsPoints, Observation, Target
from som.agents.network import is_under
from som.agents.risks import (
    KINDS,
    Page,
    Risk,
    Words,
    risk_of_address,
    risk_of_click,
    risk_of_submit,
    risk_of_text,
    shipped_words,
)
from som.agents.secrets import NAMED
from som.agents.vlm.base import Choice
from som.errors import SomError

Verdict = Literal["allow", "confirm", "refuse"]
# Kinds that are refused unless a policy says otherwise; all others need a person's yes.
REFUSED = ("script",)
_SUBMITTING = re.compile(r"(^|\+)(Enter|NumpadEnter|Return)$")
_ERASING = ("Delete", "Backspace")


@dataclass(frozen=True)
class Judgement:
    """What a policy says of an action.

    Attributes:
        verdict: whether it may be carried out.
        kind: of risk: "buy", "send", ...; "" for a harmless action.
        what: the action and what it lands on, in words; page text in it is quoted.
        where: the address.
        why: what makes it risky.
    """

    verdict: Verdict = "allow"
    kind: str = ""
    what: str = ""
    where: str = ""
    why: str = ""

    def __str__(self) -> str:
        return f"{self.what} on {self.where} ({self.kind}: {self.why})"


@dataclass(frozen=True)
class Decision:
    """Whether an action may go ahead.

    Attributes:
        confirmed: a person's word; None where none was needed.
        refused: why it may not, for the model; "" where it may.
        opinions: of a model that was asked about it.
    """

    confirmed: bool | None = None
    refused: str = ""
    opinions: tuple[Choice, ...] = ()


Confirm = Callable[[Judgement], bool]


@dataclass(frozen=True)
class SafetyPolicy:
    """Rules for kinds of risk, everywhere and for single domains.

    Attributes:
        rules: verdict for each kind; a kind that is not there is confirmed, "script" refused.
        domains: rules that hold on a domain and all below it instead; the longest match counts.
        words: which words mean which risk.

    Example:
        >>> policy = SafetyPolicy({"buy": "refuse"}, {"shop.example": {"login": "allow"}})
        >>> policy.verdict("login", "https://www.shop.example/")
        'allow'
    """

    rules: Mapping[str, Verdict] = field(default_factory=dict)
    domains: Mapping[str, Mapping[str, Verdict]] = field(default_factory=dict)
    words: Words = field(default_factory=shipped_words, repr=False)

    def __post_init__(self) -> None:
        """Check the names of kinds and verdicts.

        Raises:
            SomError: there is no such kind or verdict.
        """
        for rules in (self.rules, *self.domains.values()):
            for kind, verdict in rules.items():
                if kind not in KINDS:
                    raise SomError(f"no kind of risk {kind!r}; there are: {', '.join(KINDS)}")
                if verdict not in get_args(Verdict):
                    raise SomError(f"no verdict {verdict!r}; choose allow, confirm or refuse")

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Read a policy from a TOML file; docs/safety.md shows one.

        Raises:
            SomError: the file cannot be read, or holds something else.
        """
        try:
            found = _File.model_validate(tomllib.loads(Path(path).read_text("utf-8")))
        except OSError as error:
            raise SomError(f"cannot read {path}: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise SomError(f"{path}: {where}: {first['msg']}") from error
        except ValueError as error:
            raise SomError(f"{path} is no TOML: {error}") from error
        return cls(found.rules, found.domains, shipped_words().with_more(found.words))

    @classmethod
    def allowing_all(cls) -> Self:
        """Nothing needs a yes: for pages that are made for it, such as benchmarks."""
        return cls(dict.fromkeys(KINDS, "allow"))

    def verdict(self, kind: str, url: str) -> Verdict:
        """What the rules say of a kind of risk on a page."""
        host = (urlsplit(url).hostname or "").rstrip(".").lower()
        for domain in sorted(self.domains, key=len, reverse=True):
            if is_under(host, domain) and kind in self.domains[domain]:
                return self.domains[domain][kind]
        return self.rules.get(kind, "refuse" if kind in REFUSED else "confirm")

    def judge(self, action: BaseAction, env: Environment, seen: Observation) -> Judgement:
        """What to do with an action.

        Args:
            action: about to be carried out.
            env: tells what marks, points and the focus stand for.
            seen: the last observation.
        """
        page = Page(seen.url, seen.title)
        targets = targets_of(action, env, seen)
        found: list[tuple[Risk, Target]] = []
        for target in targets or [Target()]:
            risk = self.risk(action, target, page)
            if risk is not None:
                found.append((risk, target))
        if not found:
            return Judgement()
        judged = [self._judgement(action, risk, target, seen) for risk, target in found]
        return max(judged, key=lambda one: get_args(Verdict).index(one.verdict))

    def risk(self, action: BaseAction, target: Target, page: Page) -> Risk | None:
        """The risk of an action on a target, None where there is none; rules are not asked."""
        words = self.words
        match action:
            case do.Click() | do.DoubleClick() | do.ClickAt() | do.Drag():
                return risk_of_click(target, page, words)
            case do.Type(text=text, submit=submit):
                typed = risk_of_text(text, target, by_name=bool(NAMED.search(text)))
                return typed or (risk_of_submit(target, page, words) if submit else None)
            case do.Press(keys=keys) if _SUBMITTING.search(keys):
                return risk_of_submit(target, page, words, keys=keys)
            case do.Press(keys="Space" | " ") if target.tag not in ("input", "textarea"):
                return risk_of_click(target, page, words)
            case do.Press(keys=keys) if keys in _ERASING and target.tag in ("", "body"):
                return Risk("delete", f"{keys} outside of a field deletes what is selected")
            case do.SelectOption(option=option):
                chosen = Target(role="option", text=option, tag="option", url=target.url)
                return risk_of_click(chosen, page, words)
            case do.Goto(url=url) | do.NewTab(url=url):
                return risk_of_address(url, page, words)
        return None

    def judge_dialog(self, kind: str, message: str, url: str) -> Judgement:
        """What to do with a question that a page asks in a dialog: "confirm" or "prompt"."""
        risk = risk_of_click(Target(role="button", text=message, url=url), Page(url, ""), self.words)
        if risk is None:
            return Judgement()
        what = f"say yes to the page's question {quoted(message)}"
        return Judgement(self.verdict(risk.kind, url), risk.kind, what, printable(url), risk.why)

    def decide(
        self, action: BaseAction, env: Environment, seen: Observation, confirm: Confirm | None = None
    ) -> Decision:
        """Judge an action, and ask a person where the rules say so.

        Args:
            action: about to be carried out.
            env: where.
            seen: the last observation.
            confirm: asks a person; without it nobody is there, which is a no.
        """
        decision = self._decide(action, env, seen, confirm)
        return replace(decision, opinions=self.take_opinions())

    def take_opinions(self) -> tuple[Choice, ...]:
        """What a model has said since the last time; rules ask none."""
        return ()

    def _decide(
        self, action: BaseAction, env: Environment, seen: Observation, confirm: Confirm | None
    ) -> Decision:
        judged = self.judge(action, env, seen)
        if judged.verdict == "allow":
            return Decision()
        if judged.verdict == "refuse":
            return Decision(None, f"refused: the rules forbid this ({judged.kind}: {judged.why})")
        if confirm is None:
            return Decision(False, f"refused: nobody is there to allow this ({judged.kind})")
        if confirm(judged):
            # A page may change while a person thinks.
            now = self.judge(action, env, seen)
            if now.verdict == "allow" or now == judged:
                return Decision(True)
            return Decision(True, "refused: what this lands on has changed meanwhile; look again")
        return Decision(
            False, f"the person said no to this ({judged.kind}); find another way or give up"
        )

    def _judgement(
        self, action: BaseAction, risk: Risk, target: Target, seen: Observation
    ) -> Judgement:
        url = target.url if target.url.startswith("http") else seen.url
        verdict = self.verdict(risk.kind, url)
        if verdict == "allow":
            return Judgement()
        return Judgement(verdict, risk.kind, in_words(action, target), printable(url), risk.why)


def confirm_in_terminal(judged: Judgement) -> bool:
    """Ask the person at the terminal; without a terminal the answer is no."""
    import click

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    click.echo(f"\nThe agent wants to {judged.what}", err=True)
    click.echo(f"  where: {judged.where}", err=True)
    click.echo(f"  why you are asked: {judged.why} ({judged.kind})", err=True)
    return click.confirm("Allow it this once?", default=False, err=True)


def dialog_answers(policy: SafetyPolicy, confirm: Confirm | None = None) -> Callable[[str, str], bool]:
    """`on_dialog` for `BrowserEnv`: yes to harmless questions, risky ones are a person's to answer."""

    def answer(kind: str, message: str) -> bool:
        judged = policy.judge_dialog(kind, message, "")
        if judged.verdict == "confirm":
            return confirm is not None and confirm(judged)
        return judged.verdict == "allow"

    return answer


def printable(text: str) -> str:
    """A text on one line without anything that moves a cursor or turns the direction of writing."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


def quoted(text: str, limit: int = 80) -> str:
    """Page text in quotes, short and printable."""
    text = printable(text)
    return '"' + (text if len(text) <= limit else text[: limit - 1] + "…").replace('"', "'") + '"'


def targets_of(action: BaseAction, env: Environment, seen: Observation) -> list[Target]:
    """What an action lands on: nothing, one thing, or both ends of a drag."""
    match action:
        case do.ClickAt(x=x, y=y):
            found = env.describe_at(x, y) if isinstance(env, KnowsPoints) else None
            mark = seen.marked.at(x, y)
            if found is None and mark is not None:
                found = env.describe(mark.id) or Target(role=mark.role, text=mark.text)
            return [found] if found is not None else []
        case do.Press():
            found = env.describe_focused() if isinstance(env, KnowsPoints) else None
            return [found] if found is not None else []
        case do.Drag() | do.Click() | do.DoubleClick() | do.Type() | do.SelectOption():
            return [_described(mark_id, env, seen) for mark_id in do.marks_of(action)]
    return []


def _described(mark_id: int, env: Environment, seen: Observation) -> Target:
    """What a mark stands for; what can be read there, where the environment knows no more."""
    found = env.describe(mark_id)
    if found is not None:
        return found
    mark = next((mark for mark in seen.marked if mark.id == mark_id), None)
    return Target(role=mark.role, text=mark.text) if mark is not None else Target()


def in_words(action: BaseAction, target: Target) -> str:
    """An action and what it lands on, for a person; page text in it is quoted."""
    name = action.action.replace("_", " ")  # type: ignore[attr-defined]
    on = " ".join(part for part in (printable(target.role or target.tag), quoted(target.text)) if part)
    match action:
        case do.Goto(url=url) | do.NewTab(url=url):
            return f"open {quoted(url, 200)}"
        case do.Type(text=text):
            return f"type {quoted(text)} into {on}"
        case do.Press(keys=keys):
            return f"press {printable(keys)} in {on}"
        case do.SelectOption(option=option):
            return f"choose {quoted(option)} in {on}"
    return f"{name} {on}"


class _File(BaseModel):
    """A policy file."""

    model_config = ConfigDict(extra="forbid")

    rules: dict[str, Verdict] = Field(default_factory=dict)
    domains: dict[str, dict[str, Verdict]] = Field(default_factory=dict)
    words: dict[str, dict[str, list[str]]] = Field(default_factory=dict)
