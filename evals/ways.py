"""Ways to seek an answer: from a question about an image, with any model, to evidence.

A way is one function, the same for a real model, the oracle and chance, so that every number has its
bounds beside it. `register` adds one; a condition names it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from som.agents.ask import build_messages
from som.agents.closer import look_closer
from som.agents.pick import pick
from som.agents.thin import thin
from som.agents.vlm.base import VLM, ImagePart, Message, Reply, TextPart
from som.answers import image_name, parse_marks
from som.errors import SomError
from som.evals.conditions import Condition
from som.evals.evidence import Evidence, Named, able_marks, of_mark
from som.evals.judges import Oracle, Random
from som.evals.points import how_to_write, parse_box, parse_point
from som.evals.replies import problem_of
from som.evals.truth import Truth
from som.image import resize
from som.marker import Marker
from som.marks import MarkedImage
from som.prompts import render
from som.regions import rows


@dataclass(frozen=True, eq=False)
class Scene:
    """One question about one image.

    Attributes:
        question: in the data set's words.
        marked: the image with all its marks, drawn as the condition says.
        condition: what is shown and asked.
        truth: what is right; only judges look at it.
        lang: of the prompt.
        convention: how the model writes points; see `som.evals.points`.
        seed: of what is random.
    """

    question: str
    marked: MarkedImage
    condition: Condition
    truth: Truth
    lang: str = "en"
    convention: str = "absolute"
    seed: int = 0


# Ways to choose that give no probability of their own.
_UNSURE = ("asked", "schema", "tools", "oracle", "random")
Way = Callable[[Scene, VLM], Evidence]
_WAYS: dict[str, Way] = {}


def register(name: str, way: Way) -> None:
    """Add a way that conditions can name."""
    _WAYS[name] = way


def seek(scene: Scene, vlm: VLM) -> Evidence:
    """Ask the model on the way of the scene's condition, and set the bounds beside its answer.

    Raises:
        SomError: the condition names no way that there is.
        VLMError: the model could not answer.
    """
    condition = scene.condition
    if condition.way not in _WAYS:
        raise SomError(f"no way {condition.way!r}; there are: {', '.join(sorted(_WAYS))}")
    way = _WAYS[condition.way]
    if condition.thin:
        # What is thinned away is not marked: a miss is then the marks' fault, and bounds say so.
        scene = replace(scene, marked=thin(scene.question, scene.marked, condition.thin))
    if condition.marks and scene.truth.rule != "label" and not scene.marked.marks:
        lost = able_marks([scene.marked], scene.truth)
        return Evidence(None, "unmarked", "nothing is marked", able=lost, chance=0.0, calls=0)
    found = way(scene, vlm)
    if scene.truth.rule == "label":
        return replace(found, best=Named(scene.truth.labels[0], None, None))
    if not condition.marks:
        return replace(found, best=_middle(scene.truth), chance=_area(scene))
    best = found if isinstance(vlm, Oracle) else way(scene, Oracle(scene.truth))
    able = able_marks([scene.marked], scene.truth)
    if condition.way == "once":
        shown = {mark.label for mark in scene.marked.marks}
        right = sum(named.label in shown for named in able)
        chance = right / len(shown) if shown else 0.0
    else:
        guess = found if isinstance(vlm, Random) else way(scene, Random(scene.seed))
        chance = float(guess.named is not None and guess.named.right(scene.truth))
    return replace(
        found, best=best.named, able=able, chance=round(chance, 4), marks=len(scene.marked.marks)
    )


def once(scene: Scene, vlm: VLM) -> Evidence:
    """Show everything at once and ask."""
    if scene.truth.rule == "label":
        return _by_drawn_marks(scene, vlm)
    if not scene.condition.marks:
        return _by_place(scene, vlm)
    shown = _groups(scene.marked, scene.condition.group)
    wording = render("eval_mark", scene.lang, instruction=scene.question.strip())
    asking: dict[str, Any] = {
        "send": scene.condition.views,
        "legend": scene.condition.legend,
        "lang": scene.lang,
    }
    sent = len(shown) * len(scene.condition.views)
    if scene.condition.choose:
        picked = pick(scene.question, shown, vlm, wording=wording, **asking)
        best = picked.best
        if best is None:
            return Evidence(None, "refused", "none", images=sent)
        name = _name(shown, best.image, best.mark.label)
        named = of_mark(best.mark, shown[best.image], scene.truth, name)
        certain = None if picked.choice.method in _UNSURE else round(best.probability, 4)
        return Evidence(named, "", f"[{name}]", certain, images=sent)
    messages = build_messages(scene.question, shown, wording=wording, **asking)
    reply = vlm.complete(messages)
    mentions = parse_marks(reply.text, [[mark.label for mark in image] for image in shown])
    if not mentions.found:
        problem = problem_of(reply, unknown=bool(mentions.unknown))
        return Evidence(None, problem, reply.text, unknown=mentions.unknown, images=sent)
    first = mentions.found[0]
    mark = shown[first.image][first.label]
    named = of_mark(mark, shown[first.image], scene.truth, _name(shown, first.image, first.label))
    return Evidence(named, "", reply.text, _certainty(reply), mentions.unknown, images=sent)


def zoom(scene: Scene, vlm: VLM) -> Evidence:
    """From coarse to fine: choose a block of marks, mark it again enlarged, choose there."""
    found = look_closer(
        scene.question,
        scene.marked,
        vlm,
        most=scene.condition.most,
        lang=scene.lang,
        send=scene.condition.views,
        legend=scene.condition.legend,
    )
    sent = len(found.looks) * len(scene.condition.views)
    if found.mark is None or found.box_xyxy is None or found.anchor_xy is None:
        return Evidence(None, "refused", "none", images=sent)
    point = float(found.anchor_xy[0]), float(found.anchor_xy[1])
    overlap = round(scene.truth.overlap(found.box_xyxy), 4)
    named = Named(found.mark.label, found.box_xyxy, point, overlap)
    certain = round(found.probability, 4) if found.looks[-1].pick.choice.method not in _UNSURE else None
    text = f"[{found.mark.label}]"
    return Evidence(named, "", text, certain, images=sent)


def _by_drawn_marks(scene: Scene, vlm: VLM) -> Evidence:
    """Ask about an image that came with its marks; where they are is not known."""
    parts = (
        TextPart(render("marked", scene.lang, image=image_name(0))),
        ImagePart(scene.marked.drawn),
        TextPart(render("eval_mark", scene.lang, instruction=scene.question.strip())),
    )
    reply = vlm.complete(
        [
            Message("system", (TextPart(render("system", scene.lang)),)),
            Message("user", parts, question=scene.question.strip()),
        ]
    )
    found = parse_marks(reply.text, [{str(i) for i in range(1000)} | set(scene.truth.labels)]).found
    if not found:
        return Evidence(None, problem_of(reply, unknown=False), reply.text, images=1)
    return Evidence(Named(found[0].label, None, None), "", reply.text, _certainty(reply), images=1)


def _by_place(scene: Scene, vlm: VLM) -> Evidence:
    """Ask for coordinates: a point to click, or a box where boxes are compared."""
    size = scene.marked.layout.size_wh
    kind = "point" if scene.truth.rule == "point" else "box"
    wording = render(
        f"eval_{kind}",
        scene.lang,
        instruction=scene.question.strip(),
        **how_to_write(kind, size, scene.convention, scene.lang),
    )
    parts = (ImagePart(resize(scene.marked.image, size)), TextPart(wording))
    reply = vlm.complete(
        [
            Message("system", (TextPart(render(f"eval_{kind}_system", scene.lang)),)),
            Message("user", parts, question=scene.question.strip()),
        ]
    )
    across, down = scene.marked.scale_xy
    named: Named | None = None
    if kind == "point" and (point := parse_point(reply.text, size, scene.convention)):
        named = Named("", None, (point[0] / across, point[1] / down))
    elif kind == "box" and (box := parse_box(reply.text, size, scene.convention)):
        x1, y1, x2, y2 = box[0] / across, box[1] / down, box[2] / across, box[3] / down
        overlap = round(scene.truth.overlap((x1, y1, x2, y2)), 4)
        named = Named("", (x1, y1, x2, y2), ((x1 + x2) / 2, (y1 + y2) / 2), overlap)
    problem = "" if named else problem_of(reply, unknown=False)
    return Evidence(named, problem, reply.text, _certainty(reply), images=1)


def _groups(marked: MarkedImage, size: int | None) -> tuple[MarkedImage, ...]:
    """The same image as often as it takes to show so many marks at a time; they keep their numbers."""
    if size is None or len(marked.regions) <= size:
        return (marked,)
    groups = []
    for start in range(0, len(marked.regions), size):
        kept = np.arange(start, min(start + size, len(marked.regions)))
        few = rows(marked.regions, kept)
        few.tracker_id = marked.ids[kept]
        groups.append(
            Marker.from_detections(
                marked.image, few, style=marked.layout.style, max_side=max(marked.layout.size_wh)
            )
        )
    return tuple(groups)


def _name(shown: Sequence[MarkedImage], image: int, label: str) -> str:
    return f"{image_name(image)}{label}" if len(shown) > 1 else label


def _certainty(reply: Reply) -> float | None:
    """Probability of the reply as a whole, where the server gives that of its tokens."""
    return round(float(np.exp(sum(reply.logprobs))), 4) if reply.logprobs else None


def _middle(truth: Truth) -> Named | None:
    if truth.box_xyxy is None:
        return None
    x1, y1, x2, y2 = truth.box_xyxy
    return Named("", truth.box_xyxy, ((x1 + x2) / 2, (y1 + y2) / 2), 1.0)


def _area(scene: Scene) -> float | None:
    """Probability that a random point lies in the true box; of boxes, next to none."""
    if scene.truth.box_xyxy is None or scene.truth.rule != "point":
        return None if scene.truth.box_xyxy is None else 0.0
    x1, y1, x2, y2 = scene.truth.box_xyxy
    width, height = scene.marked.size_wh
    return round((x2 - x1) * (y2 - y1) / (width * height), 5)


register("once", once)
register("zoom", zoom)
