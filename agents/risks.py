"""Which risk an action on a page runs, by what its target is and what its label says.

The words are data: ``risky_words.toml``, English, Korean and more. English asks for the beginning of a
label ("Delete account", but "Recently deleted" is none), Korean for its end.
"""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from urllib.parse import parse_qsl, unquote, urlsplit

from som.agents.envs.base import Target
from som.errors import SomError

KINDS = {
    "buy": "it spends money or orders something",
    "send": "it sends something to others",
    "publish": "it makes something public",
    "delete": "it deletes or ends something",
    "login": "it logs in",
    "account": "it opens an account or changes its settings",
    "permission": "it grants a permission",
    "upload": "it uploads a file",
    "password": "it types into a password field",
    "card": "it types payment data",
    "elsewhere": "it sends a form to another site",
    "leak": "it hands data to another site in an address",
    "script": "it runs a script or opens a page that no site serves",
    "doubt": "a model that was asked does not think it harmless",
}
# What a label is judged for; the other kinds come from what a target is.
LABELLED = ("buy", "delete", "publish", "send", "permission", "upload", "account", "login")
LISTS = ("is", "starts", "ends", "verbs", "objects", "unless", "links", "paths", "pages")
# Longer labels are content: a product's name, a headline.
MOST_WORDS, MOST_CHARS = 7, 60
_JUDGED_ROLES = (
    "", "button", "link", "menuitem", "tab", "option", "switch", "menuitemcheckbox", "menuitemradio",
    "treeitem", "gridcell", "img", "generic",
)  # fmt: skip
_AMOUNT = re.compile(r"[$€£¥₩]?\s*\d[\d.,:]*\s*(?:원|만원|usd|eur|krw|건|개|%)?|[$€£¥₩]")
_NOT_WORDS = re.compile(r"[^\w']+")
_SENDING_FIELDS = re.compile(
    r"\b(message|reply|comment|chat|post|tweet)\b|메시지|메세지|댓글|답글|채팅|회신|メッセージ|返信|评论|消息"
)
_CARD_FIELDS = ("cc-number", "cc-csc", "cc-exp", "cc-exp-month", "cc-exp-year", "cc-name", "cc-type")
# Korean verbs of buttons without these are nouns: "cancel", "cancelling".
_POLITE = re.compile("(하기|하다|해요|합니다|할게요|할래요)$")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w+")
LONGEST_QUERY = 120
# Domains under which people register domains of their own: their last label is not all of the suffix.
_SECOND_LEVELS = {"co", "com", "or", "org", "ac", "go", "gov", "ne", "net", "edu", "re", "pe", "gr"}


@dataclass(frozen=True)
class Risk:
    """A kind of risk, and what shows it."""

    kind: str
    why: str


@dataclass(frozen=True)
class Page:
    """The page around a target."""

    url: str = ""
    title: str = ""


@dataclass(frozen=True)
class Words:
    """Lists of words for each kind, and those that mean nothing by themselves.

    Attributes:
        kinds: for each kind its lists: `is` a whole label; `starts` its first words; `ends` its end;
            `verbs` and `objects` that mean it together, the verb first or, where verbs come last, at
            the end; `unless` words that make it harmless; `links` whole labels that count on links too
            (with ``*`` their beginnings); `paths` words of an address, or of what a document calls a
            thing without a name; `pages` words of an address or title that give a vague label its
            meaning.
        vague: labels that mean what the page is about: "OK", "Continue".
        submits: labels that send a form: "Submit".
        fillers: first words without meaning: "Yes, delete".
        harmless: words that make any label harmless: "cookies".
    """

    kinds: Mapping[str, Mapping[str, tuple[str, ...]]]
    vague: tuple[str, ...] = ()
    submits: tuple[str, ...] = ()
    fillers: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()
    _keys: tuple[str, ...] = field(default=("vague", "submits", "fillers", "harmless"), repr=False)

    def with_more(self, more: Mapping[str, Mapping[str, Iterable[str]]]) -> "Words":
        """These and more.

        Args:
            more: lists by kind, as in the shipped file; "any" holds `vague` and the like.

        Raises:
            SomError: there is no such kind or list.
        """
        kinds = {kind: dict(lists) for kind, lists in self.kinds.items()}
        general = {key: getattr(self, key) for key in self._keys}
        for kind, lists in more.items():
            known = LISTS if kind in LABELLED else self._keys if kind == "any" else None
            if known is None:
                raise SomError(f"no kind of words {kind!r}; there are: any, {', '.join(LABELLED)}")
            into = general if kind == "any" else kinds.setdefault(kind, {})
            for name, words in lists.items():
                if name not in known:
                    raise SomError(f"no list {name!r} of words; there are: {', '.join(known)}")
                into[name] = (*into.get(name, ()), *map(_entry, words))
        return replace(self, kinds=kinds, **general)


