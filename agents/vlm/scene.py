"""What an observation holds, as the offline agent looks at it: things with roles, words and states."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from som.agents.envs.base import Observation
from som.agents.vlm.instructions import Order
from som.agents.vlm.words import COLORS, ROLES, SIZES

FIELDS = ("textbox", "searchbox", "spinbutton", "combobox")
_SUBMITS = (
    "submit",
    "ok",
    "search",
    "login",
    "log in",
    "go",
    "go!",
    "send",
    "done",
    "save",
    "제출",
    "확인",
)
_SAME = {
    "x": ("x", "close", "×", "✕"), "login": ("login", "log in", "sign in", "ok"),
    "제출": ("제출", "submit"), "확인": ("확인", "ok"), "send": ("send", "send reply", "send forward"),
}  # fmt: skip
_ARROWS = ("", "▾", "▼", "⌄", "▿")
_EMPTY = {
    "the",
    "a",
    "an",
    "on",
    "named",
    "labeled",
    "labelled",
    "item",
    "below",
    "in",
    "icon",
    "with",
    "of",
}


@dataclass(frozen=True)
class Thing:
    """A mark: number, name, role, states as written, and box."""

    id: int
    text: str
    role: str
    state: str
    box: tuple[int, int, int, int]

    def __str__(self) -> str:
        return f'"{self.text}"' if self.text else f"[{self.id}]"

    def has(self, state: str) -> bool:
        """Whether it is "checked", "disabled", ..."""
        return bool(re.search(rf"(?:^|, ){state}(?:,|$)", self.state))

    @property
    def middle(self) -> tuple[float, float]:
        """Of its box."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    def holds(self, other: "Thing") -> bool:
        """Whether another lies in it."""
        x, y = other.middle
        return other != self and self.box[0] <= x < self.box[2] and self.box[1] <= y < self.box[3]

    @property
    def value(self) -> float | None:
        """The number in a field; 0 in an empty one, None where it is no number."""
        found = re.search(r'value "(-?[\d.]*)"', self.state)
        if found is None:
            return None if 'value "' in self.state else 0.0
        return float(found[1] or 0)

    @property
    def options(self) -> list[str]:
        """Of a drop-down."""
        at = self.state.find("options [")
        if at < 0:
            return []
        try:
            found: list[str] = json.JSONDecoder().raw_decode(self.state, at + len("options "))[0]
        except ValueError:
            return []
        return found


