"""A run that is killed goes on where it stopped, and asks nothing twice that was answered."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from som.evals.logs import read_runs, summarize
from tests.evals.conftest import write_screens

ROOT = Path(__file__).parent.parent.parent
# Runs the command with the segmenter of these tests.
CODE = """
import sys
from som import segmenters
from som.cli import main
from tests.evals.conftest import Buttons
segmenters.register("buttons", lambda **_: Buttons())
main(sys.argv[1:])
"""


class Counting(ThreadingHTTPServer):
    """A server of chat completions that counts what it is asked, and stops answering when told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: Counter[str] = Counter()
        self.answered: list[str] = []
        self.hold_after: int | None = None
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: Counting

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = re.search(r"item number \d+", json.dumps(body))[0]
        with self.server.lock:
            self.server.asked[question] += 1
            hold = self.server.hold_after
            held = hold is not None and len(self.server.answered) >= hold
        while held and self.server.hold_after is not None:
            time.sleep(0.05)
        message = {"role": "assistant", "content": "[1]"}
        reply = {
            "id": "1", "object": "chat.completion", "created": 0, "model": "counting",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12},
        }  # fmt: skip
        data = json.dumps(reply).encode()
        try:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)
        except OSError:
            return
        with self.server.lock:
            self.server.answered.append(question)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Counting]:
    counting = Counting()
    thread = threading.Thread(target=counting.serve_forever, daemon=True)
    thread.start()
    yield counting
    counting.hold_after = None
    counting.shutdown()
    counting.server_close()


@pytest.mark.slow
def test_a_killed_run_goes_on_and_asks_nothing_twice(server: Counting, tmp_path: Path) -> None:
    screens = write_screens(tmp_path / "screens", 8)
    rows = json.loads((screens / "screenspot_desktop.json").read_text())
    for number, row in enumerate(rows):
        row["instruction"] = f"press item number {number}"
    (screens / "screenspot_desktop.json").write_text(json.dumps(rows))
    command = [
        sys.executable, "-c", CODE, "eval", "screenspot", "--data", str(screens),
        "--segmenter", "buttons",
        "--model", "openai-api/local/counting", "--base-url", server.url, "--max-connections", "1",
        "--log-dir", str(tmp_path / "logs"), "--yes",
    ]  # fmt: skip
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LOCAL_API_KEY": "none",
        "INSPECT_CACHE_DIR": str(tmp_path / "cache"),
        "SOM_MARKS_CACHE": str(tmp_path / "marks"),
        "XDG_DATA_HOME": str(tmp_path / "data"),
    }
    server.hold_after = 4
    first = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + 120
    # Four are answered, and the fifth is being asked.
    while sum(server.asked.values()) < 5 and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert first.poll() is None, "the run ended before it could be killed"
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    before = Counter(server.asked)
    assert (len(before), sum(before.values())) == (5, 5)
    answered = set(server.answered)

    server.hold_after = None
    subprocess.run(command, env=environment, cwd=ROOT, check=True, timeout=120)
    assert len(server.asked) == 8
    assert {question: server.asked[question] for question in answered} == dict.fromkeys(answered, 1)
    # Eight samples and the one that was in the air when the run was killed.
    assert sum(server.asked.values()) == 9
    (run,) = read_runs([tmp_path / "logs"])
    assert (run.status, len(run.samples), summarize(run).answered) == ("success", 8, 8)

    subprocess.run(command, env=environment, cwd=ROOT, check=True, timeout=120)
    assert sum(server.asked.values()) == 9
