"""Claude, by Anthropic's Messages API."""

import base64
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from som.agents.vlm.base import Message, OnText, TextPart
from som.agents.vlm.chat import TOOL
from som.agents.vlm.hosted import Hosted
from som.agents.vlm.schema import strict
from som.agents.vlm.server import Clock, Heard, Request, body_of, names_of, no_key, one_line, refused
from som.errors import MissingDependencyError, VLMError

DEFAULT_MODEL = "claude-sonnet-5-5"
_STOPS = {"end_turn": "stop", "stop_sequence": "stop", "tool_use": "stop", "max_tokens": "length"}


class Anthropic(Hosted):
    """A Claude model.

    Busy servers and lost connections are retried with backoff; what the server refuses (a schema, a
    tool, a temperature) is left out from then on.

    Args:
        model: its name; None is `DEFAULT_MODEL`.
        base_url: of the server; None is Anthropic's.
        api_key: None reads ``ANTHROPIC_API_KEY``.
        timeout_s: for the whole reply, all attempts included.
        max_retries: how often to try again.
        max_tokens: longest reply; None takes the profile's.
        temperature: None leaves it to the server; models since Claude Opus 4.7 take none.
        votes: choose by the agreement of so many samples; 0 asks once.

    Raises:
        MissingDependencyError: the package `anthropic` is not installed.
        VLMError: there is no key.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        max_retries: int = 3,
        max_tokens: int | None = None,
        temperature: float | None = None,
        votes: int = 0,
    ) -> None:
        super().__init__(
            timeout_s=timeout_s, max_tokens=max_tokens, temperature=temperature, logprobs=False,
            votes=votes,
        )  # fmt: skip
        anthropic = _package()
        from som.agents.vlm.deadline import Deadline

        self._deadline = Deadline(timeout_s)
        self._key = api_key or os.environ.get("ANTHROPIC_API_KEY") or ""
        if not self._key:
            raise no_key("Anthropic", "ANTHROPIC_API_KEY", model)
        self._client = anthropic.Anthropic(
            api_key=self._key,
            base_url=base_url,
            timeout=timeout_s,
            max_retries=max_retries,
            http_client=anthropic.DefaultHttpxClient(
                timeout=timeout_s, event_hooks=self._deadline.hooks()
            ),
        )
        self.base_url = str(self._client.base_url).rstrip("/")
        self._model = model or DEFAULT_MODEL

    @property
    def name(self) -> str:
        """The model's name."""
        return self._model

    def _call(self, request: Request, on_text: OnText | None, clock: Clock) -> Heard:
        anthropic = _package()
        while True:
            asked = self._features(request)
            with self._errors(), self._deadline.running():
                try:
                    return self._stream(request, asked, on_text, clock)
                except (anthropic.BadRequestError, anthropic.UnprocessableEntityError) as error:
                    what = refused(names_of(error), [*asked])
                    if what is None or what in self._refused:
                        raise
                    self._refused.add(what)

    def _features(self, request: Request) -> dict[str, Any]:
        """What a request asks for beyond its messages: feature -> the parameters that ask for it."""
        profile, asked = self.profile, dict[str, Any]()
        if request.temperature is not None and "temperature" in profile.can:
            asked["temperature"] = {"temperature": request.temperature}
        if request.schema is not None:
            schema = strict(request.schema)
            if "json_schema" in profile.can and "json_schema" not in self._refused:
                form = {"type": "json_schema", "schema": schema}
                asked["json_schema"] = {"output_config": {"format": form}}
            elif "tools" in profile.can:
                tool = {"name": TOOL, "description": "Give the answer.", "input_schema": schema}
                asked["tools"] = {"tools": [tool]}
                if "forced_tool" in profile.can:
                    asked["forced_tool"] = {"tool_choice": {"type": "tool", "name": TOOL}}
        return {name: value for name, value in asked.items() if name not in self._refused}

    def _stream(
        self, request: Request, asked: dict[str, Any], on_text: OnText | None, clock: Clock
    ) -> Heard:
        body: dict[str, Any] = {"model": self.name, "max_tokens": request.max_tokens, "stream": True}
        body |= to_wire(request.messages)
        for parameters in asked.values():
            body |= parameters
        pieces: list[str] = []
        stop, tokens_out = "", None
        tokens_in, cached = None, 0
        with self._client.messages.create(**body) as stream:
            for event in stream:
                clock.check(self.name)
                if event.type == "message_start":
                    tokens_in, cached = tokens_of(event.message.usage)
                elif event.type == "content_block_delta":
                    delta = event.delta
                    piece = getattr(delta, "text", "") or getattr(delta, "partial_json", "")
                    if piece:
                        pieces.append(piece)
                        if on_text:
                            on_text(piece)
                elif event.type == "message_delta":
                    stop = event.delta.stop_reason or stop
                    tokens_out = event.usage.output_tokens
        if stop == "refusal":
            raise VLMError(f"{self.name} refused to answer; ask otherwise")
        return Heard(
            text="".join(pieces),
            stop=_STOPS.get(stop, stop) or "cut off",
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            cached=cached,
            form="schema" if "json_schema" in asked else "tools" if "tools" in asked else "",
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say in one line what went wrong; never with the key in it."""
        import httpx2

        anthropic = _package()
        where, key = self.base_url, self._key
        try:
            yield
        except anthropic.AuthenticationError:
            raise VLMError(f"{where} does not accept the key; check ANTHROPIC_API_KEY") from None
        except anthropic.NotFoundError as error:
            said = one_line(body_of(error), without=key)
            raise VLMError(f"no model {self.name!r} at {where}: {said}; check --model") from None
        except (anthropic.APITimeoutError, httpx2.TimeoutException):
            raise VLMError(f"no answer from {where} within {self.timeout_s:g} s; try later") from None
        except (anthropic.APIConnectionError, httpx2.TransportError) as error:
            reason = one_line(str(error.__cause__ or error), without=key)
            raise VLMError(f"lost or found no server at {where} ({reason}); is it running?") from None
        except anthropic.RateLimitError as error:
            said = one_line(body_of(error), without=key)
            raise VLMError(f"{where} is over its limit: {said}; try later") from None
        except anthropic.APIStatusError as error:
            said = one_line(body_of(error), without=key)
            raise VLMError(f"{where} answered {error.status_code}: {said}") from None
        except (anthropic.AnthropicError, ValueError) as error:
            said = one_line(str(error), without=key)
            raise VLMError(f"{where} sent no proper answer: {said}") from None


def tokens_of(usage: Any) -> tuple[int, int]:
    """Tokens of a prompt, and those of them that the server had."""
    cached = usage.cache_read_input_tokens or 0
    return usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0), cached


def to_wire(messages: Sequence[Message]) -> dict[str, Any]:
    """Messages in the form of the Messages API: what the system says has a place of its own."""
    system = "\n\n".join(message.text for message in messages if message.role == "system")
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        content: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, TextPart):
                if part.text.strip():  # empty text is refused
                    content.append({"type": "text", "text": part.text})
            else:
                kind, data = part.encoded()
                source = {
                    "type": "base64",
                    "media_type": kind,
                    "data": base64.b64encode(data).decode(),
                }
                content.append({"type": "image", "source": source})
        if content:
            turns.append({"role": message.role, "content": content})
    return {"messages": turns, **({"system": system} if system else {})}


def _package() -> ModuleType:
    try:
        import anthropic
    except ImportError as error:
        raise MissingDependencyError(
            'Claude needs the package anthropic: pip install "som-agent[anthropic]"'
        ) from error
    return anthropic
