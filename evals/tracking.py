"""Tasks that follow the objects of a video: which mark of a later frame is the same thing?"""

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from som.agents.ask import build_messages
from som.agents.vlm.base import VLM, Reply
from som.agents.vlm.profiles import profile_of
from som.evals.conditions import condition as read_condition
from som.evals.datasets.files import read_indices
from som.evals.evidence import Answer, Evidence, Outcome, able_marks, of_mark
from som.evals.marking import Marking
from som.evals.metrics.video import sequence_scores
from som.evals.naming import mark_truth
from som.evals.replies import problem_of
from som.evals.settings import Settings
from som.evals.truth import Truth, four
from som.marks import Mark, MarkedImage
from som.masks import bounds, cropped, dense
from som.prompts import render
from som.rle import encode_crop

_PAIR = re.compile(
    r"\[?\bA\s?:?\s?(\d{1,4})\b\]?[^\S\n]*(?:->|→|=|:|to|is)+[^\S\n]*"
    r"(?:\[?\s*B\s?:?\s?(\d{1,4})\b|none)",
    re.I,
)


def follow(
    question: str, metadata: Mapping[str, Any], settings: Settings, by: str, vlm: VLM
) -> Outcome:
    """Ask for the objects in frame after frame; one answer for each object of each frame that is asked.

    A frame that is not asked keeps the last answer; J and F are of all frames.
    """
    first = mark_truth(metadata, settings, vlm.name)
    objects = [int(one["label"]) for one in metadata["regions"]]
    made = read_condition(settings.condition)
    marking = Marking(
        settings.segmenter,
        granularity=settings.granularity,
        max_side=settings.max_side or profile_of(vlm.name).max_side,
    )
    frames, truths = metadata["frames"], metadata["truths"]
    answers: list[Answer] = []
    found = [read_indices(Path(truths[0]))]
    for number in range(1, len(frames)):
        if number % int(metadata["every"]) and number != len(frames) - 1:
            found.append(found[-1])
            continue
        marked = marking.mark(frames[number], made)
        indices = read_indices(Path(truths[number]))
        wanted = {index: _truth(indices == index) for index in objects}
        reply = _reply(first, marked, wanted, settings, by, vlm, number)
        picked = parse_pairs(reply.text)
        canvas = np.zeros_like(indices)
        for index in objects:
            mark = _mark(marked, picked.get(index))
            if mark is not None:
                canvas[dense(marked.regions, mark.region, indices.shape)] = index
            truth = wanted[index]
            if truth is None:
                continue
            right = able_marks([marked], truth)
            named = of_mark(mark, marked, truth, mark.label) if mark else None
            problem = (
                "" if named else "refused" if index in picked else problem_of(reply, unknown=False)
            )
            drawn = [one for one in right if one.drawn]
            evidence = Evidence(
                named,
                problem,
                f"[A{index}] -> [B{mark.label}]" if mark else reply.text,
                able=right,
                best=max(drawn, key=lambda one: one.overlap or 0) if drawn else None,
                chance=len(drawn) / len(marked.marks) if marked.marks else 0.0,
                marks=max(1, len(marked.marks)),
                images=2 if index == objects[0] else 0,
                calls=int(index == objects[0]),
                seconds=reply.seconds if index == objects[0] else 0.0,
            )
            answers.append(Answer(f"frame {number}, object {index}", truth, evidence))
        found.append(canvas)
    return Outcome(answers, first.scale_xy, _scores(truths, found, objects))


def parse_pairs(text: str) -> dict[int, str | None]:
    """Which mark of image B a reply gives for each mark of image A; None where it says none."""
    return {int(match[1]): match[2] for match in _PAIR.finditer(text)}


def _reply(
    first: MarkedImage,
    marked: MarkedImage,
    wanted: Mapping[int, Truth | None],
    settings: Settings,
    by: str,
    vlm: VLM,
    number: int,
) -> Reply:
    """What the model, the oracle or chance says about a frame."""
    if by == "model":
        names = ", ".join(f"[A{index}]" for index in wanted)
        wording = render("eval_track", settings.prompt, marks=names)
        views = read_condition(settings.condition).views
        messages = build_messages(
            "follow the marks", (first, marked), lang=settings.prompt, send=views, legend=False,
            wording=wording,
        )  # fmt: skip
        return vlm.complete(messages)
    draw = random.Random(f"{settings.seed}/{number}")  # noqa: S311 - not a secret
    lines = []
    for index, truth in wanted.items():
        label = draw.choice([mark.label for mark in marked.marks]) if marked.marks else None
        if by == "oracle":
            label = _best(marked, truth)
        lines.append(f"[A{index}] -> " + (f"[B{label}]" if label else "none"))
    return Reply("\n".join(lines), by)


def _best(marked: MarkedImage, truth: Truth | None) -> str | None:
    if truth is None or not marked.marks:
        return None
    overlaps = truth.overlaps(marked)
    best = max(marked.marks, key=lambda mark: overlaps[mark.region])
    return best.label if overlaps[best.region] > 0 else None


def _truth(mask: NDArray[np.bool_]) -> Truth | None:
    """Where an object is in a frame; None where it is not in it."""
    crop = cropped(mask)
    if crop is None:
        return None
    height, width = mask.shape
    return Truth(four(bounds(mask)), "mask", rle=encode_crop(crop, (height, width)))


def _mark(marked: MarkedImage, label: str | None) -> Mark | None:
    return next((mark for mark in marked.marks if mark.label == label), None)


def _scores(
    truths: Sequence[str], found: Sequence[NDArray[np.int64]], objects: Sequence[int]
) -> list[dict[str, float]]:
    if len(truths) < 3 or len(found) != len(truths):
        return []
    scores = sequence_scores([read_indices(Path(truth)) for truth in truths], found, objects)
    return [{"object": index, "j": one.j.mean, "f": one.f.mean} for index, one in scores.items()]
