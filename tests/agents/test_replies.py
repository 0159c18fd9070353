import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from som.agents import actions as do
from som.agents.actions import KINDS, BaseAction
from som.agents.replies import ActionError, Form, parse_action, thought_of, write_action

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


@pytest.mark.parametrize(
    ("reply", "mark"),
    [
        ("Not click(3), that is wrong.\nclick(7)", 7),
        ("I could click(3).\nAction: `click(12)`", 12),
        ("<think>click(3) or click(12)?</think>\nclick(7)", 7),
        ("click(3)\nclick(7)", 3),
        ('type("x"))) click(7)', 7),
    ],
)
def test_an_action_on_a_line_of_its_own_is_meant(reply: str, mark: int) -> None:
    assert parse_action(reply, MARKS) == do.Click(mark=mark)


def test_errors_show_the_form_that_was_asked_for() -> None:
    with pytest.raises(ActionError, match=r"write one as text, such as click\(7\)"):
        parse_action("well", MARKS, form="text")
    with pytest.raises(ActionError, match=r'write one as json, such as {"action"'):
        parse_action("well", MARKS)
    with pytest.raises(ActionError, match="no action 'goto'; there are: click, type"):
        parse_action('goto("https://example.org")', MARKS, ["click", "type"])


@pytest.mark.parametrize(
    ("reply", "thought"),
    [
        ('{"thought": "why", "action": {"action": "go_back"}}', "why"),
        ("The form is\n full.\n\nclick(7)", "The form is full."),
        ("<think>hm</think>Because: \n- `click(7)`", "Because:"),
        ("click(7)", ""),
        ("nothing", ""),
    ],
)
def test_a_reply_gives_its_reason(reply: str, thought: str) -> None:
    assert thought_of(reply) == thought


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize(
    "action",
    [
        do.Click(mark=7),
        do.Type(mark=3, text='a "b"\\ (c)\n저장', submit=True),
        do.Type(mark=3, text="", clear=False),
        do.Scroll(mark=7),
        do.Scroll(direction="up", amount=2.5),
        do.Drag(mark=3, to=7),
        do.MarkRegion(x1=1, y1=2, x2=30, y2=40),
        do.CloseTab(),
    ],
)
def test_what_is_written_is_read_back(action: BaseAction, form: Form) -> None:
    assert parse_action(write_action(action, form), MARKS) == action


def test_text_leaves_out_what_is_usual() -> None:
    assert write_action(do.Type(mark=3, text="x", submit=True)) == 'type(3, "x", submit=true)'
    assert write_action(do.Scroll(amount=2)) == "scroll(amount=2.0)"
    assert json.loads(write_action(do.Click(mark=7), "json")) == {"action": "click", "mark": 7}
