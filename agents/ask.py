"""Ask a model about marked images, and get its answer back as marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from som.agents.vlm.base import VLM, ImagePart, Message, OnText, Reply, TextPart
from som.agents.vlm.coordinates import marks_pointed_at
from som.agents.vlm.profiles import profile_of
from som.answers import image_name, parse_marks
from som.errors import MarkError, SomError
from som.image import resize
from som.legend import LegendStyle
from som.marks import Mark, MarkedImage
from som.prompts import render

VIEWS = ("raw", "marked")


@dataclass(frozen=True, eq=False)
class Answer:
    """A grounded answer.

    Attributes:
        question: what was asked.
        images: the marked images it is about.
        reply: what the model said.
        marks: the marks that it names, each with the number of its image, in order of mention; where
            it names none but gives coordinates, the marks under these.
        unknown: labels it names that are on no image.
    """

    question: str
    images: tuple[MarkedImage, ...]
    reply: Reply
    marks: tuple[tuple[int, Mark], ...]
    unknown: tuple[str, ...]

    @property
    def text(self) -> str:
        """The answer in words."""
        return self.reply.text

    def highlight(self, image: int = 0) -> NDArray[np.uint8]:
        """One of the images with only the marks that the answer names; uint8 RGB."""
        return self.images[image].highlight(mark.id for i, mark in self.marks if i == image)

    def to_json(self) -> dict[str, Any]:
        """As plain data; coordinates are pixels of the original images."""
        reply = self.reply
        return {
            "question": self.question,
            "answer": reply.text,
            "marks": [
                {
                    "image": image_name(i),
                    "path": self.images[i].path,
                    "id": mark.id,
                    "label": mark.label,
                    "box": [round(v, 2) for v in mark.box_xyxy],
                    "point": list(mark.anchor_xy),
                    "text": mark.text,
                    "role": mark.role,
                }
                for i, mark in self.marks
            ],
            "unknown_marks": list(self.unknown),
            "model": reply.model,
            "tokens_in": reply.tokens_in,
            "tokens_out": reply.tokens_out,
            "cost_usd": reply.cost_usd,
            "seconds": round(reply.seconds, 3),
            "stop_reason": reply.stop_reason,
        }


def ask(
    question: str,
    images: Sequence[MarkedImage],
    vlm: VLM,
    *,
    lang: str = "en",
    send: Sequence[str] = VIEWS,
    legend: LegendStyle | bool = "full",
    on_text: OnText | None = None,
) -> Answer:
    """Ask about one or more marked images.

    Args:
        question: may name marks itself: "what is left of [4]?", with several images "[B4]".
        images: in the order that gives them their names A, B, ...
        vlm: who is asked.
        lang: language of the prompt, one of `som.prompts.languages()`.
        send: which views of each image go out: "raw", "marked" or both.
        legend: how to list what can be read at the marks: "full", "compact" or "none".
        on_text: called with each piece of the answer as it comes.

    Raises:
        SomError: the question is empty, or `send` or `lang` is wrong.
        MarkError: the question names a mark that is not there.
        VLMError: the model could not answer.
    """
    images = tuple(images)
    messages = build_messages(question, images, lang=lang, send=send, legend=legend)
    reply = vlm.complete(messages, on_text=on_text)
    labels = [[mark.label for mark in image] for image in images]
    mentions = parse_marks(reply.text, labels)
    marks = tuple((found.image, images[found.image][found.label]) for found in mentions.found)
    unknown = mentions.unknown
    if not marks and len(images) == 1:
        # Models trained to point may give coordinates whatever they are asked for.
        pointed = marks_pointed_at(reply.text, images[0], profile_of(reply.model))
        marks, unknown = tuple((0, mark) for mark in pointed), () if pointed else unknown
    return Answer(question, images, reply, marks, unknown)


def build_messages(
    question: str,
    images: tuple[MarkedImage, ...],
    *,
    lang: str = "en",
    send: Sequence[str] = VIEWS,
    legend: LegendStyle | bool = "full",
    wording: str | None = None,
) -> list[Message]:
    """The prompt that `ask` sends; arguments and errors are the same.

    `wording` is how the question is put, where that is more than the question itself; what looks like
    a mark in such a question is not checked.
    """
    _check(question, images, send)
    if wording is None:
        _check_marks(question, images)
    parts: list[TextPart | ImagePart] = []
    for i, image in enumerate(images):
        name = image_name(i)
        if "raw" in send:
            parts.append(TextPart(render("raw", lang, image=name)))
            parts.append(ImagePart(resize(image.image, image.layout.size_wh)))
        if "marked" in send:
            parts.append(TextPart(render("marked", lang, image=name)))
            parts.append(ImagePart(image.drawn))
        listed = image.legend(legend)
        if listed:
            parts.append(TextPart(render("legend", lang, image=name, legend=listed)))
    parts.append(TextPart(wording or question.strip()))
    return [
        Message("system", (TextPart(render("system", lang)),)),
        Message("user", tuple(parts), question=question.strip(), marked=images),
    ]


def _check(question: str, images: tuple[MarkedImage, ...], send: Sequence[str]) -> None:
    if not question.strip():
        raise SomError("the question is empty; ask something")
    if not images:
        raise SomError("there is no image to ask about")
    if not send or set(send) - set(VIEWS):
        raise SomError(f"send any of: {', '.join(VIEWS)}; got {', '.join(send) or 'nothing'}")


def _check_marks(question: str, images: tuple[MarkedImage, ...]) -> None:
    labels = [[mark.label for mark in image] for image in images]
    unknown = parse_marks(question, labels).unknown
    if unknown:
        listed = "; ".join(
            f"image {image_name(i)} has {image.label_range()}" for i, image in enumerate(images)
        )
        raise MarkError(f"the question names mark {unknown[0]}, which is not there ({listed})")
