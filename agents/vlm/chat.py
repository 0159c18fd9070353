"""One call of OpenAI's Chat Completions, streamed: what goes out and what comes back."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import Any

from som.agents.vlm.base import ImagePart, Message, OnText, TextPart
from som.agents.vlm.profiles import Profile
from som.agents.vlm.schema import strict
from som.agents.vlm.server import Clock, Heard, Request, Token, one_line
from som.errors import VLMError

TOOL = "answer"


def features(
    request: Request, profile: Profile, refused: set[str], *, own_api: bool, guides: bool
) -> dict[str, Any]:
    """What a request asks for beyond its messages: feature -> the parameters that ask for it.

    Args:
        request: the call.
        profile: of the model.
        refused: features that this server has refused before.
        own_api: whether this is OpenAI's own server.
        guides: whether this is a server with vLLM's guided choice.
    """
    limit = "max_completion_tokens" if own_api != ("limit" in refused) else "max_tokens"
    asked: dict[str, Any] = {
        "limit": {limit: request.max_tokens},
        "stream_options": {"stream_options": {"include_usage": True}},
    }
    if request.temperature is not None and "temperature" in profile.can:
        asked["temperature"] = {"temperature": request.temperature}
    if request.top_logprobs and "logprobs" in profile.can:
        asked["logprobs"] = {"logprobs": True, "top_logprobs": request.top_logprobs}
    if profile.effort:
        asked["effort"] = {"reasoning_effort": profile.effort}
    if profile.detail:
        asked["detail"] = {}
    asked |= _form(request, profile, refused, guides=guides)
    return {name: value for name, value in asked.items() if name not in refused or name == "limit"}


def _form(request: Request, profile: Profile, refused: set[str], *, guides: bool) -> dict[str, Any]:
    """What holds the reply to its schema: the best that is there and was not refused."""
    if request.schema is None:
        return {}
    if request.options and guides and "guided" not in refused:
        body = {"structured_outputs": {"choice": list(request.options)}}
        return {"guided": {"extra_body": body}}
    schema = strict(request.schema)
    if "json_schema" in profile.can and "json_schema" not in refused:
        form = {"name": TOOL, "schema": schema, "strict": True}
        return {"json_schema": {"response_format": {"type": "json_schema", "json_schema": form}}}
    if "tools" in profile.can and "tools" not in refused:
        function = {"name": TOOL, "parameters": schema, "strict": True}
        function["description"] = "Give the answer."
        asked: dict[str, Any] = {"tools": {"tools": [{"type": "function", "function": function}]}}
        if "forced_tool" in profile.can:
            choice = {"type": "function", "function": {"name": TOOL}}
            asked["forced_tool"] = {"tool_choice": choice}
        return asked
    return {}


FORMS = {"guided": "grammar", "json_schema": "schema", "tools": "tools"}


def form_of(asked: Iterable[str]) -> str:
    """What holds a reply that was asked for with these features, in the words of `Reply`."""
    return next((FORMS[name] for name in asked if name in FORMS), "")


def call(
    client: Any,
    model: str,
    request: Request,
    asked: dict[str, Any],
    on_text: OnText | None,
    clock: Clock,
) -> Heard:
    """Send the request, and read the stream that comes back."""
    detail = "high" if "detail" in asked else ""
    body: dict[str, Any] = {
        "model": model,
        "messages": [to_wire(message, detail) for message in request.messages],
        "stream": True,
    }
    for parameters in asked.values():
        body |= parameters
    pieces: list[str] = []
    tokens: list[Token] = []
    stop, usage, refusal = "", None, ""
    with client.chat.completions.create(**body) as stream:
        for chunk in stream:
            clock.check(model)
            usage = getattr(chunk, "usage", None) or usage
            for choice in (chunk.choices or ())[:1]:
                stop = choice.finish_reason or stop
                delta = choice.delta
                if delta is None:
                    continue
                refusal += getattr(delta, "refusal", None) or ""
                tokens += _tokens(getattr(choice, "logprobs", None))
                for piece in (delta.content, *_arguments(delta)):
                    if piece:
                        pieces.append(piece)
                        if on_text:
                            on_text(piece)
    if refusal:
        raise VLMError(f"{model} refused: {one_line(refusal)}")
    if stop == "content_filter" and not pieces:
        raise VLMError(f"{model}: the server's content filter held the answer back")
    details = getattr(usage, "prompt_tokens_details", None)
    return Heard(
        text="".join(pieces),
        stop={"tool_calls": "stop", "": "cut off"}.get(stop, stop),
        tokens_in=getattr(usage, "prompt_tokens", None),
        tokens_out=getattr(usage, "completion_tokens", None),
        cached=getattr(details, "cached_tokens", None) or 0,
        usd=_number(getattr(usage, "cost", None)),
        tokens=tuple(tokens),
        form=form_of(asked),
    )


def _arguments(delta: Any) -> Iterator[str]:
    """The pieces of the first tool's arguments; servers that do not stream send an object at once."""
    for part in getattr(delta, "tool_calls", None) or ():
        if (part.index or 0) == 0 and part.function is not None and part.function.arguments:
            given = part.function.arguments
            yield given if isinstance(given, str) else json.dumps(given)


def _tokens(logprobs: Any) -> Iterator[Token]:
    for token in getattr(logprobs, "content", None) or ():
        others = {other.token: other.logprob for other in token.top_logprobs or ()}
        yield Token(token.token, token.logprob, {**others, token.token: token.logprob})


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def to_wire(message: Message, detail: str = "") -> dict[str, Any]:
    """A message in the form of Chat Completions."""
    if all(isinstance(part, TextPart) for part in message.parts):
        return {"role": message.role, "content": message.text}
    return {"role": message.role, "content": list(_parts(message.parts, detail))}


def _parts(parts: Iterable[TextPart | ImagePart], detail: str) -> Iterator[dict[str, Any]]:
    for part in parts:
        if isinstance(part, TextPart):
            yield {"type": "text", "text": part.text}
        else:
            image = {"url": data_url(part)}
            yield {"type": "image_url", "image_url": image | ({"detail": detail} if detail else {})}


def data_url(part: ImagePart) -> str:
    """An image as a ``data:`` URL."""
    kind, data = part.encoded()
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
