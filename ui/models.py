"""Which model answers a visitor: the one they set, the owner's, or the offline grounder."""

import os
from typing import Any

from som.agents.vlm import get_vlm
from som.agents.vlm.base import VLM, Message, TextPart
from som.agents.vlm.openai import DEFAULT_MODEL
from som.errors import SomError
from som.ui.config import Config
from som.ui.sessions import ModelSettings
from som.ui.words import word

# Kinds of models that read files of this machine or run in this process.
ON_THIS_MACHINE = ("local", "replay", "offline")
# Said instead of none: without a key, a key of this process's environment would be taken.
NO_KEY = "none"
TIMEOUT_S = 120.0
TEST_TIMEOUT_S = 20.0


def vlm_of(settings: ModelSettings, config: Config, **options: Any) -> VLM:
    """The model for these settings.

    A visitor's server gets the visitor's key or none: never one from this process's environment.

    Raises:
        SomError: a server that may not be asked, or none that can be.
    """
    options = {"timeout_s": TIMEOUT_S, **options}
    if settings.base_url or settings.key or settings.model:
        return _visitors(settings, config, options)
    if config.model is not None or config.base_url is not None:
        return get_vlm(config.model, base_url=config.base_url, **options)[0]
    # On the owner's own machine, the key in the environment is the visitor's.
    return get_vlm(
        None if config.private and os.environ.get("OPENAI_API_KEY") else "offline", **options
    )[0]


def _visitors(settings: ModelSettings, config: Config, options: dict[str, Any]) -> VLM:
    """The model that a visitor named, with the visitor's key."""
    kind = settings.model.partition(":")[0]
    if kind in ON_THIS_MACHINE and settings.model != "offline":
        raise SomError(f"{kind}: names a model on the app's own machine; its owner can set it")
    if settings.model == "offline":
        return get_vlm("offline")[0]
    base = config.check_server(settings.base_url) if settings.base_url else None
    if base is None and not settings.key:
        raise SomError("give a server or a key with the model's name")
    return get_vlm(name_of(settings), base_url=base, api_key=settings.key or NO_KEY, **options)[0]


def name_of(settings: ModelSettings) -> str | None:
    """The name that `get_vlm` takes for these settings; None leaves it to the server that they name."""
    if settings.model or settings.base_url:
        return settings.model or None
    return "openai:" + DEFAULT_MODEL if settings.key else "offline"


def describe(settings: ModelSettings, config: Config, lang: str) -> str:
    """One line: who answers, for people."""
    vlm = vlm_of(settings, config)
    if vlm.name == "offline":
        return word("model.offline", lang)
    where = getattr(vlm, "base_url", "") or "-"
    return word("model.now", lang, model=vlm.name, server=where)


def try_model(settings: ModelSettings, config: Config, lang: str) -> str:
    """Ask the model for one word, and say how it went.

    Raises:
        SomError: it does not answer; one line says why, without the key.
    """
    vlm = vlm_of(settings, config, timeout_s=TEST_TIMEOUT_S, max_retries=0)
    if vlm.name == "offline":
        return word("model.offline", lang)
    reply = vlm.complete([Message("user", (TextPart("Reply with the word: ready"),))])
    return word("model.ready", lang, model=reply.model, seconds=f"{reply.seconds:.1f}")
