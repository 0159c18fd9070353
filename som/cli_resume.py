"""Going on with a run of ``som act``: which of its settings still hold, and what it has spent."""

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click
from click.core import ParameterSource

from som.errors import SomError

if TYPE_CHECKING:
    from som.agents.trace import Trace
    from som.agents.vlm.cost import Spent

# How a run looks, asks and is held back holds on. What lets it do more, such as --yes, --allow-private
# and secrets, is given anew by the person who goes on.
HOLDING = (
    "desktop", "model", "api", "votes", "timeout", "marks", "max_tokens", "max_usd", "max_seconds",
    "quantize", "model_device", "lang", "form", "use", "legend", "keep_images", "headed", "viewport",
    "density", "allow", "block", "safety", "second_opinion",
)  # fmt: skip
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def settings_of(old: "Trace", options: dict[str, Any]) -> dict[str, Any]:
    """The settings to go on with: what is given now, and else what the run had.

    Raises:
        SomError: the run asked a server elsewhere; a file is not to say where pages are sent.
    """
    had: dict[str, Any] = {"lang": old.header.lang, **old.header.settings}
    for resumed in old.resumed:
        had |= resumed.settings
    context = click.get_current_context()
    given = {
        name
        for name in options
        if context.get_parameter_source(name) not in (ParameterSource.DEFAULT, None)
    }
    held = {name: _as_given(had[name]) for name in HOLDING if name in had and name not in given}
    server = had.get("base_url")
    if server and not {"model", "base_url"} & given:
        if urlsplit(server).hostname not in LOOPBACK:
            raise SomError(
                f"the run asked a model at {server}; to go on with it say --base-url {server}"
            )
        held["base_url"] = server
    return {**options, **held}


def spent_by(old: "Trace") -> "Spent":
    """What the steps of a run took; it counts against the limits of who goes on.

    Tokens that a server did not tell are estimated, as they are before each call.
    """
    from som.agents.vlm.cost import Spent, text_tokens_of
    from som.agents.vlm.profiles import profile_of

    spent = Spent(usd=old.cost_usd or 0.0, seconds=old.seconds)
    image_tokens = profile_of(old.header.model).image_tokens
    for record in old.records:
        for call in (record.reply, record.choice, *record.opinions):
            if call is None:
                continue
            tokens_in, tokens_out = call.tokens_in, call.tokens_out or 0
            if tokens_in is None:
                size = record.seen.marks["image"]
                parts = [part for message in record.messages for part in message.parts]
                tokens_in = sum(
                    text_tokens_of(old.text(part.text))
                    if part.text
                    else image_tokens((size["width"], size["height"]))
                    for part in parts
                )
            spent = spent.plus(Spent(1, tokens_in, tokens_out))
    return spent


def _as_given(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
