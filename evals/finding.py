"""Tasks that ask for one thing of an image: by a click, a region or a label."""

from collections.abc import Mapping
from typing import Any

from som.agents.vlm.base import VLM
from som.agents.vlm.profiles import profile_of
from som.evals.conditions import condition as read_condition
from som.evals.evidence import Answer, Outcome
from som.evals.judges import Oracle, Random
from som.evals.marking import Marking
from som.evals.settings import Settings
from som.evals.truth import Truth
from som.evals.ways import Scene, seek


def find(question: str, metadata: Mapping[str, Any], settings: Settings, by: str, vlm: VLM) -> Outcome:
    """Ask for the one thing; see `som.evals.solvers.Kind`."""
    scene = look(question, metadata, settings, vlm.name)
    who: dict[str, VLM] = {
        "model": vlm,
        "oracle": Oracle(scene.truth),
        "random": Random(f"{settings.seed}/{metadata['id']}"),
    }
    answer = Answer("", scene.truth, seek(scene, who[by]))
    return Outcome([answer], scene.marked.scale_xy)


def look(question: str, metadata: Mapping[str, Any], settings: Settings, model: str) -> Scene:
    """The scene of a sample: its image marked as the model will see it, its question and its truth."""
    condition = read_condition(settings.condition)
    truth = Truth.from_json(metadata["truth"])
    profile = profile_of(model)
    marking = Marking(
        settings.segmenter,
        granularity=settings.granularity,
        max_side=settings.max_side or profile.max_side,
    )
    path = metadata["image"]
    plain = not condition.marks or truth.rule == "label"
    marked = marking.plain(path) if plain else marking.mark(path, condition)
    convention = settings.convention or profile.coordinates
    if convention == "none":
        convention = "absolute"
    return Scene(question, marked, condition, truth, settings.prompt, convention, settings.seed)
