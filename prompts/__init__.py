"""Prompt templates: text files, one folder a language, with ``$name`` where something goes in.

Filled by `string.Template`, in one pass: what goes in is never looked at again, so a page that shows
``$legend`` or ``{question}`` stays text.

A language is a folder: one more here, or in the folder that the environment variable ``SOM_PROMPTS``
names, which goes first. ``actions.txt`` says what each action does; in English their docstrings do.
"""

import os
from functools import lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from som.errors import SomError

OWN_FOLDER = "SOM_PROMPTS"


def languages() -> list[str]:
    """Languages that there are prompts for."""
    return sorted(_folders())


@lru_cache(maxsize=64)
def load(name: str, lang: str) -> str:
    """The template of this name.

    Raises:
        SomError: no such language, or no such template in it.
    """
    folders = _folders()
    if lang not in folders:
        raise SomError(f"no prompts in language {lang!r}; there are: {', '.join(sorted(folders))}")
    path = folders[lang].joinpath(f"{name}.txt")
    if not path.is_file():
        raise SomError(f"no prompt {name!r} in language {lang!r}")
    return path.read_text("utf-8").strip()


def _folders() -> dict[str, Traversable]:
    """The folder of each language."""
    own = os.environ.get(OWN_FOLDER)
    roots: list[Traversable] = [files(__name__), *([Path(own)] if own else [])]
    return {
        folder.name: folder
        for root in roots
        if root.is_dir()
        for folder in root.iterdir()
        if folder.is_dir() and folder.joinpath("system.txt").is_file()
    }


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
