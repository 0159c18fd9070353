"""The interface's words in each language: flat JSON files, one a language."""

import json
import re
from functools import lru_cache
from importlib.resources import files

LANGUAGES = {"en": "English", "ko": "한국어"}


@lru_cache(maxsize=8)
def words(lang: str) -> dict[str, str]:
    """All words of a language, by key."""
    text = files("som.ui").joinpath("words", f"{lang}.json").read_text("utf-8")
    found: dict[str, str] = json.loads(text)
    return found


def word(key: str, lang: str, **values: object) -> str:
    """One of them, with ``{name}`` filled in."""
    return re.sub(r"\{(\w+)\}", lambda match: str(values.get(match[1], "")), words(lang)[key])


def language_of(header: str | None) -> str:
    """The first of a browser's languages (``Accept-Language``) that there is; English without one."""
    for part in (header or "").split(","):
        code = part.split(";")[0].strip().lower().split("-")[0]
        if code in LANGUAGES:
            return code
    return "en"
