"""Vocabularies: a user's own words, or the shipped list of common objects and parts of screens."""

from importlib.resources import files
from pathlib import Path

from som.errors import SomError

LANGUAGES = ("en", "ko")


def shipped(language: str = "en") -> list[str]:
    """The shipped words in a language.

    Raises:
        SomError: there is no list in that language.
    """
    if language not in LANGUAGES:
        raise SomError(
            f"no words in {language!r}; choose one of: {', '.join(LANGUAGES)}, or give a file"
        )
    lines = files("som.naming").joinpath("words.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t")[LANGUAGES.index(language)] for line in lines]


def read_vocabulary(source: str | Path) -> list[str]:
    """Words from a file, one a line, or the shipped list of a language ("en", "ko").

    Raises:
        SomError: no such file, or no word in it.
    """
    if str(source) in LANGUAGES:
        return shipped(str(source))
    try:
        text = Path(source).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SomError(f"cannot read words from {source}: give a text file, one word a line") from error
    # Each once, in the order of the file.
    words = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not words:
        raise SomError(f"{source} has no words; write one a line")
    return words
