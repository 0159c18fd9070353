"""What clients of servers share: addresses, requests and replies in our terms, errors in one line."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from som.agents.vlm.base import Message
from som.errors import VLMError

# For each thing that a request can ask for, the words by which servers name it when they refuse it.
REFUSALS: dict[str, tuple[str, ...]] = {
    "guided": ("structured_outputs", "guided_choice"),
    "logprobs": ("logprobs",),
    "temperature": ("temperature", "sampling"),
    "stream_options": ("stream_options",),
    "limit": ("max_tokens", "max_completion_tokens"),
    "effort": ("reasoning", "effort"),
    "forced_tool": ("tool_choice", "forced tool", "forces tool"),
    "tools": ("tool",),
    "json_schema": (
        *("response_format", "json_schema", "text.format", "output_config", "output_format"),
        *("schema", "grammar", "structured"),
    ),
    "detail": ("'detail'", '"detail"', "image_url.detail", "].detail"),
}


@dataclass(frozen=True)
class Request:
    """One call, in our terms.

    Attributes:
        messages: the conversation.
        schema: that the reply should follow.
        options: that it should be one of; `schema` then says the same.
        max_tokens: longest reply.
        temperature: None leaves it to the server.
        top_logprobs: how many alternatives of each token to give; 0 for none.
    """

    messages: Sequence[Message]
    schema: dict[str, Any] | None = None
    options: tuple[str, ...] = ()
    max_tokens: int = 1024
    temperature: float | None = None
    top_logprobs: int = 0


@dataclass(frozen=True)
class Token:
    """One token of a reply.

    Attributes:
        text: what it says.
        logprob: its log-probability.
        others: log-probabilities of what could have stood there, itself included.
    """

    text: str
    logprob: float
    others: Mapping[str, float]


@dataclass(frozen=True)
class Heard:
    """What came back from one call.

    Attributes:
        text: of the reply; the arguments where it was the call of a tool.
        stop: "stop", "length", "content_filter", "cut off", ...
        tokens_in: of the prompt, None where not said.
        tokens_out: of the reply, likewise.
        cached: tokens of the prompt that the server had.
        usd: price where the server itself says it.
        tokens: with log-probabilities, where they were asked for and given.
        form: what was asked for to hold the reply: "schema", "tools", "grammar" or "".
    """

    text: str
    stop: str
    tokens_in: int | None = None
    tokens_out: int | None = None
    cached: int = 0
    usd: float | None = None
    tokens: tuple[Token, ...] = ()
    form: str = ""


@dataclass(frozen=True)
class Clock:
    """How long a reply has taken, and how long it may."""

    limit_s: float
    start: float

    @classmethod
    def of(cls, limit_s: float) -> "Clock":
        """One that starts now."""
        return cls(limit_s, perf_counter())

    def check(self, name: str) -> None:
        """Raise when time is up: servers that drip never run into the timeout of a connection."""
        if perf_counter() - self.start > self.limit_s:
            raise VLMError(f"{name} took longer than {self.limit_s:g} s; gave up")

    def seconds(self) -> float:
        """Since the start."""
        return perf_counter() - self.start


def refused(said: str, asked: Sequence[str]) -> str | None:
    """What a server refused, by the words of its error; None when that is nothing that was asked for.

    Args:
        said: its message, and the parameter it names.
        asked: keys of `REFUSALS` that the request had.
    """
    said = said.lower()
    for name, words in REFUSALS.items():
        if name in asked and any(word in said for word in words):
            return name
    return None


def normalize_url(url: str) -> str:
    """The API's base of a server's URL: ``localhost:11434`` becomes ``http://localhost:11434/v1``.

    Raises:
        VLMError: it is no http URL.
    """
    url = url.strip()
    url = url if "://" in url else f"http://{url}"
    url = url.rstrip("/") if not url.endswith("://") else url
    parts = urlsplit(url)
    try:
        valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        valid = False
    if parts.username or parts.password or parts.query:
        raise VLMError("put no password or key into the server URL; set OPENAI_API_KEY instead")
    if not valid:
        raise VLMError(f"{url!r} is no server URL; expected one like http://localhost:11434")
    return url.removesuffix("/chat/completions") if parts.path else f"{url}/v1"


def one_line(text: str, *, without: str = "") -> str:
    """A text as part of a message: one line, not long, and without the key in it."""
    if without:
        text = text.replace(without, "(key)")
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:199] + "…"


def body_of(error: Any) -> str:
    """What a server says about an error that it answered with; the parameter it names comes first."""
    body = error.body if isinstance(error.body, dict) else {}
    inner = body.get("error")
    if isinstance(inner, dict):
        body = inner
    said = body.get("message") or body.get("detail") or inner or getattr(error, "message", "") or error
    return str(said)


def names_of(error: Any) -> str:
    """What tells which parameter a server refused: its message and the parameter it names."""
    body = error.body if isinstance(error.body, dict) else {}
    return f"{body.get('param') or ''} {body_of(error)}"


def no_key(provider: str, variable: str, model: str | None) -> VLMError:
    """The error when a hosted provider is asked without a key."""
    wanted = repr(model) if model else "a model"
    return VLMError(
        f"no key for {provider}: set {variable}, or name the server that has {wanted} with --base-url"
    )
