"""Runs of a grid: models by conditions by seeds, estimated before and taken up again after a break.

Everything that runs is `inspect_ai.eval_set`: its concurrency, retries, cache and logs. A folder of
logs is a run; the same command on the same folder goes on where it stopped.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from inspect_ai import Task, eval_set
from inspect_ai.model import CachePolicy

from som.agents.vlm.base import Choice, Message, OnText, Reply
from som.agents.vlm.cost import Budget, price_of, text_tokens_of
from som.agents.vlm.cost import estimate as estimate_call
from som.errors import SomError
from som.evals import registry
from som.evals.judges import Oracle
from som.evals.settings import Settings
from som.evals.solvers import KINDS, under
from som.evals.truth import Truth

NO_MODEL = "none/none"
# Samples of each condition that are marked to estimate what all will cost.
_PROBES = 3
_OURS = ("offline", "replay:", "local:")


@dataclass(frozen=True)
class Estimate:
    """What a run will cost, from a few of its samples.

    Attributes:
        samples: questions of the data set.
        calls: to the model, all conditions and seeds together.
        images: that will be sent.
        tokens_in: of the prompts.
        tokens_out: of replies that name a mark and say no more.
        usd: with such replies; None where no price is known.
        free: nothing of it goes to a server that could charge for it.
    """

    samples: int
    calls: int
    images: int
    tokens_in: int
    tokens_out: int
    usd: float | None
    free: bool

    def __str__(self) -> str:
        price = (
            "nothing"
            if self.free
            else "price not known"
            if self.usd is None
            else f"${self.usd:.2f} or more"
        )
        return (
            f"{self.samples} samples, about {self.calls} calls with {self.images} images: "
            f"{self.tokens_in:,} tokens in, {self.tokens_out:,} or more out, {price}"
        )


def model_name(name: str) -> str:
    """A model as `inspect_ai` names it: ``offline`` is ``som/offline``; PROVIDER/NAME stays."""
    return f"som/{name}" if name.startswith(_OURS) or "/" not in name else name


def make_tasks(
    task: str,
    data: str | Path,
    conditions: Sequence[str],
    *,
    by: str = "model",
    seeds: Sequence[int] = (0,),
    **settings: Any,
) -> list[Task]:
    """The tasks of a grid.

    Raises:
        SomError: no such task, condition or data.
    """
    make = getattr(registry, task.replace("-", "_"), None)
    if make is None:
        raise SomError(f"no evaluation {task!r}")
    return [
        make(data=str(Path(data).resolve()), condition=condition, by=by, seed=seed, **settings)
        for condition in conditions
        for seed in seeds
    ]


def estimate(tasks: Sequence[Task], model: str, *, epochs: int = 1, hosted: bool = True) -> Estimate:
    """What these tasks will cost on a model; marks a few images to find out."""
    calls = images = tokens_in = tokens_out = 0.0
    for task in tasks:
        every = list(task.dataset)
        step = max(1, len(every) // _PROBES)
        probes = every[::step][:_PROBES]
        counters = [_probe(task, sample, model) for sample in probes]
        scale = len(every) * epochs / len(probes)
        calls += scale * sum(one.calls for one in counters)
        images += scale * sum(one.images for one in counters)
        tokens_in += scale * sum(one.tokens_in for one in counters)
        tokens_out += scale * sum(one.tokens_out for one in counters)
    free = model == NO_MODEL or model.removeprefix("som/").startswith(_OURS) or not hosted
    price = None if free else price_of(model)
    usd = price.of(round(tokens_in), round(tokens_out)) if price else None
    samples = len(tasks[0].dataset) if tasks else 0
    counts = round(calls), round(images), round(tokens_in), round(tokens_out)
    return Estimate(samples, *counts, usd=usd, free=free)


def run(
    tasks: Sequence[Task],
    model: str,
    log_dir: Path,
    *,
    base_url: str | None = None,
    epochs: int | None = None,
    cache: bool = True,
    max_retries: int = 5,
    display: Literal["full", "rich", "plain", "none"] = "plain",
    budget: Budget | None = None,
    **generate: Any,
) -> bool:
    """Run tasks, or go on with them.

    Args:
        tasks: from `make_tasks`.
        model: as `model_name` gives it, or `NO_MODEL`.
        log_dir: of all runs; each model has a folder of its own in it.
        base_url: of the model's server.
        epochs: how often each sample is asked.
        cache: take replies that were given before from the library's cache.
        max_retries: of a call that failed for a reason that may pass.
        display: how progress is shown: "full", "rich", "plain", "none".
        budget: no call goes over it; samples that it leaves unanswered wait until the run is taken up
            again. Replies from the cache count as if they were bought.
        **generate: the library's options of generation: temperature, max_connections, ...

    Returns:
        Whether every sample has an answer.
    """
    scripted = model == NO_MODEL or model.removeprefix("som/").startswith(("offline", "replay:"))
    with under(budget):
        done, _ = eval_set(
            list(tasks),
            log_dir=str(log_dir / _folder(tasks, model)),
            model=model,
            model_base_url=base_url,
            # A run may be taken up again with other conditions, or a larger limit.
            log_dir_allow_dirty=True,
            log_buffer=1,
            log_format="eval",
            # Samples that failed wait until the run is taken up again.
            retry_attempts=0,
            retry_immediate=False,
            epochs=epochs,
            max_retries=max_retries,
            # A script is played in the order of the samples.
            max_samples=1 if model.startswith("som/replay:") else None,
            max_tasks=1 if model.startswith("som/replay:") else None,
            display=display,
            score_display=False,
            cache=CachePolicy(expiry=None) if cache and not scripted else None,
            **generate,
        )
    return bool(done)


def _folder(tasks: Sequence[Task], model: str) -> str:
    by = str((tasks[0].metadata or {}).get("by", "model"))
    return re.sub(r"[^A-Za-z0-9._-]+", "_", model if by == "model" else by)


class _Counter:
    """Counts what would be sent, and answers with the best mark."""

    def __init__(self, oracle: Oracle, model: str) -> None:
        self._oracle, self.name = oracle, model
        self.calls = self.images = self.tokens_in = self.tokens_out = 0

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        self._count(messages)
        marked = any(message.marked for message in messages) and self._oracle.truth.box_xyxy
        reply = self._oracle.complete(messages) if marked else Reply("[0, 0]", self.name)
        self.tokens_out += text_tokens_of(reply.text)
        return reply

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        self._count(messages)
        self.tokens_out += 2
        return self._oracle.choose(messages, options)

    def _count(self, messages: Sequence[Message]) -> None:
        expected = estimate_call(messages, self.name)
        self.calls += 1
        self.tokens_in += expected.tokens_in
        self.images += sum(not hasattr(part, "text") for message in messages for part in message.parts)


def _probe(task: Task, sample: Any, model: str) -> _Counter:
    settings = Settings(**(task.metadata or {})["settings"])
    metadata = sample.metadata
    counter = _Counter(Oracle(Truth.from_json(metadata["truth"])), model)
    KINDS[metadata["kind"]](str(sample.input), metadata, settings, "model", counter)
    return counter
