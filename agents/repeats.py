"""Whether a run goes round in circles: the same actions on the same states, again and again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from som.agents.steps import Step

# How often a cycle of one, two or three steps may come before the model is told, and before it is over.
TOLD_AFTER = {1: 3, 2: 2, 3: 2}
OVER_AFTER = {1: 5, 2: 3, 3: 3}


@dataclass(frozen=True)
class Repeat:
    """A cycle that the last steps make.

    Attributes:
        length: steps in it.
        times: how often it has come in a row.
    """

    length: int
    times: int

    @property
    def told(self) -> bool:
        """Whether the model should know."""
        return self.times >= TOLD_AFTER[self.length]

    @property
    def over(self) -> bool:
        """Whether the run should end."""
        return self.times >= OVER_AFTER[self.length]


def find_repeat(keys: Sequence[str]) -> Repeat:
    """The cycle that weighs most at the end of a run, given the `key` of each of its steps."""
    found = [Repeat(length, _times(keys, length)) for length in TOLD_AFTER]
    return max(found, key=lambda repeat: (repeat.over, repeat.told, repeat.times, -repeat.length))


def key(step: Step) -> str:
    """The same for two steps that did the same on the same state.

    Pixels count unless the action changed nothing: a page that moves by itself is no progress. Replies
    without an action are all alike. What a person did is like nothing else.
    """
    if step.by == "person":
        return f"person {step.number}"
    seen = step.observation
    marks = [
        (mark.id, mark.role, mark.text, seen.states.get(mark.id, ""), [round(v) for v in mark.box_xyxy])
        for mark in seen.marked
    ]
    did = step.action.model_dump_json() if step.action else ""
    idle = step.outcome is not None and step.outcome.changed is False
    pixels = 0 if idle or step.action is None else crc32(seen.marked.image.tobytes())
    return json.dumps([did, seen.url, marks, pixels])


def _times(keys: Sequence[str], length: int) -> int:
    if len(keys) < length:
        return 0
    last = list(keys[-length:])
    times = 1
    while list(keys[-length * (times + 1) : -length * times]) == last:
        times += 1
    return times
