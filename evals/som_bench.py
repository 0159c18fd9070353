"""SoM-Bench: images that came with their marks, so that no segmenter is needed."""

from typing import Any

from inspect_ai import Task, task

from som.evals.tasks import click_or_refer, each_phrase, every_mark, grounding_task

_QUESTIONS = {
    "flickr30k": each_phrase,
    "refcocog-rec": click_or_refer,
    "refcocog-res": click_or_refer,
    "coco": every_mark,
    "ade20k": every_mark,
}


@task
def som_bench(
    data: str = ".",
    name: str = "refcocog-rec",
    condition: str = "marks",
    by: str = "model",
    **settings: Any,
) -> Task:
    """SoM-Bench: `name` is flickr30k, refcocog-rec, refcocog-res, coco or ade20k.

    Other arguments as of `som.evals.tasks.grounding_task`.
    """
    more = {"condition": condition, "by": by, "questions": _QUESTIONS.get(name), **settings}
    return grounding_task(f"sombench-{name}", data, **more)
