"""Choosing a mark instead of writing an action, on local pages in a real Chromium."""

import shutil
from collections.abc import Iterator, Sequence

import pytest

from som.agents import actions as do
from som.agents.conversation import to_original
from som.agents.deciding import form_of
from som.agents.envs.base import Observation
from som.agents.envs.browser import BrowserEnv
from som.agents.loop import run
from som.agents.network import NetworkPolicy
from som.agents.vlm.base import NONE, Choice, Message
from som.agents.vlm.profiles import profile_of
from som.agents.vlm.replay import Replay
from tests.agents.envs.site import serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="needs Chromium"
    ),
]
PAGE = """<!doctype html><title>Choose</title><body style="margin:20px">
<button onclick="this.textContent += '!'">Left</button> <button>Right</button> <input aria-label=Name>
<button disabled>Off</button><a href="#" style="position:absolute;right:20px;bottom:20px">Far</a>"""


class Chooser(Replay):
    """Chooses as told: what each text is thought to be worth, by the texts of marks."""

    def __init__(self, shares: Sequence[dict[str, float]], replies: Sequence[str] = ()) -> None:
        super().__init__(replies)
        self.shares = list(shares)
        self.chosen: list[tuple[tuple[Message, ...], tuple[str, ...]]] = []

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        told = self.shares[len(self.chosen)]
        self.chosen.append((tuple(messages), tuple(options)))
        texts = {mark.label: mark.text for mark in messages[-1].marked[0]}
        given = {option: told.get(texts.get(option, NONE), 0.0) for option in options}
        return Choice(given, "decisions", "chooser", tokens_in=100, tokens_out=1, seconds=0.1)


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserEnv]:
    with (
        serving({"/": PAGE}) as site,
        BrowserEnv(site.url, marks="dom", policy=NetworkPolicy(allow_private=True)) as env,
    ):
        yield env


@pytest.fixture
def env(browser: BrowserEnv) -> BrowserEnv:
    browser.restart(browser.url.partition("#")[0])
    return browser


def ids(seen: Observation) -> dict[str, int]:
    return {mark.text: mark.id for mark in seen.marked.marks}


def test_a_sure_choice_of_something_to_click_is_clicked(env: BrowserEnv) -> None:
    vlm = Chooser([{"Left": 0.9, NONE: 0.1}, {NONE: 1}], ['answer("done")'])
    first, last = run("x", env, vlm, use="choose")
    assert first.action.mark in ids(first.observation).values()
    assert ids(last.observation)["Left!"] == first.action.mark
    assert first.reply is None
    assert first.choice.best == str(first.action.mark)
    assert first.seconds["model"] == first.seconds["choose"] == 0.1
    assert first.tokens == (100, 1)
    assert first.messages
    assert last.choice.best == NONE, "and what was written then is kept beside it"
    assert last.end.text == "done"
    assert len(vlm.asked) == 1
    (messages, options), _ = vlm.chosen
    assert options == (*(mark.label for mark in first.observation.marked), NONE)
    assert "Choose the mark that is to be clicked next" in messages[0].text
    assert "click(mark)" not in messages[0].text
    assert "click" in vlm.asked[0][2].text, "what was chosen is history like what was written"


@pytest.mark.parametrize(
    "shares",
    [
        {NONE: 0.9, "Left": 0.1},  # nothing to click
        {"Name": 1.0},  # a field takes a text
        {"Off": 1.0},  # disabled
        {"Left": 0.5, "Far": 0.5},  # unsure, and too far apart for a closer look
        {"Left": 0.18, "Right": 0.17, "Name": 0.17, "Off": 0.16, "Far": 0.16, NONE: 0.16},
    ],
)
def test_what_cannot_be_clicked_for_sure_is_written(env: BrowserEnv, shares: dict[str, float]) -> None:
    vlm = Chooser([shares], ['answer("")'])
    (step,) = run("x", env, vlm, use="choose")
    assert isinstance(step.action, do.Answer)
    assert step.choice is not None
    assert step.reply is not None


def test_an_unsure_choice_looks_closer_once(env: BrowserEnv) -> None:
    unsure = {"Left": 0.5, "Right": 0.5}
    vlm = Chooser([unsure, {"Right": 0.95, NONE: 0.05}, unsure, unsure], ['answer("")'])
    steps = list(run("x", env, vlm, use="choose"))
    actions = [type(step.action) for step in steps]
    assert actions == [do.MarkRegion, do.Click, do.MarkRegion, do.Answer]
    assert {"Left", "Right"} <= set(ids(steps[1].observation))
    assert steps[1].observation.marked.size_wh != steps[0].observation.marked.size_wh
    assert steps[1].action.mark == ids(steps[0].observation)["Right"]
    env.restart(env.url)
    vlm = Chooser([unsure, {"Right": 0.6, NONE: 0.4}], ['answer("")'])
    steps = list(run("x", env, vlm, use="choose"))
    assert [type(step.action) for step in steps] == [do.MarkRegion, do.Answer]


