"""How a model decides what is next: by choosing a mark to click, or by writing an action."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from som.agents.actions import KINDS, AskUser, BaseAction, Click, MarkRegion, Zoom, action_schema
from som.agents.conversation import Points, build_messages, mark_name, to_drawn, to_original
from som.agents.envs.base import Observation
from som.agents.replies import ActionError, Form, parse_action, thought_of
from som.agents.steps import Step
from som.agents.vlm.base import NONE, VLM, Choice, Message, OnText
from som.agents.vlm.coordinates import click_pointed_at, on_mark
from som.agents.vlm.profiles import Profile, profile_of
from som.legend import LegendStyle
from som.prompts import phrase

# Roles for which a click is all there is to do; others take a text, an option or a drag.
CLICKED = (
    "button", "link", "checkbox", "radio", "tab", "menuitem", "menuitemcheckbox", "menuitemradio",
    "option", "switch", "treeitem",
)  # fmt: skip
# So many of the most probable marks are looked at closely, when they lie in this share of the image;
# a person is asked about as many.
CANDIDATES, CLOSE_BY = 3, 0.25
# A mark is likely from this many times the probability that it had if all were alike.
UNLIKELY = 2.0


@dataclass(frozen=True)
class Asking:
    """How a model is asked.

    Attributes:
        vlm: who.
        lang: of the prompt.
        keep_images: how many observations go as images.
        form: how it writes an action.
        choose: whether it chooses a mark first, and writes only where that does not do.
        sure: least probability of a chosen mark that is clicked.
        actions: names of those that it may take.
        secrets: that it may have typed: a line for each.
        points: how it writes them.
        on_text: called with each piece of its replies.
        legend: how marks are listed.
    """

    vlm: VLM
    lang: str = "en"
    keep_images: int = 2
    form: Form = "json"
    choose: bool = False
    sure: float = 0.8
    actions: tuple[str, ...] = tuple(KINDS)
    secrets: str = ""
    points: Points = "absolute"
    on_text: OnText | None = None
    legend: LegendStyle = "full"

    def decide(self, task: str, step: Step, steps: Sequence[Step], warning: str) -> Step:
        """The step with an action, or with what was wrong with the reply.

        Raises:
            VLMError: the model could not answer.
        """
        seen = step.observation
        if self.choose and len(seen.marked) and not warning and _went_well(steps):
            step = self._choose(task, step, steps, warning)
            if step.action is not None:
                return step
        return self._write(task, step, steps, warning)

    def _choose(self, task: str, step: Step, steps: Sequence[Step], warning: str) -> Step:
        seen = step.observation
        messages = self._messages(task, seen, steps, warning, "choose")
        options = [mark.label for mark in seen.marked]
        choice = self.vlm.choose(messages, [*options, NONE])
        _add(step.seconds, "choose", choice.seconds)
        _add(step.seconds, "model", choice.seconds)
        step = replace(step, choice=choice)
        ways: list[BaseAction | None] = [chosen(choice, seen, self.sure)]
        if choice[choice.best] < self.sure:
            ways += [] if _looked_closer(steps) else [closer(choice, seen)]
            ways += [] if _asked(steps) else [question(choice, seen, self.lang)]
        for action in ways:
            if action is not None and str(action.action) in self.actions:  # type: ignore[attr-defined]
                return replace(step, messages=tuple(messages), action=action)
        return step

    def _write(self, task: str, step: Step, steps: Sequence[Step], warning: str) -> Step:
        seen = step.observation
        messages = self._messages(task, seen, steps, warning, self.form)
        step = replace(step, messages=tuple(messages))
        ids = [mark.id for mark in seen.marked]
        schema = action_schema(ids, self.actions, self.lang) if self.form == "json" else None
        reply = self.vlm.complete(messages, on_text=self.on_text, schema=schema)
        _add(step.seconds, "write", reply.seconds)
        _add(step.seconds, "model", reply.seconds)
        step = replace(step, reply=reply, thought=thought_of(reply.text))
        try:
            action = parse_action(reply.text, ids, self.actions, self.form)
            action = to_drawn(action, seen.marked, self.points)
        except ActionError as error:
            # A model trained to point writes coordinates, whatever it is asked for.
            pointed = click_pointed_at(reply.text, seen.marked, profile_of(self.vlm.name))
            if pointed is None or str(pointed.action) not in self.actions:  # type: ignore[attr-defined]
                cut = reply.stop_reason == "length"
                return replace(step, error=f"{error} (the reply was cut off)" if cut else str(error))
            action = pointed
        if "click" in self.actions:
            action = on_mark(action, seen.marked)
        return replace(step, action=to_original(action, seen.marked))

    def _messages(
        self,
        task: str,
        seen: Observation,
        steps: Sequence[Step],
        warning: str,
        form: Form | Literal["choose"],
    ) -> list[Message]:
        return build_messages(
            task,
            seen,
            steps,
            lang=self.lang,
            keep_images=self.keep_images,
            form=form,
            actions=self.actions,
            secrets=self.secrets,
            points=self.points,
            warning=warning,
            legend=self.legend,
        )


def form_of(profile: Profile) -> Form:
    """How models of a family write: JSON where their servers can be held to it."""
    return "json" if profile.can & {"tools", "json_schema"} else "text"


def points_of(profile: Profile) -> Points:
    """How models of a family write points; fractions are no whole numbers, so these write pixels."""
    found: dict[str, Points] = {"percent": "percent", "thousand": "thousand", "thousand_yx": "thousand"}
    return found.get(profile.coordinates, "absolute")


def chosen(choice: Choice, seen: Observation, sure: float) -> Click | None:
    """The click that a choice asks for, None when it is unsure or a click is not all there is to do."""
    if choice.best == NONE or choice[choice.best] < sure:
        return None
    mark = seen.marked[choice.best]
    able = mark.role in CLICKED and "disabled" not in seen.states.get(mark.id, "")
    return Click(mark=mark.id) if able else None


def closer(choice: Choice, seen: Observation) -> MarkRegion | None:
    """A closer look at the likeliest marks, None where no mark is likely or they lie far apart."""
    likely = _likely(choice)
    if not likely:
        return None
    boxes = np.array([seen.marked[label].box_xyxy for label in likely])
    (x1, y1), (x2, y2) = np.floor(boxes[:, :2].min(axis=0)), np.ceil(boxes[:, 2:].max(axis=0))
    width, height = seen.marked.size_wh
    if (x2 - x1) * (y2 - y1) > CLOSE_BY * width * height:
        return None
    return MarkRegion(x1=int(x1), y1=int(y1), x2=int(x2), y2=int(y2))


def question(choice: Choice, seen: Observation, lang: str = "en") -> AskUser | None:
    """What to ask a person about the likeliest marks, None where none is likely."""
    likely = [seen.marked[label] for label in _likely(choice)]
    if not likely:
        return None
    named = ", ".join(f"[{mark.label}] {mark_name(seen, mark.id, lang)}" for mark in likely)
    return AskUser(question=phrase("unsure", lang, marks=named))


def _likely(choice: Choice) -> list[str]:
    """The few likeliest marks, none where none is best or all are about alike."""
    if choice.best == NONE or choice[choice.best] < UNLIKELY / len(choice):
        return []
    return [label for label, share in choice.ranked() if label != NONE and share > 0][:CANDIDATES]


def _went_well(steps: Sequence[Step]) -> bool:
    """Whether the step before did something: where it did not, a model had better say more."""
    if not steps:
        return True
    outcome = steps[-1].outcome
    did = outcome is not None and outcome.ok and outcome.changed is not False
    return did or _looked_closer(steps)


def _looked_closer(steps: Sequence[Step]) -> bool:
    return bool(steps) and isinstance(steps[-1].action, MarkRegion | Zoom)


def _asked(steps: Sequence[Step]) -> bool:
    return bool(steps) and isinstance(steps[-1].action, AskUser)


def _add(seconds: dict[str, float], part: str, taken: float) -> None:
    seconds[part] = seconds.get(part, 0.0) + taken
