"""Prompt templates: text files, one folder a language, with ``$name`` where something goes in.

Filled by `string.Template`, in one pass: what goes in is never looked at again, so a page that shows
``$legend`` or ``{question}`` stays text.
"""

from functools import lru_cache
from importlib.resources import files
from string import Template

from som.errors import SomError


def languages() -> list[str]:
    """Languages that there are prompts for."""
    folders = (entry for entry in files(__name__).iterdir() if entry.is_dir())
    return sorted(folder.name for folder in folders if folder.joinpath("system.txt").is_file())


@lru_cache(maxsize=64)
def load(name: str, lang: str) -> str:
    """The template of this name.

    Raises:
        SomError: no such language, or no such template in it.
    """
    if lang not in languages():
        raise SomError(f"no prompts in language {lang!r}; there are: {', '.join(languages())}")
    path = files(__name__).joinpath(lang, f"{name}.txt")
    if not path.is_file():
        raise SomError(f"no prompt {name!r} in language {lang!r}")
    return path.read_text("utf-8").strip()


@lru_cache(maxsize=16)
def entries(name: str, lang: str) -> dict[str, str]:
    """A file of short texts, ``key: text`` a line.

    Raises:
        SomError: no such language, or no such file in it.
    """
    pairs = (line.partition(": ") for line in load(name, lang).splitlines() if line.strip())
    return {key: text for key, _, text in pairs}


def phrase(key: str, lang: str, **values: str) -> str:
    """Fill one of the short texts in ``phrases.txt``.

    Raises:
        SomError: no such language or text, or it needs a value that is missing.
    """
    try:
        return Template(entries("phrases", lang)[key]).substitute(values)
    except KeyError as error:
        raise SomError(f"phrase {key!r}: no such phrase, or no value for {error}") from error


def render(name: str, lang: str, **values: str) -> str:
    """Fill a template.

    Raises:
        SomError: no such language or template, or the template needs a value that is missing.
    """
    try:
        return Template(load(name, lang)).substitute(values)
    except KeyError as error:
        raise SomError(f"prompt {name!r} needs a value for {error}") from error
