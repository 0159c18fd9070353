"""What a vision-language model is here: it completes messages, and it chooses among options."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from som.answers import parse_marks
from som.marks import MarkedImage

if TYPE_CHECKING:
    from som.agents.envs.base import Observation

OnText = Callable[[str], None]
# The option that says that no mark fits.
NONE = "none"

# A PNG larger than this goes as JPEG: photos gain nothing from lossless, and servers have limits.
_PNG_LIMIT = 1_500_000


@dataclass(frozen=True)
class TextPart:
    """A piece of text."""

    text: str


@dataclass(frozen=True, eq=False)
class ImagePart:
    """An image, uint8 RGB (H, W, 3)."""

    image: NDArray[np.uint8]

    def encoded(self) -> tuple[str, bytes]:
        """Its MIME type and the bytes of a file: PNG, or JPEG where that would be large."""
        bgr = cv2.cvtColor(self.image, cv2.COLOR_RGB2BGR)
        png = cv2.imencode(".png", bgr)[1].tobytes()
        if len(png) <= _PNG_LIMIT:
            return "image/png", png
        return "image/jpeg", cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


@dataclass(frozen=True, eq=False)
class Message:
    """One turn of a conversation.

    Attributes:
        role: who speaks.
        parts: text and images, in order.
        question: what the person asked, without the prompt about it; and
        marked: the images it is about. Grounders that read no prompt work from these two.
        observation: what an agent saw, in the messages of its loop; `question` is then its task.
    """

    role: Literal["system", "user", "assistant"]
    parts: tuple[TextPart | ImagePart, ...]
    question: str = ""
    marked: tuple[MarkedImage, ...] = ()
    observation: "Observation | None" = None

    @property
    def text(self) -> str:
        """All its text."""
        return "\n".join(part.text for part in self.parts if isinstance(part, TextPart))


@dataclass(frozen=True)
class Reply:
    """What a model said.

    Attributes:
        text: all of it.
        model: which model, as the server names it.
        tokens_in: of the prompt, None where the server does not say.
        tokens_out: of the reply, likewise.
        seconds: from the request to the last token.
        stop_reason: "stop", or why it ended early: "length", "content_filter", ...
        logprobs: log-probability of each token, where the server gives them.
        cost_usd: price of the call, None where no price is known.
        constrained: what held it to a form: "tools", "schema", "grammar"; "" when that was only asked.
    """

    text: str
    model: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    stop_reason: str = "stop"
    logprobs: tuple[float, ...] | None = field(default=None, repr=False)
    cost_usd: float | None = None
    constrained: str = ""


@dataclass(frozen=True, eq=False)
class Choice(Mapping[str, float]):
    """A choice among options: a mapping from each option to its probability, and how it was had.

    Attributes:
        probabilities: of each option, in the order of the options; they sum to 1.
        method: what they come from: "decisions" or "systemone" (an endpoint for choices), "logprobs",
            "logits" (of a model in this process), "schema" or "tools" (one option, certain), "votes"
            (agreement of samples), "scores" (a grounder's), "asked" (read out of free text).
        model: which model.
        tokens_in: of the prompts, None where not known.
        tokens_out: of the replies, likewise.
        seconds: all of it took.
        cost_usd: price, None where no price is known.
    """

    probabilities: Mapping[str, float]
    method: str
    model: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    cost_usd: float | None = None

    def __getitem__(self, option: str) -> float:
        return self.probabilities[option]

    def __iter__(self) -> Iterator[str]:
        return iter(self.probabilities)

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def best(self) -> str:
        """The most probable option; the first of several."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def ranked(self) -> list[tuple[str, float]]:
        """Options and probabilities, the most probable first."""
        return sorted(self.probabilities.items(), key=lambda item: -item[1])


@runtime_checkable
class VLM(Protocol):
    """A vision-language model."""

    @property
    def name(self) -> str:
        """What it is called in results."""
        ...

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """Answer.

        Args:
            messages: the conversation so far.
            on_text: called with each piece of text as it comes.
            schema: JSON schema that the reply should follow. Models that can be held to one are; for
                others the messages must say it, and the reply is checked by who asked.

        Raises:
            VLMError: there is no answer; one line says why.
        """
        ...

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Choose among options.

        Args:
            messages: the conversation so far.
            options: what can be chosen, each different: labels of marks, and `NONE`.

        Returns:
            A probability for each option; they sum to 1.

        Raises:
            VLMError: there is no answer; one line says why.
        """
        ...


def choose_by_asking(vlm: VLM, messages: Sequence[Message], options: Sequence[str]) -> Choice:
    """`VLM.choose` for models that can only complete: ask, and read the option out of the reply.

    All probability lies on what the reply names first; where it names nothing, options are equal.
    """
    listed = ", ".join(f"[{option}]" for option in options)
    ask = Message("user", (TextPart(f"Answer with exactly one of these and nothing else: {listed}"),))
    reply = vlm.complete([*messages, ask])
    named = named_option(reply.text, options)
    return Choice(
        probabilities={
            option: 1 / len(options) if named is None else float(option == named) for option in options
        },
        method="asked",
        model=reply.model,
        tokens_in=reply.tokens_in,
        tokens_out=reply.tokens_out,
        seconds=reply.seconds,
        cost_usd=reply.cost_usd,
    )


def named_option(text: str, options: Sequence[str]) -> str | None:
    """The option that a reply names first, in brackets or as marks are named; None without one."""
    for found in re.finditer(r"\[\s*([^\[\]\s]{1,40})\s*\]", text):
        if found[1] in options:
            return found[1]
    if text.strip(" \n.`*\"'") in options:
        return text.strip(" \n.`*\"'")
    marks = parse_marks(text, [set(options) - {NONE}]).found
    return marks[0].label if marks else NONE if NONE in options else None
