"""Pages of many kinds, written from a seed: what the generated data set is a picture of.

An element that a sample may ask for carries its instruction (``data-ask``) and its kind (``data-kind``,
text or icon). Instructions say what a person wants, in words that need not be on the element.
"""

import json
import random
from collections.abc import Callable, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, TypeVar

_T = TypeVar("_T")

_THEMES = (
    "--ink:#1c2330;--page:#f4f6f9;--card:#fff;--line:#cfd6e0;--bar:#1f3a5f;--barink:#fff;--accent:#1f6feb",
    "--ink:#222;--page:#fff;--card:#fafafa;--line:#ddd;--bar:#eee;--barink:#222;--accent:#0a7d4f",
    "--ink:#e6e9ef;--page:#161a22;--card:#212735;--line:#3a4356;--bar:#0d1017;--barink:#e6e9ef;--accent:#7c5cff",
)
Maker = Callable[[random.Random, str], str]


def page(index: int, seed: int = 0) -> tuple[str, str, str]:
    """One page.

    Args:
        index: which; kinds, languages and themes take turns.
        seed: of its names and numbers.

    Returns:
        Its HTML, its kind and its language.
    """
    draw = random.Random(f"{seed}/{index}")  # noqa: S311 - not a secret
    make = _MAKERS[index % len(_MAKERS)]
    lang = "ko" if index // len(_MAKERS) % 2 else "en"
    theme = _THEMES[(index + index // len(_MAKERS)) % len(_THEMES)]
    html = (
        f'<!doctype html><html lang="{lang}"><meta charset="utf-8">'
        f"<style>:root{{{theme}}}{_file('style.css')}</style><body>{make(draw, lang)}</body></html>"
    )
    return html, make.__name__.strip("_"), lang


def _mail(draw: random.Random, lang: str) -> str:
    subjects = _words("subjects", lang)
    rows = ""
    for who, what in zip(draw.sample(_words("people", lang), 8), draw.sample(subjects, 8), strict=True):
        star = _of(lang, f"star the mail from {who}", f"{who}의 메일에 별표 표시")
        drop = _of(lang, f"delete the mail from {who}", f"{who}의 메일 삭제")
        opened = _of(lang, f'open "{what}"', f'"{what}" 열기')
        rows += (
            f"<tr><td><input type=checkbox></td><td>{_icon('star', star)}</td><td>{who}</td>"
            f"<td>{_ask(what, opened, 'a')}</td><td class=muted>{draw.randint(1, 28)}.5.</td>"
            f"<td>{_icon('trash', drop)}</td></tr>"
        )
    bar = _button(_of(lang, "Compose", "편지 쓰기"), _of(lang, "write a new mail", "새 메일 쓰기"), "p")
    tools = _icon("search", _of(lang, "search the mails", "메일 검색")) + _icon(
        "gear", _of(lang, "open the settings", "설정 열기")
    )
    return _head(_of(lang, "Post", "우편함"), bar + tools) + f"<main><table>{rows}</table></main>"


def _editor(draw: random.Random, lang: str) -> str:
    asks = {
        "undo": ("undo the last change", "마지막 변경 취소"),
        "redo": ("redo the change", "변경 다시 실행"),
        "bold": ("make the text bold", "글자를 굵게"),
        "link": ("insert a link", "링크 넣기"),
        "image": ("insert a picture", "그림 넣기"),
        "print": ("print the document", "문서 인쇄"),
        "download": ("download the document", "문서 내려받기"),
        "pen": ("switch to drawing", "그리기로 전환"),
        "more": ("show more tools", "도구 더 보기"),
    }
    names = list(asks)
    draw.shuffle(names)
    tools = "".join(_icon(name, _of(lang, *asks[name])) for name in names)
    menus = _words("menus", lang)
    bar = "".join(
        _ask(
            f"<span class=b style='border:0'>{menu}</span>",
            _of(lang, f"open the {menu} menu", f"{menu} 메뉴 열기"),
            "span",
        )
        for menu in menus
    )
    text = _of(
        lang,
        "The quick survey of the valley took nine days. ",
        "골짜기를 조사하는 데 아흐레가 걸렸다. ",
    )
    share = _button(_of(lang, "Share", "공유"), _of(lang, "share this document", "이 문서 공유"), "p")
    return (
        _head(_of(lang, "Untitled document", "제목 없는 문서"), share)
        + "".join(f"<div class=row style='padding:4px 16px'>{row}</div>" for row in (bar, tools))
        + f"<main style='max-width:820px;margin:auto'>{f'<p>{text * 6}</p>' * 3}</main>"
    )


def _form(draw: random.Random, lang: str) -> str:
    fields = _words("fields", lang)
    body = "".join(
        f"<label>{name}</label><input style='width:420px' {_data(ask, 'text')}>" for name, ask in fields
    )
    checks = _words("checks", lang)
    boxes = "".join(
        f"<label class=row><input type=checkbox {_data(ask, 'icon')}>{name}</label>"
        for name, ask in checks
    )
    buttons = _button(
        _of(lang, "Place order", "주문하기"), _of(lang, "place the order", "주문 완료"), "p"
    )
    buttons += _button(_of(lang, "Cancel", "취소"), _of(lang, "abandon the order", "주문 그만두기"))
    title = _of(lang, "Checkout", "결제")
    total = f"{_of(lang, 'Total', '합계')}: {draw.randint(12, 480)},{draw.randint(10, 99)}"
    rest = f"{boxes}<p>{total}</p><div class=row>{buttons}</div>"
    return _head(title) + f"<main>{body}{rest}</main>"


def _table(draw: random.Random, lang: str) -> str:
    heads = _words("heads", lang)
    states = _words("states", lang)
    rows = ""
    for who in draw.sample(_words("people", lang), 10):
        number = draw.randint(1000, 9999)
        opened = _of(lang, f"open order {number}", f"{number}번 주문 열기")
        edit = _of(lang, f"edit the order of {who}", f"{who}의 주문 고치기")
        pick = _of(lang, f"select the row of {who}", f"{who}의 행 선택")
        rows += (
            f"<tr><td><input type=checkbox {_data(pick, 'icon')}> {_ask(str(number), opened, 'a')}</td>"
            f"<td>{who}</td><td>{draw.randint(10, 900)}.00</td><td>{draw.choice(states)}</td>"
            f"<td>{_icon('pen', edit)}</td></tr>"
        )
    sort = [_of(lang, f"sort by {name.lower()}", f"{name}(으)로 정렬") for name in heads]
    named = [_ask(name, ask, "span") for name, ask in zip(heads, sort, strict=True)]
    head = "".join(f"<th>{cell}</th>" for cell in [*named, ""])
    tools = _button(_of(lang, "Export", "내보내기"), _of(lang, "export the table", "표 내보내기"))
    tools += _icon("print", _of(lang, "print the table", "표 인쇄"))
    pages = "".join(
        _ask(f"<span class=b>{n}</span>", _of(lang, f"go to page {n}", f"{n}쪽으로 가기"), "span")
        for n in range(2, 6)
    )
    title = _of(lang, "Orders", "주문 목록")
    return _head(title, tools) + (
        f"<main><table><tr>{head}</tr>{rows}</table>"
        f"<div class=row style='margin-top:14px'>{pages}</div></main>"
    )


def _shop(draw: random.Random, lang: str) -> str:
    cards = ""
    for thing in draw.sample(_words("things", lang), 8):
        add = _of(lang, f"put the {thing.lower()} into the cart", f"{thing} 장바구니에 담기")
        like = _of(lang, f"remember the {thing.lower()} for later", f"{thing} 나중을 위해 저장")
        hue = draw.randint(0, 359)
        cards += (
            f"<div class=card><div class=photo style='background:hsl({hue},45%,70%)'></div>"
            f"<p><b>{thing}</b><br><span class=muted>{draw.randint(5, 90)}.90</span></p><div class=row>"
            f"{_button(_of(lang, 'Add', '담기'), add, 'p')}{_icon('star', like)}</div></div>"
        )
    tools = _icon("search", _of(lang, "search the shop", "상점 검색"))
    tools += _icon("cart", _of(lang, "look into the cart", "장바구니 보기"))
    return _head(_of(lang, "Corner shop", "동네 상점"), tools) + f"<main class=grid>{cards}</main>"


def _settings(draw: random.Random, lang: str) -> str:
    sections = _words("sections", lang)
    side = "".join(
        _ask(name, _of(lang, f"go to the settings of {name.lower()}", f"{name} 설정으로 가기"), "a")
        for name in sections
    )
    switches = _words("switches", lang)
    body = ""
    for name in draw.sample(switches, 5):
        ask = _of(lang, f'turn "{name}" on or off', f'"{name}" 켜거나 끄기')
        knob = "<span class=switch><span></span></span>"
        body += (
            f"<div class='row card' style='margin-bottom:10px'><span style='flex:1'>{name}</span>"
            f"<span {_data(ask, 'icon')} style='line-height:0'>{knob}</span></div>"
        )
    close = _icon("close", _of(lang, "close the settings", "설정 닫기"))
    save = _button(_of(lang, "Save", "저장"), _of(lang, "keep the changes", "변경 내용 저장"), "p")
    return _head(_of(lang, "Settings", "설정"), close) + (
        f"<div style='display:flex;min-height:80vh'><nav class=side>{side}</nav>"
        f"<main style='flex:1'>{body}{save}</main></div>"
    )


_MAKERS: Sequence[Maker] = (_mail, _editor, _form, _table, _shop, _settings)


def _of(lang: str, english: _T, korean: _T) -> _T:
    return korean if lang == "ko" else english


def _data(ask: str, kind: str) -> str:
    return f'data-ask="{escape(ask, quote=True)}" data-kind="{kind}"'


def _ask(shown: str, ask: str, tag: str) -> str:
    link = ' href="#"' if tag == "a" else ""
    return f"<{tag}{link} {_data(ask, 'text')}>{shown}</{tag}>"


def _button(shown: str, ask: str, style: str = "") -> str:
    return f'<button class="{style}" {_data(ask, "text")}>{shown}</button>'


def _icon(name: str, ask: str) -> str:
    shape = json.loads(_file("icons.json"))[name]
    return f'<button class="i" {_data(ask, "icon")}><svg viewBox="0 0 24 24">{shape}</svg></button>'


def _head(title: str, tools: str = "") -> str:
    return f"<header><h1>{title}</h1>{tools}</header>"


def _words(name: str, lang: str) -> Any:
    return json.loads(_file("words.json"))[name][lang]


@cache
def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")
