"""``som app`` from the command line."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from som.cli import main
from som.errors import SomError
from som.ui.config import Config
from tests.ui.pictures import small_png


def som(*arguments: str, before: str = "") -> "subprocess.CompletedProcess[str]":
    code = f"{before or 'pass'}; from som.cli import main; main({list(arguments)!r})"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("arguments", "before", "said"),
    [
        (["app"], "import sys; sys.modules['gradio'] = None", 'pip install "som-agent[ui]"'),
        (["app", "--password", "short"], "", "at least 8 characters"),
        (["app", "--host", "192.0.2.1", "--password", "long enough"], "", "the app at 192.0.2.1, port"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], before: str, said: str) -> None:
    done = som(*arguments, before=before)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.strip().count("\n") == 0


def test_a_port_that_is_taken_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = som("app", "--port", str(port))
    assert done.returncode == 1
    assert f"port {port}: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_says_where_it_is_keeps_no_files_and_stops(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    app = subprocess.Popen(
        [sys.executable, "-m", "som", "app", "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # Without a screen it looks for no browser.
        env={**os.environ, "GRADIO_TEMP_DIR": str(kept), "DISPLAY": "", "WAYLAND_DISPLAY": ""},
    )  # fmt: skip
    try:
        line = app.stdout.readline()
        assert line.startswith("The app is at http://127.0.0.1:")
        url = line.split()[4]
        answer = httpx.post(f"{url}gradio_api/upload", files={"files": ("a.png", small_png())})
        assert answer.status_code == 404
        from tests.ui.test_safe_to_share import event, picture_event

        assert "a.png" in str(event(url, "visitor", "view", picture_event(small_png())))
        assert not [path for path in kept.rglob("*") if path.is_file()]
    finally:
        app.send_signal(signal.SIGINT)
        _, err = app.communicate(timeout=20)
    assert "Traceback" not in err
    assert "browser" not in err


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ([], Path("logs")),
        (["--host", "0.0.0.0", "--password", "long enough"], None),
        (["--host", "0.0.0.0", "--password", "long enough", "--logs", "logs"], Path("logs")),
    ],
)
def test_logs_beside_it_are_shown_to_its_owner_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], shown: Path | None
) -> None:
    (tmp_path / "logs").mkdir()
    monkeypatch.chdir(tmp_path)
    configs: list[Config] = []

    def serve(config: Config, **_: object) -> None:
        configs.append(config)
        raise SomError("not now")

    monkeypatch.setattr("som.ui.app.serve", serve)
    CliRunner().invoke(main, ["app", *arguments])
    assert [config.logs for config in configs] == [shown]
