"""What all task files share: samples as `inspect_ai` takes them, and a task from its parts."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.dataset import Sample as InspectSample

from som.errors import DataError
from som.evals.conditions import condition as read_condition
from som.evals.datasets import Sample, load
from som.evals.metrics.regions import enclosing_box
from som.evals.scorers import GROUPS, grounding
from som.evals.solvers import BY, ask_model, oracle, random_mark
from som.evals.truth import Truth

Questions = Callable[[Sample], Iterable[InspectSample]]
_SOLVERS = {"model": ask_model, "oracle": oracle, "random": random_mark}
# What the solvers take; all else of a task's arguments goes to the loader.
_SETTINGS = ("segmenter", "granularity", "max_side", "prompt", "convention")


def grounding_task(
    dataset: str,
    data: str,
    *,
    condition: str = "marks+boxes",
    by: str = "model",
    seed: int = 0,
    limit: int | None = None,
    defaults: dict[str, Any] | None = None,
    questions: Questions | None = None,
    **given: Any,
) -> Task:
    """A task: a data set, a solver and the scorer.

    Args:
        dataset: a name that `som.evals.datasets.load` takes.
        data: the folder of its files.
        condition: words joined by ``+``; see `som.evals.conditions`.
        by: who answers: the "model", the "oracle" or "random".
        seed: of what is random.
        limit: only the first so many samples of the data set.
        defaults: settings of this data set.
        questions: makes questions of a sample; by default one.
        **given: settings of the solver (segmenter, granularity, max_side, prompt, convention); the rest
            are options of the data set (split, ...).

    Raises:
        DataError: the data set cannot be read.
        SomError: no such condition.
    """
    if by not in BY:
        raise DataError(f"answers come by {', '.join(BY)}; got {by!r}")
    read_condition(condition)
    settings = {**(defaults or {}), **{key: value for key, value in given.items() if key in _SETTINGS}}
    options = {key: value for key, value in given.items() if key not in _SETTINGS}
    folder = _from_where_it_was_typed(data)
    samples = load(dataset, folder, limit=limit, **options)
    make = questions or click_or_refer
    asked = [one for sample in samples for one in make(sample)]
    return Task(
        dataset=MemoryDataset(asked, name=dataset, location=str(folder)),
        solver=_SOLVERS[by](condition=condition, seed=seed, **settings),
        scorer=grounding(),
        name=dataset,
        # One that fails stays unanswered, and is asked again when the run is taken up again.
        fail_on_error=True,
        continue_on_fail=True,
        score_on_error=True,
        metadata={
            "dataset": dataset,
            "condition": condition,
            "by": by,
            "seed": seed,
            "settings": {"condition": condition, "seed": seed, **settings},
        },
    )


def click_or_refer(sample: Sample) -> Iterator[InspectSample]:
    """The question of a sample that names one thing by a click, a region or a label."""
    if sample.marks:
        truth = Truth(None, "label", labels=sample.marks)
    elif sample.box_xyxy is None:
        raise DataError(f"sample {sample.id} of {sample.dataset} has no true box")
    elif sample.task == "click":
        truth = Truth(sample.box_xyxy)
    elif sample.mask is not None:
        truth = Truth(sample.box_xyxy, "mask", rle=sample.mask.rle())
    else:
        truth = Truth(sample.box_xyxy, "box")
    yield question(sample, sample.id, sample.instruction, truth)


def each_phrase(sample: Sample) -> Iterator[InspectSample]:
    """A question for each phrase of a caption."""
    for number, phrase in enumerate(sample.phrases, 1):
        if phrase.marks:
            truth = Truth(None, "label", labels=phrase.marks)
        elif phrase.boxes_xyxy:
            truth = Truth(enclosing_box(phrase.boxes_xyxy), "box")
        else:
            continue
        text = f'"{phrase.text}" in "{sample.instruction}"'
        yield question(sample, f"{sample.id}-{number}", text, truth)


def every_mark(sample: Sample) -> Iterator[InspectSample]:
    """One question about all marks of an image; without true names there is nothing to score."""
    regions = [
        {
            "label": region.label or str(number),
            "name": region.name,
            "box": region.box_xyxy,
            "rle": region.mask.rle() if region.mask else None,
        }
        for number, region in enumerate(sample.regions, 1)
    ]
    if not regions:
        raise DataError(f"sample {sample.id} of {sample.dataset} has no true names: give truth=FILE")
    truth = Truth(None, "label", labels=tuple(str(one["name"]) for one in regions))
    yield question(
        sample,
        sample.id,
        "name the marks",
        truth,
        kind="name",
        regions=regions,
        vocabulary=sample.vocabulary,
        marked=sample.marked,
    )


def each_sequence(every: int) -> Questions:
    """Questions about the objects of a video, in every so many frames."""

    def make(sample: Sample) -> Iterator[InspectSample]:
        if len(sample.truths) != len(sample.frames):
            raise DataError(
                f"{sample.id} has no annotations after its first frame, so nothing to score"
            )
        for asked in every_mark(sample):
            asked.metadata = {
                **(asked.metadata or {}),
                "kind": "track",
                "frames": [str(path.resolve()) for path in sample.frames],
                "truths": [str(path.resolve()) for path in sample.truths],
                "every": every,
            }
            yield asked

    return make


def question(sample: Sample, name: str, text: str, truth: Truth, **extra: Any) -> InspectSample:
    """A question as the library takes it; its metadata is what solver, scorer and report need."""
    metadata = {key: getattr(sample, key) for key in GROUPS}
    return InspectSample(
        id=name,
        input=text,
        target=", ".join(truth.labels) or " ".join(f"{value:g}" for value in truth.box_xyxy or ()),
        metadata={
            **metadata,
            "kind": "find",
            "id": name,
            "image": str(sample.image.resolve()),
            "truth": truth.to_json(),
            **extra,
        },
    )


def _from_where_it_was_typed(data: str) -> Path:
    """A folder as the user meant it: the library runs task files from their own folder."""
    path = Path(data).expanduser()
    typed = Path(os.environ.get("PWD", ".")) / path
    return typed if not path.is_dir() and typed.is_dir() else path
