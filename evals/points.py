"""Points and boxes that a model writes, in the convention that its family was trained on."""

import re
from collections.abc import Callable, Mapping

from som.errors import SomError
from som.prompts import render

Point = tuple[float, float]
Box = tuple[float, float, float, float]

# One unit across and down, of an image; the names are those of `Profile.coordinates`.
_UNITS: Mapping[str, Callable[[float, float], Point]] = {
    "absolute": lambda width, height: (1.0, 1.0),
    "unit": lambda width, height: (width, height),
    "percent": lambda width, height: (width / 100, height / 100),
    "thousand": lambda width, height: (width / 1000, height / 1000),
}
CONVENTIONS = (*_UNITS, "thousand_yx")
_NUMBER = r"-?\d{1,6}(?:\.\d+)?"
_FOUR = re.compile(
    rf"({_NUMBER})\s*,\s*({_NUMBER})\s*[,)\]]*\s*,?\s*[(\[]*\s*({_NUMBER})\s*,\s*({_NUMBER})"
)
_TWO = re.compile(rf"({_NUMBER})\s*(?:,|\s|;)\s*({_NUMBER})")
_NAMED = re.compile(rf"\bx\b\W{{0,4}}({_NUMBER}).{{0,20}}?\by\b\W{{0,4}}({_NUMBER})", re.S | re.I)


def how_to_write(kind: str, size_wh: tuple[int, int], convention: str, lang: str) -> dict[str, str]:
    """The values of the prompts eval_point and eval_box: the form of the answer and its unit."""
    unit, across_first = _read(convention)
    form = (
        {True: "[x, y]", False: "[y, x]"}
        if kind == "point"
        else {
            True: "[x1, y1, x2, y2]",
            False: "[y1, x1, y2, x2]",
        }
    )
    width, height = (str(value) for value in size_wh)
    return {
        "form": form[across_first],
        "unit": render(f"unit_{unit}", lang, width=width, height=height),
    }


def parse_point(text: str, size_wh: tuple[int, int], convention: str = "absolute") -> Point | None:
    """The point that a reply names, in pixels of the image that the model saw.

    ``[x, y]``, ``(x, y)``, ``<point>x y</point>``, ``{"x": 1, "y": 2}`` and a box ``[x1, y1, x2, y2]``,
    whose middle is taken. The last one counts: models think first.

    Args:
        text: the reply.
        size_wh: of that image.
        convention: one of `CONVENTIONS`.

    Returns:
        None where there is no point, or it lies outside the image.
    """
    found = _last(text[-4000:])
    if found is None:
        return None
    x, y = _pixels(found, size_wh, convention)
    return (x, y) if 0 <= x <= size_wh[0] and 0 <= y <= size_wh[1] else None


def parse_box(text: str, size_wh: tuple[int, int], convention: str = "absolute") -> Box | None:
    """The last box ``[x1, y1, x2, y2]`` of a reply; arguments as of `parse_point`.

    Returns:
        None where there is none, or it has no area on the image.
    """
    boxes = list(_FOUR.finditer(text[-4000:]))
    if not boxes:
        return None
    a, b, c, d = (float(value) for value in boxes[-1].groups())
    (x1, y1), (x2, y2) = _pixels((a, b), size_wh, convention), _pixels((c, d), size_wh, convention)
    x1, x2 = max(0.0, x1), min(float(size_wh[0]), x2)
    y1, y2 = max(0.0, y1), min(float(size_wh[1]), y2)
    return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


def _pixels(written: Point, size_wh: tuple[int, int], convention: str) -> Point:
    unit, across_first = _read(convention)
    across, down = _UNITS[unit](*size_wh)
    x, y = written if across_first else written[::-1]
    return x * across, y * down


def _read(convention: str) -> tuple[str, bool]:
    """The unit of a convention, and whether x comes first."""
    if convention not in CONVENTIONS:
        raise SomError(f"no convention {convention!r}; choose one of: {', '.join(CONVENTIONS)}")
    return convention.removesuffix("_yx"), not convention.endswith("_yx")


def _last(text: str) -> Point | None:
    named = list(_NAMED.finditer(text))
    if named:
        return float(named[-1][1]), float(named[-1][2])
    boxes = list(_FOUR.finditer(text))
    pairs = [match for match in _TWO.finditer(text) if not any(_inside(match, box) for box in boxes)]
    if boxes and (not pairs or boxes[-1].start() > pairs[-1].start()):
        x1, y1, x2, y2 = (float(value) for value in boxes[-1].groups())
        return (x1 + x2) / 2, (y1 + y2) / 2
    return (float(pairs[-1][1]), float(pairs[-1][2])) if pairs else None


def _inside(match: re.Match[str], box: re.Match[str]) -> bool:
    return match.start() >= box.start() and match.end() <= box.end()
