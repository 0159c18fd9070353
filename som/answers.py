"""From text to the marks it names, and nothing that merely looks like one.

A bracketed label is a mark: ``[3]``, ``[3, 5]``, ``[3]-[6]``, ``[G]``. So are labels after a word for
marks ("mark 7", "marks 3 and 5", "#7", "마크 7", "7번") and a reply that is a label and nothing else.
Any other number is a number. With several images, a label may carry the letter of its image (``[B3]``,
``[b:3]``, "image B, mark 3"); one that does not belongs to the image named last before it.
"""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# One character each, so that positions in the text stay true.
_WIDE = str.maketrans(
    "".join(chr(code) for code in range(0xFF10, 0xFF1A))
    + "".join(chr(code) for code in range(0xFF21, 0xFF3B))
    + "".join(chr(code) for code in range(0xFF41, 0xFF5B))
    + "［］【】〔〕「」（），、：～－＃",
    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" + "[]" * 5 + ",,:~-#",
)

_TO = r"(?:-|–|—|~|to|부터|에서)"
_AND = r"(?:,|;|/|&|\+|and|or|및|과|와|하고|그리고|또는)"
_SEPARATOR = rf"\s{{0,3}}(?:,\s{{0,3}}(?:and|or)|{_TO}|{_AND})\s{{0,3}}"
_IMAGE = r"(?:image|picture|photo|screenshot|이미지|사진|그림)\s{0,3}\[?([A-Z])(?![A-Za-z])\]?"
_WORDS = r"(?:\b(?:marks?|labels?|regions?|tags?|elements?|box|boxes)|마크|표시|영역|라벨|#)"
# Keys of a JSON reply that hold marks; all else in it (boxes, points, scores) are numbers.
_KEYS = {"mark", "marks", "mark_id", "mark_ids", "label", "labels", "id", "ids", "answer", "region"}
_ANSWER_WORDS = re.compile(
    r"^(?:the\s+)?(?:final\s+)?(?:answer|mark|label|정답|답|마크)\s*(?:is|은|는)?\s*[:=]?\s*", re.I
)
_LONGEST_RANGE = 500


@dataclass(frozen=True)
class Mention:
    """One mark named in a text.

    Attributes:
        image: number of the image it is on, from 0.
        label: as it is drawn there.
        start: where it stands in the text.
        end: likewise, exclusive; a range or a list shares the place of the whole.
    """

    image: int
    label: str
    start: int
    end: int


@dataclass(frozen=True)
class Mentions:
    """What a text names.

    Attributes:
        found: in order of first mention, each mark once.
        unknown: labels that were clearly meant as marks and are on no image.
    """

    found: tuple[Mention, ...]
    unknown: tuple[str, ...]


def image_name(index: int) -> str:
    """The letter that stands for an image in prompts and answers: A, B, ..."""
    return chr(ord("A") + index % 26)


def parse_marks(text: str, labels: Sequence[Collection[str]]) -> Mentions:
    """Find the marks that a text names.

    Args:
        text: a model's reply, or a person's question.
        labels: for each image the labels drawn on it.

    Returns:
        The mentions. Takes time linear in the length of the text, whatever is in it.
    """
    plain = text.translate(_WIDE)
    reader = _Reader([{label.upper(): label for label in image} for image in labels])
    data = _as_json(plain)
    if data is not None:
        for value in _values(data):
            reader.read_list(str(value), 0, len(text), strict=True)
    else:
        bare = _bare(plain)
        if reader.item.fullmatch(bare) or reader.items.fullmatch(bare):
            reader.read_list(bare, 0, len(text), strict=True)
        else:
            reader.read(plain)
    return Mentions(tuple(reader.found), tuple(dict.fromkeys(reader.unknown)))


