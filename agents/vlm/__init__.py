"""Vision-language models, one file for each kind; `som.agents.vlm.base` has the protocol."""

import os
from typing import Any

from som.agents.vlm.base import VLM, ImagePart, Message, Reply, TextPart
from som.errors import VLMError

__all__ = ["VLM", "ImagePart", "Message", "Reply", "TextPart", "get_vlm"]

NO_MODEL = (
    "No model is set, so the offline grounder answers: it matches words, colours and places and knows "
    "nothing else. For a real model use --model and --base-url, or set OPENAI_API_KEY."
)


def get_vlm(
    model: str | None = None, *, base_url: str | None = None, **options: Any
) -> tuple[VLM, str]:
    """The model that a user named.

    Args:
        model: "offline"; "replay:FILE"; "local:CHECKPOINT", which runs in this process; else a name
            that the server knows. None: the server's, and without a server or a key the offline
            grounder.
        base_url: of any OpenAI-compatible server.
        **options: as `som.agents.vlm.openai.OpenAICompatible` takes them, or, for a local model,
            `som.agents.vlm.local.model.LocalVLM`.

    Returns:
        The model, and a line for the user, "" when there is nothing to say.

    Raises:
        VLMError: the name or the URL is wrong, or a key is missing.
    """
    if model == "offline" or (
        model is None and base_url is None and not os.environ.get("OPENAI_API_KEY")
    ):
        from som.agents.vlm.offline import Offline

        return Offline(), "" if model else NO_MODEL
    if model is not None and model.startswith("replay:"):
        from som.agents.vlm.replay import Replay

        return Replay.from_file(model.removeprefix("replay:")), ""
    if model is not None and model.startswith("local:"):
        from som.agents.vlm.local.model import LocalVLM

        return LocalVLM(model.removeprefix("local:"), **options), ""
    if model == "":
        raise VLMError("the model's name is empty; name one, or leave --model out")
    from som.agents.vlm.openai import OpenAICompatible

    return OpenAICompatible(model, base_url=base_url, **options), ""
