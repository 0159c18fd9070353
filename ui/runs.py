"""A run that a visitor watches: in a thread of its own, and steered from outside.

A browser belongs to the thread that started it, so everything that touches one happens here; the page
only puts wishes into this object and reads what it shows.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from som.agents.actions import BaseAction
from som.agents.envs.base import Environment, Observation, Outcome, Target
from som.agents.loop import Run, run
from som.agents.safety import Confirm, Judgement, SafetyPolicy
from som.agents.steps import End, Step
from som.agents.vlm.base import VLM
from som.errors import SomError

Phase = Literal["starting", "running", "paused", "ended"]
# A run that nobody does anything about is not kept waiting longer than this.
PATIENCE_S = 900.0
OpenEnv = Callable[[Confirm], Environment]


@dataclass(frozen=True)
class Question:
    """Something that a person is asked: to allow an action, or what only they know."""

    kind: Literal["confirm", "ask"]
    text: str
    where: str = ""
    why: str = ""


@dataclass
class _Wishes:
    """What the page asked for and the run has not yet looked at."""

    paused: bool = False
    steps: int = 0
    stop: bool = False
    actions: list[BaseAction] = field(default_factory=list)


class LiveRun:
    """One run; see the module's docstring. Methods may be called from any thread."""

    def __init__(
        self,
        task: str,
        open_env: OpenEnv,
        vlm: Callable[[], VLM],
        *,
        lang: str = "en",
        max_steps: int = 30,
        policy: SafetyPolicy | None = None,
        paused: bool = False,
        on_step: Callable[[Step], None] = lambda _: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Start.

        Args:
            task: in words.
            open_env: opens the place to act in; gets who confirms risky dialogs.
            vlm: gives who decides.
            lang: of the prompt.
            max_steps: stop after so many.
            policy: what needs a person's yes; all risky actions when not given.
            paused: begin by waiting for a wish.
            on_step: called with each finished step.
            on_end: called once the run is over, however it ended.
        """
        self.task, self._open_env, self._vlm, self._lang = task, open_env, vlm, lang
        self._max_steps, self._policy = max_steps, policy or SafetyPolicy()
        self._on_step, self._on_end = on_step, on_end
        self._wishes = _Wishes(paused=paused)
        self._changed = threading.Condition()
        self._answers: queue.Queue[Any] = queue.Queue()
        self.version = 0
        self.phase: Phase = "starting"
        self.steps: list[Step] = []
        self.seen: Observation | None = None
        self.doing: BaseAction | None = None
        self.question: Question | None = None
        self.end: End | None = None
        self._thread = threading.Thread(target=self._work, daemon=True, name="agent-run")
        self._thread.start()

    # What the page wishes.

    def pause(self) -> None:
        """Wait after the step that is being done."""
        self._wish(paused=True)

    def go(self) -> None:
        """Go on by itself."""
        self._wish(paused=False)

    def step(self) -> None:
        """Do one step, then wait."""
        self._wish(paused=True, steps=1)

    def take_over(self, action: BaseAction) -> None:
        """Do a person's action at the next step, then wait."""
        self._wish(paused=True, action=action)

    def stop(self) -> None:
        """End as soon as possible."""
        self._wish(stop=True)
        self._answers.put(None)

    def answer(self, said: Any) -> None:
        """Answer the question that is asked: a bool to "confirm", a text to "ask"."""
        if self.question is not None:
            self._answers.put(said)

    def close(self) -> None:
        """Stop, and wait a moment for the browser to go."""
        self.stop()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout=5)

    def wait(self, version: int, timeout_s: float = 1.0) -> int:
        """Wait until there is something newer to show than `version`, or for a moment."""
        with self._changed:
            self._changed.wait_for(lambda: self.version != version, timeout_s)
            return self.version

    def _wish(self, action: BaseAction | None = None, **wishes: Any) -> None:
        with self._changed:
            for name, value in wishes.items():
                setattr(self._wishes, name, value)
            if action is not None:
                self._wishes.actions.append(action)
            self._changed.notify_all()

    # The run's own thread.

    def _work(self) -> None:
        env: Environment | None = None
        try:
            env = self._open_env(self._confirm)
            self._run(_Watched(env, self))
        except SomError as error:
            self._finish(End("failed", str(error)))
        except KeyboardInterrupt:
            self._finish(End("stopped", ""))
        except BaseException:
            self._finish(End("failed", "the run broke; the server's log says more"))
            raise
        finally:
            self._on_end()
            if env is not None:
                env.close()

    def _run(self, env: "_Watched") -> None:
        going: Run | None = None
        try:
            while True:
                handed = self._turn(env)
                if going is not None:
                    step = going.send(handed)
                elif handed is None:
                    going = self._begin(env)
                    step = next(going)
                else:  # a generator takes nothing before it has begun
                    seen = env.observe()
                    number = len(self.steps) + 1
                    step = Step(number, seen, action=handed, by="person", outcome=env.act(handed))
                self._done(step)
                if step.end is not None:
                    self._look_again(env)
                    self._finish(step.end)
                    return
        finally:
            if going is not None:
                going.close()

    def _begin(self, env: "_Watched") -> Run:
        return run(
            self.task,
            env,
            self._vlm(),
            max_steps=self._max_steps,
            lang=self._lang,
            ask_user=self._ask_user,
            safety=_ShownPolicy(**vars(self._policy), show=self._considering),
            confirm=self._confirm,
            past=tuple(self.steps),
            on_text=self._heed,
        )

    def _done(self, step: Step) -> None:
        """Keep a finished step and show it."""
        self.doing = None
        self.steps.append(step)
        self._on_step(step)
        self._show()

    def _turn(self, env: "_Watched") -> BaseAction | None:
        """Wait for the turn of the next step; an action where a person takes it."""
        looked = False
        while True:
            with self._changed:
                wishes = self._wishes
                if wishes.stop:
                    raise KeyboardInterrupt
                if wishes.actions:
                    return wishes.actions.pop(0)
                if not wishes.paused or wishes.steps:
                    wishes.steps = max(0, wishes.steps - 1)
                    self._set(phase="running")
                    return None
                if looked:
                    self._set(phase="paused")
                    if not self._changed.wait(PATIENCE_S):
                        self._wishes.stop = True
                    continue
            self._look_again(env)
            looked = True

    def _look_again(self, env: "_Watched") -> None:
        """Show what the last action led to, while nobody acts."""
        try:
            self.seen = env.peek()
        except SomError:
            return
        self._show()

    def _heed(self, _: str) -> None:
        """Called while the model speaks."""
        if self._wishes.stop:
            raise KeyboardInterrupt

    def _considering(self, action: BaseAction) -> None:
        """Show what is about to be done, before anybody is asked about it."""
        self.doing = action
        self._show()

    def _confirm(self, judged: Judgement) -> bool:
        return self._asked(Question("confirm", judged.what, judged.where, judged.why)) is True

    def _ask_user(self, text: str) -> str:
        said = self._asked(Question("ask", text))
        if said is None:
            raise KeyboardInterrupt
        return str(said)

    def _asked(self, question: Question) -> Any:
        while not self._answers.empty():
            self._answers.get_nowait()
        if self._wishes.stop:
            return None
        self.question = question
        self._show()
        try:
            return self._answers.get(timeout=PATIENCE_S)
        except queue.Empty:
            return None
        finally:
            self.question = None
            self._show()

    def _finish(self, end: End) -> None:
        self.end, self.question, self.doing = end, None, None
        with self._changed:
            self._set(phase="ended")

    def _show(self) -> None:
        with self._changed:
            self._set()

    def _set(self, phase: Phase | None = None) -> None:
        """Say that something changed; the caller holds the condition."""
        if phase is not None and phase == self.phase:
            return
        self.phase = phase or self.phase
        self.version += 1
        self._changed.notify_all()


