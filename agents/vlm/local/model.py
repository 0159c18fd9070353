"""A vision-language model in this process: ``--model local:HuggingFaceTB/SmolVLM-256M-Instruct``."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from som.agents.vlm.base import Choice, Message, OnText, Reply
from som.agents.vlm.choosing import LIMIT, asking, check_options, normalized
from som.errors import MissingDependencyError, VLMError

if TYPE_CHECKING:
    from som.agents.vlm.local.loading import Loaded

INSTALL = 'pip install "som-agent[local]"'


class LocalVLM:
    """An image-text-to-text model of transformers; see the module's docstring.

    The checkpoint is loaded once and shared by all that name it in the same way.

    Args:
        checkpoint: name on the model hub, or a folder.
        device: "auto", "cuda", "mps" or "cpu".
        quantize: weights in "4bit" or "8bit".
        remote_code: whether code that comes with the checkpoint may run. Nothing of the kind runs
            unless this is set.
        max_tokens: longest reply.
        temperature: 0 always takes the most probable token; None samples as the checkpoint says.
        timeout_s: for a whole reply; None waits.

    Raises:
        VLMError: no such checkpoint, one that takes no images, or memory ran out.
        MissingDependencyError: a package is missing.
    """

    def __init__(
        self,
        checkpoint: str,
        *,
        device: str = "auto",
        quantize: Literal["4bit", "8bit"] | None = None,
        remote_code: bool = False,
        max_tokens: int = 1024,
        temperature: float | None = 0.0,
        timeout_s: float | None = None,
    ) -> None:
        if not checkpoint.strip():
            raise VLMError("name a model: local:HuggingFaceTB/SmolVLM-256M-Instruct, or a folder")
        try:
            from som.agents.vlm.local.loading import load
        except ImportError as error:
            raise MissingDependencyError(f"local models need {error.name}: {INSTALL}") from error
        self.checkpoint = checkpoint
        self.max_tokens, self.temperature, self.timeout_s = max_tokens, temperature, timeout_s
        self._loaded: Loaded = load(checkpoint, device, quantize, remote_code=remote_code)

    @property
    def name(self) -> str:
        """The checkpoint's name."""
        return f"local:{self.checkpoint}"

    def count_tokens(self, messages: Sequence[Message]) -> tuple[int, int]:
        """Tokens of a prompt, and how many of them are images, as the processor makes them."""
        ids = self._encode(messages)["input_ids"]
        image = self._loaded.image_token_id
        return ids.shape[1], 0 if image is None else int((ids == image).sum())

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """Answer, streaming; see `som.agents.vlm.base.VLM.complete`.

        An exception that `on_text` raises ends the reply and comes out here.
        """
        from som.agents.vlm.local.generation import Deadline, Likelihood, Stream

        start = perf_counter()
        inputs = self._encode(messages)
        prompt = int(inputs["input_ids"].shape[1])
        budget = self._budget(prompt)
        likelihood = Likelihood(prompt)
        processors: list[Any] = [likelihood]
        if schema is not None:
            from som.agents.vlm.local.grammar import Grammar

            tokenizer, ends = self._loaded.tokenizer, self._loaded.ends
            processors.append(Grammar(schema, tokenizer, ends, prompt, budget))
        stream = Stream(self._loaded.tokenizer, on_text)
        deadline = Deadline(self.timeout_s)
        with self._running():
            self._loaded.model.generate(
                **inputs,
                **self._sampling(),
                max_new_tokens=budget,
                streamer=stream,
                logits_processor=processors,
                stopping_criteria=[deadline],
            )
        if deadline.passed:
            raise VLMError(f"{self.name} took longer than {self.timeout_s:g} s; gave up (--timeout)")
        stopped = bool(stream.tokens) and stream.tokens[-1] in self._loaded.ends
        return Reply(
            text=stream.text,
            model=self.name,
            tokens_in=prompt,
            tokens_out=len(stream.tokens),
            seconds=perf_counter() - start,
            stop_reason="stop" if stopped else "length",
            logprobs=likelihood.of(stream.tokens),
            constrained="grammar" if schema is not None else "",
        )

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Exact probabilities of the replies "[option]", made to sum to 1; see `VLM.choose`."""
        from som.agents.vlm.local.choice import log_probabilities

        start = perf_counter()
        options = check_options(options)
        inputs = self._encode(ask_for(messages, options))
        self._budget(int(inputs["input_ids"].shape[1]))
        replies = [
            self._loaded.tokenizer(f"[{option}]", add_special_tokens=False)["input_ids"]
            for option in options
        ]
        with self._running():
            logs = log_probabilities(self._loaded.model, inputs, replies)
        most = max(logs)
        weights = {o: math.exp(log - most) for o, log in zip(options, logs, strict=True)}
        return Choice(
            normalized(weights),
            method="logits",
            model=self.name,
            tokens_in=int(inputs["input_ids"].shape[1]),
            tokens_out=0,
            seconds=perf_counter() - start,
        )

    def _encode(self, messages: Sequence[Message]) -> dict[str, Any]:
        from som.agents.vlm.local.prompt import encode

        return encode(self._loaded, messages)

    def _budget(self, prompt: int) -> int:
        """How long a reply to a prompt of so many tokens may be."""
        context = self._loaded.context
        if context is None:
            return self.max_tokens
        if prompt >= context:
            raise VLMError(
                f"the prompt has {prompt} tokens, {self.name} takes {context} with its reply; send "
                "fewer marks or smaller images (--max-marks, --max-side)"
            )
        return min(self.max_tokens, context - prompt)

    def _sampling(self) -> dict[str, Any]:
        if self.temperature is None:
            return {}
        if self.temperature == 0:
            return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        return {"do_sample": True, "temperature": self.temperature}

    @contextmanager
    def _running(self) -> Iterator[None]:
        """One call at a time; running out of memory is one line."""
        from som import devices

        with self._loaded.lock:
            try:
                yield
            except (RuntimeError, MemoryError) as error:
                if not devices.out_of_memory(error):
                    raise
                devices.release()
                raise VLMError(
                    f"{self.name} ran out of memory on {self._loaded.device}; send smaller images "
                    "(--max-side), or use --quantize 4bit"
                ) from error


def ask_for(messages: Sequence[Message], options: Sequence[str]) -> list[Message]:
    """The conversation with the demand for one of the options; of very many, a few show the form."""
    shown = options if len(options) <= LIMIT else (*options[:2], "...", *options[-2:])
    return asking(messages, shown)