class Scene:
    """The marks of an observation.

    Args:
        seen: the observation.
    """

    def __init__(self, seen: Observation) -> None:
        self._marked = seen.marked
        self.things = [
            Thing(
                mark.id, " ".join(mark.text.split()), mark.role, seen.states.get(mark.id, ""),
                tuple(round(v) for v in mark.box_xyxy),  # type: ignore[arg-type]
            )
            for mark in seen.marked.marks
        ]  # fmt: skip

    # Things that are asked for.

    def find(self, order: Order) -> Thing | None:
        """What an order names; None where nothing fits well."""
        things = self._in_reach(order)
        if things is None:
            return None
        if order.name:
            return self._said(order.name, things, order.phrase) or self._role(order.name, things, order)
        words = _content(order.phrase)
        return (
            self._said(" ".join(words), things, order.phrase)
            or self._said(" ".join(_without_roles(words)), things, order.phrase)
            or self._role(order.phrase, things, order)
            or self._grounded(order)
        )

    def _in_reach(self, order: Order) -> list[Thing] | None:
        if not order.owner:
            return self.things
        holders = [
            thing for thing in self.things
            if re.search(rf"(?<!\w){re.escape(order.owner)}(?!\w)", thing.text)
            and any(thing.holds(other) for other in self.things)
        ]  # fmt: skip
        if holders:
            return [thing for thing in self.things if holders[0].holds(thing)]
        # It was opened: what belongs to it is all that there is.
        return None if any(self._rows()) else self.things

    def _rows(self) -> list[Thing]:
        """Things with things in them: lines of a list."""
        return [thing for thing in self.things if any(thing.holds(other) for other in self.things)]

    def _said(self, name: str, things: Sequence[Thing], phrase: str) -> Thing | None:
        if not name:
            return None
        names = _SAME.get(name.casefold(), (name,))
        folded = [one.casefold() for one in names]
        tests: list[Callable[[str], bool]] = [
            lambda text: text == name,
            lambda text: text.casefold() in folded,
            lambda text: _bare(text) == _bare(name) != "",
            lambda text: len(name) > 1 and text.casefold().startswith(name.casefold() + " "),
        ]
        roles = [given for role, (given, words) in ROLES.items() if set(words) & set(_words(phrase))]
        for test in tests:
            found = [thing for thing in things if test(thing.text)]
            found.sort(key=lambda thing: not any(thing.role in given for given in roles))
            if found:
                return found[0]
        return None

    def _role(self, said: str, things: Sequence[Thing], order: Order) -> Thing | None:
        """By role and number alone, as in "the 2nd checkbox"; not where more is said."""
        words = _content(said)
        roles = [role for role, (_, known) in ROLES.items() if set(words) & set(known)]
        known = {word for role in roles for word in ROLES[role][1]} | {
            "text",
            "area",
            "textarea",
            "widget",
        }
        if (not roles and "textarea" not in words) or set(words) - known:
            ordinal = order.ordinal is not None and "result" in " ".join(words)
            if not ordinal:
                return None
            roles = ["link"]
        given = {name for role in roles for name in ROLES[role][0]} or {"textbox"}
        fitting = [thing for thing in things if thing.role in given]
        if "result" in words:
            fitting = self.results()
        if {"text", "textarea"} & set(words):
            many = "textarea" in words
            fitting = [thing for thing in fitting if thing.has("multi-line") == many]
        at = (order.ordinal or 1) - (1 if (order.ordinal or 1) > 0 else 0)
        return fitting[at] if -len(fitting) <= at < len(fitting) else None

    def _grounded(self, order: Order) -> Thing | None:
        """By colour, size and place, as the grounder finds it."""
        from som.agents.vlm.offline import ground

        words = set(_words(order.phrase))
        known = [*COLORS.values(), *SIZES.values()]
        if not any(set(some) & words for some in known):
            return None
        matches = ground(order.phrase, [self._marked])
        if not matches:
            return None
        every = ground(order.phrase, [self._marked], every=True)
        equal = [self.things[one.row] for one in every if one.score > matches[0].score - 0.05]
        return max(equal, key=lambda t: (t.box[2] - t.box[0]) * (t.box[3] - t.box[1]))

    def fields(self, order: Order) -> list[Thing]:
        """Fields that an order may fill, the best first."""
        fields = [thing for thing in self.things if thing.role in FIELDS or thing.role == "slider"]
        if re.search(r"(?i)\bslider", order.phrase):
            return [thing for thing in fields if thing.role == "slider"]
        fields = [thing for thing in fields if not thing.options and thing.role != "slider"]
        fields = [thing for thing in fields if not thing.has("read-only")] or fields
        if order.name and order.do != "complete":
            named = [thing for thing in fields if order.name.casefold() in thing.text.casefold()]
            fields = named or (fields if len(fields) == 1 else [])
        words = set(_words(order.phrase))
        labelled = [
            thing for thing in fields
            if thing.text and words & set(_words(thing.text)) - {"text", "the", "field", "box", "input"}
        ]  # fmt: skip
        if labelled and not order.every:
            fields = labelled
        if order.ordinal is not None and not order.every:
            at = order.ordinal - (1 if order.ordinal > 0 else 0)
            return fields[at : at + 1] if at >= 0 else fields[at:]
        if order.do == "paste":  # into what is empty
            fields = [thing for thing in fields if not thing.has("multi-line")] or fields
            fields = [thing for thing in fields if 'value "' not in thing.state] or fields
        return fields

    def list_with(self, option: str) -> Thing | None:
        """The drop-down or list that has an option."""
        wanted = option.casefold()
        return next(
            (thing for thing in self.things if wanted in [one.casefold() for one in thing.options]),
            None,
        )

    # What else may be needed.

    def results(self) -> list[Thing]:
        """Links of a list of results, without those that turn its pages."""
        return [t for t in self.things if t.role == "link" and re.search(r"[^\W\d]", t.text)]

    def submit(self) -> Thing | None:
        """The one button that sends a form."""
        found = [thing for thing in self.things if thing.text.casefold() in _SUBMITS]
        return found[0] if len(found) == 1 else None

    def drop_down(self) -> Thing | None:
        """What looks like a list of choices that is closed."""
        return next(
            (thing for thing in self.things
             if thing.role in ("combobox", "listbox") or (thing.role == "" and thing.text in _ARROWS)
             or thing.has("collapsed")), None,
        )  # fmt: skip

    def dismissal(self) -> Thing | None:
        """A button that makes something go away that is in the way."""
        words = ("cancel", "close", "dismiss", "no", "not now", "later", "x", "×", "취소", "닫기")
        return next(
            (t for t in self.things if t.text.casefold() in words and not t.has("disabled")), None
        )

    def closed(self) -> list[Thing]:
        """What can be opened, the surest first."""
        sure = [thing for thing in self.things if thing.has("collapsed") and not thing.has("selected")]
        plain = [t for t in self.things if t.text.casefold() not in _SUBMITS and t.role not in FIELDS]
        return sure or (plain if len(plain) == 1 else [])

    def openers(self) -> list[Thing]:
        """What may show more: closed sections, other tabs, menus, folders, further pages."""
        tabs = [
            t for t in self.things if t.role == "tab" and not (t.has("selected") or t.has("expanded"))
        ]
        menus = [t for t in self.things if t.role == "menuitem" and not t.has("disabled")]
        folders = [
            t
            for t in self.things
            if re.search(r"\b(hitarea|expand\w*|collapsed|folder|toggle)\b", t.text)
        ]
        closed = [t for t in self.things if t.has("collapsed")]
        further = [
            t
            for t in self.things
            if t.text in (">", "›", "»") or t.text.casefold() in ("next", "more", "다음")
        ]
        return list(dict.fromkeys([*closed, *tabs, *folders, *menus, *further]))

    def panel(self, phrase: str) -> Thing | None:
        """What is scrolled: a text area, or a line of a list."""
        fields = [
            thing for thing in self.things if thing.role == "textbox" and 'value "' in thing.state
        ]
        if phrase or not self._rows():
            areas = sorted(fields, key=lambda t: -(t.box[3] - t.box[1]))
            return areas[0] if areas else None
        return self._rows()[-1]

    def shades(self, color: str) -> list[Thing]:
        """Small things of a hue, whatever its lightness: red, green or blue is the most of it."""
        at = {"red": 0, "green": 1, "blue": 2}.get(color.lower())
        if at is None:
            return []
        found = []
        for thing in self.things:
            x, y = (round(v) for v in thing.middle)
            pixel = self._marked.image[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3).mean(axis=0)
            if not thing.text and pixel.argmax() == at and pixel.max() - np.median(pixel) > 5:
                found.append(thing)
        return found

    def shape(self) -> Thing | None:
        """The only thing that is no button and no field."""
        found = [
            t for t in self.things if t.role not in (*FIELDS, "button", "link", "checkbox", "radio")
        ]
        return found[0] if len(found) == 1 else None

    def numbers(self) -> list[tuple[float, Thing]]:
        """Things that say a number and nothing else."""
        return [
            (float(thing.text), thing)
            for thing in self.things
            if re.fullmatch(r"-?\d+(\.\d+)?", thing.text)
        ]

    def place(self, thing: Thing, where: str) -> Thing | None:
        """The thing at a place in the list or grid that another is in."""
        width, height = thing.box[2] - thing.box[0], thing.box[3] - thing.box[1]
        like = [
            t for t in self.things
            if abs(t.box[2] - t.box[0] - width) < 6 and abs(t.box[3] - t.box[1] - height) < 6
        ]  # fmt: skip
        if thing not in like or len(like) < 2:
            return None
        like.sort(key=lambda t: (round(t.middle[1] / height), t.middle[0]))
        columns = len({round(t.middle[0] / width * 2) for t in like})
        at = like.index(thing)
        ordinal = re.search(r"(\d+)(?:st|nd|rd|th) position", where)
        if ordinal:
            to = int(ordinal[1]) - 1
        elif "by one" in where:
            to = at + {"left": -1, "right": 1, "up": -columns, "down": columns}[where.partition(" ")[0]]
        else:
            rows = len(like) // columns
            row = 0 if "top" in where else rows - 1 if "bottom" in where else rows // 2
            column = 0 if "left" in where else columns - 1 if "right" in where else columns // 2
            to = row * columns + column
        return like[to] if 0 <= to < len(like) and to != at else None


def _bare(text: str) -> str:
    """Without signs at its end, in small letters."""
    return re.sub(r"\W+$", "", text).casefold()


def _words(text: str) -> list[str]:
    return re.findall(r"[\w#]+", text.casefold())


def _content(phrase: str) -> list[str]:
    said = re.findall(r"[\w#@.\-+&>]+", phrase)
    ordinals = re.compile(r"\d+(?:st|nd|rd|th)|first|second|third|last", re.I)
    return [word for word in said if word.casefold() not in _EMPTY and not ordinals.fullmatch(word)]


def _without_roles(words: Sequence[str]) -> list[str]:
    known = {word for _, some in ROLES.values() for word in some}
    return [word for word in words if word.casefold() not in known]