class _Reader:
    """Collects mentions; knows the labels of each image, folded to upper case."""

    def __init__(self, labels: list[dict[str, str]]) -> None:
        self.labels = labels
        self.found: list[Mention] = []
        self.unknown: list[str] = []
        self.current: int | None = None
        several = len(labels) > 1
        letters = any(not label.isdigit() for image in labels for label in image)
        number = r"\d{1,5}(?!\d|\.\d|,\d{3}|\s?%|px)"
        name = rf"(?:{number}|[A-Za-z]{{1,3}}(?![A-Za-z]))" if letters else number
        prefix = r"(?:[A-Za-z]\s?[:.\-]?\s?(?=\d)|[A-Za-z]\s?:\s?)?" if several else ""
        one = rf"#?{prefix}{name}"
        # After a word for marks a lower-case letter is an article ("mark a box").
        spoken = rf"(?:{prefix}{number}|[A-Z]{{1,3}}(?![A-Za-z]))" if letters else prefix + number
        listed = rf"{one}(?:{_SEPARATOR}{one}){{0,200}}"
        self.item = re.compile(one)
        self.items = re.compile(listed)
        self.pattern = re.compile(
            rf"(?P<image>(?i:{_IMAGE}))"
            rf"|(?<![A-Za-z0-9_])\[\s{{0,3}}(?P<list>{listed})\s{{0,3}}\]"
            rf"(?:\s{{0,3}}(?P<to>{_TO})\s{{0,3}}\[\s{{0,3}}(?P<end>{one})\s{{0,3}}\])?"
            rf"|(?i:{_WORDS})\s{{0,3}}[:=#]?\s{{0,3}}(?P<spoken>{spoken}(?:{_SEPARATOR}{spoken}){{0,200}})"
            rf"|(?<![\d.,A-Za-z])(?P<korean>{number}(?:번?{_SEPARATOR}{number}){{0,200}})\s?번(?!째|이나)"
        )
        self.step = re.compile(rf"(?P<one>{one})|(?P<to>{_TO})")

    def read(self, text: str) -> None:
        for match in self.pattern.finditer(text):
            start, end = match.span()
            if match["image"]:
                self._look_at(match)
            elif match["list"]:
                listed = f"{match['list']}~{match['end']}" if match["to"] else match["list"]
                self.read_list(listed, start, end, strict=True)
            else:
                strict = match["korean"] is None and not match[0].startswith("#")
                self.read_list(match["spoken"] or match["korean"], start, end, strict=strict)

    def read_list(self, listed: str, start: int, end: int, *, strict: bool) -> None:
        """Take the labels of a list such as "3, 5-7"; if strict, unknown ones are reported."""
        previous, open_range = None, False
        for match in self.step.finditer(listed):
            if match["to"]:
                open_range = True
                continue
            at = self._resolve(match["one"].lstrip("#"))
            if at is None:
                if strict:
                    self.unknown.append(match["one"].lstrip("#"))
            else:
                between = self._between(previous, at) if open_range and previous else ()
                for label in (*between, at[1]):
                    self._add(at[0], label, start, end)
            previous, open_range = at, False

    def _look_at(self, match: re.Match[str]) -> None:
        index = ord(re.sub(r"[^A-Za-z]", "", match[0])[-1].upper()) - ord("A")
        if index < len(self.labels):
            self.current = index

    def _resolve(self, name: str) -> tuple[int, str] | None:
        """The image and the label that a written name stands for."""
        name = name.upper()
        parts = re.fullmatch(r"([A-Z])\s?[:.\-]?\s?(\d+|(?<=[:.\- ])[A-Z]+)", name)
        if parts and len(self.labels) > 1:
            index = ord(parts[1]) - ord("A")
            if index < len(self.labels) and parts[2] in self.labels[index]:
                return index, self.labels[index][parts[2]]
            return None
        order = [] if self.current is None else [self.current]
        for index in [*order, *range(len(self.labels))]:
            if name in self.labels[index]:
                return index, self.labels[index][name]
        return None

    def _between(self, first: tuple[int, str], last: tuple[int, str]) -> Iterator[str]:
        if first[0] == last[0] and first[1].isdigit() and last[1].isdigit():
            low, high = int(first[1]) + 1, int(last[1])
            for number in range(low, min(high, low + _LONGEST_RANGE)):
                if str(number) in self.labels[last[0]]:
                    yield str(number)

    def _add(self, image: int, label: str, start: int, end: int) -> None:
        if all((image, label) != (known.image, known.label) for known in self.found):
            self.found.append(Mention(image, label, start, end))


def _bare(text: str) -> str:
    """A reply without the dressing that models put around a single answer."""
    text = text.strip().strip("`*_\"'.。 \n[](){}<>")
    text = _ANSWER_WORDS.sub("", text).strip("`*_\"'.。 \n[](){}<>")
    return re.sub(r"\s?번$", "", text)


def _as_json(text: str) -> Any | None:
    """The JSON object or list that a reply consists of, with or without a code fence."""
    fenced = re.search(r"```(?:json)?\s*(.*?)```", text, re.S)
    body = (fenced[1] if fenced else text).strip()
    if not body.startswith(("{", "[{")):
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _values(data: Any, key: str = "") -> Iterator[Any]:
    """The values of keys that hold marks, at any depth."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _values(value, str(name).lower())
    elif isinstance(data, list):
        for value in data:
            yield from _values(value, key)
    elif key in _KEYS and isinstance(data, int | str) and not isinstance(data, bool):
        yield str(data).strip("[]")
