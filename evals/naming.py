"""Tasks that ask for the names of all marks of an image, out of a vocabulary."""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import supervision as sv

from som.agents.ask import VIEWS, build_messages
from som.agents.vlm.base import VLM, ImagePart, Message, Reply, TextPart
from som.agents.vlm.profiles import profile_of
from som.answers import image_name
from som.evals.conditions import condition as read_condition
from som.evals.evidence import Answer, Evidence, Named, Outcome
from som.evals.metrics.regions import plain_name
from som.evals.replies import problem_of
from som.evals.settings import Settings
from som.evals.truth import Box, Truth, four
from som.image import load_image
from som.marker import Marker
from som.marks import MarkedImage
from som.prompts import render
from som.regions import make_regions

# "[3] cat", "3: cat", "- **3** = cat", also several on a line with commas or semicolons between.
_LINE = re.compile(r"\[?\b([A-Za-z]?\d{1,4})\b\]?\**\s*(?:[:=\-–—]|is\b)?\s*\**([^\[\]\n;]+)")


def name_marks(
    question: str, metadata: Mapping[str, Any], settings: Settings, by: str, vlm: VLM
) -> Outcome:
    """Ask for every mark's name; one answer for each mark that has a true name."""
    words: Sequence[str] = metadata["vocabulary"]
    truth = {one["label"]: one["name"] for one in metadata["regions"]}
    scale = 1.0, 1.0
    seen: dict[str, tuple[Box, float, bool]] = {}
    if metadata["marked"]:
        messages = _about(load_image(metadata["image"]), words, settings)
    else:
        marked = mark_truth(metadata, settings, vlm.name)
        scale, quality = marked.scale_xy, marked.quality()
        names = {int(label): name for label, name in truth.items()}
        truth = {}
        for row, number in enumerate(marked.ids):
            label = marked.layout.labels[row]
            truth[label] = names[int(number)]
            box = four(marked.regions.xyxy[row])
            seen[label] = box, float(quality.legibility[row]), not bool(quality.dropped[row])
        messages = _shown(marked, words, settings)
    if by == "oracle":
        reply = Reply("\n".join(f"[{label}] {name}" for label, name in truth.items()), by)
    elif by == "random":
        draw = random.Random(f"{settings.seed}/{metadata['id']}")  # noqa: S311 - not a secret
        reply = Reply("\n".join(f"[{label}] {draw.choice(words)}" for label in truth), by)
    else:
        reply = vlm.complete(messages)
    said = parse_names(reply.text, list(truth))
    problem = "" if said else problem_of(reply, unknown=False)
    answers = []
    for number, (label, name) in enumerate(truth.items()):
        place, legibility, drawn = seen.get(label, (None, 1.0, True))
        # The name is the answer: it is what is compared with the true one.
        right = Named(plain_name(name), place, None, None, round(legibility, 3), drawn)
        given = said.get(label)
        evidence = Evidence(
            Named(plain_name(given), place, None) if given else None,
            "" if given else problem or "empty",
            f"[{label}] {given}" if given else reply.text,
            able=(right,),
            best=right if drawn else None,
            chance=1 / len(words),
            marks=len(truth),
            images=int(not number),
            calls=int(not number),
            seconds=reply.seconds if not number else 0.0,
        )
        answers.append(Answer(label, Truth(None, "label", labels=(plain_name(name),)), evidence))
    return Outcome(answers, scale)


def parse_names(text: str, labels: Sequence[str]) -> dict[str, str]:
    """The name that a reply gives each label; what it says last about one counts."""
    found = {}
    for match in _LINE.finditer(text):
        name = match[2].strip(" \t*_.,:\"'`-")
        if match[1] in labels and name:
            found[match[1]] = re.split(r"[,(]", name)[0].strip(" \"'`.")
    return found


def mark_truth(metadata: Mapping[str, Any], settings: Settings, model: str) -> MarkedImage:
    """The image with its true regions marked; the number of a mark is that of its region."""
    made = read_condition(settings.condition)
    image = load_image(metadata["image"])
    height, width = image.shape[:2]
    regions = make_regions([one["box"] for one in metadata["regions"]])
    masks = [one["rle"] for one in metadata["regions"]]
    if all(masks):
        dense = [sv.rle_to_mask(rle["counts"], (width, height)) for rle in masks]
        regions.mask = np.array(dense, bool)
    regions.tracker_id = np.array([int(one["label"]) for one in metadata["regions"]])
    side = settings.max_side or profile_of(model).max_side((width, height))
    return Marker.from_detections(image, regions, style=made.style, max_side=side)


def _shown(marked: MarkedImage, words: Sequence[str], settings: Settings) -> list[Message]:
    views = read_condition(settings.condition).views or VIEWS
    wording = render("eval_names", settings.prompt, words=", ".join(words))
    return build_messages(
        "name the marks", (marked,), lang=settings.prompt, send=views, legend=False, wording=wording
    )


def _about(image: Any, words: Sequence[str], settings: Settings) -> list[Message]:
    parts = (
        TextPart(render("marked", settings.prompt, image=image_name(0))),
        ImagePart(image),
        TextPart(render("eval_names", settings.prompt, words=", ".join(words))),
    )
    return [
        Message("system", (TextPart(render("system", settings.prompt)),)),
        Message("user", parts, question="name the marks"),
    ]
