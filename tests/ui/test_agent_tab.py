"""The Agent tab: a run that is watched, stopped for risks, taken over, stepped and replayed."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from som.agents.trace import TraceError, TraceWriter, read_trace
from som.ui.app import serve
from som.ui.config import Config
from tests.agents.envs.site import Site, serving
from tests.ui.conftest import Open

pytestmark = pytest.mark.browser
SHOP = """<title>Shop</title><h1>Tea shop</h1><input aria-label="Search">
<a href="/hours">Opening hours</a><form action="/paid"><button>Buy now</button></form>"""
PAGES = {"/": SHOP, "/hours": "<title>Hours</title><a href='/'>Shop</a>", "/paid": "<h1>Paid</h1>"}


def says(thought: str, **action: Any) -> str:
    return json.dumps({"thought": thought, "action": action})


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving(PAGES) as served:
        yield served


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, runs: Path) -> Iterator[Any]:
    script = tmp_path_factory.mktemp("script") / "replies.json"
    script.write_text(
        json.dumps(
            [
                says("The hours are behind this link.", action="click", mark=2),
                says("Back to the shop.", action="go_back"),
                says("Buy the tea.", action="click", mark=7),
                says("Nothing is left to do.", action="answer", text="Open from 9 to 17."),
            ]
        )
    )
    demo, url = serve(Config(port=0, model=f"replay:{script}", runs=runs), block=False)
    demo.url = url
    yield demo
    demo.close(verbose=False)


def begin(page: Any, address: str, *, paused: bool = False) -> None:
    page.get_by_role("tab", name="Agent").click()
    if paused:
        page.click("#agent-more button")
        page.get_by_label("Begin paused").check()
    page.get_by_label("Where", exact=True).fill(address)
    page.get_by_label("Task", exact=True).fill("Find the opening hours")
    page.click("#agent-start")


def status(page: Any, beginning: str) -> None:
    page.wait_for_function(
        "text => document.querySelector('.som-run-status').textContent.startsWith(text)", arg=beginning
    )


def acted(page: Any) -> Any:
    return page.evaluate("window.som.views.run.view.highlighted.map(shape => shape.path)")


def test_a_run_is_shown_step_by_step_and_waits_for_a_yes_before_it_buys(
    visit: Open, site: Site, runs: Path
) -> None:
    page = visit()
    begin(page, site.url)
    page.wait_for_selector(".som-ask:has-text('Buy now')")
    assert "click button" in page.inner_text(".som-ask")
    status(page, "Waiting for you")
    assert len(acted(page)) == 1
    page.click(".som-ask button:text-is('Refuse')")
    status(page, "Done · Open from 9 to 17.")
    assert not any("/paid" in asked for asked in site.asked)
    steps = page.locator(".som-step").all_inner_texts()
    assert [step.split("\n")[1] for step in steps] == [
        "click [2]", "go back", "click [7]", 'answer "Open from 9 to 17."',
    ]  # fmt: skip
    assert "you refused it" in steps[2]
    assert "The hours are behind this link." in steps[0]
    # What was seen at a step comes back, with the mark that it acted on.
    page.click(".som-step >> nth=0")
    page.wait_for_selector(".som-step button[aria-current=step]:has-text('click [2]')")
    assert len(acted(page)) == 1
    # A saved run is gone through like one that was watched.
    other = visit()
    other.get_by_role("tab", name="Agent").click()
    other.get_by_label("Saved runs").click()
    other.click(f"ul[role=listbox] li:has-text('{next(runs.iterdir()).name}')")
    other.wait_for_selector(".som-step >> nth=3")
    other.focus(".som-slider")
    other.keyboard.press("ArrowRight")
    other.wait_for_selector(".som-step button[aria-current=step]:has-text('go back')")


def can_be_gone_on_with(folder: Path) -> bool:
    """Whether nobody holds a trace any more; a run lets go just after it says that it is over."""
    for _ in range(50):
        try:
            TraceWriter(folder, read_trace(folder).header, resume=True).close()
            return True
        except TraceError:
            time.sleep(0.1)
    return False


def test_a_person_steps_takes_over_and_stops(visit: Open, site: Site, runs: Path) -> None:
    page = visit()
    begin(page, site.url, paused=True)
    status(page, "Paused")
    page.wait_for_function("window.som.views.run.view.scene.marks?.length === 3")
    assert page.locator(".som-step").count() == 0
    page.click("#agent-step")
    page.wait_for_selector(".som-step:has-text('click [2]')")
    status(page, "Paused")
    page.wait_for_function("window.som.views.run.view.scene.note.endsWith('/hours')")
    # A step can be looked at in the meantime; a second press goes back to what there is now.
    page.click(".som-step button")
    page.wait_for_function("!window.som.views.run.view.scene.note.endsWith('/hours')")
    page.click(".som-step button")
    page.wait_for_function("window.som.views.run.view.scene.note.endsWith('/hours')")
    page.focus(".som-run-view .som-layer")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_selector(".som-step:has-text('you')")
    page.wait_for_function("window.som.views.run.view.scene.title === 'Shop'")
    # With a text at hand, the mark is typed into.
    page.fill("#agent-typed input, #agent-typed textarea", "green tea")
    page.focus(".som-run-view .som-layer")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_selector(".som-step:has-text('green tea')")
    status(page, "Paused")
    page.click("#agent-stop")
    status(page, "Stopped")
    kept = max(runs.iterdir(), key=lambda folder: folder.stat().st_mtime)
    assert can_be_gone_on_with(kept)


def test_what_cannot_be_opened_is_one_line(visit: Open) -> None:
    page = visit()
    begin(page, "file:///etc/passwd")
    status(page, "Failed")
    assert "not open to the agent" in page.inner_text(".som-run-status")
