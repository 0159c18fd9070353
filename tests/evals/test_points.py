"""Points and boxes in the many ways in which models write them."""

import pytest

from som.errors import SomError
from som.evals.conditions import condition, grid
from som.evals.points import parse_box, parse_point

SIZE = (400, 200)


@pytest.mark.parametrize(
    ("text", "convention", "point"),
    [
        ("[120, 40]", "absolute", (120, 40)),
        ("I think (10, 20). No: (30, 50)", "absolute", (30, 50)),
        ('{"x": 12.5, "y": 7}', "absolute", (12.5, 7)),
        ("<point>12 34</point>", "absolute", (12, 34)),
        ("[100, 20, 140, 60]", "absolute", (120, 40)),
        ("(100,20),(140,60)", "absolute", (120, 40)),
        ("[500, 500]", "thousand", (200, 100)),
        ("[250, 500]", "thousand_yx", (200, 50)),
        ("[0.5, 0.25]", "unit", (200, 50)),
        ("[50, 25]", "percent", (200, 50)),
        ("[900, 40]", "absolute", None),
        ("nowhere", "absolute", None),
    ],
)
def test_points(text: str, convention: str, point: tuple[float, float] | None) -> None:
    assert parse_point(text, SIZE, convention) == point


def test_boxes() -> None:
    assert parse_box("[10, 20, 900, 60]", SIZE) == (10, 20, 400, 60)
    assert parse_box("[100, 0, 300, 500]", SIZE, "thousand_yx") == (0, 20, 200, 60)
    assert parse_box("[10, 20]", SIZE) is None
    assert parse_box("[30, 20, 10, 60]", SIZE) is None


def test_conditions_are_words() -> None:
    made = condition("raw+marks+boxes+legend+letters+groups8")
    assert (made.views, made.shapes, made.legend, made.labels) == (
        ("raw", "marked"), ("box",), "full", "letters",
    )  # fmt: skip
    assert made.group == 8
    assert (condition("marks+compact").legend, condition("marks").legend) == ("compact", "none")
    assert [one.name for one in grid("raw, marks,raw")] == ["raw", "marks"]


@pytest.mark.parametrize(
    "name", ["", "boxes", "raw+boxes", "marks+groups", "marks+nonsense", "raw+zoom"]
)
def test_conditions_that_make_no_sense_are_refused(name: str) -> None:
    with pytest.raises(SomError):
        condition(name)
