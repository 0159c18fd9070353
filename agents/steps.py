"""What a run of an agent consists of: typed steps, the last of which says how it ended."""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from som.agents.actions import BaseAction
from som.agents.envs.base import Observation, Outcome
from som.agents.vlm.base import Choice, Message, Reply

Status = Literal["answered", "gave_up", "budget", "loop", "stopped", "failed"]


@dataclass(frozen=True)
class End:
    """How a run ended.

    Attributes:
        status: "answered" and "gave_up" are the model's word; "budget" (steps, tokens, money or time),
            "loop" (the same over and over), "stopped" (by a person) and "failed" (the environment or
            the model's server) are not.
        text: the answer, or why it ended.
    """

    status: Status
    text: str


@dataclass(frozen=True, eq=False)
class Step:
    """One step: what was seen, what was asked, what came back, what was done and what that led to.

    Attributes:
        number: from 1.
        observation: what the model saw.
        messages: what was sent to the model, images included; empty where a person acted.
        reply: what it said, None where it was not asked.
        choice: probabilities of marks, where the model chose one instead of writing.
        opinions: what a model thinks of the risk, where one was asked.
        thought: its reason, "" when it gave none.
        action: what is to be done, None where the reply held no action.
        by: who decided on the action.
        error: what was wrong with the reply; it is told to the model at the next step.
        confirmed: a person's word on a risky action; None where none was needed.
        outcome: what the action led to, None where nothing was carried out.
        seconds: of each part: observe, model, act, and the parts of these.
        end: how the run ended, on its last step only.
    """

    number: int
    observation: Observation
    messages: tuple[Message, ...] = ()
    reply: Reply | None = None
    choice: Choice | None = None
    opinions: tuple[Choice, ...] = ()
    thought: str = ""
    action: BaseAction | None = None
    by: Literal["model", "person"] = "model"
    error: str = ""
    confirmed: bool | None = None
    outcome: Outcome | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    end: End | None = None

    def light(self) -> "Step":
        """The step without pixels and messages: what a long run can keep of all its steps."""
        marked = self.observation.marked
        blank = np.broadcast_to(np.uint8(255), marked.image.shape)
        seen = replace(self.observation, marked=replace(marked, image=blank))
        return replace(self, observation=seen, messages=())

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens in and out, of its reply and its choices, as far as they are known."""
        calls = [call for call in (self.reply, self.choice, *self.opinions) if call is not None]
        return sum(call.tokens_in or 0 for call in calls), sum(call.tokens_out or 0 for call in calls)

    @property
    def cost_usd(self) -> float | None:
        """Its price, None where none is known."""
        calls = (self.reply, self.choice, *self.opinions)
        costs = [call.cost_usd for call in calls if call is not None]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known else None

    @property
    def total_seconds(self) -> float:
        """How long looking, the model and acting took."""
        return sum(self.seconds.get(part, 0.0) for part in ("observe", "model", "opinion", "act"))
