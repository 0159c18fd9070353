"""What is written on each mark: numbers, or letters where numbers would be mistaken."""

import re
from collections.abc import Sequence

# I and O read as 1 and 0.
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"

_NUMBER = re.compile(r"\d{1,3}")


def label_names(n: int, kind: str, *, texts: Sequence[str] = ()) -> list[str]:
    """Name `n` marks.

    Args:
        n: how many.
        kind: "numbers" ("1", "2", ...), "letters" ("A" .. "Z", "AA", ...; without I and O), or
            "auto": letters where the picture itself shows many numbers as small as mark numbers, as
            a calendar or a keypad does.
        texts: what can be read in the picture's regions; only "auto" looks at them.

    Returns:
        n different labels.
    """
    if kind == "auto":
        kind = "letters" if clashes(n, texts) else "numbers"
    if kind == "numbers":
        return [str(i) for i in range(1, n + 1)]
    return [_letters(i) for i in range(n)]


def clashes(n: int, texts: Sequence[str]) -> bool:
    """Whether numbers 1..n would be mistaken for numbers that the picture shows.

    A number clashes where it stands alone in its region: the 7 of a keypad does, the 7 of "7 items"
    does not.
    """
    alone = {text.strip() for text in texts if _NUMBER.fullmatch(text.strip())}
    within = [text for text in alone if 1 <= int(text) <= max(n, 9)]
    return len(within) >= 5


def _letters(i: int) -> str:
    """Bijective base 24, as spreadsheet columns count."""
    name = ""
    i += 1
    while i:
        i, digit = divmod(i - 1, len(LETTERS))
        name = LETTERS[digit] + name
    return name
