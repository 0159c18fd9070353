"""Policies on real pages: the offline agent and the oracle, a few tasks of each kind."""

import shutil
from collections.abc import Iterator

import pytest

from som.agents.vlm.cost import Budget, BudgetError
from som.agents.vlm.replay import Replay
from som.evals.miniwob.episode import Room, room
from som.evals.miniwob.oracle import KNOWN
from som.evals.miniwob.policies import Agent, get_policy

pytest.importorskip("miniwob", reason="needs the pages of MiniWoB++")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="needs Chromium"
    ),
]
EASY = [
    "click-button", "click-link", "click-tab", "click-checkboxes", "click-option", "focus-text-2",
    "enter-text", "click-tab-2-hard", "login-user", "click-menu", "navigate-tree", "drag-items",
]  # fmt: skip
# What marks and actions must reach: text, shapes, lists of many, drags, keys, suggestions, scrolling.
REACHED = [
    "highlight-text", "click-shape", "click-scroll-list", "drag-shapes", "use-slider",
    "email-inbox-noscroll", "click-pie-nodelay", "choose-date-nodelay", "phone-book", "text-editor",
    "sign-agreement", "order-food",
]  # fmt: skip


@pytest.fixture(scope="module")
def here() -> Iterator[Room]:
    with room() as opened:
        yield opened


@pytest.mark.parametrize("task", EASY)
def test_offline_does_what_is_said_in_so_many_words(here: Room, task: str) -> None:
    result = here.play(task, 4, get_policy("offline"))
    assert result.success, result


@pytest.mark.parametrize("task", REACHED)
def test_oracle_reaches_through_marks(here: Room, task: str) -> None:
    result = here.play(task, 4, get_policy("oracle-marks"))
    assert result.success, result


def test_a_model_plays_by_its_replies(here: Room) -> None:
    """The first button is pressed by its mark; the page's reward is what counts."""
    result = here.play("click-test", 0, Agent(Replay(["click(1)"])))
    assert (result.success, result.status, result.steps) == (True, "done", 1)
    result = here.play("click-test", 0, Agent(Replay(['answer("done")'])))
    assert (result.success, result.status) == (False, "answered")


def test_an_episode_without_money_is_none(here: Room) -> None:
    agent = Agent(Replay(["click(1)"]), budget=Budget(usd=1))
    with pytest.raises(BudgetError, match="no known price"):
        here.play("click-test", 0, agent)
    agent = Agent(Replay(['scroll("up")', "click(1)"]), budget=Budget(calls=1))
    with pytest.raises(BudgetError, match="1 calls are used"):
        here.play("click-test", 0, agent)
    assert here.play("click-test", 0, Agent(Replay(["wait()"])), 1).status == "budget"


def test_a_broken_episode_is_a_result(here: Room) -> None:
    result = here.play("click-test-2", 0, Agent(Replay([])))
    assert (result.success, result.done, result.status) == (False, False, "failed")
    assert "replies" in result.message


@pytest.mark.slow
@pytest.mark.parametrize("task", sorted(KNOWN)[::4])
def test_oracle_on_every_fourth_task(here: Room, task: str) -> None:
    won = [here.play(task, seed, get_policy("oracle-marks")).success for seed in (100, 101)]
    assert any(won)
