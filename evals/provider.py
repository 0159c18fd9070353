"""Models of this package as a provider of `inspect_ai`: ``--model som/offline``, ``som/replay:FILE``.

``som/NAME`` is whatever `som.agents.vlm.get_vlm` calls NAME; ``--model-base-url`` names its server.
"""

from functools import partial
from typing import Any

from anyio import CapacityLimiter, to_thread
from inspect_ai.model import (
    ChatCompletionChoice,
    ChatMessage,
    ChatMessageAssistant,
    GenerateConfig,
    Logprob,
    Logprobs,
    ModelAPI,
    ModelOutput,
    ModelUsage,
    modelapi,
)
from inspect_ai.tool import ToolChoice, ToolInfo

from som.agents.vlm import get_vlm
from som.agents.vlm.base import Choice, Reply
from som.evals.chat import SECONDS, from_chat

# A script plays its replies in order, a model in this process has one set of weights: one at a time.
_ALONE = ("replay:", "local:")
_STOPS: dict[str, Any] = {"length": "max_tokens", "refusal": "content_filter"}
_KNOWN_STOPS = ("stop", "content_filter", "max_tokens", "model_length")


class SomModel(ModelAPI):
    """One of this package's models.

    Args:
        model_name: as `get_vlm` takes it.
        base_url: of its server, for a model behind a URL.
        api_key: likewise.
        config: what `inspect_ai` was told; the longest reply and the temperature go to servers.
        **model_args: further options of the model.
    """

    def __init__(
        self,
        model_name: str,
        base_url: str | None = None,
        api_key: str | None = None,
        config: GenerateConfig | None = None,
        **model_args: Any,
    ) -> None:
        config = config or GenerateConfig()
        super().__init__(model_name, base_url, api_key, [], config)
        settings = {"max_tokens": config.max_tokens, "temperature": config.temperature}
        options = {**{key: value for key, value in settings.items() if value is not None}, **model_args}
        if api_key:
            options["api_key"] = api_key
        self.vlm, _ = get_vlm(model_name, base_url=base_url, **options)
        self._alone = CapacityLimiter(1 if model_name.startswith(_ALONE) else self.max_connections())

    async def generate(
        self,
        input: list[ChatMessage],
        tools: list[ToolInfo],
        tool_choice: ToolChoice,
        config: GenerateConfig,
    ) -> ModelOutput:
        """Answer, or choose where the last message names options.

        Raises:
            VLMError: the model could not answer.
        """
        messages, options = from_chat(input)
        if options:
            ask = partial(self.vlm.choose, messages, options)
            return _chosen(await to_thread.run_sync(ask, limiter=self._alone), self.model_name)
        complete = partial(self.vlm.complete, messages)
        return _said(await to_thread.run_sync(complete, limiter=self._alone))

    def max_connections(self) -> int:
        """How many are asked at once."""
        return 1 if self.model_name.startswith(_ALONE) else 4


@modelapi("som")
def som() -> type[ModelAPI]:
    """The provider."""
    return SomModel


def _said(reply: Reply) -> ModelOutput:
    stop = _STOPS.get(reply.stop_reason, reply.stop_reason)
    logprobs = None
    if reply.logprobs:
        logprobs = Logprobs(content=[Logprob(token="", logprob=value) for value in reply.logprobs])
    choice = ChatCompletionChoice(
        message=ChatMessageAssistant(content=reply.text, source="generate"),
        stop_reason=stop if stop in _KNOWN_STOPS else "unknown",
        logprobs=logprobs,
    )
    usage = _usage(reply.tokens_in, reply.tokens_out, reply.cost_usd)
    took = {SECONDS: reply.seconds}
    return ModelOutput(model=reply.model, choices=[choice], usage=usage, metadata=took)


def _chosen(choice: Choice, name: str) -> ModelOutput:
    message = ChatMessageAssistant(content=f"[{choice.best}]", source="generate")
    return ModelOutput(
        model=choice.model or name,
        choices=[ChatCompletionChoice(message=message, stop_reason="stop")],
        usage=_usage(choice.tokens_in, choice.tokens_out, choice.cost_usd),
        metadata={
            SECONDS: choice.seconds,
            "probabilities": dict(choice),
            "method": choice.method,
        },
    )


def _usage(tokens_in: int | None, tokens_out: int | None, cost_usd: float | None) -> ModelUsage | None:
    if tokens_in is None and tokens_out is None:
        return None
    given, made = tokens_in or 0, tokens_out or 0
    return ModelUsage(
        input_tokens=given, output_tokens=made, total_tokens=given + made, total_cost=cost_usd
    )
