"""A grounder with no model: matches a question with what marks show, say and are.

It knows the text of marks (by OCR or the page), their roles, their colours and their places. It is
deterministic, needs no key and no download, and is no language model: it cannot count, compare or
reason, and says so by naming what it matched.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np
from rapidfuzz import fuzz

from som.agents.vlm.base import Choice, Message, OnText, Reply
from som.agents.vlm.query import Query, parse_query
from som.agents.vlm.sight import Sight
from som.agents.vlm.words import ROLES
from som.answers import image_name
from som.errors import VLMError
from som.marks import MarkedImage

# Below this, nothing in the picture was asked for.
ENOUGH = 0.45
# What a name that cannot be looked up weighs beside a colour (1.5) or a place (1.2).
_UNREADABLE = 0.5
# How sharply `choose` prefers better matches.
_SHARPNESS = 8.0


@dataclass
class Match:
    """How well a mark fits a question: a score, about 0..1, and the reasons for it."""

    image: int
    row: int
    score: float = 0.0
    reasons: list[str] = field(default_factory=list)


class Offline:
    """The offline grounder; see the module's docstring."""

    name = "offline"

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """Answer the last question in a sentence that names marks as a model would.

        In an agent's loop, whose messages hold observations, it is the next action instead.

        Raises:
            VLMError: no message carries a question about marked images.
        """
        start = perf_counter()
        if messages and messages[-1].observation is not None:
            from som.agents.vlm.offline_agent import next_reply

            text = next_reply(messages)
            if on_text:
                on_text(text)
            return Reply(text, self.name, seconds=perf_counter() - start)
        asked = _asked(messages)
        korean = bool(re.search(r"[가-힣]", asked.question))
        text = _sentence(asked, ground(asked.question, asked.marked), korean)
        if on_text:
            on_text(text)
        return Reply(text, self.name, seconds=perf_counter() - start)

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """Probabilities from the scores of the marks that the options name.

        An option that names no mark ("none") weighs as much as the least match worth naming.
        """
        asked = _asked(messages)
        scores = dict.fromkeys(options, ENOUGH)
        several = len(asked.marked) > 1
        for match in ground(asked.question, asked.marked, every=True):
            label = asked.marked[match.image].marks[match.row].label
            option = f"{image_name(match.image)}{label}" if several else label
            if option in scores:
                scores[option] = match.score
        weights = np.exp(_SHARPNESS * np.array([scores[option] for option in options]))
        shares = (weights / weights.sum()).tolist()
        return Choice(dict(zip(options, shares, strict=True)), "scores", model=self.name)


def ground(question: str, images: Sequence[MarkedImage], *, every: bool = False) -> list[Match]:
    """The marks that a question asks for, best first.

    Args:
        question: in English or Korean.
        images: the marked images it is about.
        every: give all marks with their scores, not only those that fit best.
    """
    query = parse_query(question, [[mark.label for mark in image] for image in images])
    matches = [
        match
        for i, image in enumerate(images)
        for match in _scored(query, i, Sight(image))
        if query.image in (None, i)
    ]
    matches.sort(key=lambda match: -match.score)
    if every:
        return matches
    fitting = [match for match in matches if match.score >= ENOUGH]
    if not fitting:
        return []
    if query.many:
        return [match for match in fitting if match.score >= 0.85 * fitting[0].score]
    return fitting[:1]


def _scored(query: Query, index: int, sight: Sight) -> list[Match]:
    matches = [Match(index, row) for row in range(len(sight.marks))]
    if not matches or query.empty:
        return matches
    total = 0.0 if query.text == "" or any(sight.texts) else _UNREADABLE
    for weight, name, fit in _fits(query, sight):
        total += weight
        for match, value in zip(matches, fit, strict=True):
            match.score += weight * float(value)
            if value > 0.5:
                match.reasons.append(name)
    for match in matches:
        match.score /= max(total, 1e-9)
    _relate(query, index, sight, matches)
    _count_off(query, sight, matches)
    return matches


