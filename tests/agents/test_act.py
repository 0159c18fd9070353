"""``som act`` as a process of its own, on local pages in a real Chromium."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from som.agents.trace import read_trace
from som.cli import main
from som.cli_resume import spent_by
from tests.agents.envs.site import Site, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="needs Chromium"
    ),
]
ROOT = Path(__file__).parents[2]
PAGES = {
    "/": "<!doctype html><title>Tea</title><button onclick=\"n.textContent = 'One'\">Add</button>"
    "<p id=n>None<p><button onclick=\"n.textContent = 'Bought'\">Place order</button>"
    "<input aria-label=Mail><a href='/two'>Next</a>",
    "/two": "<!doctype html><title>Two</title><button>There</button>",
    "/slow": "slow:<!doctype html><title>Slow</title>",
}


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving(PAGES) as served:
        yield served


def command(site: Site, folder: Path, replies: list[str], *options: str) -> list[str]:
    (folder / "replies.json").write_text(json.dumps(replies))
    given = ["--allow-private", "--model", "replay:replies.json", "--marks", "dom"]
    begin = [] if "--resume" in options else ["--url", site.url]
    return [sys.executable, "-m", "som", "act", *begin, *given, *options]


def act(
    site: Site, folder: Path, replies: list[str], *options: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(
        command(site, folder, replies, *options),
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def test_a_task_is_done_and_kept(site: Site, tmp_path: Path) -> None:
    said = '{"thought": "It is asked for.", "action": {"action": "click", "mark": 1}}'
    done = act(site, tmp_path, [said, 'answer("One is in")'], "Add one", "--max-usd", "1")
    assert done.returncode == 1, "a price is not known"
    assert "no known price" in done.stdout
    done = act(site, tmp_path, [said, 'answer("One is in")'], "Add one", "--trace", "t")
    assert (done.returncode, done.stderr) == (0, "")
    first, second, end, took, trace = done.stdout.splitlines()
    assert first.startswith('  1  It is asked for. → click(1) button "Add" → clicked [1]  (')
    assert ' answer("One is in") → answered' in second
    assert end == "answered: One is in"
    assert took.startswith("(2 steps, ")
    assert trace == "-> t"
    kept = read_trace(tmp_path / "t")
    assert (kept.header.task, kept.header.model) == ("Add one", "replay")
    assert [record.end and record.end.status for record in kept.records] == [None, "answered"]
    assert next((tmp_path / "runs").iterdir()).is_dir(), "where the first went"
    again = act(site, tmp_path, [said], "--resume", "t")
    assert again.returncode == 1
    assert "is over (answered)" in again.stderr


def test_a_run_as_json_and_gone_on_with(site: Site, tmp_path: Path) -> None:
    follow = '{"action": "click", "mark": 4}'
    done = act(site, tmp_path, [follow], "Go on", "--trace", "t", "--max-steps", "1", "--json")
    assert done.returncode == 1
    run = json.loads(done.stdout)
    assert (run["status"], len(run["steps"]), run["trace"]) == ("budget", 1, "t")
    assert run["steps"][0]["action"] == {"action": "click", "mark": 4}
    rest = act(site, tmp_path, ['answer("There")'], "--resume", "t", "--form", "text", "--lang", "ko")
    assert rest.returncode == 0, rest.stderr
    assert rest.stdout.startswith("  2  ")
    kept = read_trace(tmp_path / "t")
    assert [record.number for record in kept.records] == [1, 2]
    assert kept.records[1].seen.url.endswith("/two")
    assert len(kept.resumed) == 1


def test_who_goes_on_is_held_as_the_run_was(site: Site, tmp_path: Path) -> None:
    """Limits count on, rules hold on; what loosens them is said anew."""
    held = ("--allow", "127.0.0.1", "--max-tokens", "30000", "--legend", "none")
    act(site, tmp_path, ["click(1)"], "Go on", "--trace", "t", "--max-steps", "1", *held)
    elsewhere = ['goto("https://example.org/")', "scroll()"]
    done = act(site, tmp_path, elsewhere, "--resume", "t", "--yes", "--max-steps", "2")
    assert "is not one of the allowed" in done.stdout
    settings = read_trace(tmp_path / "t").resumed[0].settings
    assert (settings["allow"], settings["max_tokens"], settings["legend"]) == (
        ["127.0.0.1"], 30000, "none",
    )  # fmt: skip
    spent = spent_by(read_trace(tmp_path / "t"))
    assert spent.calls == 3
    assert 3000 < spent.tokens < 30000
    limit = str(spent.tokens + 10)
    done = act(site, tmp_path, ["scroll()"], "--resume", "t", "--max-tokens", limit)
    assert done.returncode == 1
    assert f"{spent.tokens} tokens are used" in done.stdout


def test_votes_choose_and_a_server_elsewhere_is_named_anew(site: Site, tmp_path: Path) -> None:
    done = act(site, tmp_path, ["click(1)"], "Add", "--trace", "t", "--votes", "3", "--max-steps", "1")
    assert done.returncode == 1
    path = tmp_path / "t" / "trace.jsonl"
    first, *rest = path.read_text().splitlines()
    header = json.loads(first)
    assert header["settings"]["use"] == "choose"
    header["settings"]["base_url"] = "https://models.example/v1"
    path.write_text("\n".join([json.dumps(header), *rest, ""]))
    asked = CliRunner().invoke(main, ["act", "--resume", str(tmp_path / "t")])
    assert (asked.exit_code, asked.output.count("\n")) == (1, 1)
    assert "say --base-url https://models.example/v1" in asked.output


def test_risky_actions_need_a_yes(site: Site, tmp_path: Path) -> None:
    replies = ["click(2)", 'answer("")']
    no = act(site, tmp_path, replies, "Buy", "--no", "--json")
    step = json.loads(no.stdout)["steps"][0]
    assert (step["confirmed"], step["ok"]) == (False, False)
    yes = act(site, tmp_path, replies, "Buy", "--yes", "--json")
    step = json.loads(yes.stdout)["steps"][0]
    assert (step["confirmed"], step["ok"], step["changed"]) == (True, True, True)


def test_secrets_are_typed_by_name_and_kept_nowhere(site: Site, tmp_path: Path) -> None:
    replies = ['type(3, "{{secret:mail}}")', 'answer("")']
    secret = ("--secret", "mail@127.0.0.1", "--trace", "t", "--yes")
    done = act(site, tmp_path, replies, "Sign in", *secret, SOM_SECRET_MAIL="me@hidden.example")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "typed into [3]" in done.stdout
    kept = b"".join(file.read_bytes() for file in (tmp_path / "t").rglob("*") if file.is_file())
    assert b"hidden.example" not in kept + done.stdout.encode()
    assert b"only on 127.0.0.1" in kept, "the model knows the name"


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_leaves_a_whole_trace(site: Site, tmp_path: Path) -> None:
    replies = ["click(1)", f'goto("{site.url}/slow")', 'answer("")']
    process = subprocess.Popen(
        command(site, tmp_path, replies, "Wait", "--trace", "t"),
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        assert process.stdout.readline().startswith("  1  ")
        while not any(request.endswith("/slow") for request in site.asked):
            time.sleep(0.01)  # the page takes a second: the step is in the middle of it
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "stopped: interrupted" in out
    kept = read_trace(tmp_path / "t")
    assert [record.end and record.end.status for record in kept.records] == [None, "stopped"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["x", "--url", "https://127.0.0.1:1", "--allow", "example.org"], "is not one of the allowed"),
        (["x", "--url", "http://localhost:8", "--viewport", "big"], "write it as 1280x800"),
        (["x", "--url", "file:///etc/hostname"], "files of this machine"),
        (["x", "--url", "http://127.0.0.1:6", "--lang", "xx"], "no prompts in language 'xx'"),
        (["x", "--url", "http://127.0.0.1:9", "--secret", "mail"], "name@domain"),
        (["x", "--url", "pages/none.html", "--allow-files"], "no such file: pages/none.html"),
        (["x", "--url", "none.html"], "no such file: none.html"),
        (["x", "--url", "./shop"], "no such file: ./shop"),
        (["--url", "http://127.0.0.1:8"], "say what is to be done"),
        (["x", "--resume", "nowhere"], "cannot read the trace"),
        (["x", "--url", "http://127.0.0.1:9", "--model", "replay:no.json"], "cannot read replies"),
    ],
)
def test_errors_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = CliRunner().invoke(main, ["act", "--model", "offline", *options])
    assert done.exit_code in (1, 2)
    assert message in done.stderr
    assert isinstance(done.exception, SystemExit), "no traceback"
    assert not (tmp_path / "runs").exists()


def test_a_second_opinion_stops_what_the_rules_find_harmless(site: Site, tmp_path: Path) -> None:
    replies = ["click(1)", "[risky]", 'give_up("not allowed")']
    done = act(site, tmp_path, replies, "Add one", "--second-opinion", "--no", "--trace", "t")
    assert "not allowed" in done.stdout
    first = read_trace(tmp_path / "t").steps()[0]
    assert first.confirmed is False
    assert [opinion.best for opinion in first.opinions] == ["risky"]
    assert first.seconds["opinion"] == first.opinions[0].seconds
    assert "doubt" in first.outcome.message
    replies = ["click(1)", "[harmless]", 'answer("One is in")']
    done = act(site, tmp_path, replies, "Add one", "--second-opinion", "--no", "--trace", "u")
    assert "answered: One is in" in done.stdout


def test_where_to_begin_is_asked_for(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["act", "Add one"])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "--url URL, or --desktop" in done.output
