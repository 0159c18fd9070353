"""Endpoints that choose in one forward pass: OpenAI's Decisions and System One.

``/v1/decisions`` is OpenAI's (2 to 255 choices, images) and is spoken by LiteLLM, Fireworks and others;
``/v1/systemone`` is Jev's, spoken by `transformers serve`, vLLM, SGLang, llama.cpp and hosted models;
OpenRouter has the latter's form under an address of its own. Which of them a server has is tried once
and remembered, and so is how many options it takes.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np

from som.agents.vlm.base import NONE, Choice, ImagePart, Message, TextPart
from som.agents.vlm.chat import data_url
from som.agents.vlm.choosing import LIMIT, in_rounds, normalized, rounds_needed
from som.agents.vlm.cost import price_of
from som.agents.vlm.server import names_of, one_line
from som.errors import VLMError

if TYPE_CHECKING:
    from som.agents.vlm.deadline import Deadline

QUESTION = "mark"
_ASK = "Choose the one that is asked for."
_NONE_FITS = "none of the others fits"
# System One takes so many images in one request (transformers/cli/serving/systemone.py).
_MOST_IMAGES = 4
# What most System Ones take at once, before one has said otherwise.
_USUAL_LIMIT = 26
_LIMIT_SAID = re.compile(r"(?:at most|limited to|maximum(?: of)?|up to|2 to|1 to)\s+(\d+)")


@dataclass
class Endpoint:
    """One endpoint of one server, and what is known of it.

    Attributes:
        method: what its choices are called.
        path: below the API's base.
        limit: most options it takes; learnt from what it says.
        works: whether it has ever answered; None before it was tried.
        sees: whether it looks at images; None before it was tried.
        faults: how often it failed (5xx) without ever having answered.
    """

    method: str
    path: str
    limit: int = LIMIT
    works: bool | None = None
    sees: bool | None = None
    faults: int = 0

    @property
    def expected(self) -> int:
        """How many options it takes, as far as is known."""
        untold = self.method == "systemone" and not self.works
        return min(self.limit, _USUAL_LIMIT) if untold else self.limit


@dataclass
class DecisionServer:
    """The endpoints of a server.

    Attributes:
        client: of the `openai` package.
        endpoints: in the order in which they are tried.
        deadline: for each call.
        trusted: it is OpenAI's own, which is known to look at images.
    """

    client: Any
    endpoints: list[Endpoint]
    deadline: "Deadline"
    trusted: bool = False

    @classmethod
    def of(cls, client: Any, base_url: str, *, own_api: bool, deadline: "Deadline") -> "DecisionServer":
        """The endpoints that a server at this address may have."""
        systemone = Endpoint("systemone", "/systemone")
        if (urlsplit(base_url).hostname or "").endswith("openrouter.ai"):
            systemone.path = base_url.removesuffix("/v1") + "/alpha/decisions"
            return cls(client, [systemone], deadline)
        decisions = Endpoint("decisions", "/decisions")
        if own_api:
            return cls(client, [decisions], deadline, trusted=True)
        return cls(client, [decisions, systemone], deadline)

    def choose(
        self, model: str, messages: Sequence[Message], options: tuple[str, ...]
    ) -> Choice | None:
        """Choose at the first endpoint that can; None where there is none.

        Raises:
            VLMError: an endpoint that has worked before failed, or declined to answer.
        """
        for endpoint in self.endpoints:
            if endpoint.works is False or len(options) < 2:
                continue
            choice = self._at(endpoint, model, messages, options)
            if choice is not None:
                endpoint.works = True
                return choice
        return None

    def calls_to_choose(self, count: int) -> int:
        """How many calls a choice among so many options may take; 0 where no endpoint is left."""
        left = [endpoint for endpoint in self.endpoints if endpoint.works is not False]
        return max((rounds_needed(count, endpoint.expected) for endpoint in left), default=0)

    def _at(
        self, endpoint: Endpoint, model: str, messages: Sequence[Message], options: tuple[str, ...]
    ) -> Choice | None:
        """Choose at one endpoint; None when it is not there or does not take this."""
        import openai

        for _ in range(3):  # as often as a smaller number of options may have to be learnt
            limit = endpoint.limit
            try:
                if not self._sees(endpoint, model, messages):
                    return None
                return in_rounds(lambda few: self._ask(endpoint, model, messages, few), options, limit)
            except (
                openai.NotFoundError,
                openai.BadRequestError,
                openai.UnprocessableEntityError,
            ) as error:
                said = _LIMIT_SAID.search(names_of(error))
                if isinstance(error, openai.NotFoundError) or said is None:
                    endpoint.works = bool(endpoint.works)
                    return None
                endpoint.limit = min(int(said[1]), limit)
                if not 3 <= endpoint.limit < limit:
                    endpoint.works = False
                    return None
            except openai.APIStatusError as error:
                if error.status_code in (403, 405, 501):
                    endpoint.works = False
                    return None
                if error.status_code >= 500 and not endpoint.works:
                    endpoint.faults += 1
                    endpoint.works = False if endpoint.faults > 1 else None
                    return None
                raise
        return None

    def _ask(
        self, endpoint: Endpoint, model: str, messages: Sequence[Message], options: tuple[str, ...]
    ) -> Choice:
        start = perf_counter()
        with self.deadline.running():
            if endpoint.method == "decisions":
                answer, usage = self._decide(model, messages, options)
            else:
                answer, usage = self._system_one(endpoint, model, messages, options)
        given = answer.get("probabilities")
        if isinstance(given, list):
            given = {str(each.get("value")): each.get("probability") for each in given}
        if answer.get("type") == "refusal" or not isinstance(given, dict):
            reason = (
                "declined to choose" if answer.get("type") == "refusal" else "sent no probabilities"
            )
            raise VLMError(f"{model} {reason} at {endpoint.path}; ask otherwise")
        tokens_in, tokens_out = _count(usage, "input_tokens"), _count(usage, "output_tokens")
        price = price_of(model)
        return Choice(
            normalized({option: max(0.0, float(given.get(option) or 0.0)) for option in options}),
            endpoint.method,
            model=model,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            seconds=perf_counter() - start,
            # A decision costs its prompt alone (developers.openai.com/api/docs/pricing).
            cost_usd=price.of(tokens_in, 0) if price and tokens_in is not None else None,
        )

    def _decide(
        self, model: str, messages: Sequence[Message], options: tuple[str, ...]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        body = {"model": model, "input": decision_input(messages), "questions": [question(options)]}
        if hasattr(self.client, "decisions"):
            said = self.client.decisions.create(**body).to_dict()
        else:  # a version of the package from before this endpoint
            said = self.client.post("/decisions", body=body, cast_to=object)
        answers = said.get("answers") if isinstance(said, dict) else None
        first = answers[0] if isinstance(answers, list) and answers else None
        if not isinstance(first, dict):
            raise VLMError(f"{model} sent no answer at /decisions: {one_line(str(said))}")
        return first, said.get("usage") or {}

    def _system_one(
        self, endpoint: Endpoint, model: str, messages: Sequence[Message], options: tuple[str, ...]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        state, assets = system_one_state(messages)
        said = self._post(endpoint, {"model": model, "state": state, **system_one(options), **assets})
        answers = said.get("answers")
        answer = answers.get(QUESTION) if isinstance(answers, dict) else None
        if not isinstance(answer, dict):
            raise VLMError(f"{model} sent no answer at {endpoint.path}: {one_line(str(said))}")
        return answer, said.get("usage") or {}

    def _post(self, endpoint: Endpoint, body: dict[str, Any]) -> dict[str, Any]:
        said = self.client.post(endpoint.path, body=body, cast_to=object)
        if not isinstance(said, dict):
            raise VLMError(
                f"{endpoint.path} answered with something else than JSON: {one_line(str(said))}"
            )
        return said

    def _sees(self, endpoint: Endpoint, model: str, messages: Sequence[Message]) -> bool:
        """Whether an endpoint looks at images, where there are any.

        Some servers leave fields out that they do not know: a choice would be made without the image,
        and nobody would know. One image more must be more tokens.
        """
        if self.trusted or endpoint.method == "decisions" or not _images(messages):
            return True
        if endpoint.sees is None:
            image = ImagePart(np.zeros((64, 64, 3), np.uint8))
            with_image = [Message("user", (TextPart("?"), image))]
            state, assets = system_one_state(with_image)
            body = {"model": model, "state": state, **system_one(("1", NONE))}
            with self.deadline.running():
                counts = [
                    _count(self._post(endpoint, {**body, **more}).get("usage") or {}, "input_tokens")
                    for more in (assets, {})
                ]
            endpoint.sees = counts[0] is not None and counts[0] != counts[1]
        return endpoint.sees


def question(options: Sequence[str]) -> dict[str, Any]:
    """The question to the Decisions API."""
    choices = [
        {"value": option, **({"description": _NONE_FITS} if option == NONE else {})}
        for option in options
    ]
    return {"type": "choice", "name": QUESTION, "instructions": _ASK, "choices": choices}


def decision_input(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages in the form of the Decisions API: images only in those of the user."""
    made: list[dict[str, Any]] = []
    for message in messages:
        if message.role != "user" or not _images([message]):
            made.append({"type": "message", "role": message.role, "content": message.text})
            continue
        content: list[dict[str, Any]] = []
        for part in message.parts:
            if isinstance(part, TextPart):
                content.append({"type": "input_text", "text": part.text})
            else:
                content.append({"type": "input_image", "image_url": data_url(part), "detail": "high"})
        made.append({"type": "message", "role": "user", "content": content})
    return made


