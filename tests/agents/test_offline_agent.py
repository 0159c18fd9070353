"""The offline grounder as an agent: instructions read, orders grounded, no false claims."""

import json

import numpy as np
import pytest

from som.agents.envs.base import Observation
from som.agents.vlm.base import Message, TextPart
from som.agents.vlm.instructions import Order, read_orders
from som.agents.vlm.offline import Offline
from som.marker import Marker
from som.regions import make_regions


def said(task: str) -> list[str]:
    return [str(order) for order in read_orders(task)]


@pytest.mark.parametrize(
    ("task", "orders"),
    [
        ('Click on the "Ok" button.', ['click "Ok"']),
        ("Click button ONE, then click button TWO.", ["click button ONE", "click button TWO"]),
        ("Select a, bC and click Submit.", ['select "a"', 'select "bC"', "click Submit"]),
        ("Select nothing and click Submit.", ["click Submit"]),
        ("Select A>B>C", ['hover "A"', 'hover "B"', 'click "C"']),
        (
            'Enter "x y" into the text field and press Submit.',
            ['type "x y" the text field', "click Submit"],
        ),
        (
            'Enter the username "ann" and the password "s3 and t" into the fields and press login.',
            ['type "ann" "username"', 'type "s3 and t" "password"', "click login"],
        ),
        ("Enter 10/11/2011 as the date and hit submit.", ['type "10/11/2011" date', "click submit"]),
        ("Drag Gerda to the 3rd position.", ['drag "to the 3rd position" Gerda']),
        ("Wait 2 seconds, then click the button.", ['wait "2"', "click the button"]),
        ('"확인" 버튼을 클릭하세요.', ['click "확인"']),
        (
            '"abc"를 입력란에 입력하고 제출 버튼을 누르세요.',
            ['type "abc" 입력란 textbox', 'click "제출"'],
        ),
        ('사과, 배를 선택하고 "제출"을 클릭하세요', ['select "사과"', 'select "배"', 'click "제출"']),
        ("목록에서 서울을 선택한 다음 제출을 눌러 주세요.", ['select "서울"', 'click "제출"']),
    ],
)
def test_instructions_are_read_into_orders(task: str, orders: list[str]) -> None:
    assert said(task) == orders


def test_an_order_keeps_its_number_its_owner_and_that_it_must_be_found() -> None:
    assert read_orders("두 번째 입력란에 'x'를 입력하세요")[0].ordinal == 2
    assert read_orders("Focus into the 2nd input textbox.")[0].ordinal == 2
    assert read_orders("Find the email by Ann and click the star icon.") == [
        Order("click", phrase="the star icon", owner="Ann")
    ]
    assert read_orders('Switch between the tabs to find and click on the link "nam".')[0].search


@pytest.mark.parametrize(
    "task", ["Solve for x.", "Make a cup of tea", "Select words similar to brave.", "안녕"]
)
def test_what_is_not_understood_gives_no_orders(task: str) -> None:
    assert read_orders(task) == []


def look(
    task: str,
    things: list[tuple[str, str]],
    states: dict[int, str] | None = None,
    past: tuple[str, ...] = (),
) -> dict[str, object]:
    """The action that the agent takes on a page with these texts and roles, after these replies."""
    boxes = np.array([[10, 10 + 30 * i, 90, 35 + 30 * i] for i in range(len(things))], float)
    regions = make_regions(boxes, text=[t for t, _ in things], role=[r for _, r in things])
    image = np.full((40 * len(things) + 40, 100, 3), 255, np.uint8)
    marked = Marker.from_detections(image, regions)
    seen = Observation(marked, states=states or {})
    messages = [Message("assistant", (TextPart(text),)) for text in past]
    messages.append(Message("user", (), question=task, marked=(marked,), observation=seen))
    action: dict[str, object] = json.loads(Offline().complete(messages).text)["action"]
    return action


def reply(thought: str, **action: object) -> str:
    return json.dumps({"thought": thought, "action": action})


def test_it_goes_on_where_its_replies_say_and_then_says_what_it_did() -> None:
    task = "Select a, b and click Submit."
    things = [("b", "checkbox"), ("a", "checkbox"), ("Submit", "button")]
    assert look(task, things) == {"action": "click", "mark": 2}
    first = reply('1/3: select "a"', action="click", mark=2)
    assert look(task, things, {2: "checked"}, (first,)) == {"action": "click", "mark": 1}
    second = reply('2/3: select "b"', action="click", mark=1)
    assert look(task, things, past=(first, second)) == {"action": "click", "mark": 3}
    third = reply("3/3: click Submit", action="click", mark=3)
    assert look(task, things, past=(first, second, third))["action"] == "answer"


def test_what_is_checked_already_is_left_alone() -> None:
    things = [("a", "checkbox"), ("Submit", "button")]
    assert look("Select a and click Submit.", things, {1: "checked"}) == {"action": "click", "mark": 2}


def test_options_of_a_list_are_chosen_in_it() -> None:
    action = look(
        "Select Oslo from the list", [("City", "combobox")], {1: 'value "", options ["Rome", "Oslo"]'}
    )
    assert action == {"action": "select_option", "mark": 1, "option": "Oslo"}


def test_exact_names_win_over_others_and_letters_count() -> None:
    things = [("Nam", "link"), ("nam", "link"), ("nam more", "link")]
    assert look('Click on the link "nam".', things)["mark"] == 2


def test_closed_things_are_opened_in_search_and_it_gives_up_in_the_end() -> None:
    task = 'Expand the sections below, to find and click on the link "x1".'
    things = [("Section", "tab"), ("Other", "tab")]
    states = {1: "collapsed", 2: "collapsed"}
    assert look(task, things, states) == {"action": "click", "mark": 1}
    opened = reply("1/1, looking: ...", action="click", mark=1)
    assert look(task, things, states, (opened,)) == {"action": "click", "mark": 2}
    last = look(task, [("a", "button")], past=(opened,) * 12)
    assert last["action"] == "give_up"
    assert "x1" in str(last["reason"])


def test_it_gives_up_at_once_on_what_it_does_not_understand() -> None:
    assert look("Solve for x.", [("x", "textbox")])["action"] == "give_up"