@dataclass(frozen=True)
class _ShownPolicy(SafetyPolicy):
    """A safety policy that shows each action before it judges it."""

    show: Callable[[BaseAction], None] = field(default=lambda _: None, repr=False)

    def judge(self, action: BaseAction, env: Environment, seen: Observation) -> Judgement:
        """`SafetyPolicy.judge`."""
        self.show(action)
        return super().judge(action, env, seen)


class _Watched:
    """An environment that shows what it sees and does."""

    def __init__(self, env: Environment, live: LiveRun) -> None:
        self._env, self._live = env, live
        self.name = env.name
        self._peeked: Observation | None = None

    def __getattr__(self, name: str) -> Any:
        """Whatever else the environment can do: points, focus."""
        return getattr(self._env, name)

    def peek(self) -> Observation:
        """Look without taking anything away from the next observation."""
        seen = self._env.observe()
        self._peeked = _joined(self._peeked, seen)
        return seen

    def observe(self) -> Observation:
        """`Environment.observe`."""
        seen = _joined(self._peeked, self._env.observe())
        self._peeked = None
        self._live.seen, self._live.doing = seen, None
        self._live._show()
        return seen

    def act(self, action: Any) -> Outcome:
        """`Environment.act`, unless it is risky and a person does not want it."""
        live = self._live
        if live._wishes.stop:
            raise KeyboardInterrupt
        live.doing = action
        live._show()
        return self._env.act(action)

    def describe(self, mark_id: int) -> Target | None:
        """`Environment.describe`."""
        return self._env.describe(mark_id)

    def close(self) -> None:
        """`Environment.close`."""
        self._env.close()


def _joined(peeked: Observation | None, seen: Observation) -> Observation:
    """An observation with the notes and the news of one that was only for people."""
    if peeked is None:
        return seen
    on_image = {mark.id for mark in seen.marked}
    return replace(
        seen,
        notes=tuple(dict.fromkeys((*peeked.notes, *seen.notes))),
        new_ids=(seen.new_ids | peeked.new_ids) & on_image,
    )


def totals(steps: Sequence[Step]) -> tuple[int, int, float | None, float]:
    """Tokens in and out, cost in dollars (None where not known) and seconds of these steps."""
    costs = [step.cost_usd for step in steps if step.cost_usd is not None]
    return (
        sum(step.tokens[0] for step in steps),
        sum(step.tokens[1] for step in steps),
        sum(costs) if costs else None,
        sum(step.total_seconds for step in steps),
    )
