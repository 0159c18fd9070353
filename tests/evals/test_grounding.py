"""Evaluations from end to end: `inspect_ai` runs them, logs are read back, a report is made."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from som import segmenters
from som.cli import main
from som.evals.logs import by_group, paired, read_runs, reliability, shown_images, summarize
from som.evals.report import render, write_report
from tests.evals.conftest import Buttons, write_screens


def evaluate(screens: Path, out: Path, *more: str) -> str:
    command = ["eval", "screenspot", "--data", str(screens), "--segmenter", "buttons"]
    done = CliRunner().invoke(main, [*command, "--log-dir", str(out), *more])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grid")
    segmenters.register("buttons", lambda **_: Buttons())
    more = ("--grid", "marks+boxes,marks+choose", "--model", "offline,oracle,random")
    evaluate(write_screens(folder / "screens"), folder / "logs", *more)
    return folder / "logs"


def test_a_grid_has_its_bounds_beside_it(logs: Path) -> None:
    runs = {run.name: run for run in read_runs([logs])}
    assert set(runs) == {
        f"{words} · {by}"
        for words in ("marks+boxes", "marks+choose")
        for by in ("som/offline", "oracle", "random")
    }
    offline = summarize(runs["marks+boxes · som/offline"])
    oracle = summarize(runs["marks+boxes · oracle"])
    # Two of three are marked; the offline grounder reads their text.
    assert offline.accuracy.value == oracle.accuracy.value == offline.ceiling.value == 4 / 6
    assert offline.chance == pytest.approx(4 / 6 / 3, abs=1e-3)
    assert (offline.causes["right"], offline.causes["not_marked"]) == (4, 2)
    assert (offline.answered, offline.unanswered, offline.calls) == (6, 0, 6)
    assert by_group(runs["marks+boxes · som/offline"])["type"]["icon"].accuracy.value == 0
    assert len(reliability(runs["marks+choose · som/offline"])) >= 4
    compared = paired(runs["marks+boxes · som/offline"], runs["marks+boxes · random"])
    assert compared is not None
    assert compared.samples == 6
    sample = runs["marks+boxes · som/offline"].samples[0]
    assert len(shown_images(runs["marks+boxes · som/offline"], sample)) == 1


def test_the_report_is_one_file_in_which_nothing_of_others_is_code(logs: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    done = CliRunner().invoke(
        main, ["eval", "report", str(logs), "-o", str(out), "--title", "<i>T</i>", "--markdown"]
    )
    assert done.exit_code == 0, done.output
    assert "| marks+boxes · som/offline | 66.7 (" in done.output
    html = out.read_text("utf-8")
    assert "&lt;i&gt;T&lt;/i&gt;" in html
    assert "press Help &lt;b&gt;now&lt;/b&gt;" in html
    assert "<b>now</b>" not in html
    assert not re.search(r"<script|<link|https?://|url\(", html)
    assert html.count("data:image/webp;base64,") >= 2
    for words in ("Accuracy", "Whose fault a miss is", "Is the best better?", "Reliability"):
        assert words in html
    assert "no mark could have been right" in html


def test_a_report_of_a_run_without_answers(screens: Path, tmp_path: Path) -> None:
    """A server that is not there: all is unanswered, nothing is wrong, and it can be gone on with."""
    out = tmp_path / "logs"
    command = [
        "eval", "screenspot", "--data", str(screens), "--segmenter", "buttons", "--model", "nobody",
        "--base-url", "http://127.0.0.1:9/v1", "--log-dir", str(out), "--limit", "2", "--yes",
        "--max-retries", "0",
    ]  # fmt: skip
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    assert "give the same command again" in done.output.splitlines()[-1]
    (run,) = read_runs([out])
    found = summarize(run)
    assert (found.answered, found.unanswered, found.causes["unanswered"]) == (0, 2, 2)
    assert run.samples[0].error
    write_report([run], tmp_path / "report.html")
    assert "0 of 2" in render([run]) or "2 of 2 unanswered" in render([run])


def test_what_it_will_cost_is_said_and_asked_for_before(screens: Path, tmp_path: Path) -> None:
    command = [
        "eval", "screenspot", "--data", str(screens), "--segmenter", "buttons", "--grid", "marks,raw",
        "--model", "openai/gpt-5-mini", "--log-dir", str(tmp_path / "logs"),
    ]  # fmt: skip
    done = CliRunner().invoke(main, command, input="n\n", env={"OPENAI_API_KEY": "none"})
    assert done.exit_code == 1
    assert re.search(
        r"6 samples, about 12 calls with 12 images: [\d,]+ tokens in, .* more out, \$0\.\d\d or more",
        done.output,
    )
    assert not (tmp_path / "logs").exists()


def test_no_call_goes_over_the_budget(screens: Path, tmp_path: Path) -> None:
    """Nothing is asked, and nothing is reached: the only server is one that is not there."""
    command = [
        "eval", "screenspot", "--data", str(screens), "--segmenter", "buttons",
        "--grid", "marks,marks+choose", "--model", "openai/gpt-5-mini",
        "--log-dir", str(tmp_path), "--yes", "--max-usd", "0.0001",
    ]  # fmt: skip
    nowhere = {"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    done = CliRunner().invoke(main, command, env=nowhere)
    assert done.exit_code == 1
    assert "some samples have no answer" in done.output
    runs = read_runs([tmp_path])
    assert len(runs) == 2
    for run in runs:
        errors = [one.error for one in run.samples if one.error]
        assert errors
        assert all("stopped before going over the budget of $0.000100" in error for error in errors)


def test_regions_are_found_once_for_an_image(screens: Path, tmp_path: Path) -> None:
    before = Buttons.calls
    evaluate(screens, tmp_path / "a", "--grid", "marks,marks+boxes+area", "--model", "offline,oracle")
    assert Buttons.calls - before == 2  # two images


def test_a_finished_run_is_not_asked_again(screens: Path, tmp_path: Path) -> None:
    script = tmp_path / "replies.json"
    script.write_text(json.dumps(["[1]", "[2]", "[3]"] * 2))
    more = ("--model", f"replay:{script}", "--max-connections", "1")
    evaluate(screens, tmp_path / "logs", *more)
    # The script has no seventh reply: a second call would be an error.
    evaluate(screens, tmp_path / "logs", *more)
    (run,) = read_runs([tmp_path / "logs"])
    assert summarize(run).answered == 6


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--grid", "boxes"), "shows nothing"),
        (("--grid", "marks+nonsense"), "words are:"),
        (("-o", "split=nowhere"), "no split 'nowhere'"),
        (("--seeds", "a"), "whole numbers"),
        (("--grid", "raw"), "nothing to run"),
    ],
)
def test_mistakes_are_one_line(
    screens: Path, tmp_path: Path, more: tuple[str, ...], words: str
) -> None:
    command = ["eval", "screenspot", "--data", str(screens), "--log-dir", str(tmp_path / "logs")]
    done = CliRunner().invoke(main, [*command, *more])
    assert done.exit_code == 1
    assert words in done.output.splitlines()[-1]


def test_a_log_of_something_else_is_said_to_be_that(tmp_path: Path) -> None:
    (tmp_path / "x.eval").write_text("nothing")
    done = CliRunner().invoke(main, ["eval", "report", str(tmp_path / "x.eval")])
    assert done.exit_code == 1
    assert "cannot read the log" in done.output
