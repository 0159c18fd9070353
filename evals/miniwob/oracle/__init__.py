"""A policy that knows the answer from the document, but acts as an agent must: on marks, by actions.

What it cannot do, no model can: it measures the ceiling that marks and actions set.
"""

from collections.abc import Callable

from som.agents.envs.browser import BrowserEnv
from som.evals.miniwob.episode import Played
from som.evals.miniwob.excluded import EXCLUDED
from som.evals.miniwob.oracle import clicks, drags, forms, mail
from som.evals.miniwob.oracle.hand import Hand, Stuck

__all__ = ["KNOWN", "Oracle"]

KNOWN: dict[str, Callable[[Hand], None]] = {**clicks.TASKS, **forms.TASKS, **mail.TASKS, **drags.TASKS}


class Oracle:
    """The policy; see the module's docstring."""

    name = "oracle-marks"

    def play(
        self, env: BrowserEnv, task: str, utterance: str, done: Callable[[], bool], max_steps: int
    ) -> Played:
        """`Policy.play`."""
        hand = Hand(env, utterance, done, max_steps)
        if task not in KNOWN:
            why = EXCLUDED.get(task)
            return Played(
                "gave_up", 0, f"not played: {why}" if why else "the oracle does not know this task"
            )
        try:
            KNOWN[task](hand)
        except Stuck as stuck:
            return Played(stuck.status, hand.steps, str(stuck))
        return Played("answered", hand.steps)
