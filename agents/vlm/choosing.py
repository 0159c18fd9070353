"""Ways to choose among options: in rounds where there are many, by log-probabilities, by votes."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from som.agents.vlm.base import NONE, Choice, Message, TextPart, named_option
from som.agents.vlm.schema import CHOICE
from som.agents.vlm.server import Token
from som.errors import VLMError
from som.prompts import render

# More are chosen among in rounds; OpenAI's Decisions API takes no more.
LIMIT = 255
# Below this share of the probability on the options, the tokens say nothing about them.
_ENOUGH = 1e-4

ChooseFew = Callable[[tuple[str, ...]], Choice]


def check_options(options: Sequence[str]) -> tuple[str, ...]:
    """The options, when they can be chosen among.

    Raises:
        VLMError: there are none, or two are the same.
    """
    if not options or len(set(options)) < len(options):
        raise VLMError(f"options must be there and differ from each other, got {list(options)[:5]}")
    return tuple(options)


def in_rounds(choose: ChooseFew, options: tuple[str, ...], limit: int) -> Choice:
    """Choose among more options than `choose` takes: from groups, then among their winners.

    An option's probability is that of its group's winner in the last round, times its share of its own
    group. `NONE` stands in every round, so that no group is forced to have a winner that fits.

    Args:
        choose: takes at most `limit` options.
        options: any number of them.
        limit: at least 3.
    """
    if len(options) <= limit:
        return choose(options)
    real = [option for option in options if option != NONE]
    none = (NONE,) if NONE in options else ()
    count = math.ceil(len(real) / (limit - len(none)))
    size = math.ceil(len(real) / count)
    groups = [tuple(real[i : i + size]) for i in range(0, len(real), size)]
    rounds = [choose((*group, *none)) for group in groups]
    winners = tuple(
        max(group, key=lambda option, at=chosen: at[option])  # type: ignore[misc]
        for group, chosen in zip(groups, rounds, strict=True)
    )
    last = in_rounds(choose, (*winners, *none), limit)
    shares = dict.fromkeys(options, 0.0)
    for group, chosen, winner in zip(groups, rounds, winners, strict=True):
        total = sum(chosen[option] for option in group)
        for option in group:
            part = chosen[option] / total if total > 0 else 1 / len(group)
            shares[option] = last[winner] * part
    for option in none:
        shares[option] = last[option]
    return summed([*rounds, last], normalized(shares), last.method)


def rounds_needed(count: int, limit: int) -> int:
    """How many calls `in_rounds` makes for so many options, at most."""
    if count <= limit:
        return 1
    groups = math.ceil(count / (limit - 1))
    return groups + rounds_needed(groups + 1, limit)


def summed(choices: Sequence[Choice], probabilities: dict[str, float], method: str) -> Choice:
    """A choice made of several: tokens, seconds and price add up."""

    def total(values: list[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if known else None

    prices = [choice.cost_usd for choice in choices]
    known = [price for price in prices if price is not None]
    return Choice(
        probabilities=probabilities,
        method=method,
        model=choices[-1].model,
        tokens_in=total([choice.tokens_in for choice in choices]),
        tokens_out=total([choice.tokens_out for choice in choices]),
        seconds=sum(choice.seconds for choice in choices),
        cost_usd=sum(known) if len(known) == len(prices) else None,
    )


def by_votes(choose_once: Callable[[], Choice], options: tuple[str, ...], votes: int) -> Choice:
    """The agreement of several samples: an option's probability is its share of them."""
    samples = [choose_once() for _ in range(votes)]
    count = Counter(sample.best for sample in samples)
    return summed(samples, {option: count[option] / votes for option in options}, "votes")


def normalized(mass: dict[str, float]) -> dict[str, float]:
    """Shares that sum to 1; equal ones where there is nothing to share."""
    total = sum(mass.values())
    if total <= 0:
        return dict.fromkeys(mass, 1 / len(mass))
    return {option: value / total for option, value in mass.items()}


