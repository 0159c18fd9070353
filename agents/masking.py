"""A pattern that finds values in text however they are written: encoded, escaped, broken over lines."""

import base64
import re
from collections.abc import Iterable
from html.entities import codepoint2name

# What may stand between two characters of a value without hiding it from a reader.
_BETWEEN = "[\\s\u00ad\u180e\u200b-\u200f\u2060-\u2064\ufeff]*"
# A text that was cut off may end within a value: this much of it is enough to be found.
SHORTEST_CUT, CUT_SHARE = 4, 0.5
_CUT_OFF = "(?=[…\"'\\]\\s]*\\Z)"
SHORTEST_CODED = 6


def mask_pattern(values: Iterable[str], keep: str) -> re.Pattern[str]:
    """A pattern for values, however they are written.

    As they are, in any case, percent- and HTML-encoded, escaped as in JSON, in base64 and hexadecimal,
    with spaces or line breaks anywhere in them, or cut off at the end.

    Args:
        values: to find; group ``s0`` is the first, and so on.
        keep: a pattern of what is matched first and has no named group.
    """
    known = [re.sub(r"\((?!\?)", "(?:", keep)]
    order = sorted(enumerate(values), key=lambda item: -len(item[1]))
    known += [f"(?P<s{i}>{'|'.join(_ways(value.strip()))})" for i, value in order]
    return re.compile("|".join(known), re.IGNORECASE)


def _ways(value: str) -> list[str]:
    written = [_ways_of_char(c) for c in value if not c.isspace()]
    ways = [_joined(written), *_base64(value.encode())]
    if len(value) >= SHORTEST_CODED:
        ways.append(_BETWEEN.join(f"{byte:02x}[:,-]?" for byte in value.encode()))
    least = max(SHORTEST_CUT, round(CUT_SHARE * len(written)))
    if least < len(written):
        rest = ""
        for char in reversed(written[least:-1]):
            rest = f"(?:{_BETWEEN}{char}{rest})?"
        ways.append(_joined(written[:least]) + rest + _CUT_OFF)
    return ways


def _joined(written: list[str]) -> str:
    # A space within a value was left out: what may stand between characters takes its place, coded too.
    return f"(?:{_BETWEEN}|\\+|%(?:25)*20|&(?:amp;)*(?:nbsp|#0*32|#0*160|#x0*20|#x0*a0);?)".join(
        written
    )


def _ways_of_char(char: str) -> str:
    code = ord(char)
    ways = [re.escape(char)]
    ways.append("".join(f"%(?:25)*{byte:02x}" for byte in char.encode("utf-8", "surrogatepass")))
    ways += [f"&#0*{code};?", f"&#x0*{code:x};?", rf"\\+u\{{?0*{code:x}\}}?"]
    if code < 256:
        ways.append(rf"\\+x{code:02x}")
    if code in codepoint2name:
        ways.append(f"&(?:amp;)*{codepoint2name[code]};?")
    if char in "\"'\\/`$":
        ways.append(rf"\\+{re.escape(char)}")
    if 0x21 <= code <= 0x7E:
        ways.append(chr(code + 0xFEE0))  # its full-width twin
    return f"(?:{'|'.join(ways)})"


def _base64(data: bytes) -> list[str]:
    """What base64 makes of the value at each of the three places where it can begin."""
    found = []
    for before in range(3):
        coded = base64.b64encode(bytes(before) + data).decode()
        first, last = -(-before * 8 // 6), (before + len(data)) * 8 // 6
        core = coded[first:last]
        if len(core) >= SHORTEST_CODED:
            chars = (c.replace("+", "[+-]").replace("/", "[/_]") for c in core)
            found.append(f"(?-i:{_BETWEEN.join(chars)})")
    return found
