"""An instruction in English or Korean taken apart into orders that can be carried out one by one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

_QUOTE = re.compile(r"[\"“”「『](.*?)[\"“”」』]|(?<!\w)'([^']+)'(?!\w)")
_NUMBERED = re.compile(r"«(\d+)»")
_ORDINALS = {
    "1st": 1, "first": 1, "2nd": 2, "second": 2, "3rd": 3, "third": 3, "4th": 4, "fourth": 4,
    "5th": 5, "fifth": 5, "6th": 6, "7th": 7, "8th": 8, "9th": 9, "last": -1,
    "첫 번째": 1, "첫번째": 1, "두 번째": 2, "두번째": 2, "세 번째": 3, "세번째": 3, "마지막": -1,
}  # fmt: skip
_PRESSES = "click|press|push|hit|tap"
_TYPES = "enter|type|write|input"
_CHOICES = "select|choose|pick|check|tick"
_VERBS = (
    f"{_PRESSES}|{_TYPES}|{_CHOICES}|uncheck|focus|expand|open|close|scroll|wait|drag|copy|paste|find|"
    "search|switch|reply|forward|delete|use|double.click|right.click|hover|sort|set|log in|submit"
)
_JOINT = re.compile(
    rf",?\s+(?:and\s+then|and|then)\s+(?=(?:{_VERBS})\b)|,\s*(?=(?:{_VERBS})\b)|"
    rf",?\s+to\s+(?=find\b)|\s+(?=(?:{_PRESSES}) submit\b)", re.I,
)  # fmt: skip
# What only someone who understands can do.
_BEYOND = re.compile(
    r"(?i)\b(in (?:the|ascending|descending) order|best|correctly|center of|mid-?point|as many|"
    r"coordinate|hot|(?:all|\d+) posts? by|similar|greatest|smallest|cheapest|color picker)\b"
)
# What a field is called where it is called nothing in particular.
_ANY_FIELD = re.compile(
    r"^(?:the |a |an )?(?:text ?|input ?|data ?)*"
    r"(?:box|field|input|area|textbox|text|word|number|value|string|following)?s?$", re.I,
)  # fmt: skip


@dataclass(frozen=True)
class Order:
    """One thing to do.

    Attributes:
        do: "click", "double_click", "right_click", "hover", "type", "complete" (type the beginning and
            take the suggestion that fits), "select", "expand", "wait", "scroll", "drag", "copy",
            "paste", "sort", "open" (what shows the owner).
        name: what its target says; "" for any.
        phrase: the target in words, for its role, colour, size and place.
        value: to type or choose, or which way to go.
        ordinal: which of several, from 1; -1 is the last.
        owner: what the thing says that the target is in, or beside.
        every: all that fit.
        search: the target may have to be found first, behind tabs, sections and pages.
    """

    do: str
    name: str = ""
    phrase: str = ""
    value: str = ""
    ordinal: int | None = None
    owner: str = ""
    every: bool = False
    search: bool = False

    def __str__(self) -> str:
        named = f'"{self.name}"' if self.name else self.phrase
        return " ".join(
            part for part in (self.do, f'"{self.value}"' if self.value else "", named) if part
        )


Reader = Callable[[re.Match[str]], list[Order] | None]


def read_orders(task: str) -> list[Order]:
    """The orders of an instruction; empty where it is not understood.

    Args:
        task: in English or Korean.
    """
    quotes: list[str] = []

    def keep(match: re.Match[str]) -> str:
        quotes.append(match[1] if match[1] is not None else match[2])
        return f"«{len(quotes) - 1}»"

    text = " ".join(_QUOTE.sub(keep, task).split())
    if re.search(r"[가-힣]", text):
        from som.agents.vlm.instructions_ko import read_korean

        found = read_korean(text)
    else:
        found = _read_english(text)
    return [_filled(order, quotes) for order in found]


def _filled(order: Order, quotes: list[str]) -> Order:
    def fill(text: str) -> str:
        return _NUMBERED.sub(lambda match: quotes[int(match[1])], text)

    phrase = _NUMBERED.sub(lambda match: f'"{quotes[int(match[1])]}"', order.phrase)
    return replace(
        order, name=fill(order.name), phrase=phrase, value=fill(order.value), owner=fill(order.owner)
    )


def _read_english(text: str) -> list[Order]:
    orders: list[Order] = []
    owner = ""
    search = False
    for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z])", text):
        clauses = _JOINT.split(sentence.strip().rstrip(".!"))
        for i, clause in enumerate(clauses):
            found = re.match(
                r"(?i)find (?:the |an? )?(?:e-?mail|message|post)s? (?:by|from) (\S+)", clause
            )
            if found:
                owner = found[1]
                continue
            last = i + 1 == len(clauses)
            if re.match(r"(?i)navigate\b|(?:find|switch|expand the sections)\b", clause) and (
                not last or clause.lower().startswith("navigate")
            ):
                search = True
                continue
            read = _clause(clause.strip(" ,"), owner, search=search)
            if read is None:
                return []
            orders += read
    return orders


def _clause(text: str, owner: str, *, search: bool) -> list[Order] | None:
    """The orders of one clause; None where it says something that cannot be done here."""
    if _BEYOND.search(text):
        return None
    for pattern, read in _ENGLISH:
        match = re.match(pattern + "$", text, re.I)
        if match:
            found = read(match)
            if found and found[0].do == "open":  # what follows is done inside of it
                return [replace(found[0], owner=owner), *found[1:]]
            return None if found is None else [
                replace(order, owner=order.owner or owner, search=order.search or search)
                for order in found
            ]  # fmt: skip
    return None


def target(phrase: str, do: str = "click", value: str = "") -> Order:
    """An order on what a phrase describes.

    Example:
        >>> target('the 2nd «0» button').ordinal
        2
    """
    ordinal = next(
        (n for word, n in _ORDINALS.items() if re.search(rf"\b{word}\b", phrase, re.I)), None
    )
    quoted = _NUMBERED.search(phrase)
    every = bool(re.search(r"\b(both|all|each|every)\b", phrase, re.I))
    name = f"«{quoted[1]}»" if quoted else ""
    return Order(do, name=name, phrase=phrase.strip(" ."), value=value, ordinal=ordinal, every=every)


def _press(match: re.Match[str]) -> list[Order]:
    verb, phrase = match[1].lower(), match[2]
    phrase = re.split(r"\s+to (?:delete|mark|close|open|submit)\b", phrase)[0]
    do = (
        "double_click"
        if verb.startswith("double")
        else "right_click"
        if verb.startswith("right")
        else "click"
    )
    found = re.match(
        r"(?i)(.*?) (?:on|of|for) (?:the )?(?:user|post by|e-?mail (?:by|from)) (\S+)$", phrase
    )
    if found:
        return [replace(target(found[1], do), owner=found[2])]
    return [target(phrase, do)]


def _typing(match: re.Match[str]) -> list[Order] | None:
    """'"a" into the field', 'the name "a" and the password "b" into ...', 'x as the date'."""
    said = match[1]
    ends = re.search(r"(?i)starts? with («\d+»)(?:.*ends? with («\d+»))?", said)
    if ends:
        return [Order("complete", value=ends[1], name=ends[2] or "")]
    case = re.search(r"(?i)\bin (?:all )?(lower|upper)[ -]?case(?: letters)?", said)
    said = said.replace(case[0], "") if case else said
    where = re.search(r"(?i)\s(?:in|into|to)\s+((?:the|both|all|a|an|each|every)?\s*[^«»]*)$", said)
    place = where[1] if where else ""
    what = said[: where.start()] if where else said
    pairs = re.findall(r"(?:\b(?:the|a|an|and)\s+)*([\w ]*?)\s*(«\d+»)", what)
    if not pairs:
        known = re.match(r"(?i)(.+?) as (?:the )?(.*)$", said)
        if known:
            return [Order("type", value=known[1], phrase=known[2])]
        return None
    orders = []
    for before, value in pairs:
        label = re.sub(r"^\s*(?:(?:the|a|an|and)\s+)+", "", before).strip()
        one = target(place, "type", value=value)
        if not _ANY_FIELD.match(label) and not one.every:
            one = replace(one, name=label, phrase=f"{label} {place}")
        orders.append(replace(one, phrase=f"{one.phrase} [{case[1].lower()}]") if case else one)
    return orders


def _choosing(match: re.Match[str]) -> list[Order] | None:
    verb, said = match[1].lower(), match[2]
    shades = re.match(r"(?i)all (?:of )?(?:the )?shades of (\w+)", said)
    if shades:
        return [Order("shades", value=shades[1], every=True)]
    if re.search(r"(?i) as the date", said):
        return None
    known = re.match(r"(?i)(-?[\d.]+) with (?:the )?(.*)$", said)
    if known:
        return [Order("type", value=known[1], phrase=known[2])]
    place = re.search(
        r"(?i)\s(?:from|in|on)\s+(?:the )?([^«»]*(?:list|drop-?down|menu|select|box|options))$", said
    )
    what = said[: place.start()] if place else said
    if ">" in what:
        *above, last = [part.strip() for part in what.split(">")]
        return [*(Order("hover", name=name) for name in above), Order("click", name=last)]
    if re.search(r"(?i)\b(radio|check ?box|button|option)\b", what) and not place:
        return [replace(target(what), do="select" if verb in ("check", "tick") else "click")]
    names = [name.strip() for name in re.split(r",\s*(?:and\s+)?|\s+and\s+(?=«)", what) if name.strip()]
    return [
        Order("select", name=name, phrase=place[1] if place else "")
        for name in names
        if name.lower() not in ("nothing", "none")
    ]


def _scrolling(match: re.Match[str]) -> list[Order]:
    way = {"top": "up", "bottom": "down"}.get(match[2].lower(), match[2].lower())
    return [Order("scroll", phrase=match[1].strip(), value=way)]


def _dragging(match: re.Match[str]) -> list[Order] | None:
    what, where = match[1], match[2].lower()
    return [replace(target(what, "drag"), value=where.strip(" ."))]


def _replying(match: re.Match[str]) -> list[Order]:
    return [
        Order("open"), Order("click", name="reply"), Order("type", value=match[1]),
        Order("click", name="send"),
    ]  # fmt: skip


def _forwarding(match: re.Match[str]) -> list[Order]:
    return [
        Order("open"), Order("click", name="forward"), Order("type", phrase="to", value=match[1]),
        Order("click", name="send"),
    ]  # fmt: skip


def _using(match: re.Match[str]) -> list[Order]:
    return [target(match[1], "type", value=match[2])]


def _copying(match: re.Match[str]) -> list[Order]:
    return [target(match[1], "copy")]


def _pasting(match: re.Match[str]) -> list[Order]:
    return [target(match[1], "paste")]


def _waiting(match: re.Match[str]) -> list[Order]:
    return [Order("wait", value=match[1])]


def _expanding(match: re.Match[str]) -> list[Order]:
    return [target(match[1], "expand")]


def _sorting(match: re.Match[str]) -> list[Order]:
    return [Order("sort", value="down" if match[1] else "up")]


_ENGLISH: list[tuple[str, Reader]] = [
    (rf"((?:double[- ]|right[- ])?(?:{_PRESSES}))(?: on| into)? (.+)", _press),
    (r"(focus)(?: on| into| in)? (.+)", _press),
    (rf"(?:use|using) (.+?) to (?:{_TYPES}) («\d+»)", _using),
    (rf"(?:{_TYPES}|fill in|fill) (.+)", _typing),
    (rf"({_CHOICES}) (.+)", _choosing),
    (r"wait (?:for )?([\d.]+) ?s\w*", _waiting),
    (r"scroll (.*?)\s*(?:to the |to )?(top|bottom|up|down)(?: of .*)?", _scrolling),
    (r"(?:expand|open) (.+)", _expanding),
    (r"(close) (?:the )?.* by (?:\w+ing)(?: on)? (.+)", _press),
    (r"(close) (.+)", _press),
    (r"copy (?:the )?text (?:from|in|of) (.+)", _copying),
    (r"paste (?:it|the text|that) (?:in|into) (.+)", _pasting),
    (r"reply (?:to (?:them|him|her|it) )?with (?:the text |the message )?(«\d+»)", _replying),
    (r"forward (?:that |the |this )?(?:e-?mail |message |it )?to (\S+)", _forwarding),
    (r"drag (?:the )?(.+?) ((?:left|right|up|down)(?: by one(?: position)?)?|(?:on|in)?to .*)",
     _dragging),
    (r"sort .*\b(?:increasing|ascending|(decreasing|descending))\b.*", _sorting),
]  # fmt: skip
