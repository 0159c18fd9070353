"""The Korean half of `som.agents.vlm.instructions`: verbs end their clauses, particles mark parts."""

import re
from dataclasses import replace

from som.agents.vlm.instructions import Order, target

_ENDS = r"(?:하고|하여|해서|한 다음|한 뒤|한 후|하세요|하십시오|해 ?주세요|해라|합니다|해|하기)"
_PRESS = (
    r"(?:(?:클릭|선택)"
    + _ENDS
    + r"|누르고|눌러서|누른 다음|누른 뒤|누른 후|누르세요|누르십시오|눌러 ?주세요|눌러라|눌러)"
)
_SELECT = r"(?:(?:선택|체크)" + _ENDS + r"|고르고|고른 다음|고른 뒤|고르세요|골라 ?주세요|골라)"
_TYPE = r"(?:입력" + _ENDS + r"|적고|적으세요|쓰고|쓰세요|치고|치세요)"
_OPEN = r"(?:(?:펼치|열)(?:고|세요|십시오)|펼친 다음|펼친 뒤|펼쳐 ?주세요|열어 ?주세요|연 다음)"
_CLAUSE = re.compile(
    rf"(.+?(?:을|를|에|\s)?)\s*({_PRESS}|{_TYPE}|{_SELECT}|{_OPEN})[,.]?\s*(?:그리고|그런 다음)?\s*"
)
_PARTICLE = re.compile(r"(?:을|를|에서|에|으로|로|이|가)$")
_ROLES = {
    "버튼": "button", "단추": "button", "링크": "link", "탭": "tab", "체크박스": "checkbox",
    "확인란": "checkbox", "라디오": "radio",
    "입력란": "textbox", "입력창": "textbox", "필드": "textbox",
}  # fmt: skip


def read_korean(text: str) -> list[Order]:
    """The orders of an instruction whose quotations are numbered; empty where it is not understood."""
    orders: list[Order] = []
    at = 0
    while at < len(text.rstrip(" .!")):
        match = _CLAUSE.match(text, at)
        if match is None:
            return []
        found = _clause(match[1].strip(), match[2])
        if not found:
            return []
        orders += found
        at = match.end()
    return orders


def _clause(what: str, verb: str) -> list[Order]:
    if re.match(_TYPE, verb):
        value = re.search(r"(«\d+»|[^\s]+?)(?:을|를|라고)\s*", what)
        if value is None:
            return []
        place = (what[: value.start()] + " " + what[value.end() :]).strip()
        return [_target(place, "type", value[1])]
    if re.match(_OPEN, verb):
        return [_target(what, "expand")]
    listed = re.match(r"(?:.*?(?:목록|드롭다운|상자|메뉴)에서\s*)?(.+)$", what)
    chooses = re.match(_SELECT, verb) and not re.match("클릭|누", verb)
    if chooses and listed and not re.search("버튼|링크|탭|단추", what):
        names = re.split(r",\s*|\s+및\s+|(?:와|과)\s+", _PARTICLE.sub("", listed[1]))
        return [
            Order("select", name=name.strip()) for name in names if name.strip() not in ("", "아무것도")
        ]
    return [_target(what, "click")]


def _target(what: str, do: str, value: str = "") -> Order:
    phrase = _PARTICLE.sub("", what.strip())
    words = [role for word, role in _ROLES.items() if word in phrase]
    order = target(f"{phrase} {' '.join(words)}", do, value)
    named = re.sub("|".join(_ROLES), "", phrase).strip()
    bare = re.fullmatch(r"[\w#@.\- ]+", named)
    if order.name or order.ordinal or not bare or do == "type":
        return order
    return replace(order, name=named)
