"""One call of OpenAI's Responses, streamed: what goes out and what comes back."""

from collections.abc import Iterator
from typing import Any

from som.agents.vlm.base import Message, OnText, TextPart
from som.agents.vlm.chat import TOOL, data_url, form_of
from som.agents.vlm.profiles import Profile
from som.agents.vlm.schema import strict
from som.agents.vlm.server import Clock, Heard, Request, Token, one_line
from som.errors import VLMError


def features(request: Request, profile: Profile, refused: set[str]) -> dict[str, Any]:
    """What a request asks for beyond its messages; as `som.agents.vlm.chat.features`."""
    asked: dict[str, Any] = {"limit": {"max_output_tokens": request.max_tokens}}
    if request.temperature is not None and "temperature" in profile.can:
        asked["temperature"] = {"temperature": request.temperature}
    if request.top_logprobs and "logprobs" in profile.can:
        include = ["message.output_text.logprobs"]
        asked["logprobs"] = {"include": include, "top_logprobs": request.top_logprobs}
    if profile.effort:
        asked["effort"] = {"reasoning": {"effort": profile.effort}}
    if profile.detail:
        asked["detail"] = {}
    if request.schema is not None:
        schema = strict(request.schema)
        if "json_schema" in profile.can and "json_schema" not in refused:
            form = {"type": "json_schema", "name": TOOL, "schema": schema, "strict": True}
            asked["json_schema"] = {"text": {"format": form}}
        elif "tools" in profile.can:
            tool = {"type": "function", "name": TOOL, "parameters": schema, "strict": True}
            asked["tools"] = {"tools": [tool]}
            if "forced_tool" in profile.can:
                asked["forced_tool"] = {"tool_choice": {"type": "function", "name": TOOL}}
    return {name: value for name, value in asked.items() if name not in refused}


def call(
    client: Any,
    model: str,
    request: Request,
    asked: dict[str, Any],
    on_text: OnText | None,
    clock: Clock,
) -> Heard:
    """Send the request, and read the events that come back. Nothing is kept on the server."""
    detail = "high" if "detail" in asked else "auto"
    body: dict[str, Any] = {
        "model": model,
        "input": [to_wire(message, detail) for message in request.messages],
        "stream": True,
        "store": False,
    }
    for parameters in asked.values():
        body |= parameters
    pieces: list[str] = []
    tokens: list[Token] = []
    refusal, ended = "", None
    with client.responses.create(**body) as stream:
        for event in stream:
            clock.check(model)
            kind = event.type
            if kind in ("response.output_text.delta", "response.function_call_arguments.delta"):
                pieces.append(event.delta)
                tokens += _tokens(event)
                if on_text and event.delta:
                    on_text(event.delta)
            elif kind == "response.refusal.delta":
                refusal += event.delta
            elif kind in ("response.completed", "response.incomplete"):
                ended = event.response
            elif kind == "response.failed":
                error = event.response.error
                raise VLMError(f"{model} failed: {one_line(error.message if error else 'no reason')}")
            elif kind == "error":
                raise VLMError(f"{model} failed: {one_line(event.message)}")
    if refusal:
        raise VLMError(f"{model} refused: {one_line(refusal)}")
    stop = _stop(ended)
    if stop == "content_filter" and not pieces:
        raise VLMError(f"{model}: the server's content filter held the answer back")
    usage = getattr(ended, "usage", None)
    details = getattr(usage, "input_tokens_details", None)
    return Heard(
        text="".join(pieces),
        stop=stop,
        tokens_in=getattr(usage, "input_tokens", None),
        tokens_out=getattr(usage, "output_tokens", None),
        cached=getattr(details, "cached_tokens", None) or 0,
        tokens=tuple(tokens),
        form=form_of(asked),
    )


def _stop(ended: Any) -> str:
    if ended is None:
        return "cut off"
    details = getattr(ended, "incomplete_details", None)
    reason = getattr(details, "reason", None) or "stop"
    return {"max_output_tokens": "length"}.get(reason, reason)


def _tokens(event: Any) -> Iterator[Token]:
    for token in getattr(event, "logprobs", None) or ():
        others = {
            other.token: other.logprob
            for other in token.top_logprobs or ()
            if other.token is not None and other.logprob is not None
        }
        yield Token(token.token, token.logprob, {**others, token.token: token.logprob})


def to_wire(message: Message, detail: str = "auto") -> dict[str, Any]:
    """A message in the form of Responses."""
    if message.role == "assistant" or all(isinstance(part, TextPart) for part in message.parts):
        return {"role": message.role, "content": message.text}
    content: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, TextPart):
            content.append({"type": "input_text", "text": part.text})
        else:
            content.append({"type": "input_image", "image_url": data_url(part), "detail": detail})
    return {"role": message.role, "content": content}
