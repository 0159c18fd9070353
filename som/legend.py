"""The list of what can be read at marks, for a model: in full, or in fewer tokens."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

from som.errors import SomError

if TYPE_CHECKING:
    from som.marks import Mark

LegendStyle = Literal["full", "compact", "none"]
STYLES: tuple[LegendStyle, ...] = get_args(LegendStyle)
LONGEST = 80
# A text with any of these could pass for something else in the compact form, so it is quoted there.
_QUOTED = re.compile(r"[;:()\"\\]|^\s*[\d,]+(\s|$)|^\s*$")


def write_legend(
    marks: Sequence["Mark"], style: LegendStyle | bool = "full", notes: Mapping[int, str] | None = None
) -> str:
    r"""List marks that have a text, a role or a note.

    In full, a line each: ``[7] button "Sign in" (new)``. Compact, a line for each role, with marks that
    say the same named once: ``button: 7 Sign in (new); 8,9 Buy``. In both, text of the image stands on
    one line and cannot pass for an entry of its own: in full it is a JSON string; compact, it is one
    where it holds anything that could mislead.

    Args:
        marks: in the order of the list.
        style: True is "full", False is "none".
        notes: by mark id, what is said of a mark beside its text.

    Raises:
        SomError: no such style.
    """
    if isinstance(style, bool):
        style = "full" if style else "none"
    if style not in STYLES:
        raise SomError(f"no legend {style!r}; there are: {', '.join(STYLES)}")
    notes = notes or {}
    listed = [mark for mark in marks if mark.text or mark.role or notes.get(mark.id)]
    if style == "none":
        return ""
    if style == "compact":
        return _compact(listed, notes)
    return "\n".join(_line(mark, notes.get(mark.id, "")) for mark in listed)


def _line(mark: "Mark", note: str) -> str:
    text = json.dumps(shorten(mark.text), ensure_ascii=False) if mark.text else ""
    parts = (f"[{mark.label}]", " ".join(mark.role.split()), text, f"({note})" if note else "")
    return " ".join(part for part in parts if part)


def _compact(marks: Sequence["Mark"], notes: Mapping[int, str]) -> str:
    # Role -> what it says -> labels; both in the order of their first mark.
    roles: dict[str, dict[str, list[str]]] = {}
    for mark in marks:
        note = notes.get(mark.id, "")
        said = f"{_bare(mark.text)} ({note})".strip() if note else _bare(mark.text)
        role = " ".join(mark.role.split()).replace(":", " ") or "text"
        roles.setdefault(role, {}).setdefault(said, []).append(mark.label)
    lines = []
    for role, entries in roles.items():
        said = "; ".join(f"{','.join(labels)} {text}".strip() for text, labels in entries.items())
        lines.append(f"{role}: {said}")
    return "\n".join(lines)


def _bare(text: str) -> str:
    text = shorten(text)
    if not text:
        return ""
    misleads = _QUOTED.search(text) or not text.isprintable()
    return json.dumps(text, ensure_ascii=False) if misleads else text


def shorten(text: str, limit: int = LONGEST) -> str:
    """One line of at most `limit` characters."""
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
