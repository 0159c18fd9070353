"""What a vision-language model is here: it completes messages, and it chooses among options."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, runtime_checkable

import cv2
import numpy as np
from numpy.typing import NDArray

from som.answers import parse_marks
from som.marks import MarkedImage

OnText = Callable[[str], None]

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
    """

    role: Literal["system", "user", "assistant"]
    parts: tuple[TextPart | ImagePart, ...]
    question: str = ""
    marked: tuple[MarkedImage, ...] = ()

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
    """

    text: str
    model: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    stop_reason: str = "stop"
    logprobs: tuple[float, ...] | None = field(default=None, repr=False)


@runtime_checkable
class VLM(Protocol):
    """A vision-language model."""

    @property
    def name(self) -> str:
        """What it is called in results."""
        ...

    def complete(self, messages: Sequence[Message], *, on_text: OnText | None = None) -> Reply:
        """Answer.

        Args:
            messages: the conversation so far.
            on_text: called with each piece of text as it comes.

        Raises:
            VLMError: there is no answer; one line says why.
        """
        ...

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> dict[str, float]:
        """Choose among options.

        Args:
            messages: the conversation so far.
            options: what can be chosen, each different.

        Returns:
            A probability for each option; they sum to 1.
        """
        ...


def choose_by_asking(vlm: VLM, messages: Sequence[Message], options: Sequence[str]) -> dict[str, float]:
    """`VLM.choose` for models that can only complete: ask, and read the option out of the reply.

    All probability lies on what the reply names first; where it names nothing, options are equal.
    """
    listed = ", ".join(f"[{option}]" for option in options)
    ask = Message("user", (TextPart(f"Answer with exactly one of these and nothing else: {listed}"),))
    found = parse_marks(vlm.complete([*messages, ask]).text, [set(options)]).found
    if not found:
        return dict.fromkeys(options, 1 / len(options))
    return {option: float(option == found[0].label) for option in options}
