"""Any server that speaks OpenAI's Chat Completions or Responses: OpenAI, Gemini, vLLM, Ollama, ..."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from som.agents.vlm import chat, responses
from som.agents.vlm.base import Choice, Message, OnText
from som.agents.vlm.decisions import DecisionServer
from som.agents.vlm.hosted import Hosted
from som.agents.vlm.server import (
    Clock,
    Heard,
    Request,
    body_of,
    names_of,
    no_key,
    normalize_url,
    one_line,
    refused,
)
from som.errors import VLMError

OPENAI_URL = "https://api.openai.com/v1"
GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta/openai"
DEFAULT_MODEL = "gpt-6-luna"
Api = Literal["auto", "chat", "responses"]


class OpenAICompatible(Hosted):
    """A model behind a URL.

    Busy servers (429), their faults (5xx) and lost connections are retried with backoff, as long as
    no text has come yet; an empty reply is asked for once more. What a server refuses (a schema, a
    tool, log-probabilities, a temperature, ...) is left out from then on.

    Args:
        model: as the server names it; None takes the server's only (or first) one, or, at OpenAI,
            `DEFAULT_MODEL`.
        base_url: of the server, with or without ``/v1``; None is OpenAI's.
        api_key: None reads ``OPENAI_API_KEY``, or ``GEMINI_API_KEY``; servers at home need none.
        api: "chat" (completions), "responses", or "auto": responses at OpenAI where the model has them.
        timeout_s: for the whole reply, all attempts included.
        max_retries: how often to try again.
        max_tokens: longest reply; None takes the profile's.
        temperature: None leaves it to the server.
        logprobs: ask for log-probabilities of the reply's tokens.
        votes: choose by the agreement of so many samples; 0 takes the best way there is.

    Raises:
        VLMError: the URL is none, or OpenAI is asked without a key.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        api: Api = "auto",
        timeout_s: float = 120.0,
        max_retries: int = 3,
        max_tokens: int | None = None,
        temperature: float | None = None,
        logprobs: bool = False,
        votes: int = 0,
    ) -> None:
        from openai import DefaultHttpxClient, OpenAI

        from som.agents.vlm.deadline import Deadline

        self.base_url = normalize_url(base_url) if base_url else OPENAI_URL
        self.own_api = self.base_url == OPENAI_URL
        provider, self.key_variable = "OpenAI", "OPENAI_API_KEY"
        if self.base_url.startswith(GEMINI_URL):
            provider, self.key_variable = "Gemini", "GEMINI_API_KEY"
        self._key = api_key or os.environ.get(self.key_variable) or ""
        if not self._key and (self.own_api or provider == "Gemini"):
            raise no_key(provider, self.key_variable, model)
        self._deadline = Deadline(timeout_s)
        self._client = OpenAI(
            api_key=self._key or "none",
            base_url=self.base_url,
            timeout=timeout_s,
            max_retries=max_retries,
            http_client=DefaultHttpxClient(timeout=timeout_s, event_hooks=self._deadline.hooks()),
        )
        super().__init__(
            timeout_s=timeout_s, max_tokens=max_tokens, temperature=temperature, logprobs=logprobs,
            votes=votes,
        )  # fmt: skip
        self._model, self.api = model, api
        self._guides: bool | None = None
        self._decisions = DecisionServer.of(
            self._client, self.base_url, own_api=self.own_api, deadline=self._deadline
        )

    @property
    def name(self) -> str:
        """The model's name; asks the server if none was given."""
        if self._model is None:
            if self.own_api:
                self._model = DEFAULT_MODEL
            else:
                models = self._models()
                if not models:
                    raise VLMError(f"{self.base_url} lists no models; name one with --model")
                self._model = models[0]
        return self._model

    def calls_to_choose(self, count: int) -> int:
        """How many calls `choose` may make for so many options, by an endpoint or without."""
        without = super().calls_to_choose(count)
        return without if self.votes else max(without, self._decisions.calls_to_choose(count))

    def _natively(self, messages: Sequence[Message], options: tuple[str, ...]) -> Choice | None:
        if self.own_api and "decisions" not in self.profile.can:
            return None
        with self._errors():
            return self._decisions.choose(self.name, messages, options)

    def _call(self, request: Request, on_text: OnText | None, clock: Clock) -> Heard:
        """One call; what the server refuses by name is left out, and the call made again."""
        import openai

        while True:
            asked = self._features(request)
            call = responses.call if self._by_responses() else chat.call
            with self._errors(), self._deadline.running():
                try:
                    return call(self._client, self.name, request, asked, on_text, clock)
                except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                    what = refused(names_of(error), [*asked])
                    if what is None or what in self._refused:
                        raise
                    self._refused.add(what)

    def _features(self, request: Request) -> dict[str, Any]:
        if self._by_responses():
            return responses.features(request, self.profile, self._refused)
        guides = bool(request.options) and self._has_guided_choice()
        return chat.features(request, self.profile, self._refused, own_api=self.own_api, guides=guides)

    def _by_responses(self) -> bool:
        if self.api == "auto":
            return self.own_api and "responses" in self.profile.can
        return self.api == "responses"

    def _has_guided_choice(self) -> bool:
        """Whether this is vLLM, which holds a reply to a list of texts; asked once."""
        if self._guides is None:
            self._guides = False
            if not self.own_api:
                try:
                    listed = self._client.models.list().data
                    self._guides = any(getattr(model, "owned_by", "") == "vllm" for model in listed)
                except Exception:  # it is only a question about a convenience
                    self._guides = False
        return self._guides

    def _models(self) -> list[str]:
        with self._errors(), self._deadline.running():
            return [model.id for model in self._client.models.list().data]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Say in one line what went wrong; never with the key in it."""
        import httpx2
        import openai

        where, key = self.base_url, self._key
        try:
            yield
        except VLMError as error:
            if key and key in str(error):
                raise VLMError(one_line(str(error), without=key)) from None
            raise
        except openai.AuthenticationError:
            raise VLMError(f"{where} does not accept the key; check {self.key_variable}") from None
        except openai.NotFoundError as error:
            raise VLMError(self._not_found(error)) from None
        except (openai.APITimeoutError, httpx2.TimeoutException):
            raise VLMError(
                f"no answer from {where} within {self.timeout_s:g} s; is the model loaded?"
            ) from None
        except (openai.APIConnectionError, httpx2.TransportError) as error:
            reason = one_line(str(error.__cause__ or error), without=key)
            raise VLMError(f"lost or found no server at {where} ({reason}); is it running?") from None
        except openai.RateLimitError as error:
            said = one_line(body_of(error), without=key)
            raise VLMError(f"{where} is over its limit: {said}; try later") from None
        except openai.APIStatusError as error:
            said = one_line(body_of(error), without=key)
            raise VLMError(f"{where} answered {error.status_code}: {said}") from None
        except (openai.APIError, ValueError) as error:
            said = one_line(str(error), without=key)
            raise VLMError(f"{where} sent no proper answer: {said}") from None

    def _not_found(self, error: Any) -> str:
        try:
            listed = [model.id for model in self._client.models.list().data]
        except Exception:
            listed = []
        if listed:
            return f"no model {self._model!r} at {self.base_url}; it has: {', '.join(listed[:8])}"
        said = one_line(body_of(error), without=self._key)
        return f"{self.base_url} answered 404: {said}; check --base-url and --model"