@cache
def shipped_words() -> Words:
    """The lists that come with the package."""
    text = files("som.agents").joinpath("risky_words.toml").read_text("utf-8")
    return Words({}).with_more(tomllib.loads(text))


def plain(label: str) -> str:
    """A label in lower case without amounts, signs and what cannot be seen; words with one space."""
    label = unicodedata.normalize("NFKC", label).casefold()
    label = "".join(c for c in label if unicodedata.category(c) != "Cf")
    label = _AMOUNT.sub(" ", label)
    return " ".join(_NOT_WORDS.sub(" ", label.replace("_", " ")).split())


def _entry(word: str) -> str:
    return plain(word) + " *" if word.endswith("*") else plain(word)


def risk_of_label(label: str, words: Words, *, link: bool = False) -> Risk | None:
    """What a label says that pressing it does.

    Args:
        label: as a person reads it.
        words: the lists.
        link: whether it is a link to a page, which by itself opens it and no more.
    """
    text = plain(label)
    if not text or len(text) > MOST_CHARS or len(text.split()) > MOST_WORDS:
        return None
    if any(_holds(text, word) for word in words.harmless):
        return None
    forms = [text, *text.split(" and ")[1:]]
    while (shorter := _without_first(forms[-1], words.fillers)) != forms[-1]:
        forms.append(shorter)
    for kind in LABELLED:
        lists = words.kinds.get(kind, {})
        if any(_holds(text, word) for word in lists.get("unless", ())):
            continue
        if any(_matches(form, lists, link) for form in forms):
            return Risk(kind, f"{KINDS[kind]}, as its label says")
    return None


def risk_of_click(target: Target, page: Page, words: Words) -> Risk | None:
    """The risk of pressing a target."""
    if target.type == "file":
        return Risk("upload", KINDS["upload"])
    scheme = urlsplit(target.href).scheme.lower() if ":" in target.href else ""
    if scheme in ("mailto", "tel", "sms"):
        return Risk("send", f"it leads to {scheme}: and writes to or calls somebody")
    if target.role not in _JUDGED_ROLES and target.type not in ("submit", "image", "button", "reset"):
        return None
    link = _is_link(target)
    label = target.text
    found = risk_of_label(label, words, link=link) if label else _risk_of_hint(target.hint, words)
    if found is not None:
        return found
    if link:
        return risk_of_path(target.href, words)
    vague = _risk_of_vague(label, target, page, words)
    if vague is not None:
        return vague
    return _risk_of_form(target) if _submits(target) else None


def risk_of_submit(target: Target, page: Page, words: Words, *, keys: str = "Enter") -> Risk | None:
    """The risk of pressing Enter, alone or with other keys, while a target has the focus."""
    if target.tag in ("button", "a", "summary") or target.type in (
        "submit",
        "button",
        "image",
        "reset",
    ):
        return risk_of_click(target, page, words)
    many_lines = target.tag == "textarea" or (target.tag != "input" and target.role == "textbox")
    if _SENDING_FIELDS.search(plain(target.text)) and (target.tag != "input" or not target.form_action):
        return Risk("send", "Enter in a field for messages sends them")
    if many_lines and "+" not in keys:
        return None
    button = replace(target, text=target.form_button, role="button", type="submit", href="", hint="")
    if many_lines and not target.form_button:
        return None
    return risk_of_click(button, page, words)


def risk_of_text(text: str, target: Target, *, by_name: bool) -> Risk | None:
    """The risk of typing a text.

    Args:
        text: as the model wrote it.
        target: the field.
        by_name: whether the text names a secret, which has rules of its own.
    """
    completes = target.autocomplete.lower().split()
    if any(word in _CARD_FIELDS for word in completes) or _is_card_number(text):
        return Risk("card", KINDS["card"])
    secret = target.type == "password" or any(word.endswith("-password") for word in completes)
    if not by_name and (secret or "one-time-code" in completes):
        return Risk("password", KINDS["password"])
    return None


def risk_of_address(url: str, page: Page, words: Words) -> Risk | None:
    """The risk of opening an address that a model wrote."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme in ("javascript", "data", "blob", "vbscript", "view-source"):
        return Risk("script", f"{scheme}: {KINDS['script']}")
    if scheme in ("mailto", "tel", "sms"):
        return Risk("send", f"it leads to {scheme}: and writes to or calls somebody")
    if "{{secret:" in unquote(url):
        return Risk("leak", KINDS["leak"])
    if not same_site(url, page.url):
        query = unquote(parts.query + parts.fragment)
        if _EMAIL.search(query) or len(query) > LONGEST_QUERY:
            return Risk("leak", KINDS["leak"])
    return risk_of_path(url, words)


def risk_of_path(url: str, words: Words) -> Risk | None:
    """What the words of an address say that opening it does: ``/account/delete``, ``?action=pay``."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    values = [value for _, value in parse_qsl(parts.query)]
    last = [part for part in unquote(parts.path).split("/") if part][-2:]
    found = {plain(part.partition(".")[0].replace("-", " ")) for part in (*last, *values)}
    for kind in LABELLED:
        for word in words.kinds.get(kind, {}).get("paths", ()):
            if word in found:
                return Risk(kind, f"{KINDS[kind]}, as its address says")
    return None


