"""The page that shows a run, in a real Chromium; what a trace holds stays text there."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from som.agents import actions as do
from som.agents.envs.base import Outcome, Tab
from som.agents.records import Header
from som.agents.replay_page import write_page
from som.agents.steps import End, Step
from som.agents.trace import TraceWriter, read_trace
from som.agents.vlm.base import Choice, Message, Reply, TextPart
from som.cli import main
from tests.agents.pictures import Pictures

HOSTILE = (
    '</script><script>window.ran = 1; alert(1)</script><img src=x onerror="window.ran = 2">'
    "<!--<script>\u2028'\"`${window.ran = 3}<svg onload='window.ran = 4'>"
)


def hostile_trace(folder: Path) -> Path:
    """A trace whose every text wants to run in the page."""
    seen = replace(
        Pictures(texts=(HOSTILE, HOSTILE)).observe(),
        url=f"javascript:{HOSTILE}",
        title=HOSTILE,
        tabs=(Tab(HOSTILE, HOSTILE, True), Tab(HOSTILE, HOSTILE, False)),
        notes=(HOSTILE,),
        states={1: HOSTILE},
    )
    messages = (Message("user", (TextPart(HOSTILE),)),)
    steps = [
        Step(1, seen, messages, Reply(HOSTILE, HOSTILE, 10, 5, cost_usd=0.01), thought=HOSTILE,
             action=do.Click(mark=1), confirmed=True, outcome=Outcome(False, HOSTILE),
             seconds={"observe": 0.5, "model": 1.5, "act": 0.25}),
        Step(2, seen, messages, Reply(HOSTILE, "m", 10, 5), error=HOSTILE),
        Step(3, seen, choice=Choice({"1": 0.75, HOSTILE: 0.25}, HOSTILE), action=do.Drag(mark=1, to=2)),
        Step(4, seen, action=do.Type(mark=1, text=HOSTILE), by="person", outcome=Outcome(True, "ok")),
        Step(5, seen, action=do.ClickAt(x=80, y=30), outcome=Outcome(True, "ok", False)),
        Step(6, seen, action=do.Answer(text=HOSTILE), end=End("answered", HOSTILE)),
    ]  # fmt: skip
    header = Header(
        task=HOSTILE, model=HOSTILE, url=HOSTILE, lang='en"><script>window.ran = 5</script>'
    )
    with TraceWriter(folder, header) as trace:
        for step in steps:
            trace.write(step)
    return folder


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trace")
    return write_page(read_trace(hostile_trace(folder)), folder / "page.html")


@pytest.fixture(scope="module")
def page(page_path: Path) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page: Any = browser.new_page(viewport={"width": 1440, "height": 900})
        page.asked, page.said = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("dialog", lambda dialog: (page.said.append("dialog"), dialog.dismiss()))
        page.goto(page_path.as_uri())
        yield page
        browser.close()


@pytest.mark.browser
def test_nothing_of_a_trace_runs_or_is_loaded(page: Any) -> None:
    for _ in range(6):
        for summary in page.query_selector_all("summary"):
            summary.click()
        page.keyboard.press("ArrowRight")
    assert page.evaluate("window.ran ?? null") is None
    assert page.said == []
    assert [url for url in page.asked if not url.startswith(("data:", "blob:"))] == [page.asked[0]]
    assert page.title() == f"Replay: {HOSTILE}"
    assert page.inner_text("h1").startswith("</script><script>window.ran = 1")
    assert page.evaluate("document.querySelectorAll('script').length") == 2


@pytest.mark.browser
def test_the_policy_stops_what_is_not_the_page_s_own(page: Any) -> None:
    tried = page.evaluate(
        """async () => {
          const script = document.createElement("script");
          script.textContent = "window.ran = 9";
          document.body.append(script);
          const image = new Image();
          const failed = new Promise((done) => {
            image.onload = () => done(false);
            image.onerror = () => done(true);
          });
          image.src = "http://127.0.0.1:9/x.png";
          const fetched = await fetch("http://127.0.0.1:9/").then(() => true, () => false);
          return [window.ran ?? null, await failed, fetched];
        }"""
    )
    assert tried == [None, True, False]
    assert all("Content Security Policy" in said for said in page.said), page.said
    page.said.clear()


@pytest.mark.browser
def test_keys_go_from_step_to_step(page: Any) -> None:
    page.keyboard.press("Home")
    assert page.inner_text("#count") == "1 / 6"
    assert page.is_disabled("#back")
    assert "a person allowed it" in page.inner_text("#info")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#count") == "3 / 6"
    assert page.url.endswith("#step-3")
    assert len(page.query_selector_all(".over .box")) == 2
    assert len(page.query_selector_all(".over .point")) == 2
    page.keyboard.press("ArrowLeft")
    assert "</script>" in page.inner_text("#info .error")
    page.keyboard.press("End")
    assert page.inner_text("#count") == "6 / 6"
    page.click(".stop:nth-child(5)")
    # The point is where the click was: 80, 30 of 160 x 120.
    assert (
        page.evaluate("document.querySelector('.over .point').style.cssText") == "left: 50%; top: 25%;"
    )
    assert page.evaluate("document.querySelector('#image').naturalWidth") == 160


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 760, 1000, 1440])
def test_the_page_fits_any_screen(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.browser
def test_it_is_light_and_dark(page: Any) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    light, dark = (int(re.findall(r"\d+", ground)[0]) for ground in grounds)
    assert light > 200
    assert dark < 60


def test_the_command_writes_the_page_and_prints_steps(tmp_path: Path) -> None:
    folder = hostile_trace(tmp_path / "run")
    done = CliRunner().invoke(main, ["replay", str(folder), "-o", str(tmp_path / "out.html")])
    assert done.exit_code == 0, done.output
    assert "6 steps, answered -> " in done.output
    html = (tmp_path / "out.html").read_text("utf-8")
    assert html.count("<script") == 2
    assert "http" not in re.sub(
        r'<script type="application/json".*?</script>', "", html, flags=re.S
    ).replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")
    assert CliRunner().invoke(main, ["replay", str(folder)]).exit_code == 0
    assert (folder / "replay.html").exists()
    lines = CliRunner().invoke(main, ["replay", str(folder), "--json"]).output.strip().split("\n")
    rows = [json.loads(line) for line in lines]
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[0]["action"] == {"action": "click", "mark": 1}
    assert Path(rows[0]["image"]).exists()
    assert rows[-1]["end"]["status"] == "answered"


def test_errors_of_the_command_are_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["replay", str(tmp_path)])
    assert done.exit_code == 1
    assert done.output.startswith("Error: cannot read the trace")
    folder = hostile_trace(tmp_path / "run")
    done = CliRunner().invoke(main, ["replay", str(folder), "-o", str(tmp_path / "no" / "x.html")])
    assert "Error: cannot write" in done.output
