"""RefCOCO, RefCOCO+ and RefCOCOg: find the object that an expression refers to."""

from typing import Any

from inspect_ai import Task, task

from som.evals.tasks import grounding_task


@task
def refcoco(
    data: str = ".",
    name: str = "refcoco",
    condition: str = "marks+boxes",
    by: str = "model",
    **settings: Any,
) -> Task:
    """RefCOCO and its kin: `name` is refcoco, refcoco+ or refcocog.

    Other arguments as of `som.evals.tasks.grounding_task`.
    """
    return grounding_task(name, data, condition=condition, by=by, **settings)
