"""The loop: look, ask the model, act, as a generator of steps that everything else consumes."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from time import perf_counter

from som.agents.actions import (
    ActionError,
    Answer,
    AskUser,
    BaseAction,
    GiveUp,
    action_schema,
    parse_action,
    thought_of,
)
from som.agents.conversation import build_messages
from som.agents.envs.base import Environment, Outcome
from som.agents.steps import End, Step
from som.agents.vlm.base import VLM
from som.errors import SomError

Run = Generator[Step, BaseAction | None, None]


def run(
    task: str,
    env: Environment,
    vlm: VLM,
    *,
    max_steps: int = 30,
    ask_user: Callable[[str], str] | None = None,
    lang: str = "en",
    keep_images: int = 2,
    past: Sequence[Step] = (),
) -> Run:
    """Work on a task.

    Args:
        task: in words.
        env: where; it is not closed.
        vlm: who decides.
        max_steps: stop after so many.
        ask_user: answers the model's questions; without it the model is told that nobody is there.
        lang: of the prompt.
        keep_images: how many of the last observations are sent as images; texts of all are.
        past: steps of an earlier run to go on from.

    Yields:
        Each step once it is done; the last has an `end`. ``run.send(action)`` hands over an action of
        a person's, which is carried out at the next step in the model's place.

    Raises:
        SomError: the task is empty.
    """
    if not task.strip():
        raise SomError("the task is empty; say what is to be done")
    steps = list(past)
    handed: BaseAction | None = None
    for number in range(len(steps) + 1, len(steps) + max_steps + 1):
        step = _step(number, task, env, vlm, steps, handed, ask_user, lang, keep_images)
        if step.end is None and number == len(past) + max_steps:
            step = replace(step, end=End("budget", f"{max_steps} steps are over"))
        steps.append(step)
        handed = yield step
        if step.end is not None:
            return


def _step(
    number: int,
    task: str,
    env: Environment,
    vlm: VLM,
    steps: Sequence[Step],
    handed: BaseAction | None,
    ask_user: Callable[[str], str] | None,
    lang: str,
    keep_images: int,
) -> Step:
    start = perf_counter()
    seen = env.observe()
    seconds = {"observe": perf_counter() - start, **seen.seconds}
    step = Step(number, seen, seconds=seconds)
    if handed is not None:
        step = replace(step, action=handed, by="person")
    else:
        messages = build_messages(task, seen, steps, lang=lang, keep_images=keep_images)
        ids = [mark.id for mark in seen.marked]
        reply = vlm.complete(messages, schema=action_schema(ids))
        seconds["model"] = reply.seconds
        step = replace(step, messages=tuple(messages), reply=reply, thought=thought_of(reply.text))
        try:
            step = replace(step, action=parse_action(reply.text, ids))
        except ActionError as error:
            return replace(step, error=str(error))
    action = step.action
    if isinstance(action, Answer):
        return replace(step, end=End("answered", action.text))
    if isinstance(action, GiveUp):
        return replace(step, end=End("gave_up", action.reason))
    if isinstance(action, AskUser):
        said = ask_user(action.question) if ask_user else "nobody is there to answer; decide yourself"
        return replace(step, outcome=Outcome(True, f"the person says: {said}"))
    outcome = env.act(action)
    seconds["act"] = outcome.seconds
    return replace(step, outcome=outcome)
