"""Prompts in other languages: adding one is adding a folder."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template

import pytest

from som import MarkedImage, prompts
from som.agents.actions import KINDS, action_prompt, meaning
from som.agents.ask import ask, build_messages
from som.agents.conversation import build_messages as build_steps
from som.agents.envs.base import Observation
from som.agents.vlm.replay import Replay
from som.errors import SomError
from som.prompts import entries, languages, load

HERE = Path(prompts.__file__).parent
ROOT = Path(__file__).parents[2]


@pytest.fixture
def esperanto(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of prompts in Esperanto, with markers where English stood."""
    folder = tmp_path / "prompts" / "eo"
    folder.mkdir(parents=True)
    for file in (HERE / "en").glob("*.txt"):
        text = file.read_text("utf-8")
        (folder / file.name).write_text(re.sub(r"(?m)^(\w+: )?(.+)$", r"\g<1>EO \2", text), "utf-8")
    (folder / "actions.txt").write_text("\n".join(f"{name}: EO {name}" for name in KINDS), "utf-8")
    monkeypatch.setenv("SOM_PROMPTS", str(folder.parent))
    for cache in (load, entries):
        cache.cache_clear()
    yield folder
    for cache in (load, entries):
        cache.cache_clear()


def test_a_new_folder_is_a_new_language(esperanto: Path, marked: MarkedImage) -> None:
    assert languages() == ["en", "eo", "ko"]
    system, user = build_messages("Kiu?", (marked,), lang="eo")
    assert system.text.startswith("EO You look at images")
    assert "EO Image A, with marks" in user.text
    assert ask("Kiu?", [marked], Replay(["[2]"]), lang="eo").marks[0][1].id == 2
    first, second = build_steps("Faru.", Observation(marked), lang="eo")
    assert "EO click" in first.text
    assert "Task: EO Faru." in second.text
    assert "EO double_click" in action_prompt(lang="eo")


def test_the_command_line_takes_it(esperanto: Path, tmp_path: Path) -> None:
    (tmp_path / "said.txt").write_text("[1]")
    shot = ROOT / "examples" / "images" / "screen.png"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "som", "ask", shot, "Kiu?", "--model", "replay:said.txt"),
            *("--lang", "eo", "--max-marks", "5", "--legend", "compact"),
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "SOM_PROMPTS": str(esperanto.parent), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "[1]  box" in done.stdout


def test_a_language_that_is_not_there_is_one_line(marked: MarkedImage) -> None:
    with pytest.raises(SomError, match=r"no prompts in language 'eo'; there are: en, ko"):
        build_messages("?", (marked,), lang="eo")


def test_korean_has_every_prompt_and_every_place_of_the_english_ones() -> None:
    english = {file.stem: file.read_text("utf-8") for file in (HERE / "en").glob("*.txt")}
    korean = {file.stem: file.read_text("utf-8") for file in (HERE / "ko").glob("*.txt")}
    assert set(korean) == {*english, "actions"}
    for name, text in english.items():
        places = (set(Template(each).get_identifiers()) for each in (text, korean[name]))
        assert next(places) == next(places), name
    assert set(entries("phrases", "ko")) == set(entries("phrases", "en"))
    assert all(re.search(r"[가-힣]", meaning(name, "ko")) for name in KINDS)
