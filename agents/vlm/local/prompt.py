"""Messages in the form that a checkpoint's chat template wants, and as its inputs."""

import re
from collections.abc import Sequence
from typing import Any

from PIL import Image

from som.agents.vlm.base import Message, TextPart
from som.agents.vlm.local.loading import Loaded
from som.errors import VLMError
from som.segmenters.hub_files import first_line

Turn = dict[str, Any]
# For checkpoints that bring no template.
PLAIN = (
    "{% for message in messages %}{{ 'ASSISTANT: ' if message['role'] == 'assistant' else 'USER: ' }}"
    "{% for part in message['content'] %}{% if part['type'] == 'image' %}IMAGE\n"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}\n{% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
_PROBE = "system-probe"


def encode(loaded: Loaded, messages: Sequence[Message]) -> dict[str, Any]:
    """The inputs of a prompt, on the model's device.

    Control tokens in the text, such as the end of a turn or an image's, are broken up with a space:
    what a page says stays content. (`apply_chat_template(sanitize_control_tokens=True)` would do it,
    but not all processors count their images right with it.)

    Raises:
        VLMError: the processor does not take it.
    """
    template = chat_template(loaded.processor)
    turns = to_turns(messages, system=takes_system(loaded.processor, template))
    control = _control_tokens(loaded)
    for part in (part for turn in turns for part in turn["content"] if part["type"] == "text"):
        part["text"] = control.sub(lambda found: f"{found[0][0]} {found[0][1:]}", part["text"])
    try:
        inputs = loaded.processor.apply_chat_template(
            turns,
            chat_template=template,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, NotImplementedError) as error:
        raise VLMError(f"{loaded.name} does not take this prompt: {first_line(error)}") from error
    tensors = {name: value for name, value in inputs.items() if hasattr(value, "is_floating_point")}
    return {
        name: value.to(loaded.device, loaded.model.dtype if value.is_floating_point() else None)
        for name, value in tensors.items()
    }


def chat_template(processor: Any) -> str:
    """The checkpoint's template, where it has one that takes text and images; else a plain one."""
    own = getattr(processor, "chat_template", None)
    own = own or getattr(getattr(processor, "tokenizer", None), "chat_template", None)
    if isinstance(own, dict):
        own = own.get("default")
    if (
        own
        and _PROBE in (shown := _render(processor, own, [_turn("user", _PROBE)]))
        and ("'type'" not in shown)
    ):
        return str(own)
    return PLAIN.replace("IMAGE", getattr(processor, "image_token", None) or "<image>")


def takes_system(processor: Any, template: str) -> bool:
    """Whether a template has a system role; Gemma's and LLaVA's have none."""
    return _PROBE in _render(processor, template, [_turn("system", _PROBE), _turn("user", "?")])


def to_turns(messages: Sequence[Message], *, system: bool) -> list[Turn]:
    """Turns that alternate.

    Args:
        messages: the conversation.
        system: whether the template has a system role; where it has none, the system's text goes
            before the first user's.
    """
    turns: list[Turn] = []
    for message in messages:
        role = "user" if message.role == "system" and not system else message.role
        parts = [
            {"type": "text", "text": part.text}
            if isinstance(part, TextPart)
            else {"type": "image", "image": Image.fromarray(part.image)}
            for part in message.parts
        ]
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += parts
        else:
            turns.append({"role": role, "content": parts})
    for turn in turns:
        turn["content"] = _lines(turn["content"])
    return turns


def _lines(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Parts of text that follow each other, as lines of one."""
    joined: list[dict[str, Any]] = []
    for part in parts:
        if joined and part["type"] == joined[-1]["type"] == "text":
            joined[-1] = {"type": "text", "text": f"{joined[-1]['text']}\n{part['text']}"}
        else:
            joined.append(part)
    return joined


def _control_tokens(loaded: Loaded) -> re.Pattern[str]:
    """Finds what would be more than text to the tokenizer."""
    tokens = {str(token) for token in loaded.tokenizer.added_tokens_decoder.values()}
    tokens.add(str(getattr(loaded.processor, "image_token", None) or "<image>"))
    longest_first = sorted((token for token in tokens if len(token.strip()) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)))


def _turn(role: str, text: str) -> Turn:
    return {"role": role, "content": [{"type": "text", "text": text}]}


def _render(processor: Any, template: str, turns: list[Turn]) -> str:
    from jinja2 import TemplateError

    try:
        return str(processor.apply_chat_template(turns, chat_template=template, tokenize=False))
    except (TemplateError, TypeError, ValueError, KeyError, AttributeError):
        return ""
