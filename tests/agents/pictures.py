"""An environment of pictures, for tests that need steps and no browser."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from som.agents import actions as do
from som.agents.actions import BaseAction
from som.agents.envs.base import Observation, Outcome, Tab, Target
from som.agents.loop import run
from som.agents.records import Header
from som.agents.replies import write_action
from som.agents.trace import TraceWriter, read_trace
from som.agents.vlm.replay import Replay
from som.marker import Marker
from som.regions import make_regions


class Pictures:
    """Shows noise with two marks, another one after each action."""

    name = "pictures"

    def __init__(self, size_wh: tuple[int, int] = (160, 120), texts: Sequence[str] = ("Go", "Stop")):
        self.size_wh, self.texts, self.turn = size_wh, texts, 0
        self.done: list[Any] = []

    def observe(self) -> Observation:
        width, height = self.size_wh
        image = np.random.default_rng(self.turn).integers(0, 255, (height, width, 3)).astype(np.uint8)
        boxes = np.array([[10, 10, 60, 40], [70, 60, 120, 100]], float)
        regions = make_regions(boxes, text=list(self.texts), role=["button", "link"])
        url = f"https://pictures.example/{self.turn}"
        return Observation(
            Marker.from_detections(image, regions),
            url=url,
            title=f"Picture {self.turn}",
            tabs=(Tab("One", url, True), Tab("Two", "https://two.example/", False)),
            notes=("a note", "another"),
            new_ids=frozenset({2}),
            states={1: 'value "x"'},
            rest=(0.0, 1.25),
        )

    def act(self, action: BaseAction) -> Outcome:
        self.done.append(action)
        self.turn += 1
        return Outcome(True, f"turned to {self.turn}", changed=True)

    def describe(self, mark_id: int) -> Target | None:
        return None

    def close(self) -> None:
        pass


def clicks(count: int) -> Replay:
    """A model that turns the pictures."""
    action = do.Click(mark=1)
    return Replay([f'{{"thought": "on", "action": {write_action(action, "json")}}}'] * count)


def main(folder: str, steps: int, resume: bool) -> None:
    """Make a trace and say each step's number once it is on the disk."""
    env = Pictures((500, 400))
    past = read_trace(folder).steps(2) if resume else []
    env.turn = len(past)
    with TraceWriter(folder, Header(task="turn"), resume=resume) as trace:
        for step in run("turn", env, clicks(steps), max_steps=steps, past=past):
            trace.write(step)
            os.write(1, b"%d\n" % step.number)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:] == ["resume"])
