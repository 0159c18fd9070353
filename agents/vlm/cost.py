"""What calls cost: estimates before, prices after, and budgets that stop before and not after."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from time import monotonic
from typing import Any

from som.agents.vlm.base import VLM, Choice, ImagePart, Message, OnText, Reply
from som.agents.vlm.profiles import OWN_FILE, plain_name, profile_of, read_tables
from som.errors import SomError

# Bytes of UTF-8 that a token stands for, at the least, in text of one kind or the other.
_BYTES_PER_TOKEN = {"ascii": 3.5, "other": 2.0}
_TOKENS_PER_MESSAGE = 4


class BudgetError(SomError):
    """The next call could go over the budget; nothing was sent."""


@dataclass(frozen=True)
class Price:
    """USD for a million tokens.

    Attributes:
        usd_in: of the prompt.
        usd_cached: of the part of the prompt that the server had cached.
        usd_out: of the reply.
        date: of the source, "2026-11-24".
        source: where it is published.
        long: (tokens, factor in, factor out) of prompts longer than that; None without.
    """

    usd_in: float
    usd_cached: float
    usd_out: float
    date: str
    source: str = ""
    long: tuple[int, float, float] | None = None

    def of(self, tokens_in: int, tokens_out: int, cached: int = 0) -> float:
        """What a call costs, in USD; `cached` of the tokens of the prompt were cached."""
        factor_in = factor_out = 1.0
        if self.long and tokens_in > self.long[0]:
            factor_in, factor_out = self.long[1:]
        prompt = (tokens_in - cached) * self.usd_in + cached * self.usd_cached
        return (prompt * factor_in + tokens_out * self.usd_out * factor_out) / 1e6


def price_of(model: str) -> Price | None:
    """The published price of a model, or the user's own (``SOM_MODELS``); None where none is known.

    Raises:
        SomError: the user's own file is wrong.
    """
    name = plain_name(model)
    own = os.environ.get(OWN_FILE)
    tables = _read_prices(Path(__file__).with_name("prices.toml"))
    if own:
        tables = (*_read_prices(Path(own)), *tables)
    return next((price for pattern, price in tables if re.search(pattern, name)), None)


@lru_cache(maxsize=8)
def _read_prices(path: Path) -> tuple[tuple[str, Price], ...]:
    found = []
    for table in read_tables(path, "price"):
        try:
            pattern, (usd_in, cached, usd_out) = re.compile(table["pattern"]).pattern, table["usd"]
            long = tuple(table["long"]) if "long" in table else None
            more = {key: str(table.get(key, "")) for key in ("date", "source")}
            price = Price(float(usd_in), float(cached), float(usd_out), long=long, **more)
        except (KeyError, TypeError, ValueError, re.error) as error:
            raise SomError(
                f"{path}: a price is pattern = '^name', usd = [in, cached, out] for a million tokens, "
                f'date = "2026-11-24"; {table.get("pattern", "one")!r} is not: {error}'
            ) from error
        found.append((pattern, price))
    return tuple(found)


@dataclass(frozen=True)
class Estimate:
    """What a call will cost.

    Attributes:
        tokens_in: of the prompt, image tokens included.
        image_tokens: by the provider's published rule.
        text_tokens: about; more than it will be, rather than less.
        usd: of the prompt alone, None where no price is known.
    """

    tokens_in: int
    image_tokens: int
    text_tokens: int
    usd: float | None


def estimate(messages: Sequence[Message], model: str) -> Estimate:
    """What sending these messages to a model costs, without sending them."""
    profile, price = profile_of(model), price_of(model)
    text_tokens = image_tokens = 0
    for message in messages:
        text_tokens += _TOKENS_PER_MESSAGE
        for part in message.parts:
            if isinstance(part, ImagePart):
                image_tokens += profile.image_tokens((part.image.shape[1], part.image.shape[0]))
            else:
                text_tokens += text_tokens_of(part.text)
    tokens_in = text_tokens + image_tokens
    return Estimate(tokens_in, image_tokens, text_tokens, price.of(tokens_in, 0) if price else None)


def text_tokens_of(text: str) -> int:
    """About how many tokens a text is, whatever the tokenizer: rather too many than too few."""
    plain = sum(character.isascii() for character in text)
    other = len(text.encode("utf-8", "surrogatepass")) - plain
    return int(plain / _BYTES_PER_TOKEN["ascii"] + other / _BYTES_PER_TOKEN["other"] + 0.999)


@dataclass(frozen=True)
class Spent:
    """What calls have cost so far.

    Attributes:
        calls: how many were sent.
        tokens_in: of their prompts.
        tokens_out: of their replies.
        image_tokens: of their images, by the published rule.
        usd: where prices are known.
        seconds: that models took.
    """

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    image_tokens: int = 0
    usd: float = 0.0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """In and out."""
        return self.tokens_in + self.tokens_out

    def plus(self, other: "Spent") -> "Spent":
        """The sum of both."""
        names = self.__dataclass_fields__
        return Spent(**{name: getattr(self, name) + getattr(other, name) for name in names})

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {**values, "usd": round(self.usd, 6), "seconds": round(self.seconds, 3)}


class Budget:
    """Limits that no call may go over; safe to share between threads.

    Before each call the most that it can cost is set aside, its longest reply included; the call is not
    made when that goes over a limit. What it did cost replaces what was set aside.

    Args:
        usd: money; models without a known price are refused under it, see `som.agents.vlm.cost`.
        tokens: of prompts and replies together.
        seconds: by the clock, from the first call on.
        calls: how many.

    Example:
        >>> budget = Budget(calls=1)
        >>> budget.reserve(Spent(calls=1))
        >>> budget.left()
        {'calls': 0}
    """

    def __init__(
        self,
        usd: float | None = None,
        tokens: int | None = None,
        seconds: float | None = None,
        calls: int | None = None,
    ) -> None:
        self.limits = {
            name: limit
            for name, limit in {
                "usd": usd,
                "tokens": tokens,
                "seconds": seconds,
                "calls": calls,
            }.items()
            if limit is not None
        }
        self._lock = Lock()
        self._spent = Spent()
        self._reserved = Spent()
        self._started: float | None = None
        self._before_s = 0.0

    @property
    def spent(self) -> Spent:
        """By calls that have ended."""
        return self._spent

    def left(self) -> dict[str, float]:
        """Of each limit, what is not spent or set aside."""
        with self._lock:
            return {name: max(0, limit - self._used(name)) for name, limit in self.limits.items()}

    def count(self, before: Spent) -> None:
        """Count what was spent before, by a run that is gone on with; its seconds are of the clock."""
        with self._lock:
            self._spent = self._spent.plus(before)
            self._before_s += before.seconds

    def reserve(self, most: Spent, *, priced: bool = True) -> None:
        """Set aside what a call can cost at most.

        Args:
            most: that.
            priced: whether its `usd` is known.

        Raises:
            BudgetError: it could go over a limit; nothing is set aside.
        """
        with self._lock:
            if self._started is None:
                self._started = monotonic()
            if "usd" in self.limits and not priced:
                raise BudgetError(
                    "the budget is in USD, and this model has no known price; add one to the file "
                    f"that {OWN_FILE} names, or limit tokens or calls"
                )
            for name, limit in self.limits.items():
                used = self._used(name)
                wanted = 0.0 if name == "seconds" else getattr(most, name)
                if used + wanted > limit + 1e-12 or (name == "seconds" and used >= limit):
                    raise BudgetError(_over(name, limit, used, wanted))
            self._reserved = self._reserved.plus(most)

    def settle(self, most: Spent, spent: Spent) -> None:
        """Replace what was set aside by what a call did cost."""
        with self._lock:
            names = Spent.__dataclass_fields__
            values = {name: getattr(self._reserved, name) - getattr(most, name) for name in names}
            self._reserved = Spent(**values)
            self._spent = self._spent.plus(spent)

    def _used(self, name: str) -> float:
        if name == "seconds":
            running = 0.0 if self._started is None else monotonic() - self._started
            return self._before_s + running
        used: float = getattr(self._spent, name) + getattr(self._reserved, name)
        return used


def _over(name: str, limit: float, used: float, wanted: float) -> str:
    shown = {"usd": "${:.6f}", "seconds": "{:.0f} s"}.get(name, "{:.0f} " + name)
    words = [shown.format(value) for value in (limit, used, wanted)]
    asked = "" if name == "seconds" else f", and the next call could take {words[2]}"
    return f"stopped before going over the budget of {words[0]}: {words[1]} are used{asked}"


class Metered:
    """A model under a budget: asks before each call, adds up after.

    Args:
        vlm: the model.
        budget: its limits; shared by all that are given the same one.
        max_tokens: longest reply to expect; None takes the model's `max_tokens`, or its profile's.

    Attributes:
        spent: by the calls of this model.
    """

    def __init__(
        self, vlm: VLM, budget: Budget | None = None, *, max_tokens: int | None = None
    ) -> None:
        self.vlm = vlm
        self.budget = budget or Budget()
        self.spent = Spent()
        self._max_tokens = max_tokens
        self._lock = Lock()

    @property
    def name(self) -> str:
        """The model's."""
        return self.vlm.name

    @property
    def priced(self) -> bool:
        """Whether what it costs is known, by its price or by what the server said."""
        return self.spent.usd > 0 or price_of(self.name) is not None

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """Answer, if the budget allows it; `cost_usd` of the reply is filled in where a price is known.

        Raises:
            BudgetError: the call could go over the budget; it was not made.
            VLMError: there is no answer.
        """
        most, asked = self._reserve(messages, self._longest())
        spent = replace(most, tokens_out=0, usd=asked.usd or 0.0)
        try:
            reply = self.vlm.complete(messages, on_text=on_text, schema=schema)
            spent = self._spent(reply, asked)
            return replace(reply, cost_usd=spent.usd) if self._priced(reply) else reply
        finally:
            self._settle(most, spent)

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Choose, if the budget allows it; as `complete`.

        Raises:
            BudgetError: the call could go over the budget; it was not made.
            VLMError: there is no answer.
        """
        calls = getattr(self.vlm, "calls_to_choose", lambda _: 1)(len(options))
        most, asked = self._reserve(messages, self._longest(), calls)
        spent = replace(most, tokens_out=0, usd=asked.usd or 0.0)
        try:
            choice = self.vlm.choose(messages, options)
            spent = replace(self._spent(choice, asked), calls=calls, image_tokens=most.image_tokens)
            return replace(choice, cost_usd=spent.usd) if self._priced(choice) else choice
        finally:
            self._settle(most, spent)

    def _longest(self) -> int:
        given = self._max_tokens or getattr(self.vlm, "max_tokens", None)
        return int(given or profile_of(self.name).max_tokens)

    def _reserve(
        self, messages: Sequence[Message], tokens_out: int, calls: int = 1
    ) -> tuple[Spent, Estimate]:
        asked = estimate(messages, self.name)
        price = price_of(self.name)
        usd = price.of(asked.tokens_in, tokens_out) if price else 0.0
        most = Spent(
            calls, calls * asked.tokens_in, calls * tokens_out, calls * asked.image_tokens, calls * usd
        )
        self.budget.reserve(most, priced=price is not None or self.name == "offline")
        return most, asked

    def _priced(self, said: Reply | Choice) -> bool:
        return said.cost_usd is not None or price_of(self.name) is not None

    def _spent(self, said: Reply | Choice, asked: Estimate) -> Spent:
        tokens_in = asked.tokens_in if said.tokens_in is None else said.tokens_in
        tokens_out = said.tokens_out
        if tokens_out is None:
            tokens_out = text_tokens_of(said.text) if isinstance(said, Reply) else 0
        price = price_of(self.name)
        usd = said.cost_usd
        if usd is None:
            usd = price.of(tokens_in, tokens_out) if price else 0.0
        return Spent(1, tokens_in, tokens_out, asked.image_tokens, usd, said.seconds)

    def _settle(self, most: Spent, spent: Spent) -> None:
        self.budget.settle(most, spent)
        with self._lock:
            self.spent = self.spent.plus(spent)
