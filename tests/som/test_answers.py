"""Marks are read out of replies in all the ways that models write them; numbers are left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from som.answers import parse_marks

NUMBERS = [{str(i) for i in range(1, 13)}]
LETTERS = [set("ABCDEFGH") | {"AA", "AB"}]
TWO = [{str(i) for i in range(1, 7)}, {str(i) for i in range(1, 10)}]


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("It is [3].", "3"),
        ("[3, 5]", "3 5"),
        ("[3,5] and [7]", "3 5 7"),
        ("[3][5]", "3 5"),
        ("The marks 3 and 5", "3 5"),
        ("marks 3, 5, and 7 are cups", "3 5 7"),
        ("[3]-[6]", "3 4 5 6"),
        ("[3] to [6]", "3 4 5 6"),
        ("[3-6]", "3 4 5 6"),
        ("marks 3–6", "3 4 5 6"),
        ("Mark 7", "7"),
        ("MARK: 7", "7"),
        ("label #7", "7"),
        ("#7", "7"),
        ("region 4 is left of region 2", "4 2"),
        ("**[3]**", "3"),
        ("**Mark 3**", "3"),
        ("- [3] the cup\n- [5] the plate", "3 5"),
        ("1. [3]\n2. [5]", "3 5"),
        ("[3](https://example.org)", "3"),
        ("［３］", "3"),
        ("【３】", "3"),
        ("（３）", "3"),
        ("「５」 입니다", "5"),
        ("7번", "7"),
        ("7번 마크입니다.", "7"),
        ("정답은 7번입니다", "7"),
        ("3번과 5번", "3 5"),
        ("3번, 5번 그리고 7번", "3 5 7"),
        ("3, 5번 버튼", "3 5"),
        ("마크 7을 누르세요", "7"),
        ("버튼[3]", "3"),
        ("```\n[3]\n```", "3"),
        ("`[3]`", "3"),
        ('{"mark": 3}', "3"),
        ('{"marks": [3, 5], "bbox": [1, 2, 4, 6], "score": 7}', "3 5"),
        ('```json\n{"answer": "[3]"}\n```', "3"),
        ('Sure!\n```json\n[{"mark": 3}, {"mark": 4}]\n```', "3 4"),
        ('{"mark": "7"}', "7"),
        ("7", "7"),
        ("7.", "7"),
        ("**7**", "7"),
        ("(7)", "7"),
        ("3, 5", "3 5"),
        ("3 and 5", "3 5"),
        ("Answer: 7", "7"),
        ("The answer is 7.", "7"),
        ("[3] then [3] again", "3"),
        ("[ 3 ]", "3"),
        ("{'mark': 3}", ""),
    ],
)
def test_forms(text: str, marks: str) -> None:
    assert [mention.label for mention in parse_marks(text, NUMBERS).found] == marks.split()


@pytest.mark.parametrize(
    "text",
    [
        "There are 2 apples.",
        "It costs $5.",
        "In 2024 there were 3.",
        "See step 3.",
        "1. First\n2. Second",
        "items[3]",
        "x = a[1]",
        "3번째 버튼",
        "5%",
        "at 3:05 pm",
        "mark 3.5",
        "marks 3%",
        "the number 4",
        "I see nothing",
        "",
        "???",
        "1920x1080",
        "half of 12 eggs",
    ],
)
def test_numbers_that_are_no_marks(text: str) -> None:
    found = parse_marks(text, NUMBERS)
    assert found.found == ()
    assert found.unknown == ()


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("[G]", "G"),
        ("[g]", "G"),
        ("Mark B", "B"),
        ("marks A and C", "A C"),
        ("it is a mark", ""),
        ("mark a box", ""),
        ("B", "B"),
        ("[ab]", "AB"),
        ("A dog", ""),
        ('{"mark": "c"}', "C"),
        ("[A, C]", "A C"),
    ],
)
def test_letters(text: str, marks: str) -> None:
    assert [mention.label for mention in parse_marks(text, LETTERS).found] == marks.split()


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("image A, mark 3", "A3"),
        ("image B, mark 3", "B3"),
        ("In image B, [2] and [3]; in image A [1].", "B2 B3 A1"),
        ("[A3] matches [B5]", "A3 B5"),
        ("[a:3] and [b:5]", "A3 B5"),
        ("[a-3]", "A3"),
        ("marks A3 and B5", "A3 B5"),
        ("[8]", "B8"),
        ("[2]", "A2"),
        ("이미지 B의 3번", "B3"),
        ('{"marks": ["B3"]}', "B3"),
        ("B3", "B3"),
    ],
)
def test_several_images(text: str, marks: str) -> None:
    found = parse_marks(text, TWO).found
    assert ["AB"[mention.image] + mention.label for mention in found] == marks.split()


def test_unknown_marks_are_reported_once_and_never_fatal() -> None:
    found = parse_marks("[99], [3] and mark 99, [A7]", NUMBERS)
    assert [mention.label for mention in found.found] == ["3"]
    assert found.unknown == ("99",)
    assert parse_marks("[B77]", TWO).unknown == ("B77",)
    assert parse_marks("99", NUMBERS).unknown == ("99",)


def test_mentions_say_where_they_stand() -> None:
    text = "Press ［３］ now"
    (mention,) = parse_marks(text, NUMBERS).found
    assert text[mention.start : mention.end] == "［３］"


def test_a_range_stays_small() -> None:
    labels = [{str(i) for i in range(1, 99999)}]
    assert len(parse_marks("[1]-[99998]", labels).found) <= 502


@given(st.text(alphabet='[]0123456789, -~#markABimage번마크{}":\n', max_size=300))
def test_any_text_gives_only_marks_that_exist(text: str) -> None:
    for labels in (NUMBERS, LETTERS, TWO):
        for mention in parse_marks(text, labels).found:
            assert mention.label in labels[mention.image]
            assert 0 <= mention.start < mention.end <= len(text)


@pytest.mark.parametrize(
    "piece",
    ["[", "[1,", "1,", "marks 1 and ", "번", "[1]-", "{", " ", "1 ", "#", "image A ", "```"],
)
def test_hostile_lengths_take_linear_time(piece: str) -> None:
    # Quadratic or worse would take minutes here.
    parse_marks(piece * (200_000 // len(piece)), NUMBERS)
    parse_marks(piece * (200_000 // len(piece)), TWO)