def system_one(options: Sequence[str]) -> dict[str, Any]:
    """The question in the form of System One."""
    criteria = {option: _NONE_FITS if option == NONE else None for option in options}
    return {"questions": {QUESTION: {"type": "choice", "instructions": _ASK, "criteria": criteria}}}


def system_one_state(messages: Sequence[Message]) -> tuple[str, dict[str, Any]]:
    """The conversation as one text in which images have names, and the images by these names.

    Only the last few images go along; a name is one that no text holds, so that no page can call for
    an image.
    """
    everything = "\n".join(message.text for message in messages)
    stem = "img"
    while f"<{stem}-" in everything:
        stem += "x"
    images = _images(messages)
    left_out = max(0, len(images) - _MOST_IMAGES)
    lines: list[str] = []
    assets: dict[str, Any] = {}
    seen = 0
    for message in messages:
        for part in message.parts:
            if isinstance(part, TextPart):
                lines.append(part.text)
                continue
            seen += 1
            if seen > left_out:
                name = f"<{stem}-{seen}>"
                assets[name] = {"data_base64": base64.b64encode(part.encoded()[1]).decode()}
                lines.append(name)
    return "\n\n".join(lines), {"assets": assets} if assets else {}


def _images(messages: Sequence[Message]) -> list[ImagePart]:
    return [part for message in messages for part in message.parts if isinstance(part, ImagePart)]


def _count(usage: dict[str, Any], name: str) -> int | None:
    other = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}[name]
    value = usage.get(name, usage.get(other))
    return value if isinstance(value, int) else None
