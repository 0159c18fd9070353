"""Solvers: a sample's question, asked of the model under test, of the oracle, or left to chance."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from anyio import CapacityLimiter, from_thread, to_thread
from inspect_ai.model import GenerateConfig, Model, ModelOutput, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from som.agents.vlm.base import VLM, Choice, Message, OnText, Reply, choose_by_asking
from som.agents.vlm.cost import Budget, Metered
from som.agents.vlm.profiles import profile_of
from som.evals.chat import to_chat, to_reply
from som.evals.evidence import ANSWERS, OBJECTS, SCALE, Outcome
from som.evals.finding import find
from som.evals.naming import name_marks
from som.evals.provider import SomModel
from som.evals.settings import Settings
from som.evals.tracking import follow

BY = ("model", "oracle", "random")
_WORKERS = 64
# What all calls of the evaluation that is running may cost together; none where this is empty.
_budgets: list[Budget] = []


@contextmanager
def under(budget: Budget | None) -> Iterator[None]:
    """Hold the calls of all solvers to a budget; one evaluation runs at a time in a process."""
    before = list(_budgets)
    _budgets[:] = [budget] if budget else []
    try:
        yield
    finally:
        _budgets[:] = before


class Asked:
    """A model of `inspect_ai` as a `VLM`, for code that runs in a worker thread of its event loop.

    Args:
        model: the model.
        state: of the sample; what is sent and said is written into it.
        seed: of the model's sampling, where its server takes one; 0 leaves it out.
        max_tokens: longest reply; None leaves it to the library.
    """

    def __init__(
        self, model: Model, state: TaskState, seed: int = 0, max_tokens: int | None = None
    ) -> None:
        self.model, self.state, self.max_tokens = model, state, max_tokens
        self.config = GenerateConfig(seed=seed or None, max_tokens=max_tokens)

    @property
    def name(self) -> str:
        """As the library names it."""
        return str(self.model)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """Answer; retries, limits, the cache and the log are the library's."""
        return to_reply(self._generate(messages))

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Choose: natively for models of this package, else by asking."""
        if not isinstance(self.model.api, SomModel):
            return choose_by_asking(self, messages, options)
        output = self._generate(messages, options)
        reply, given = to_reply(output), output.metadata or {}
        return Choice(
            given["probabilities"],
            given["method"],
            output.model,
            reply.tokens_in,
            reply.tokens_out,
            reply.seconds,
            reply.cost_usd,
        )

    def calls_to_choose(self, count: int) -> int:
        """How many calls `choose` may make for so many options."""
        api = self.model.api
        calls = getattr(api.vlm, "calls_to_choose", None) if isinstance(api, SomModel) else None
        return int(calls(count)) if calls else 1

    def _generate(self, messages: Sequence[Message], options: Sequence[str] = ()) -> ModelOutput:
        chat = to_chat(messages, options)
        output: ModelOutput = from_thread.run(partial(self.model.generate, chat, config=self.config))
        said = [output.message] if output.choices else []
        self.state.messages = [*chat, *said]
        self.state.output = output
        return output


# A kind of task: (question, metadata of the sample, settings, who answers, the model under test) ->
# what came of it. It runs in a worker thread.
Kind = Callable[[str, Mapping[str, Any], Settings, str, VLM], Outcome]
KINDS: dict[str, Kind] = {"find": find, "name": name_marks, "track": follow}


@solver
def ask_model(**settings: Any) -> Solver:
    """Ask the model under test.

    Args:
        **settings: the fields of `Settings`.
    """
    return _solver("model", Settings(**settings))


@solver
def oracle(**settings: Any) -> Solver:
    """Name the best mark, knowing the truth: the ceiling.

    Args:
        **settings: the fields of `Settings`.
    """
    return _solver("oracle", Settings(**settings))


@solver
def random_mark(**settings: Any) -> Solver:
    """Name any mark: chance.

    Args:
        **settings: the fields of `Settings`.
    """
    return _solver("random", Settings(**settings))


def _asked(model: Model, state: TaskState, seed: int) -> VLM:
    """The model under test, held to the budget where there is one."""
    if not _budgets:
        return Asked(model, state, seed)
    longest = model.config.max_tokens or profile_of(str(model)).max_tokens
    return Metered(Asked(model, state, seed, longest), _budgets[0])


def _solver(by: str, settings: Settings) -> Solver:
    limiter: CapacityLimiter | None = None

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        nonlocal limiter
        limiter = limiter or CapacityLimiter(_WORKERS)
        kind = KINDS[state.metadata["kind"]]
        asked = _asked(get_model(), state, settings.seed)

        def work() -> Outcome:
            return kind(state.input_text, state.metadata, settings, by, asked)

        outcome = await to_thread.run_sync(work, limiter=limiter)
        state.store.set(ANSWERS, [answer.to_json() for answer in outcome.answers])
        state.store.set(SCALE, outcome.scale_xy)
        state.store.set(OBJECTS, [dict(one) for one in outcome.objects])
        if state.output.empty:
            said = "\n".join(dict.fromkeys(answer.evidence.text for answer in outcome.answers))
            state.output = ModelOutput.from_content("none", said)
        return state

    return solve
