"""The loop: look, ask the model, act, as a generator of steps that everything else consumes."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Literal

import numpy as np

from som.agents.actions import KINDS, Answer, AskUser, BaseAction, GiveUp
from som.agents.deciding import Asking, form_of, points_of
from som.agents.envs.base import Environment, HasSecrets, Observation, Outcome
from som.agents.repeats import find_repeat, key
from som.agents.replies import Form
from som.agents.safety import Confirm, SafetyPolicy
from som.agents.steps import End, Step
from som.agents.vlm.base import VLM, OnText
from som.agents.vlm.cost import Budget, BudgetError, Metered
from som.agents.vlm.profiles import profile_of
from som.errors import SomError
from som.legend import LegendStyle
from som.marker import Marker
from som.prompts import load, phrase
from som.regions import make_regions

Run = Generator[Step, BaseAction | None, None]


def run(
    task: str,
    env: Environment,
    vlm: VLM,
    *,
    max_steps: int = 30,
    budget: Budget | None = None,
    ask_user: Callable[[str], str] | None = None,
    lang: str = "en",
    keep_images: int = 2,
    form: Form | Literal["auto"] = "auto",
    use: Literal["auto", "write", "choose"] = "auto",
    sure: float = 0.8,
    actions: Sequence[str] | None = None,
    safety: SafetyPolicy | None = None,
    confirm: Confirm | None = None,
    past: Sequence[Step] = (),
    on_text: OnText | None = None,
    legend: LegendStyle = "full",
) -> Run:
    """Work on a task.

    Args:
        task: in words.
        env: where; it is not closed.
        vlm: who decides.
        max_steps: stop after so many.
        budget: of money, tokens, seconds and calls; no call and no step goes over it.
        ask_user: answers the model's questions; without it the model is told that nobody is there.
        lang: of the prompt.
        keep_images: how many of the last observations are sent as images; texts of all are.
        form: how the model writes actions; "auto" by its profile.
        use: "write" an action always; "choose" a mark first, and write where that does not do; "auto"
            chooses where the model's profile says that its server has an endpoint for choices.
        sure: least probability of a chosen mark that is clicked; below it the model looks closer, then
            asks the person, where one is there, then writes.
        actions: names of those that it may take; all when not given.
        safety: which of its actions need a person's yes, or are refused; see `SafetyPolicy`.
        confirm: asks that person; without it the answer is no.
        past: steps of an earlier run to go on from.
        on_text: called with each piece of the model's replies.
        legend: how marks are listed: "full", "compact" or "none".

    Yields:
        Each step once it is done; the last has an `end`. Faults of the model's server and of the
        environment, and Ctrl-C, are ends too. ``run.send(action)`` hands over an action of a person's,
        which is carried out at the next step in the model's place.

    Raises:
        SomError: the task is empty, or an option is wrong.
    """
    if not task.strip():
        raise SomError("the task is empty; say what is to be done")
    load("agent_system", lang)  # no such language is known before anything is opened
    names = tuple(name for name in KINDS if actions is None or name in actions)
    if ask_user is None:
        names = tuple(name for name in names if name != "ask_user")
    profile = profile_of(vlm.name)
    work = _Work(
        task,
        env,
        Asking(
            Metered(vlm, budget) if budget or not isinstance(vlm, Metered) else vlm,
            lang=lang,
            keep_images=keep_images,
            form=form if form != "auto" else form_of(profile),
            choose=use == "choose" or (use == "auto" and "decisions" in profile.can),
            sure=sure,
            actions=names,
            secrets=env.secrets.listed() if isinstance(env, HasSecrets) else "",
            points=points_of(profile),
            on_text=on_text,
            legend=legend,
        ),
        ask_user,
        safety or SafetyPolicy(),
        confirm,
    )
    steps = list(past)
    keys = [key(step) for step in steps]
    handed: BaseAction | None = None
    for number in range(len(past) + 1, len(past) + max_steps + 1):
        repeat = find_repeat(keys)
        warning = phrase("repeat", lang, times=str(repeat.times)) if repeat.told else ""
        step = work.step(number, steps, handed, warning)
        steps.append(step)
        keys.append(key(step))
        if len(steps) >= keep_images:  # from here on only its texts are sent
            steps[-keep_images] = steps[-keep_images].light()
        if step.end is None:
            step = replace(step, end=_over(keys, number - len(past), max_steps, budget))
        handed = yield step
        if step.end is not None:
            return


def _over(keys: Sequence[str], done: int, max_steps: int, budget: Budget | None) -> End | None:
    """Why no step may follow, None when one may."""
    repeat = find_repeat(keys)
    if repeat.over:
        what = "step" if repeat.length == 1 else f"{repeat.length} steps"
        return End("loop", f"the same {what} {repeat.times} times, with the same result")
    if done >= max_steps:
        return End("budget", f"{max_steps} steps are over")
    if budget is not None and budget.left().get("seconds") == 0:
        return End("budget", f"{budget.limits['seconds']:g} s are over")
    return None


@dataclass
class _Work:
    """What steps have in common; `now` is the one that is being done, as far as it has come."""

    task: str
    env: Environment
    asking: Asking
    ask_user: Callable[[str], str] | None
    safety: SafetyPolicy
    confirm: Confirm | None
    now: Step | None = None

    def step(self, number: int, steps: Sequence[Step], handed: BaseAction | None, warning: str) -> Step:
        """Do one step, whatever comes."""
        last = steps[-1].observation if steps else None
        self.now = None
        try:
            return self._step(number, steps, handed, warning)
        except KeyboardInterrupt:
            end = End("stopped", "interrupted")
        except BudgetError as error:
            end = End("budget", str(error))
        except SomError as error:
            end = End("failed", str(error))
        return replace(self.now or Step(number, last or _nothing()), end=end)

    def _step(
        self, number: int, steps: Sequence[Step], handed: BaseAction | None, warning: str
    ) -> Step:
        start = perf_counter()
        seen = self.env.observe()
        seconds = {"observe": perf_counter() - start, **seen.seconds}
        self.now = Step(number, seen, seconds=seconds)
        if handed is not None:
            self.now = replace(self.now, action=handed, by="person")
        else:
            asked = perf_counter()
            try:
                self.now = self.asking.decide(self.task, self.now, steps, warning)
            except BaseException:  # the time went all the same
                seconds["model"] = perf_counter() - asked
                raise
        action = self.now.action
        if action is None:
            return self.now
        if isinstance(action, Answer):
            return replace(self.now, end=End("answered", action.text))
        if isinstance(action, GiveUp):
            return replace(self.now, end=End("gave_up", action.reason))
        if isinstance(action, AskUser):
            return replace(self.now, outcome=self._asked(action))
        if self.now.by == "model":
            decision = self.safety.decide(action, self.env, seen, self.confirm)
            self.now = replace(self.now, confirmed=decision.confirmed, opinions=decision.opinions)
            if decision.opinions:
                seconds["opinion"] = sum(choice.seconds for choice in decision.opinions)
            if decision.refused:
                return replace(self.now, outcome=Outcome(False, decision.refused, False))
        outcome = self.env.act(action)
        seconds["act"] = outcome.seconds
        return replace(self.now, outcome=outcome)

    def _asked(self, action: AskUser) -> Outcome:
        lang = self.asking.lang
        if self.ask_user is None:
            return Outcome(True, phrase("nobody", lang), False)
        return Outcome(True, phrase("person_says", lang, text=self.ask_user(action.question)))


def _nothing() -> Observation:
    """What was seen where nothing could be."""
    blank = np.full((16, 16, 3), 255, np.uint8)
    return Observation(Marker.from_detections(blank, make_regions(np.zeros((0, 4)))))
