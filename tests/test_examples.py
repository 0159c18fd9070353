"""The examples run as they are: without a key, without a network."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.browser
@pytest.mark.skipif(
    not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="needs Chromium"
)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("agent.py", "answered: "),
        ("act_yourself.py", '[2] button "Added Sencha"'),
    ],
)
def test_examples_of_the_browser_run(name: str, said: str, tmp_path: Path) -> None:
    hidden = ("OPENAI_API_KEY", "SOM_MODEL", "SOM_BASE_URL")
    env = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)],
        cwd=tmp_path,
        env={**env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
