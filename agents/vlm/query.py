"""A question taken apart into what the offline grounder can look for."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from som.agents.vlm.words import (
    COLORS,
    COMMANDS,
    MANY,
    ORDINALS,
    PARTICLES,
    PLACES,
    RELATIONS,
    ROLES,
    SIZES,
    STOP,
    Words,
)
from som.answers import parse_marks

_QUOTED = re.compile(r"[\"“”「『‘](.{1,80}?)[\"“”」』’]|(?<!\w)'(.{1,80}?)'(?!\w)")
_MARK = re.compile(r"\[[^\]]{1,12}\]|\b[Mm]arks?\s+[A-Z]?\d+|마크\s*\d+|\d+\s?번(?!째)")


@dataclass(frozen=True)
class Query:
    """What a question says.

    Attributes:
        text: words that should be read in the mark; quoted ones, else those left over.
        colors: keys of `COLORS`.
        roles: keys of `ROLES`.
        place: x and y, -1 (left, top) .. 1, None where it does not say.
        size: 1 for the largest, -1 for the smallest, 0 where it does not say.
        ordinal: 1 for the first, -1 for the last, or None.
        direction: (x, y) from the reference, (0, 0) for any side, or None without a reference.
        reference_mark: (image, label) that the direction refers to.
        reference_text: words that can be read in the reference.
        image: which image is meant, or None.
        many: all that match are asked for.
    """

    text: str = ""
    colors: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    place: tuple[float | None, float | None] = (None, None)
    size: int = 0
    ordinal: int | None = None
    direction: tuple[int, int] | None = None
    reference_mark: tuple[int, str] | None = None
    reference_text: str = ""
    image: int | None = None
    many: bool = False

    @property
    def empty(self) -> bool:
        """Whether it says nothing that could be looked for."""
        said = (self.text, self.colors, self.roles, self.size, self.ordinal, self.direction)
        return not any(said) and self.place == (None, None) and self.direction is None


def parse_query(question: str, labels: Sequence[Collection[str]]) -> Query:
    """Take a question apart.

    Args:
        question: in English or Korean.
        labels: the labels of each image it is about.
    """
    found = parse_marks(question, labels).found
    mark = (found[0].image, found[0].label) if found else None
    direction, subject, reference = _relation(question)
    named = re.search(r"(?i)\bimage ([A-Z])\b|이미지 ([A-Z])", question)
    image = ord((named[1] or named[2]).upper()) - ord("A") if named and len(labels) > 1 else None

    rest = _Rest(subject)
    quoted = rest.quoted()
    colors = tuple(name for name, words in COLORS.items() if rest.take(words))
    sizes = [sign for sign, words in SIZES.items() if rest.take(words)]
    ordinals = [number for number, words in ORDINALS.items() if rest.take(words)]
    places = [PLACES[name][:2] for name in PLACES if rest.take(PLACES[name][2])]
    roles = tuple(name for name, (_, words) in ROLES.items() if rest.has(words))
    many = rest.take(MANY)
    for name in roles:
        rest.take(ROLES[name][1])
    return Query(
        text=quoted or rest.words(),
        colors=colors,
        roles=roles,
        place=(
            next((x for x, _ in places if x is not None), None),
            next((y for _, y in places if y is not None), None),
        ),
        size=sizes[0] if sizes else 0,
        ordinal=ordinals[0] if ordinals else None,
        direction=direction,
        reference_mark=mark if direction is not None else None,
        reference_text="" if mark else _Rest(reference).reference(),
        image=image,
        many=many,
    )


def _relation(question: str) -> tuple[tuple[int, int] | None, str, str]:
    """The direction asked for, what is asked for, and what it is beside."""
    for direction, (before, behind) in RELATIONS.items():
        for phrase in before:
            match = re.search(rf"(?i)\b{phrase}\b\s+(?=\S)", question)
            if match:
                return direction, question[: match.start()], question[match.end() :]
        for phrase in behind:
            at = question.find(phrase)
            # Behind a mark or a quotation; "오른쪽 위" alone is a place, not a relation.
            if at > 0 and re.search(r"[\]번\"”」'’A-Za-z0-9]\s*$", question[:at]):
                return direction, question[at + len(phrase) :], question[:at]
    return None, question, ""


class _Rest:
    """A question from which known words are taken, so that what is left can be read in a mark."""

    def __init__(self, text: str) -> None:
        self.text = _MARK.sub(" ", text)

    def quoted(self) -> str:
        match = _QUOTED.search(self.text)
        if not match:
            return ""
        self.text = self.text.replace(match[0], " ")
        return (match[1] or match[2]).strip()

    def has(self, words: Words) -> bool:
        return any(_pattern(word).search(self.text) for word in words)

    def take(self, words: Words) -> bool:
        found = False
        for word in sorted(words, key=len, reverse=True):
            self.text, count = _pattern(word).subn(" ", self.text)
            found = found or count > 0
        return found

    def words(self) -> str:
        kept = []
        for found in re.findall(r"[\w'@.\-+&]+", self.text):
            word = found.strip("'.-")
            if re.search(r"[가-힣]", word):
                word = _without_particle(word)
            if word and word.lower() not in STOP:
                kept.append(word)
        kept = [word for word in kept if word.lower() not in COMMANDS] or kept
        return " ".join(kept)

    def reference(self) -> str:
        """Words that a reference can be found by; roles are left in only if nothing else is."""
        quoted = self.quoted()
        if quoted:
            return quoted
        everything = self.words()
        for _, words in ROLES.values():
            self.take(words)
        return self.words() or everything


def _pattern(word: str) -> re.Pattern[str]:
    if re.search(r"[가-힣]", word):
        return re.compile(re.escape(word))
    return re.compile(rf"(?i)(?<!\w){re.escape(word)}(?!\w)")


def _without_particle(word: str) -> str:
    for particle in PARTICLES:
        if word.endswith(particle) and len(word) > len(particle) + 1:
            return word.removesuffix(particle)
    return word
