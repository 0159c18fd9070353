"""ScreenSpot-v2: find what an instruction names on a screenshot."""

from typing import Any

from inspect_ai import Task, task

from som.evals.tasks import grounding_task


@task
def screenspot_v2(
    data: str = ".", condition: str = "marks+boxes", by: str = "model", **settings: Any
) -> Task:
    """ScreenSpot-v2. Arguments as of `som.evals.tasks.grounding_task`."""
    defaults = {"segmenter": "screen"}
    return grounding_task(
        "screenspot-v2", data, condition=condition, by=by, defaults=defaults, **settings
    )
