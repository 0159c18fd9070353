"""Flickr30k Entities: ground each phrase of a caption."""

from typing import Any

from inspect_ai import Task, task

from som.evals.tasks import each_phrase, grounding_task


@task
def flickr30k(
    data: str = ".", condition: str = "marks+boxes", by: str = "model", **settings: Any
) -> Task:
    """Flickr30k Entities. Arguments as of `som.evals.tasks.grounding_task`."""
    more = {"condition": condition, "by": by, "questions": each_phrase, **settings}
    return grounding_task("flickr30k", data, **more)
