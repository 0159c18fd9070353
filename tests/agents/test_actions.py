import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from som.agents import actions as do
from som.agents.actions import KINDS, ActionError, action_prompt, action_schema, parse_action

MARKS = [3, 7, 12]


@pytest.mark.parametrize(
    ("reply", "action"),
    [
        ('{"thought": "x", "action": {"action": "click", "mark": 7}}', do.Click(mark=7)),
        ('{"action": "click", "mark": 7, "thought": "because"}', do.Click(mark=7)),
        ('Sure: ```json\n{"action": "go_back"}\n```', do.GoBack()),
        ("I click(7) now", do.Click(mark=7)),
        ("click([7])", do.Click(mark=7)),
        ('type(3, "a (b), \\"c\\"", submit=true)', do.Type(mark=3, text='a (b), "c"', submit=True)),
        ("type(mark=3, text='it\\'s')", do.Type(mark=3, text="it's")),
        ('type(3, "")', do.Type(mark=3, text="")),
        ("scroll()", do.Scroll()),
        ("scroll(up, 3, 2.5)", do.Scroll(direction="up", mark=3, amount=2.5)),
        ("drag(3, 7)", do.Drag(mark=3, to=7)),
        ('press("Control+a")', do.Press(keys="Control+a")),
        ("mark_region(1, 2, 30, 40)", do.MarkRegion(x1=1, y1=2, x2=30, y2=40)),
        ('answer("done: {\\"a\\": 1}")', do.Answer(text='done: {"a": 1}')),
        ('type(3, "저장")', do.Type(mark=3, text="저장")),
    ],
)
def test_replies_are_read_as_json_or_as_text(reply: str, action: object) -> None:
    assert parse_action(reply, MARKS) == action


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ("", "no action in the reply"),
        ("I would click the button", "no action in the reply"),
        ("click(99)", r"no mark \[99\] on this image; it has \[3\], \[7\], \[12\]"),
        ("drag(3, 4)", r"no mark \[4\]"),
        ("click()", r"click: mark: .*; it is click\(mark\)"),
        ('{"action": "fly"}', "no action 'fly'; there are: click"),
        ('{"action": "click", "mark": 3, "then": "os.system"}', "then: Extra inputs"),
        ("wait(1000)", "wait: seconds"),
        ("mark_region(9, 9, 2, 2)", "the box is empty"),
        ('press("rm -rf /")', "press: keys"),
        ("click(3, 4, 5)", "takes 1 values"),
    ],
)
def test_mistakes_say_how_it_is_written(reply: str, message: str) -> None:
    with pytest.raises(ActionError, match=message):
        parse_action(reply, MARKS)


@given(st.text(max_size=200))
def test_any_text_is_an_action_or_an_error(text: str) -> None:
    for reply in (text, f"click({text})", f'{{"action": {text}'):
        with suppress(ActionError):
            assert parse_action(reply, MARKS).action in KINDS  # type: ignore[attr-defined]


def test_nothing_in_a_reply_is_executed() -> None:
    for reply in ('type(3, __import__("os").getcwd())', "type(3, f'{1+1}')", "type(3, 1+1)"):
        with pytest.raises(ActionError):
            parse_action(reply, MARKS)


def test_the_prompt_has_a_line_for_each_action_from_its_docstring() -> None:
    lines = action_prompt().splitlines()
    assert len(lines) == len(KINDS)
    assert lines[0] == "- click(mark): Click the middle of a mark."
    assert action_prompt(["wait"]) == "- wait(seconds=1): Wait for the page, at most 30 seconds."


def test_the_schema_knows_the_marks_of_this_image() -> None:
    schema = action_schema(MARKS)
    options = {
        option["properties"]["action"]["enum"][0]: option
        for option in schema["properties"]["action"]["anyOf"]
    }
    assert set(options) == set(KINDS)
    assert options["click"]["properties"]["mark"] == {"type": "integer", "enum": MARKS}
    assert options["drag"]["properties"]["to"]["enum"] == MARKS
    assert options["scroll"]["required"] == ["action"]
    json.dumps(schema)
    bare = json.dumps(action_schema([], ["click", "scroll", "press"]))
    assert '"click"' not in bare
    assert '"mark"' not in bare
