"""The Model tab and answers that stream, with a model's server on loopback."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from som.agents.vlm.openai import DEFAULT_MODEL
from som.image import load_image
from som.ui.exports import snippet
from som.ui.marking import Picture
from som.ui.models import name_of
from som.ui.sessions import ModelSettings, Session
from tests.ui.conftest import Open
from tests.ui.pictures import small_png
from tests.ui.test_mark_ask import QUESTION, give

pytestmark = pytest.mark.browser
SECRET_FIELD = "#model-key input[type=password]"
KEY = "sk-nobody-may-see-this"


class Server(ThreadingHTTPServer):
    """Speaks as much of Chat Completions as is needed; the last words wait until `go` is set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.go = threading.Event()
        self.keys: list[str] = []
        self.asked: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self._json({"object": "list", "data": [{"id": "tiny-vlm", "object": "model"}]})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.keys.append(self.headers.get("Authorization", ""))
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            self._json({"error": {"message": "wrong key"}}, 401)
            return
        self.server.asked.append(asked)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for words in ("The button is ", "[2]", " and it is red."):
            if words.startswith(" and") and "ready" not in json.dumps(asked["messages"]):
                self.server.go.wait(20)
            delta = {"index": 0, "delta": {"content": words}, "finish_reason": None}
            self._line(
                {"id": "1", "object": "chat.completion.chunk", "choices": [delta], "model": "tiny-vlm"}
            )
        end = {"index": 0, "delta": {}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 40, "completion_tokens": 9, "total_tokens": 49}
        self._line({"id": "1", "object": "chat.completion.chunk", "choices": [end], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _line(self, data: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def _json(self, data: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
    yield running
    running.go.set()
    running.shutdown()
    running.server_close()


def use(page: Any, server: str, key: str) -> None:
    page.get_by_role("tab", name="Model").click()
    page.fill("#model-url :is(input, textarea)", server)
    page.fill(SECRET_FIELD, key)
    page.click("#model-use")


def test_a_server_is_tried_used_and_answers_as_it_writes(visit: Open, server: Server) -> None:
    page = visit()
    page.get_by_role("tab", name="Model").click()
    page.wait_for_selector("#model-status:has-text('no language model')")
    use(page, server.url, "a-wrong-key")
    page.wait_for_selector("#model-status:has-text('key')")
    use(page, server.url, KEY)
    page.wait_for_selector("#model-status:has-text('tiny-vlm is ready')")
    assert page.input_value(SECRET_FIELD) == ""
    page.get_by_role("tab", name="Mark and ask").click()
    give(page, small_png())
    page.fill(QUESTION, "Which button deletes?")
    page.click("#send")
    # The mark is a chip before the answer is complete.
    page.wait_for_selector("#chat .som-model .som-chip:text-is('2')")
    assert page.locator("#chat .som-meta").count() == 0
    server.go.set()
    page.wait_for_selector("#chat .som-meta:has-text('40 + 9 tokens')")
    assert page.inner_text("#chat .som-model .som-body") == "The button is 2 and it is red."
    images = [
        part for part in server.asked[-1]["messages"][-1]["content"] if part["type"] == "image_url"
    ]
    assert len(images) == 2
    kept = page.evaluate(
        "async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie,"
        " document.documentElement.innerHTML, await indexedDB.databases()])"
    )
    assert KEY not in kept
    assert server.keys[-1] == f"Bearer {KEY}"


def test_an_answer_can_be_stopped_and_asked_for_again(visit: Open, server: Server) -> None:
    page = visit()
    use(page, server.url, KEY)
    page.wait_for_selector("#model-status:has-text('ready')")
    page.get_by_role("tab", name="Mark and ask").click()
    give(page, small_png())
    page.fill(QUESTION, "Which button deletes?")
    page.click("#send")
    page.wait_for_selector("#chat .som-model .som-chip")
    page.click("#stop")
    page.wait_for_selector("#chat .som-meta:has-text('stopped')")
    server.go.set()
    page.fill(QUESTION, "And now?")
    page.click("#send")
    page.wait_for_selector("#chat .som-meta:has-text('tokens')")
    # The stopped answer is no part of what the model is reminded of.
    assert len(server.asked[-1]["messages"]) == 2


def test_exported_python_names_the_model_that_answers() -> None:
    server = "http://127.0.0.1:9"
    assert name_of(ModelSettings()) == "offline"
    assert name_of(ModelSettings(server, "mine")) == "mine"
    assert name_of(ModelSettings(key="k")) == f"openai:{DEFAULT_MODEL}"
    assert name_of(ModelSettings(server)) is None
    session = Session(pictures=[Picture("a.png", load_image(small_png()), "p1")], history=[("q", "a")])
    assert f"get_vlm(None, base_url={server!r})" in snippet(session, server=server, model=None)