def asking(messages: Sequence[Message], options: Sequence[str]) -> list[Message]:
    """The conversation with the demand for one of the options, in the language of its question."""
    question = next((message.question for message in reversed(messages) if message.question), "")
    lang = "ko" if re.search(r"[가-힣]", question) else "en"
    listed = ", ".join(f"[{option}]" for option in options)
    asked = TextPart(render("choose_one", lang, options=listed))
    if messages and messages[-1].role == "user":
        last = messages[-1]
        return [*messages[:-1], replace(last, parts=(*last.parts, asked))]
    return [*messages, Message("user", (asked,))]


def option_in(text: str, options: Sequence[str]) -> str | None:
    """The option that a reply is or names: as JSON, alone or in brackets."""
    try:
        found = json.loads(text)
    except ValueError:
        return named_option(text, options)
    value = found.get(CHOICE) if isinstance(found, dict) else found
    return str(value) if str(value) in options else named_option(text, options)


def all_on(option: str | None, options: Sequence[str]) -> dict[str, float]:
    """All probability on one option; equal shares where it is None."""
    if option is None:
        return dict.fromkeys(options, 1 / len(options))
    return {each: float(each == option) for each in options}


_VALUE = re.compile(rf'"{CHOICE}"\s*:\s*"?')
_OPENING = " \t\n[(\"'`*#:"
_CLOSING = re.compile(r"[\s\])\"'`*.,}<]")


def from_tokens(tokens: Sequence[Token], options: Sequence[str]) -> dict[str, float] | None:
    """Probabilities of the options, from the tokens of one reply and what could have stood there.

    Follows the reply token by token. At each, what every other token would have begun adds to the
    options that start so, whatever way they are cut into tokens: to one, all of it, to several, equal
    parts. What the reply itself became has the rest. All is then brought to a sum of 1.

    Returns:
        None where the tokens do not name the options.
    """
    at, lead = _value_start("".join(token.text for token in tokens), tokens)
    mass = dict.fromkeys(options, 0.0)
    prefix, reach = "", 1.0
    while at < len(tokens):
        token = tokens[at]
        went_on = None
        for text, logprob in token.others.items():
            value, closed = _piece(prefix, text, lead)
            fits = _fitting(value, options, closed=closed)
            share = reach * math.exp(min(logprob, 0.0))
            if text == token.text:
                went_on = (value, closed, fits, share)
            elif value != prefix or closed:
                for option in fits:
                    mass[option] += share / len(fits)
        assert went_on is not None
        prefix, closed, fits, reach = went_on
        at, lead = at + 1, lead and not prefix
        if not fits and prefix:
            return None
        if len(fits) == 1 or closed:
            break
    for option in _fitting(prefix, options, closed=True) or _fitting(prefix, options, closed=False)[:1]:
        mass[option] += reach if prefix else 0.0
    return normalized(mass) if sum(mass.values()) > _ENOUGH else None


def _value_start(text: str, tokens: Sequence[Token]) -> tuple[int, bool]:
    """The token in which the answer's value starts, and that what opens it must be cut off."""
    found = _VALUE.search(text)
    start = found.end() if found else 0
    passed = 0
    for i, token in enumerate(tokens):
        if passed + len(token.text) > start:
            return i, True
        passed += len(token.text)
    return len(tokens), True


def _piece(prefix: str, text: str, lead: bool) -> tuple[str, bool]:
    """What stands there with this token, and whether the token ends it."""
    if lead and not prefix:
        found = _VALUE.search(text)
        text = (text[found.end() :] if found else text).lstrip(_OPENING)
        if not text:
            return prefix, False
    end = _CLOSING.search(text)
    return prefix + (text[: end.start()] if end else text), end is not None


def _fitting(value: str, options: Sequence[str], *, closed: bool) -> list[str]:
    folded = value.casefold()
    if not folded:
        return []
    if closed:
        return [option for option in options if option.casefold() == folded]
    return [option for option in options if option.casefold().startswith(folded)]