def test_where_a_closer_look_does_not_settle_it_the_person_is_asked(env: BrowserEnv) -> None:
    unsure = {"Left": 0.5, "Right": 0.4, NONE: 0.1}
    vlm = Chooser([unsure, unsure, {"Left": 0.1, "Right": 0.9}, {NONE: 1}], ['answer("")'])
    asked: list[str] = []

    def person(text: str) -> str:
        asked.append(text)
        return "the right one"

    steps = list(run("x", env, vlm, use="choose", ask_user=person))
    actions = [type(step.action) for step in steps]
    assert actions == [do.MarkRegion, do.AskUser, do.Click, do.Answer]
    left, right = (ids(steps[0].observation)[text] for text in ("Left", "Right"))
    names = f'[{left}] button "Left", [{right}] button "Right"'
    assert asked == [f"I am not sure which of these is meant: {names}"]
    assert "the person says: the right one" in vlm.chosen[2][0][-1].text
    assert steps[2].action.mark == right


def test_far_apart_the_person_is_asked_at_once_and_not_twice(env: BrowserEnv) -> None:
    unsure = {"Left": 0.5, "Far": 0.5}
    vlm = Chooser([unsure, unsure], ['answer("")'])
    steps = list(run("x", env, vlm, use="choose", ask_user=lambda _: "no idea", lang="ko"))
    assert [type(step.action) for step in steps] == [do.AskUser, do.Answer]
    assert "확실하지 않습니다" in steps[0].action.question
    doubts = Chooser([{NONE: 0.6, "Left": 0.4}], ['answer("")'])
    (step,) = run("x", env, doubts, use="choose", ask_user=lambda _: "")
    assert isinstance(step.action, do.Answer), "nothing to click is no doubt about marks"


def test_after_a_choice_that_changed_nothing_the_model_writes(env: BrowserEnv) -> None:
    vlm = Chooser([{"Right": 1}] * 3, ['answer("")'])
    steps = list(run("x", env, vlm, use="choose"))
    assert [step.outcome and step.outcome.changed for step in steps] == [True, False, None]
    assert len(vlm.chosen) == 2, "the first click moved the focus, the second nothing"


def test_models_without_an_endpoint_for_choices_are_asked_only_once(env: BrowserEnv) -> None:
    vlm = Chooser([], ["click(1)", 'answer("")'])
    list(run("x", env, vlm))
    assert vlm.chosen == []
    env.restart(env.url)
    vlm = Chooser([{"Right": 1}, {NONE: 1}], ['answer("")'])
    vlm.name = "gpt-6-luna"
    assert len(list(run("x", env, vlm))) == 2
    assert vlm.chosen


def test_a_family_writes_json_where_its_servers_can_be_held_to_it() -> None:
    assert form_of(profile_of("gpt-6-luna")) == "json"
    assert form_of(profile_of("vikhyatk/moondream2")) == "text"


def test_points_are_pixels_of_the_image_that_the_model_sees(env: BrowserEnv) -> None:
    with BrowserEnv(env.url, marks="dom", policy=env.policy, max_side=640) as small:
        seen = small.observe()
        assert seen.marked.drawn.shape[1] == 640
        x1, y1, x2, y2 = seen.marked[ids(seen)["Left"]].box_xyxy
        point = do.ClickAt(x=int((x1 + x2) / 4), y=int((y1 + y2) / 4))
        assert to_original(point, seen.marked) == do.ClickAt(x=point.x * 2, y=point.y * 2)
        vlm = Replay([f"click_at({point.x}, {point.y})", 'answer("")'])
        steps = list(run("x", small, vlm))
        assert steps[0].action == do.Click(mark=ids(seen)["Left"]), "the mark that the point hits"
        assert "Left!" in ids(steps[1].observation)
        assert "in pixels of this image, which is 640 wide and 400 high" in vlm.asked[0][-1].text
        vlm = Replay(["mark_region(10, 20, 300, 200)", "click_at(300, 300)", 'answer("")'])
        part, click, _ = run("x", small, vlm)
        assert part.action == do.MarkRegion(x1=20, y1=40, x2=600, y2=400)
        assert '"x1": 10, "y1": 20, "x2": 300, "y2": 200' in vlm.asked[1][2].text
        assert isinstance(click.action, do.ClickAt), "nothing is there"


def test_families_that_point_in_thousandths_do_so(env: BrowserEnv) -> None:
    vlm = Replay(["mark_region(100, 200, 300, 400)", 'answer("")'])
    vlm.name = "gemini-2.5-flash"
    steps = list(run("x", env, vlm))
    assert steps[0].action == do.MarkRegion(x1=128, y1=160, x2=384, y2=320)
    assert "in thousandths of the image's width and height" in vlm.asked[0][-1].text
    assert '"x1": 100, "y1": 200, "x2": 300, "y2": 400' in vlm.asked[1][2].text