def _fits(query: Query, sight: Sight) -> list[tuple[float, str, np.ndarray]]:
    """(weight, what it is called, fit 0..1 of each mark) of everything the question says."""
    fits: list[tuple[float, str, np.ndarray]] = []
    # Where nothing can be read, as on photos, what is called by name cannot be found by it.
    if query.text and any(sight.texts):
        fits.append((2.5, f'"{query.text}"', text_fit(query.text, sight.texts)))
    for color in query.colors:
        fits.append((1.5, color, sight.color_share(color)))
    for role in query.roles:
        given = ROLES[role][0]
        has = np.array([float(mark.role in given) for mark in sight.marks])
        words = np.array([0.6 * text_fit(role, [mark.text])[0] for mark in sight.marks])
        # Where no mark has the role, as on photos, the word says nothing.
        if has.any():
            fits.append((1.0, role, np.maximum(has, words)))
    if query.place != (None, None):
        fits.append((1.2, "place", sight.place_fit(*query.place)))
    if query.size:
        fits.append((1.2, "size", sight.size_fit(query.size)))
    return fits


def text_fit(wanted: str, texts: Sequence[str]) -> np.ndarray:
    """How well each text says what is wanted, 0..1; half of it or a typing error still counts."""
    wanted = wanted.lower().strip()
    alone = re.compile(rf"(?<!\w){re.escape(wanted)}(?!\w)")
    fit = np.zeros(len(texts))
    for i, said in enumerate(texts):
        text = " ".join(said.lower().split())
        if not text:
            continue
        whole = fuzz.ratio(wanted, text)
        within = 0.0
        if len(text) >= 3 and len(wanted) >= 3:
            within = 0.92 * fuzz.token_set_ratio(wanted, text)
        elif re.search(rf"(?<!\w){re.escape(text)}(?!\w)", wanted):
            within = 70.0
        if alone.search(text) or (len(wanted) >= 3 and wanted in text):
            within = max(within, 88.0)
        fit[i] = np.clip((max(whole, within) - 50) / 50, 0, 1)
    return fit


def _relate(query: Query, index: int, sight: Sight, matches: list[Match]) -> None:
    """Keep what lies in the asked direction of a reference, the nearest first."""
    if query.direction is None:
        return
    reference: int | None = None
    if query.reference_mark is not None:
        image, label = query.reference_mark
        if image != index:
            for match in matches:
                match.score = 0.0
            return
        reference = sight.row_of(label)
    elif query.reference_text:
        fit = text_fit(query.reference_text, sight.texts)
        reference = int(fit.argmax()) if fit.max() > 0.3 else None
    if reference is None:
        return
    near = sight.nearness(reference, query.direction)
    said = bool(query.text or query.roles or query.colors)
    for match, value in zip(matches, near, strict=True):
        match.score = float(value) * (0.4 + 0.6 * match.score if said else 1.0)
        if value > 0:
            match.reasons.append("beside " + sight.name(reference))


def _count_off(query: Query, sight: Sight, matches: list[Match]) -> None:
    """Of "the second link": the marks that fit equally well, the second in reading order."""
    if query.ordinal is None:
        return
    best = max(match.score for match in matches)
    fitting = [match for match in matches if match.score >= max(0.8 * best, 1e-9)]
    if not (query.roles or query.text or query.colors):
        fitting = matches
    at = query.ordinal - 1 if query.ordinal > 0 else len(fitting) + query.ordinal
    for match in matches:
        match.score *= 0.3
    if 0 <= at < len(fitting):
        fitting[at].score = 1.0
        fitting[at].reasons.append(f"number {query.ordinal}" if query.ordinal > 0 else "last")


def _asked(messages: Sequence[Message]) -> Message:
    for message in reversed(messages):
        if message.question and message.marked:
            return message
    raise VLMError("the offline grounder needs a question about marked images; use som.agents.ask")


def _sentence(asked: Message, matches: list[Match], korean: bool) -> str:
    if not matches:
        return (
            "질문에 맞는 마크를 찾지 못했습니다."
            if korean
            else "Nothing that is marked matches the question."
        )
    several = len(asked.marked) > 1
    named = []
    for match in matches:
        mark = asked.marked[match.image].marks[match.row]
        prefix = image_name(match.image) if several else ""
        said = " ".join(mark.text.split())
        # Brackets in the picture's own text must not read as marks.
        quoted = f' "{said[:60]}"'.replace("[", "(").replace("]", ")") if said else ""
        named.append(f"[{prefix}{mark.label}]{' ' + mark.role if mark.role else ''}{quoted}")
    reasons = ", ".join(dict.fromkeys(matches[0].reasons)) if len(matches) == 1 else ""
    reasons = reasons.replace("[", "(").replace("]", ")")
    if korean:
        return f"{', '.join(named)}" + ("이(가) 가장 잘 맞습니다." if len(named) == 1 else "입니다.")
    why = f" (matched: {reasons})" if reasons else ""
    return f"{', '.join(named)}{why}."
