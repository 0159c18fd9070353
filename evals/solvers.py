"""Solvers: a sample's question, asked of the model under test, of the oracle, or left to chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter, from_thread, to_thread
from inspect_ai.model import Model, ModelOutput, get_model
from inspect_ai.solver import Generate, Solver, TaskState, solver

from som.agents.vlm.base import VLM, Choice, Message, OnText, Reply, choose_by_asking
from som.agents.vlm.profiles import profile_of
from som.evals.chat import to_chat, to_reply
from som.evals.conditions import condition as read_condition
from som.evals.evidence import EVIDENCE, SCALE, Evidence
from som.evals.judges import Oracle, Random
from som.evals.marking import Marking
from som.evals.provider import SomModel
from som.evals.truth import Truth
from som.evals.ways import Scene, seek

BY = ("model", "oracle", "random")
_WORKERS = 64


class Asked:
    """A model of `inspect_ai` as a `VLM`, for code that runs in a worker thread of its event loop.

    Args:
        model: the model.
        state: of the sample; what is sent and said is written into it.
    """

    def __init__(self, model: Model, state: TaskState) -> None:
        self.model, self.state = model, state

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

    def _generate(self, messages: Sequence[Message], options: Sequence[str] = ()) -> ModelOutput:
        chat = to_chat(messages, options)
        output: ModelOutput = from_thread.run(self.model.generate, chat)
        said = [output.message] if output.choices else []
        self.state.messages = [*chat, *said]
        self.state.output = output
        return output


@dataclass(frozen=True)
class Settings:
    """How a solver shows and asks.

    Attributes:
        condition: words joined by ``+``; see `som.evals.conditions`.
        segmenter: what finds regions to mark.
        granularity: 0 coarse .. 1 fine.
        max_side: longest side of what the model sees, in pixels; None: what its family sees.
        prompt: its language, en or ko.
        convention: how the model writes coordinates, see `som.evals.points`; None: as its family does.
        seed: of what is random.
    """

    condition: str = "marks+boxes"
    segmenter: str = "auto"
    granularity: float = 0.5
    max_side: int | None = None
    prompt: str = "en"
    convention: str | None = None
    seed: int = 0


@solver
def ask_model(**settings: Any) -> Solver:
    """Ask the model under test.

    Args:
        **settings: the fields of `Settings`.
    """

    def who(state: TaskState, scene: Scene) -> VLM:
        return Asked(get_model(), state)

    return _solver(who, Settings(**settings))


@solver
def oracle(**settings: Any) -> Solver:
    """Name the best mark, knowing the truth: the ceiling.

    Args:
        **settings: the fields of `Settings`.
    """
    return _solver(lambda _, scene: Oracle(scene.truth), Settings(**settings))


@solver
def random_mark(**settings: Any) -> Solver:
    """Name any mark: chance.

    Args:
        **settings: the fields of `Settings`.
    """
    made = Settings(**settings)
    return _solver(lambda state, _: Random(f"{made.seed}/{state.sample_id}"), made)


def look(question: str, metadata: Mapping[str, Any], settings: Settings, model: str) -> Scene:
    """The scene of a sample: its image marked as the model will see it, its question and its truth."""
    condition = read_condition(settings.condition)
    truth = Truth.from_json(metadata["truth"])
    profile = profile_of(model)
    marking = Marking(
        settings.segmenter,
        granularity=settings.granularity,
        max_side=settings.max_side or profile.max_side,
    )
    path = metadata["image"]
    plain = not condition.marks or truth.rule == "label"
    marked = marking.plain(path) if plain else marking.mark(path, condition)
    convention = settings.convention or profile.coordinates
    if convention == "none":
        convention = "absolute"
    return Scene(question, marked, condition, truth, settings.prompt, convention, settings.seed)


def _solver(who: Callable[[TaskState, Scene], VLM], settings: Settings) -> Solver:
    limiter: CapacityLimiter | None = None

    async def solve(state: TaskState, generate: Generate) -> TaskState:
        nonlocal limiter
        limiter = limiter or CapacityLimiter(_WORKERS)
        model = str(state.model)

        def work() -> tuple[Evidence, Scene]:
            scene = look(state.input_text, state.metadata, settings, model)
            return seek(scene, who(state, scene)), scene

        evidence, scene = await to_thread.run_sync(work, limiter=limiter)
        state.store.set(EVIDENCE, evidence.to_json())
        state.store.set(SCALE, scene.marked.scale_xy)
        if state.output.empty:
            state.output = ModelOutput.from_content("none", evidence.text)
        return state

    return solve
