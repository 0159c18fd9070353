"""Vision-language models, one file for each kind; `som.agents.vlm.base` has the protocol."""

import os
from collections.abc import Callable
from inspect import signature
from typing import Any

from som.agents.vlm.base import VLM, ImagePart, Message, Reply, TextPart
from som.errors import VLMError

__all__ = ["VLM", "ImagePart", "Message", "Reply", "TextPart", "get_vlm"]

NO_MODEL = (
    "No model is set, so the offline grounder answers: it matches words, colours and places and knows "
    "nothing else. For a real model use --model and --base-url, or set OPENAI_API_KEY."
)
PREFIXES = ("openai", "anthropic", "computer", "gemini", "local")


def get_vlm(
    model: str | None = None, *, base_url: str | None = None, **options: Any
) -> tuple[VLM, str]:
    """The model that a user named.

    Args:
        model: "offline"; "replay:FILE"; "local:CHECKPOINT" runs in this process; "anthropic:NAME" or
            "claude-...", "gemini:NAME" or "gemini-...", "openai:NAME" go to these providers;
            "computer:claude-..." acts by Claude's own computer tool; else a name that the server
            knows. None: the server's, and without a server or a key the offline grounder.
        base_url: of any OpenAI-compatible server; with "anthropic:NAME", of one that speaks its API.
        **options: as the kind of model takes them: `som.agents.vlm.openai.OpenAICompatible`,
            `som.agents.vlm.local.model.LocalVLM`, ...; those that are None are left out.

    Returns:
        The model, and a line for the user, "" when there is nothing to say.

    Raises:
        VLMError: the name or the URL is wrong, a key is missing, or there is no such option.
    """
    if model == "offline" or (
        model is None and base_url is None and not os.environ.get("OPENAI_API_KEY")
    ):
        from som.agents.vlm.offline import Offline

        return Offline(), "" if model else NO_MODEL
    if model is not None and model.startswith("replay:"):
        from som.agents.vlm.replay import Replay

        return Replay.from_file(model.removeprefix("replay:")), ""
    provider, name = _split(model, base_url)
    if name == "":
        raise VLMError("the model's name is empty; name one, or leave --model out")
    if provider == "local":
        from som.agents.vlm.local.model import LocalVLM

        return _make(LocalVLM, name, options), ""
    if provider == "anthropic":
        from som.agents.vlm.anthropic import Anthropic

        return _make(Anthropic, name, {**options, "base_url": base_url}), ""
    if provider == "computer":
        from som.agents.vlm.anthropic_computer import ComputerUse

        return _make(ComputerUse, name, {**options, "base_url": base_url}), ""
    from som.agents.vlm.openai import GEMINI_URL, OpenAICompatible

    if provider == "gemini":
        base_url = base_url or GEMINI_URL
    return _make(OpenAICompatible, name, {**options, "base_url": base_url}), ""


def _split(model: str | None, base_url: str | None) -> tuple[str, str | None]:
    """The provider that a name is for, and the name without it."""
    if model is None:
        return "openai", None
    prefix, colon, rest = model.partition(":")
    if colon and prefix in PREFIXES:
        return prefix, rest
    if base_url is None and model.startswith("claude-"):
        return "anthropic", model
    if base_url is None and model.startswith("gemini-"):
        return "gemini", model
    return "openai", model


def _make(kind: Callable[..., VLM], name: str | None, options: dict[str, Any]) -> VLM:
    given = {key: value for key, value in options.items() if value is not None}
    takes = signature(kind).parameters
    if not any(parameter.kind == parameter.VAR_KEYWORD for parameter in takes.values()):
        if "timeout_s" not in takes:
            given.pop("timeout_s", None)
        unknown = sorted(set(given) - set(takes))
        if unknown:
            raise VLMError(f"model {name!r} takes no {unknown[0]}; it takes: {', '.join(takes)}")
    return kind(name, **given)
