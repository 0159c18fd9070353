"""Models that set the bounds: the best that the marks allow, and chance."""

import random
from collections.abc import Sequence
from typing import Any

from som.agents.vlm.base import NONE, Choice, Message, OnText, Reply
from som.answers import image_name
from som.errors import VLMError
from som.evals.truth import Truth
from som.marks import MarkedImage


class Oracle:
    """Knows the truth and names the mark that fits it best: what a perfect model could do.

    Args:
        truth: of the one question that it will be asked.
    """

    name = "oracle"

    def __init__(self, truth: Truth) -> None:
        self.truth = truth

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """The best mark."""
        if self.truth.rule == "label":
            return Reply(f"[{self.truth.labels[0]}]", self.name)
        return Reply(self._said(_asked(messages)), self.name)

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """All probability on the best mark."""
        said = self._said(_asked(messages)).strip("[]")
        best = said if said in options else NONE if NONE in options else options[0]
        return Choice({option: float(option == best) for option in options}, "oracle", self.name)

    def _said(self, images: Sequence[MarkedImage]) -> str:
        best: tuple[tuple[bool, bool, float], str] | None = None
        for i, marked in enumerate(images):
            worth = self.truth.seen_in(marked).worth(marked)
            for mark in marked.marks:
                if best is None or worth[mark.region] > best[0]:
                    best = worth[mark.region], f"[{_named(images, i, mark.label)}]"
        return best[1] if best else "none"


class Random:
    """Names any mark, each as likely; the same for the same seed and question.

    Args:
        seed: of the run.
    """

    name = "random"

    def __init__(self, seed: int | str = 0) -> None:
        self.seed = seed

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """Some mark of the images."""
        images = _asked(messages)
        names = [_named(images, i, mark.label) for i, image in enumerate(images) for mark in image]
        return Reply(f"[{self._draw(messages).choice(names)}]" if names else "none", self.name)

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """All probability on some mark."""
        marks = [option for option in options if option != NONE] or list(options)
        best = self._draw(messages).choice(marks)
        return Choice({option: float(option == best) for option in options}, "random", self.name)

    def _draw(self, messages: Sequence[Message]) -> random.Random:
        question = next((message.question for message in reversed(messages) if message.question), "")
        return random.Random(f"{self.seed}/{len(messages)}/{question}")  # noqa: S311 - not a secret


def _asked(messages: Sequence[Message]) -> tuple[MarkedImage, ...]:
    for message in reversed(messages):
        if message.marked:
            return message.marked
    raise VLMError("oracle and random choose among marks, and no message shows any")


def _named(images: Sequence[MarkedImage], index: int, label: str) -> str:
    return f"{image_name(index)}{label}" if len(images) > 1 else label
