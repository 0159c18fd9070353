"""Running MiniWoB++: real pages in real Chromium, results kept line by line."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from som.agents.vlm.cost import BudgetError
from som.cli import main
from som.errors import SomError
from som.evals.miniwob.episode import Result
from som.evals.miniwob.pages import all_tasks, choose_tasks, serving
from som.evals.miniwob.run import RESULTS, Plan, read_results, run_all
from som.evals.miniwob.table import markdown, rows_of, summary

pytest.importorskip("miniwob", reason="needs the pages of MiniWoB++")
browser = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="needs Chromium"
    ),
]


def result(task: str, seed: int, *, success: bool, message: str = "") -> Result:
    raw = 1.0 if success else -1.0
    return Result(task, seed, "offline", success, raw, True, "Do it.", "done", 2, message, 0.5)


def test_tasks_are_chosen_by_name() -> None:
    assert len(all_tasks()) > 100
    assert choose_tasks("click-test, click-link") == ["click-test", "click-link"]
    with pytest.raises(SomError, match="click-button"):
        choose_tasks("click-buton")


def test_only_the_pages_are_served() -> None:
    from urllib.error import HTTPError
    from urllib.request import urlopen

    with serving() as address:
        assert b"click-test" in urlopen(address).read()
        with pytest.raises(HTTPError):
            urlopen(address + "../../../../../../etc/passwd")


def test_table_counts_successes_and_quotes_a_failure() -> None:
    results = [
        result("click-test", 0, success=True),
        result("click-test", 1, success=True),
        result("click-link", 0, success=True),
        result("click-link", 1, success=False, message="no | mark"),
    ]
    assert [row.success for row in rows_of(results)] == [1.0, 0.5]
    assert summary(rows_of(results)) == "1 of 2 tasks at 90% or more, mean success 75.0%"
    assert "| click-link | 2 | 50% | 0.00 | 2.0 | 0.5 | no \\| mark |" in markdown(results)


def test_a_cut_line_is_no_episode_and_a_wrong_one_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / RESULTS
    path.write_text(result("click-test", 0, success=True).line() + '\n{"task": "click-')
    assert [(one.task, one.seed) for one in read_results(path)] == [("click-test", 0)]
    path.write_text("{}\n" + result("click-test", 0, success=True).line() + "\n")
    with pytest.raises(SomError, match="line 1"):
        read_results(path)


class TestInBrowser:
    pytestmark = browser

    def test_command_plays_and_goes_on(self, tmp_path: Path) -> None:
        """A second run with more seeds plays only the new ones, and mends a cut line."""
        command = ["eval", "miniwob", "--tasks", "click-test,click-button", "--policy", "oracle-marks"]
        out = ["--out", str(tmp_path)]
        assert "2 of 2 tasks" in CliRunner().invoke(main, [*command, "--seeds", "1", *out]).output
        path = tmp_path / RESULTS
        first = path.read_text()
        path.write_text(first + '{"task": "click-t')
        again = CliRunner().invoke(main, [*command, "--seeds", "2", *out])
        assert again.exit_code == 0, again.output
        assert path.read_text().startswith(first)
        assert [(one.task, one.seed) for one in read_results(path)] == [
            ("click-test", 0), ("click-button", 0), ("click-test", 1), ("click-button", 1),
        ]  # fmt: skip
        assert "| click-button | 2 | 100% |" in (tmp_path / "table.md").read_text()
        other = CliRunner().invoke(main, [*command[:-1], "offline", *out])
        assert other.exit_code == 1
        assert "episodes of oracle-marks" in other.output

    def test_the_same_seed_is_the_same_episode(self, tmp_path: Path) -> None:
        runs = [
            run_all(Plan(["click-button"], [3], "oracle-marks"), tmp_path / name) for name in ("a", "b")
        ]
        assert runs[0][0].utterance == runs[1][0].utterance

    @pytest.mark.slow
    @pytest.mark.parametrize("workers", [1, 2])
    def test_a_budget_ends_the_run_and_what_it_cuts_short_is_no_episode(
        self, tmp_path: Path, workers: int
    ) -> None:
        replies = tmp_path / "replies.json"
        replies.write_text('["click(1)"]')
        plan = Plan(["click-test"], range(4), f"replay:{replies}", max_usd=1)
        with pytest.raises(BudgetError, match="no known price"):
            run_all(plan, tmp_path / "out", workers=workers)
        assert read_results(tmp_path / "out" / RESULTS) == []

    def test_killed_at_any_moment_it_goes_on(self, tmp_path: Path) -> None:
        """kill -9 of the run: its workers end with it, and what was played is kept."""
        command = [sys.executable, "-m", "som", "eval", "miniwob", "--tasks", "click-test", "--seeds"]
        command += ["40", "--policy", "oracle-marks", "--workers", "2", "--out", str(tmp_path)]
        root = Path(__file__).parents[3]
        process = subprocess.Popen(command, start_new_session=True, cwd=root)
        path = tmp_path / RESULTS
        while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < 3):
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kept = read_results(path)
        assert 3 <= len(kept) < 40
        plan = Plan(["click-test"], range(len(kept) + 2), "oracle-marks")
        played: list[Result] = []
        assert all(one.success for one in run_all(plan, tmp_path, on_result=played.append))
        assert not {(one.task, one.seed) for one in played} & {(one.task, one.seed) for one in kept}
        assert all(json.loads(line) for line in path.read_text().splitlines())
        while _group_members(process.pid):  # a worker that stayed would hang here
            time.sleep(0.05)


def _group_members(group: int) -> list[str]:
    found = subprocess.run(
        ["ps", "-o", "stat=", "-g", str(group)], check=False, capture_output=True, text=True
    )
    return [line for line in found.stdout.split() if not line.startswith("Z")]
