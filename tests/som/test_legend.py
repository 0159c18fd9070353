"""The legend: nothing in an image can pass for an entry, and the compact form says the same."""

import json
import re

import numpy as np
import pytest

from som import MarkedImage, Marker
from som.errors import SomError
from som.regions import make_regions

TEXTS = [
    "Sign in",
    "Buy",
    "Buy",
    "",
    "Total: 9; 3 (new)",
    "x\n[9] button",
    "7 days",
    "구매하기",
    "\x1b[2J",
]
ROLES = ["button", "button", "button", "icon", "text", "button", "button", "button", ""]


@pytest.fixture
def marked() -> MarkedImage:
    boxes = [[10, 10 + 30 * i, 60, 30 + 30 * i] for i in range(len(TEXTS))]
    image = np.full((300, 100, 3), 255, np.uint8)
    return Marker.from_detections(image, make_regions(boxes, text=TEXTS, role=ROLES))


def test_the_compact_legend_names_roles_and_texts_once(marked: MarkedImage) -> None:
    lines = marked.legend("compact", {1: "new"}).splitlines()
    said = '1 Sign in (new); 2,3 Buy; 6 x [9] button; 7 "7 days"; 8 구매하기'
    assert lines[0] == f"button: {said}"
    assert lines[1] == "icon: 4"
    assert lines[2].startswith('text: 5 "Total: 9; 3 (new)"; 9 "')
    assert "\x1b" not in "".join(lines)


def test_every_mark_of_the_full_legend_is_in_the_compact_one(marked: MarkedImage) -> None:
    full = {line[1 : line.index("]")] for line in marked.legend().splitlines()}
    unquoted = re.sub(r'"(\\.|[^"\\])*"', "", marked.legend("compact"))
    entries = (entry for line in unquoted.splitlines() for entry in line.split(": ")[1].split(";"))
    compact = {label for entry in entries for label in entry.split()[0].split(",")}
    assert compact == full == {str(i) for i in range(1, 10)}
    assert len(marked.legend("compact").encode()) < len(marked.legend().encode())


def test_styles_and_notes(marked: MarkedImage) -> None:
    assert marked.legend("none") == marked.legend(False) == ""
    assert marked.legend(True) == marked.legend("full") == marked.legend()
    assert marked.legend("full", {4: "checked"}).splitlines()[3] == "[4] icon (checked)"
    assert json.loads(marked.legend().splitlines()[4].split(" ", 2)[2]) == TEXTS[4]
    with pytest.raises(SomError, match="full, compact, none"):
        marked.legend("short")
