"""DAVIS 2017: follow the objects of the first frame by their marks."""

from typing import Any

from inspect_ai import Task, task

from som.evals.tasks import each_sequence, grounding_task


@task
def davis(
    data: str = ".",
    every: int = 10,
    condition: str = "marks+outlines",
    by: str = "model",
    **settings: Any,
) -> Task:
    """DAVIS 2017: asked in every so many frames, and in the last; the others keep the last answer.

    Other arguments as of `som.evals.tasks.grounding_task`.
    """
    more = {"condition": condition, "by": by, "questions": each_sequence(int(every)), **settings}
    return grounding_task("davis", data, **more)
