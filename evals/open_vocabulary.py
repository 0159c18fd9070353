"""COCO and ADE20K: name every true region of an image out of a vocabulary."""

from typing import Any

from inspect_ai import Task, task

from som.evals.tasks import every_mark, grounding_task


@task
def open_vocabulary(
    data: str = ".",
    name: str = "coco",
    condition: str = "raw+marks+outlines",
    by: str = "model",
    **settings: Any,
) -> Task:
    """COCO or ADE20K: `name` is coco or ade20k.

    Other arguments as of `som.evals.tasks.grounding_task`.
    """
    more = {"condition": condition, "by": by, "questions": every_mark, **settings}
    return grounding_task(name, data, **more)
