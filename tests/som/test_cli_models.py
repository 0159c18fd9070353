"""``som models``, and what ``som ask`` says about cost."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from som.agents.vlm.profiles import profiles
from som.cli import main
from som.cli_models import constrained_by, probabilities_from
from tests.agents.vlm.loopback import Server, chat_events, stream

SCREEN = str(Path(__file__).parents[2] / "examples" / "images" / "screen.png")


def run(*args: str) -> str:
    done = CliRunner().invoke(main, args)
    assert done.exit_code == 0, done.output
    return done.output


def test_every_family_has_a_line() -> None:
    lines = run("models").splitlines()
    assert len(lines) == len(profiles()) + 1
    luna = next(line for line in lines if line.startswith("GPT-6 Luna"))
    assert "decisions" in luna
    assert "2104 x 1184" in luna
    assert luna.endswith("2026-09-28")


def test_one_model_with_its_price() -> None:
    assert "$2 in, $0.1 cached, $10 out (2026-" in run("models", "claude-sonnet-5-5")
    assert "not known" in run("models", "Qwen/Qwen3-VL-8B-Instruct")
    facts = json.loads(run("models", "gpt-6-luna", "--json"))
    assert facts[0]["price"]["usd_out"] == 0.5
    assert len(json.loads(run("models", "--json"))) == len(profiles())


@pytest.fixture
def server() -> Server:
    return Server(completions=[stream(chat_events("The field is [3]."))])


def ask(server: Server, tmp_path: Path, *more: str) -> list[str]:
    marking = ["--max-marks", "5", "--max-side", "400", "-o", str(tmp_path)]
    return ["ask", SCREEN, "the field", "--base-url", server.url, *marking, *more]


def test_asking_says_what_it_cost(server: Server, tmp_path: Path) -> None:
    out = run(*ask(server, tmp_path, "--model", "gpt-4o"))
    assert "gpt-4o: 11 tokens in (" in out
    assert "5 out, $0.00008" in out
    said = json.loads(run(*ask(server, tmp_path, "--model", "own", "--json")))
    assert said["spent"]["calls"] == 1
    assert said["spent"]["image_tokens"] > 0
    assert said["spent"]["usd"] is None
    server.close()


def test_a_budget_stops_before_the_call(server: Server, tmp_path: Path) -> None:
    poor = CliRunner().invoke(main, ask(server, tmp_path, "--model", "gpt-4o", "--max-usd", "0.001"))
    assert poor.exit_code == 1
    assert "stopped before going over the budget of $0.001000" in poor.output
    unpriced = CliRunner().invoke(main, ask(server, tmp_path, "--model", "own", "--max-usd", "1"))
    assert "no known price" in unpriced.output
    assert server.asked == []
    server.close()


def test_the_table_in_the_docs_is_this_table() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text("utf-8")
    rows = {line.split(" | ")[0].lstrip("| "): line for line in text.splitlines() if " | " in line}
    for profile in profiles():
        width, height = profile.fit((3840, 2160))
        for said in (
            *(profile.example, constrained_by(profile), probabilities_from(profile)),
            *(f"{width} x {height}", f"| {profile.image_tokens((1920, 1080)):,} |"),
        ):
            assert said in rows[profile.name]
