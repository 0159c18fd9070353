"""Messages of ours as those of `inspect_ai`, and back."""

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from weakref import WeakValueDictionary

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    Content,
    ContentImage,
    ContentText,
    ModelOutput,
)

from som.agents.vlm.base import ImagePart, Message, Reply, TextPart
from som.errors import VLMError
from som.image import load_image
from som.marks import MarkedImage

# Under this key, a message's metadata says what it asks; models of this package read it, no other.
KEY = "som"
# What a model of this package took; the library's time has waiting for others in it.
SECONDS = "seconds"
_ROLES = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
# Marked images that are being asked about, by the digest that metadata holds in their place.
_shown: WeakValueDictionary[str, MarkedImage] = WeakValueDictionary()


def to_chat(messages: Sequence[Message], options: Sequence[str] = ()) -> list[ChatMessage]:
    """Messages as `inspect_ai` sends them.

    Args:
        messages: the conversation.
        options: what can be chosen, for a model of this package.
    """
    chat: list[ChatMessage] = []
    for message in messages:
        metadata: dict[str, Any] = {}
        if message.question:
            metadata = {"question": message.question, "marked": [_keep(one) for one in message.marked]}
        if options and message is messages[-1]:
            metadata["options"] = list(options)
        content = [_content(part) for part in message.parts]
        made = _ROLES[message.role](
            content=message.text if message.role == "system" else content,
            metadata={KEY: metadata} if metadata else None,
        )
        chat.append(made)
    return chat


def from_chat(chat: Sequence[ChatMessage]) -> tuple[list[Message], list[str]]:
    """Messages as models of this package take them, and the options to choose among, if any.

    Raises:
        VLMError: a message of a tool, or an image that cannot be read.
    """
    messages, options = [], []
    for message in chat:
        if message.role == "tool":
            raise VLMError("models of som take no tools")
        asked: dict[str, Any] = (message.metadata or {}).get(KEY, {})
        content = message.content
        parts = [content] if isinstance(content, str) else content
        marked = tuple(image for key in asked.get("marked", ()) if (image := _shown.get(key)))
        options = asked.get("options", [])
        messages.append(
            Message(
                message.role,
                tuple(part for item in parts if (part := _part(item))),
                question=asked.get("question", ""),
                marked=marked,
            )
        )
    return messages, options


def to_reply(output: ModelOutput) -> Reply:
    """What a model of `inspect_ai` said."""
    choice = output.choices[0] if output.choices else None
    logprobs = choice.logprobs.content if choice and choice.logprobs else None
    usage = output.usage
    return Reply(
        output.completion,
        output.model,
        tokens_in=usage.input_tokens if usage else None,
        tokens_out=usage.output_tokens if usage else None,
        seconds=float((output.metadata or {}).get(SECONDS) or output.time or 0.0),
        stop_reason=choice.stop_reason if choice else "unknown",
        logprobs=tuple(token.logprob for token in logprobs) if logprobs else None,
        cost_usd=usage.total_cost if usage else None,
    )


def _keep(marked: MarkedImage) -> str:
    digest = sha256(marked.drawn.tobytes())
    digest.update(repr((marked.size_wh, marked.layout.labels, marked.regions.xyxy.tolist())).encode())
    key = digest.hexdigest()[:24]
    _shown[key] = marked
    return key


def _content(part: TextPart | ImagePart) -> Content:
    if isinstance(part, TextPart):
        return ContentText(text=part.text)
    kind, data = part.encoded()
    return ContentImage(image=f"data:{kind};base64,{base64.b64encode(data).decode()}")


def _part(item: str | Content) -> TextPart | ImagePart | None:
    if isinstance(item, str):
        return TextPart(item)
    if isinstance(item, ContentText):
        return TextPart(item.text)
    if isinstance(item, ContentImage):
        try:
            return ImagePart(load_image(base64.b64decode(item.image.partition(",")[2], validate=True)))
        except binascii.Error as error:
            raise VLMError("an image in the messages is not base64 data") from error
    return None
