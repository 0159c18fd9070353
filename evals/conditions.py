"""Conditions of an evaluation: what the model is shown and how it is asked, one word for each choice.

A condition is words joined by ``+``: ``raw`` shows the image as it is and asks for a point in pixels;
``marks`` shows labels; ``marks+boxes+legend`` adds their boxes and the list of what they say;
``raw+marks+boxes`` shows the image twice. Some words take a number: ``marks+groups8`` shows eight
marks at a time. `register` adds words of one's own.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from som.errors import SomError
from som.legend import LegendStyle
from som.style import Style


@dataclass(frozen=True)
class Condition:
    """What is shown and asked.

    Attributes:
        name: the words.
        views: what the model gets of an image: "raw", "marked" or both.
        marks: whether there are marks; without, the model is asked for a point.
        legend: how what can be read at the marks is listed: "full", "compact" or "none".
        shapes: what is drawn beside labels; see `som.style.Style`.
        labels: "numbers" or "letters".
        order: how marks are numbered, "reading" or "area".
        group: marks shown at a time, on as many images as that takes; None: all.
        max_marks: most marks on an image; None: all.
        thin: marks that are kept for a question, those it is most likely about; None: all.
        most: marks on one image of a way that looks at parts.
        way: how the answer is sought, a name in `som.evals.ways`.
        choose: ask for a choice with probabilities, so that calibration can be measured.
    """

    name: str
    views: tuple[str, ...] = ()
    marks: bool = False
    legend: LegendStyle = "none"
    shapes: tuple[str, ...] = ()
    labels: str = "numbers"
    order: str = "reading"
    group: int | None = None
    max_marks: int | None = None
    thin: int | None = None
    most: int = 40
    way: str = "once"
    choose: bool = False

    @property
    def style(self) -> Style:
        """How its marks look."""
        return Style(shapes=self.shapes, labels=self.labels)


Word = Callable[[Condition, int | None], Condition]
_WORDS: dict[str, Word] = {}
STANDARD = (
    "raw,marks,marks+boxes,marks+boxes+legend,raw+marks+boxes,marks+boxes+letters,marks+boxes+area"
)


def register(name: str, word: Word) -> None:
    """Add a word.

    Args:
        name: lower-case letters.
        word: takes the condition so far and the number behind the word, or None; gives the new one.
    """
    _WORDS[name] = word


def words() -> list[str]:
    """The words that there are."""
    return sorted(_WORDS)


def condition(name: str) -> Condition:
    """The condition that these words describe.

    Raises:
        SomError: an unknown word, a number that is missing, or words that contradict each other.
    """
    made = Condition(name)
    for part in name.split("+"):
        match = re.fullmatch(r"([a-z]+)-?(\d+)?", part.strip())
        if match is None or match[1] not in _WORDS:
            raise SomError(f"no condition {part!r}; words are: {', '.join(words())}")
        made = _WORDS[match[1]](made, int(match[2]) if match[2] else None)
    if not made.views:
        raise SomError(f"condition {name!r} shows nothing; begin it with raw or marks")
    asks_for_marks = (
        made.legend != "none"
        or made.shapes
        or made.group
        or made.thin
        or made.choose
        or made.way != "once"
    )
    if not made.marks and (asks_for_marks or made.labels != "numbers" or made.order != "reading"):
        raise SomError(f"condition {name!r} changes marks but has none; add marks to it")
    return made


def grid(names: str) -> list[Condition]:
    """Conditions of a list of names with commas between, each once."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted:
        raise SomError(f"name conditions, for example: {STANDARD}")
    return [condition(name) for name in dict.fromkeys(wanted)]


def _sized(field: str) -> Word:
    def word(made: Condition, number: int | None) -> Condition:
        if not number:
            raise SomError(f"condition {made.name!r}: {field} needs a number of at least 1")
        changed: dict[str, Any] = {field: number}
        return replace(made, **changed)

    return word


register("raw", lambda made, _: replace(made, views=("raw", *made.views)))
register("marks", lambda made, _: replace(made, views=(*made.views, "marked"), marks=True))
register("boxes", lambda made, _: replace(made, shapes=(*made.shapes, "box")))
register("outlines", lambda made, _: replace(made, shapes=(*made.shapes, "outline")))
register("fill", lambda made, _: replace(made, shapes=(*made.shapes, "fill")))
register("legend", lambda made, _: replace(made, legend="full"))
register("compact", lambda made, _: replace(made, legend="compact"))
register("letters", lambda made, _: replace(made, labels="letters"))
register("area", lambda made, _: replace(made, order="area"))
register("groups", _sized("group"))
register("most", _sized("max_marks"))
register("thin", _sized("thin"))
register("zoom", lambda made, number: replace(made, way="zoom", most=number or made.most))
register("choose", lambda made, _: replace(made, choose=True))