def same_site(url: str, other: str) -> bool:
    """Whether two addresses belong to one registered domain; those without a host belong to any."""
    hosts = [(urlsplit(one).hostname or "").rstrip(".").lower() for one in (url, other)]
    return not all(hosts) or _registered(hosts[0]) == _registered(hosts[1])


def _registered(host: str) -> str:
    labels = host.split(".")
    if labels[-1].isdigit():
        return host
    many = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS
    return ".".join(labels[-3 if many else -2 :])


def _risk_of_hint(hint: str, words: Words) -> Risk | None:
    called = plain(hint).split()
    for kind in LABELLED:
        if any(word in called for word in words.kinds.get(kind, {}).get("paths", ())):
            return Risk(kind, f"{KINDS[kind]}, as the page's own name for it says")
    return None


def _risk_of_vague(label: str, target: Target, page: Page, words: Words) -> Risk | None:
    text = plain(label)
    if text in words.submits and target.form_method == "post":
        return Risk("send", "it sends a form")
    if text not in words.vague and text not in words.submits:
        return None
    parts = urlsplit(target.url if target.url.startswith("http") else page.url)
    about = plain(f"{unquote(parts.path).replace('/', ' ').replace('-', ' ')} {page.title}")
    for kind in LABELLED:
        for word in words.kinds.get(kind, {}).get("pages", ()):
            if _holds(about, word):
                return Risk(kind, f"{KINDS[kind]}, as the page around it says")
    return None


def _risk_of_form(target: Target) -> Risk | None:
    if target.form_secret:
        return Risk("login", "it sends a form with a password")
    if target.form_action.startswith("http") and not same_site(target.form_action, target.url):
        host = urlsplit(target.form_action).hostname
        return Risk("elsewhere", f"{KINDS['elsewhere']}, {host}")
    return None


def _submits(target: Target) -> bool:
    if target.type in ("button", "reset") or not (target.form_action or target.form_secret):
        return False
    return target.type in ("submit", "image") or target.tag == "button"


def _is_link(target: Target) -> bool:
    """Whether pressing it opens another page and, as far as the document says, does nothing else."""
    if target.role not in ("link", "") or not target.href.startswith(("http:", "https:")):
        return False
    return target.href.partition("#")[0] != target.url.partition("#")[0]


def _matches(text: str, lists: Mapping[str, tuple[str, ...]], link: bool) -> bool:
    for word in lists.get("links", ()):
        if text == word or (word.endswith("*") and text.startswith(word[:-1])):
            return True
    if link:
        return False
    if text in lists.get("is", ()):
        return True
    if any(text == word or text.startswith(f"{word} ") for word in lists.get("starts", ())):
        return True
    whole = text.replace(" ", "")
    squeezed = _POLITE.sub("", whole)
    ends = tuple(word.replace(" ", "") for word in lists.get("ends", ()))
    if whole.endswith(ends) or squeezed.endswith(ends):
        return True
    objects = [word for word in lists.get("objects", ()) if _holds(text, word)]
    for verb in lists.get("verbs", ()) if objects else ():
        first = verb.isascii() and text.startswith(f"{verb} ")
        if first or (not verb.isascii() and squeezed.endswith(verb) and squeezed != verb):
            return True
    return False


def _holds(text: str, word: str) -> bool:
    """Whether a text holds a word: a whole one, or any part where words are not written apart."""
    if word.isascii():
        return f" {word} " in f" {text} "
    return word.replace(" ", "") in text.replace(" ", "")


def _without_first(text: str, fillers: Iterable[str]) -> str:
    for word in fillers:
        if text.startswith(f"{word} "):
            return text[len(word) + 1 :]
    return text


def _is_card_number(text: str) -> bool:
    """Whether digits in a text are the number of a payment card (Luhn)."""
    for found in re.findall(r"(?<!\d)(?:\d[ -]?){13,19}(?!\d)", text):
        digits = [int(c) for c in found if c.isdigit()]
        doubled = [sum(divmod(2 * d, 10)) for d in digits[-2::-2]]
        if digits[0] in (3, 4, 5, 6) and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0:
            return True
    return False
