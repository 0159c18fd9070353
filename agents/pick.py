"""Pick the mark that a question asks for: a probability for each, and for "none of these"."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from som.agents.ask import VIEWS, build_messages
from som.agents.vlm.base import NONE, VLM, Choice
from som.answers import image_name
from som.errors import SomError
from som.legend import LegendStyle
from som.marks import Mark, MarkedImage


@dataclass(frozen=True)
class Ranked:
    """One mark and how probable it is.

    Attributes:
        image: number of its image.
        mark: itself.
        probability: that it is what was asked for.
    """

    image: int
    mark: Mark
    probability: float


@dataclass(frozen=True, eq=False)
class Pick:
    """A choice among all marks of the images.

    Attributes:
        question: what was asked.
        images: what it was asked about.
        choice: as the model gave it.
        ranked: all marks, the most probable first.
        none: probability that no mark fits.
        threshold: least probability of an answer.
    """

    question: str
    images: tuple[MarkedImage, ...]
    choice: Choice
    ranked: tuple[Ranked, ...]
    none: float
    threshold: float = 0.0

    @property
    def best(self) -> Ranked | None:
        """The answer; None where no mark is as probable as "none", or as the threshold."""
        if not self.ranked:
            return None
        first = self.ranked[0]
        return first if first.probability >= max(self.none, self.threshold) else None

    def to_json(self, most: int = 10) -> dict[str, Any]:
        """As plain data; coordinates are pixels of the original images."""
        return {
            "question": self.question,
            "method": self.choice.method,
            "model": self.choice.model,
            "none": round(self.none, 4),
            "abstained": self.best is None,
            "marks": [
                {
                    "image": image_name(ranked.image),
                    "path": self.images[ranked.image].path,
                    "id": ranked.mark.id,
                    "label": ranked.mark.label,
                    "probability": round(ranked.probability, 4),
                    "box": [round(v, 2) for v in ranked.mark.box_xyxy],
                    "point": list(ranked.mark.anchor_xy),
                    "text": ranked.mark.text,
                    "role": ranked.mark.role,
                }
                for ranked in self.ranked[:most]
            ],
            "tokens_in": self.choice.tokens_in,
            "tokens_out": self.choice.tokens_out,
            "cost_usd": self.choice.cost_usd,
            "seconds": round(self.choice.seconds, 3),
        }


def pick(
    question: str,
    images: Sequence[MarkedImage],
    vlm: VLM,
    *,
    threshold: float = 0.0,
    lang: str = "en",
    send: Sequence[str] = VIEWS,
    legend: LegendStyle | bool = "full",
    wording: str | None = None,
) -> Pick:
    """Ask which mark a question means.

    A mark that is not there cannot come out: the options are the labels on the images, and "none".

    Args:
        question: in words.
        images: in the order that gives them their names A, B, ...
        vlm: who is asked.
        threshold: below this probability the answer is none.
        lang: of the prompt.
        send: which views of each image go out: "raw", "marked" or both.
        legend: how to list what can be read at the marks: "full", "compact" or "none".
        wording: how the question is put, where that is more than the question itself.

    Raises:
        SomError: the question is empty, there is nothing to choose from, or an option is wrong.
        VLMError: the model could not answer.
    """
    if not 0 <= threshold <= 1:
        raise SomError(f"the threshold is a probability from 0 to 1, got {threshold:g}")
    images = tuple(images)
    messages = build_messages(question, images, lang=lang, send=send, legend=legend, wording=wording)
    several = len(images) > 1
    options = {
        f"{image_name(i)}{mark.label}" if several else mark.label: (i, mark)
        for i, image in enumerate(images)
        for mark in image.marks
    }
    if not options:
        raise SomError("nothing is marked on the image, so there is nothing to choose; mark finer")
    choice = vlm.choose(messages, [*options, NONE])
    ranked = [
        Ranked(*options[name], probability) for name, probability in choice.ranked() if name in options
    ]
    return Pick(question, images, choice, tuple(ranked), choice.get(NONE, 0.0), threshold)
