"""Coordinates in the conventions of models, and the marks under them."""

import numpy as np
import pytest

from som import MarkedImage, Marker
from som.agents.actions import Click, ClickAt, Wait
from som.agents.ask import ask
from som.agents.deciding import Asking
from som.agents.envs.base import Observation
from som.agents.steps import Step
from som.agents.vlm.base import Reply
from som.agents.vlm.coordinates import click_pointed_at, marks_pointed_at, on_mark, read_shapes
from som.agents.vlm.profiles import profile_of
from som.regions import make_regions

QWEN25, QWEN3, GEMINI, MOLMO, MOONDREAM, CLAUDE, GPT = (
    profile_of(name)
    for name in (
        *("Qwen2.5-VL-7B", "Qwen3-VL-8B", "gemini-3.8-flash", "Molmo-7B", "moondream2"),
        *("claude-haiku-4-5", "gpt-4o"),
    )
)


@pytest.fixture
def screen() -> MarkedImage:
    """2000 x 1000 pixels, drawn at half the size: [1] a panel, [2] a button in it, [3] far away."""
    image = np.full((1000, 2000, 3), 230, np.uint8)
    boxes = [[100, 100, 900, 900], [200, 200, 400, 300], [1600, 700, 1800, 800]]
    return Marker.from_detections(image, make_regions(boxes), max_side=1000)


# The button [2] in each convention; the image sent is 1000 x 500.
@pytest.mark.parametrize(
    ("profile", "text"),
    [
        (QWEN25, '[{"bbox_2d": [101, 101, 202, 151], "label": "button"}]'),
        (QWEN25, '```json\n{"point_2d": [151, 126], "label": "button"}\n```'),
        (QWEN25, "<|box_start|>(101,101),(202,151)<|box_end|>"),
        (QWEN25, "Action: click(start_box='<|box_start|>(151,126)<|box_end|>')"),
        (QWEN25, "click(start_box='(151,126)')"),
        (QWEN25, "pyautogui.click(x=151, y=126)"),
        (QWEN25, "The button is at (151, 126)."),
        (QWEN25, "[101, 101, 202, 151]"),
        (QWEN3, '{"bbox_2d": [100, 200, 200, 300]}'),
        (QWEN3, '{"point_2d": [150, 250]}'),
        (QWEN3, "<point>150 250</point>"),
        (QWEN3, "<box>[[100, 200, 200, 300]]</box>"),
        (GEMINI, '[{"box_2d": [200, 100, 300, 200], "label": "button"}]'),
        (GEMINI, '{"point": [250, 150]}'),
        (GEMINI, '{"x": 150, "y": 250}'),
        (MOLMO, '<point x="15.0" y="25.0" alt="button">button</point>'),
        (GPT, "<points x1='15.0' y1='25.0' alt='b'>b</points>"),
        (MOONDREAM, '{"points": [{"x": 0.15, "y": 0.25}]}'),
        (MOONDREAM, "<bbox>0.10, 0.20, 0.20, 0.30</bbox>"),
        (CLAUDE, '{"action": "left_click", "coordinate": [150, 125]}'),
        (GPT, '{"box": {"x1": 100, "y1": 100, "x2": 200, "y2": 150}}'),
        (GPT, '{"point": [0.15, 0.25]}'),
    ],
)
def test_every_convention_finds_the_mark(screen: MarkedImage, profile: object, text: str) -> None:
    assert [mark.id for mark in marks_pointed_at(text, screen, profile)] == [2]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("(150, 125)", [2]),  # in both: the smaller
        ("(60, 400)", [1]),
        ("(795, 400)", [3]),
        ("(795, 340)", [3]),  # 20 pixels of the original above it
        ("(795, 200)", []),
        ("(150, 125) and (860, 380)", [2, 3]),
        ("(150, 125), (151, 126)", [2]),
        ("[50, 50, 440, 440]", [1]),  # a box is the mark that it shares most with
        ("(15000, 20)", []),
        ("I see nothing.", []),
        ('{"marks": []}', []),
    ],
)
def test_the_mark_is_the_smallest_one_there_or_near(
    screen: MarkedImage, text: str, ids: list[int]
) -> None:
    assert [mark.id for mark in marks_pointed_at(text, screen, CLAUDE)] == ids


@pytest.mark.parametrize("text", ["Rows (3, 4) and (5, 6).", "Ask at 10:30 (or 11).", "[1, 2, 3, 4]"])
def test_a_model_that_does_not_point_is_not_taken_to(screen: MarkedImage, text: str) -> None:
    assert read_shapes(text, GPT, screen.size_wh, screen.layout.size_wh) == []


def test_pixels_are_those_of_the_size_that_the_model_sees() -> None:
    image = np.zeros((2160, 3840, 3), np.uint8)
    marked = Marker.from_detections(image, make_regions([[1900, 1000, 1940, 1080]]))
    seen = profile_of("claude-haiku-4-5").fit((3840, 2160))
    middle = f"({seen[0] // 2}, {seen[1] // 2})"
    assert [mark.id for mark in marks_pointed_at(middle, marked, CLAUDE)] == [1]


class Pointing:
    name = "Qwen/Qwen2.5-VL-7B-Instruct"

    def complete(self, *_: object, **__: object) -> Reply:
        return Reply('{"bbox_2d": [101, 101, 202, 151]}', self.name)


def test_an_answer_of_coordinates_names_the_mark(screen: MarkedImage) -> None:
    answer = ask("Which is the button?", [screen], Pointing())
    assert [mark.id for _, mark in answer.marks] == [2]
    assert answer.unknown == ()


def test_the_agent_takes_coordinates_for_a_click(screen: MarkedImage) -> None:
    asking = Asking(Pointing())  # type: ignore[arg-type]
    step = asking.decide("Press the button", Step(1, Observation(screen)), [], "")
    assert (step.action, step.error) == (Click(mark=2), "")


def test_clicks_by_coordinates_become_clicks_of_marks(screen: MarkedImage) -> None:
    assert click_pointed_at("pyautogui.click(x=151, y=126)", screen, QWEN25) == Click(mark=2)
    assert click_pointed_at("(600, 100)", screen, CLAUDE) == ClickAt(x=600, y=100)
    assert click_pointed_at("no idea", screen, CLAUDE) is None
    wrong = '{"thought": "", "action": {"action": "mark_region", "x1": 5, "y1": 5, "x2": 5, "y2": 5}}'
    assert click_pointed_at(wrong, screen, CLAUDE) is None
    assert on_mark(ClickAt(x=150, y=125), screen) == Click(mark=2)
    assert on_mark(ClickAt(x=600, y=100), screen) == ClickAt(x=600, y=100)
    assert on_mark(ClickAt(x=60, y=400), screen) == ClickAt(x=60, y=400)  # somewhere on the panel
    assert on_mark(Wait(), screen) == Wait()
