"""What goes along while a model in this process writes: its text as it comes, its odds, a deadline."""

from time import perf_counter
from typing import Any

import torch
from transformers import LogitsProcessor, StoppingCriteria
from transformers.generation.streamers import BaseStreamer

from som.agents.vlm.base import OnText


class Stream(BaseStreamer):  # type: ignore[misc]
    """Tokens as text, handed on as soon as their characters are whole.

    Attributes:
        tokens: of the reply so far.
        text: of the reply so far, as handed on.
    """

    def __init__(self, tokenizer: Any, on_text: OnText | None) -> None:
        self.tokens: list[int] = []
        self.text = ""
        self._tokenizer, self._on_text = tokenizer, on_text
        self._prompt = True

    def put(self, value: Any) -> None:
        """Take the next tokens; the first that come are the prompt's."""
        if self._prompt:
            self._prompt = False
            return
        self.tokens += value.flatten().tolist()
        # A character of several tokens is not whole before its last.
        text = self._decoded()
        if not text.endswith("\ufffd"):
            self._hand_on(text)

    def end(self) -> None:
        """Hand on what is left."""
        self._hand_on(self._decoded())

    def _decoded(self) -> str:
        return str(self._tokenizer.decode(self.tokens, skip_special_tokens=True))

    def _hand_on(self, text: str) -> None:
        piece = text[len(self.text) :]
        self.text += piece
        if piece and self._on_text:
            self._on_text(piece)


class Likelihood(LogitsProcessor):  # type: ignore[misc]
    """Keeps the log-probability of each token that is taken; changes nothing."""

    def __init__(self, prompt: int) -> None:
        self._prompt = prompt
        self._logs: Any = None
        self._taken: list[float] = []

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores as they are."""
        if self._logs is not None:
            self._taken.append(float(self._logs[input_ids[0, -1]]))
        self._logs = scores[0].float().log_softmax(-1)
        return scores

    def of(self, tokens: list[int]) -> tuple[float, ...]:
        """The log-probability of each of the tokens."""
        if self._logs is None or not tokens:
            return ()
        return (*self._taken, float(self._logs[tokens[-1]]))[: len(tokens)]


class Deadline(StoppingCriteria):  # type: ignore[misc]
    """Stops once the time is over.

    Attributes:
        passed: whether it has stopped.
    """

    def __init__(self, seconds: float | None) -> None:
        self._end = None if seconds is None else perf_counter() + seconds
        self.passed = False

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Whether each row of the batch is done."""
        self.passed = self._end is not None and perf_counter() > self._end
        return torch.full((input_ids.shape[0],), self.passed, device=input_ids.device)
