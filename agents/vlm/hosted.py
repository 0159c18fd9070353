"""What models behind a server have in common: whole replies and choices, made of single calls."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from som.agents.vlm.base import Choice, Message, OnText, Reply
from som.agents.vlm.choosing import (
    LIMIT,
    all_on,
    asking,
    by_votes,
    check_options,
    from_tokens,
    in_rounds,
    option_in,
    rounds_needed,
)
from som.agents.vlm.cost import price_of
from som.agents.vlm.profiles import Profile, profile_of
from som.agents.vlm.schema import choice_schema, holds, without_nulls
from som.agents.vlm.server import Clock, Heard, Request
from som.errors import VLMError

# Most alternatives of a token that servers give.
_TOP = 20


class Hosted(ABC):
    """A model behind a server; see the classes made of it for what the arguments are."""

    def __init__(
        self,
        *,
        timeout_s: float,
        max_tokens: int | None,
        temperature: float | None,
        logprobs: bool,
        votes: int,
    ) -> None:
        self.timeout_s, self.temperature = timeout_s, temperature
        self.logprobs, self.votes = logprobs, votes
        self._max_tokens = max_tokens
        self._refused: set[str] = set()

    @property
    @abstractmethod
    def name(self) -> str:
        """The model's name."""

    @abstractmethod
    def _call(self, request: Request, on_text: OnText | None, clock: Clock) -> Heard:
        """One call; what the server refuses by name is left out, and the call made again."""

    def _natively(self, messages: Sequence[Message], options: tuple[str, ...]) -> Choice | None:
        """A choice by an endpoint for choices; None without one."""
        return None

    @property
    def profile(self) -> Profile:
        """What is known of the model."""
        return profile_of(self.name)

    @property
    def max_tokens(self) -> int:
        """Longest reply."""
        return self._max_tokens or self.profile.max_tokens

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """Answer, streaming; see `som.agents.vlm.base.VLM.complete`."""
        top = 1 if self.logprobs else 0
        request = Request(messages, schema, (), self.max_tokens, self.temperature, top)
        clock = Clock.of(self.timeout_s)
        heard = self._call(request, on_text, clock)
        first = None
        if not heard.text.strip():
            first, heard = heard, self._call(request, on_text, clock)
        if not heard.text.strip():
            raise VLMError(f"{self.name} answered nothing, twice ({heard.stop}); ask otherwise")
        return self._reply(heard, schema, clock, first)

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Choose by the best way that the server has; see `som.agents.vlm.base.VLM.choose`.

        By votes where these are wanted; else by an endpoint for choices; else by one constrained reply
        and its log-probabilities where they come; else by what the reply names. `Choice.method` says
        which it was.
        """
        few = check_options(options)
        if self.votes:
            return in_rounds(lambda part: self._vote(messages, part), few, LIMIT)
        choice = self._natively(messages, few)
        if choice is not None:
            return choice
        return in_rounds(lambda part: self._choose_by_text(messages, part), few, LIMIT)

    def calls_to_choose(self, count: int) -> int:
        """How many calls `choose` may make for so many options."""
        return rounds_needed(count, LIMIT) * max(1, self.votes)

    def _vote(self, messages: Sequence[Message], options: tuple[str, ...]) -> Choice:
        warm = self.temperature if self.temperature is not None else 1.0
        return by_votes(
            lambda: self._choose_by_text(messages, options, temperature=warm, top=0),
            options,
            self.votes,
        )

    def _choose_by_text(
        self,
        messages: Sequence[Message],
        options: tuple[str, ...],
        *,
        temperature: float | None = None,
        top: int = _TOP,
    ) -> Choice:
        clock = Clock.of(self.timeout_s)
        schema = choice_schema(options)
        warm = self.temperature if temperature is None else temperature
        request = Request(asking(messages, options), schema, options, self.max_tokens, warm, top)
        heard = self._call(request, None, clock)
        chosen = option_in(heard.text, options)
        shares = from_tokens(heard.tokens, options) if heard.tokens else None
        if shares is not None:
            method = "logprobs"
        else:
            held = heard.form if holds(heard.text, schema) or heard.form == "grammar" else ""
            method = held if chosen is not None and held else "asked"
            shares = all_on(chosen, options)
        return Choice(
            shares,
            method,
            model=self.name,
            tokens_in=heard.tokens_in,
            tokens_out=heard.tokens_out,
            seconds=clock.seconds(),
            cost_usd=self._price(heard),
        )

    def _reply(
        self, heard: Heard, schema: dict[str, Any] | None, clock: Clock, first: Heard | None
    ) -> Reply:
        """The reply that was heard; `first` is the empty one before it."""
        text, constrained = heard.text, ""
        if schema is not None and heard.form:
            text = without_nulls(text, schema)
            constrained = heard.form if holds(text, schema) else ""
        cost = self._price(heard)
        if first is not None:
            before = self._price(first)
            cost = None if cost is None or before is None else cost + before
            heard = replace(
                heard,
                tokens_in=_plus(heard.tokens_in, first.tokens_in),
                tokens_out=_plus(heard.tokens_out, first.tokens_out),
            )
        return Reply(
            text=text,
            model=self.name,
            tokens_in=heard.tokens_in,
            tokens_out=heard.tokens_out,
            seconds=clock.seconds(),
            stop_reason=heard.stop,
            logprobs=tuple(token.logprob for token in heard.tokens) or None,
            cost_usd=cost,
            constrained=constrained,
        )

    def _price(self, heard: Heard) -> float | None:
        """What the server says it costs, else by the published price."""
        price = price_of(self.name)
        if heard.usd is not None or price is None:
            return heard.usd
        if heard.tokens_in is None or heard.tokens_out is None:
            return None
        return price.of(heard.tokens_in, heard.tokens_out, min(heard.cached, heard.tokens_in))


def _plus(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other
