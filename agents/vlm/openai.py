"""Any server that speaks OpenAI's Chat Completions: OpenAI, vLLM, Ollama, llama.cpp, LM Studio, ..."""

import base64
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

from som.agents.vlm.base import Choice, ImagePart, Message, OnText, Reply, TextPart, choose_by_asking
from som.errors import VLMError

OPENAI_URL = "https://api.openai.com/v1"
DEFAULT_MODEL = "gpt-5-mini"


class OpenAICompatible:
    """A model behind a URL.

    Busy servers (429), their faults (5xx) and lost connections are retried with backoff, as long as
    no text has come yet; an empty reply is asked for once more.

    Args:
        model: as the server names it; None takes the server's only (or first) one, or, at OpenAI,
            `DEFAULT_MODEL`.
        base_url: of the server, with or without ``/v1``; None is OpenAI's.
        api_key: None reads ``OPENAI_API_KEY``; servers at home need none.
        timeout_s: for the whole reply.
        max_retries: how often to try again.
        max_tokens: longest reply.
        temperature: None leaves it to the server.

    Raises:
        VLMError: the URL is none, or OpenAI is asked without a key.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_s: float = 120.0,
        max_retries: int = 3,
        max_tokens: int = 1024,
        temperature: float | None = None,
    ) -> None:
        from openai import OpenAI

        self.base_url = normalize_url(base_url) if base_url else OPENAI_URL
        key = api_key or os.environ.get("OPENAI_API_KEY")
        if not key and self.base_url == OPENAI_URL:
            raise VLMError("no key for OpenAI: set OPENAI_API_KEY, or name a server with --base-url")
        self._client = OpenAI(
            api_key=key or "none",
            base_url=self.base_url,
            timeout=timeout_s,
            max_retries=max_retries,
        )
        self._model = model
        self.timeout_s, self.max_tokens, self.temperature = timeout_s, max_tokens, temperature

    @property
    def name(self) -> str:
        """The model's name; asks the server if none was given."""
        if self._model is None:
            if self.base_url == OPENAI_URL:
                self._model = DEFAULT_MODEL
            else:
                models = self._models()
                if not models:
                    raise VLMError(f"{self.base_url} lists no models; name one with --model")
                self._model = models[0]
        return self._model

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """Answer, streaming; see `som.agents.vlm.base.VLM.complete`."""
        reply = self._once(messages, on_text)
        if not reply.text.strip():
            reply = self._once(messages, on_text)
        if not reply.text.strip():
            raise VLMError(f"{self.name} answered nothing, twice ({reply.stop_reason}); ask otherwise")
        return reply

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """All probability on the option that the reply names; see `VLM.choose`."""
        return choose_by_asking(self, messages, options)

    def _once(self, messages: Sequence[Message], on_text: OnText | None) -> Reply:
        start = perf_counter()
        limit = "max_completion_tokens" if self.base_url == OPENAI_URL else "max_tokens"
        request: dict[str, Any] = {
            "model": self.name,
            "messages": [to_wire(message) for message in messages],
            "stream": True,
            "stream_options": {"include_usage": True},
            limit: self.max_tokens,
        }
        if self.temperature is not None:
            request["temperature"] = self.temperature
        pieces: list[str] = []
        stop, usage, refusal = "", None, ""
        with self._errors():
            for chunk in self._client.chat.completions.create(**request):
                if perf_counter() - start > self.timeout_s:
                    raise VLMError(f"{self.name} took longer than {self.timeout_s:g} s; gave up")
                usage = getattr(chunk, "usage", None) or usage
                for choice in chunk.choices[:1]:
                    refusal += getattr(choice.delta, "refusal", None) or ""
                    stop = choice.finish_reason or stop
                    if choice.delta.content:
                        pieces.append(choice.delta.content)
                        if on_text:
                            on_text(choice.delta.content)
        if refusal:
            raise VLMError(f"{self.name} refused: {_one_line(refusal)}")
        if stop == "content_filter" and not pieces:
            raise VLMError(f"{self.name}: the server's content filter held the answer back")
        return Reply(
            text="".join(pieces),
            model=self.name,
            tokens_in=getattr(usage, "prompt_tokens", None),
            tokens_out=getattr(usage, "completion_tokens", None),
            seconds=perf_counter() - start,
            stop_reason=stop or "cut off",
        )

    def _models(self) -> list[str]:
        with self._errors():
            return [model.id for model in self._client.models.list().data]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say in one line what went wrong; never with the key in it."""
        import httpx2
        import openai

        try:
            yield
        except openai.AuthenticationError:
            raise VLMError(f"{self.base_url} does not accept the key; check OPENAI_API_KEY") from None
        except openai.NotFoundError as error:
            raise VLMError(self._not_found(error)) from None
        except (openai.APITimeoutError, httpx2.TimeoutException):
            raise VLMError(
                f"no answer from {self.base_url} within {self.timeout_s:g} s; is the model loaded?"
            ) from None
        except (openai.APIConnectionError, httpx2.TransportError) as error:
            reason = _one_line(str(error.__cause__ or error))
            raise VLMError(
                f"lost or found no server at {self.base_url} ({reason}); is it running?"
            ) from None
        except openai.RateLimitError as error:
            raise VLMError(f"{self.base_url} is over its limit: {_body(error)}; try later") from None
        except openai.APIStatusError as error:
            raise VLMError(f"{self.base_url} answered {error.status_code}: {_body(error)}") from None
        except (openai.APIError, ValueError) as error:
            raise VLMError(f"{self.base_url} sent no proper answer: {_one_line(str(error))}") from None

    def _not_found(self, error: Any) -> str:
        try:
            listed = [model.id for model in self._client.models.list().data]
        except Exception:
            listed = []
        if listed:
            return f"no model {self._model!r} at {self.base_url}; it has: {', '.join(listed[:8])}"
        return f"{self.base_url} answered 404: {_body(error)}; check --base-url and --model"


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
    if not valid:
        raise VLMError(f"{url!r} is no server URL; expected one like http://localhost:11434")
    if parts.username or parts.password:
        raise VLMError("put no password into the server URL; set OPENAI_API_KEY instead")
    return url.removesuffix("/chat/completions") if parts.path else f"{url}/v1"


def to_wire(message: Message) -> dict[str, Any]:
    """A message in the form of Chat Completions."""
    if all(isinstance(part, TextPart) for part in message.parts):
        return {"role": message.role, "content": message.text}
    return {"role": message.role, "content": list(_parts(message.parts))}


def _parts(parts: Iterable[TextPart | ImagePart]) -> Iterator[dict[str, Any]]:
    for part in parts:
        if isinstance(part, TextPart):
            yield {"type": "text", "text": part.text}
        else:
            kind, data = part.encoded()
            url = f"data:{kind};base64,{base64.b64encode(data).decode()}"
            yield {"type": "image_url", "image_url": {"url": url}}


def _body(error: Any) -> str:
    body = error.body if isinstance(error.body, dict) else {}
    return _one_line(str(body.get("message") or body.get("detail") or error.message))


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 200 else text[:199] + "…"
