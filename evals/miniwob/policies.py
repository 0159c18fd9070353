"""Who plays MiniWoB++: an agent with a model (or the offline grounder), or the oracle."""

from collections.abc import Callable
from typing import Any

from som.agents.envs.browser import BrowserEnv
from som.agents.loop import run
from som.agents.safety import SafetyPolicy
from som.agents.vlm import get_vlm
from som.agents.vlm.base import VLM
from som.agents.vlm.cost import Budget, BudgetError
from som.evals.miniwob.episode import Played, Policy

ORACLE = "oracle-marks"


class Agent:
    """A model in the agent's loop.

    Args:
        vlm: the model.
        lang: of its prompt.
        budget: of all its episodes.
    """

    def __init__(self, vlm: VLM, lang: str = "en", budget: Budget | None = None) -> None:
        self.name, self._vlm, self._lang, self._budget = vlm.name, vlm, lang, budget

    def play(
        self, env: BrowserEnv, task: str, utterance: str, done: Callable[[], bool], max_steps: int
    ) -> Played:
        """`Policy.play`.

        Raises:
            BudgetError: the next call could go over the budget; the episode is none.
        """
        number, status, message = 0, "budget", ""
        steps = run(
            utterance,
            env,
            self._vlm,
            max_steps=max_steps,
            budget=self._budget,
            lang=self._lang,
            safety=SafetyPolicy.allowing_all(),
        )
        for step in steps:
            number = step.number
            if done():
                return Played("done", number)
            if step.end is not None:
                if step.end.status == "budget" and step.reply is None and step.choice is None:
                    raise BudgetError(step.end.text)
                status, message = step.end.status, step.end.text
        return Played(status, number, message)


def get_policy(name: str, *, lang: str = "en", max_usd: float | None = None, **options: Any) -> Policy:
    """The policy that a user named.

    Args:
        name: "oracle-marks", "offline", or a model as `som.agents.vlm.get_vlm` takes it.
        lang: of the prompt.
        max_usd: of all that it plays.
        **options: for `get_vlm`.
    """
    if name == ORACLE:
        from som.evals.miniwob.oracle import Oracle

        return Oracle()
    vlm, _ = get_vlm(name, **options)
    return Agent(vlm, lang, Budget(usd=max_usd) if max_usd else None)
