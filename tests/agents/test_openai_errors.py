"""What a misbehaving server does to the client: one clear line, and never the key in it.

The server here only misbehaves; the real one is in test_openai_server.py.
"""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from som import MarkedImage
from som.agents.ask import ask
from som.agents.vlm.openai import OPENAI_URL, OpenAICompatible, normalize_url
from som.errors import VLMError

KEY = "sk-very-secret-0123456789"
Handler = Callable[[BaseHTTPRequestHandler, int], None]


def send(handler: BaseHTTPRequestHandler, status: int, body: str, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body.encode())))
    handler.end_headers()
    handler.wfile.write(body.encode())


def fail(status: int, message: str = "no", **headers: str) -> Handler:
    body = json.dumps({"error": {"message": message}})
    return lambda handler, _: send(handler, status, body, **headers)


def stream(*pieces: str, finish: str | None = "stop", refusal: str = "") -> Handler:
    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        lines = []
        for piece in pieces:
            lines.append({"content": piece})
        if refusal:
            lines.append({"refusal": refusal})
        chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in lines]
        if finish:
            chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
            usage = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
            chunks.append({"choices": [], "usage": usage})
        body = "".join(f"data: {json.dumps({'id': 'x', **chunk})}\n\n" for chunk in chunks)
        send(handler, 200, body + "data: [DONE]\n\n", Content_Type="text/event-stream")

    return answer


def cut_off(handler: BaseHTTPRequestHandler, _: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.send_header("Content-Length", "100000")
    handler.end_headers()
    handler.wfile.write(b'data: {"choices":[{"index":0,"delta":{"content":"The"}}]}\n\n')
    handler.wfile.flush()
    handler.connection.close()


def drip(handler: BaseHTTPRequestHandler, _: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", "text/event-stream")
    handler.end_headers()
    piece = b'data: {"choices":[{"index":0,"delta":{"content":"."}}]}\n\n'
    pause = threading.Event()
    try:
        for _piece in range(200):
            handler.wfile.write(piece)
            handler.wfile.flush()
            pause.wait(0.05)
    except OSError:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    """Start a server that answers the n-th request with the n-th handler, then with the last."""
    servers: list[ThreadingHTTPServer] = []

    def start(*handlers: Handler) -> str:
        count = [0]

        class Scripted(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                at = min(count[0], len(handlers) - 1)
                count[0] += 1
                handlers[at](self, at)

            def do_GET(self) -> None:
                send(self, 200, json.dumps({"object": "list", "data": [{"id": "tiny-vlm"}]}))

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def client(url: str, **options: object) -> OpenAICompatible:
    options = {"timeout_s": 5.0, "max_retries": 1, **options}
    return OpenAICompatible("tiny-vlm", base_url=url, api_key=KEY, **options)  # type: ignore[arg-type]


def test_a_streamed_answer(serve: Callable[..., str], marked: MarkedImage) -> None:
    pieces: list[str] = []
    answer = ask("?", [marked], client(serve(stream("It is ", "[2]."))), on_text=pieces.append)
    assert pieces == ["It is ", "[2]."]
    assert [mark.id for _, mark in answer.marks] == [2]
    assert (answer.reply.tokens_in, answer.reply.tokens_out) == (11, 5)
    assert answer.reply.stop_reason == "stop"


def test_the_model_is_the_servers_if_none_is_named(serve: Callable[..., str]) -> None:
    vlm = OpenAICompatible(base_url=serve(stream("[1]")), api_key=KEY)
    assert vlm.name == "tiny-vlm"


@pytest.mark.parametrize(
    ("handlers", "text"),
    [
        ((fail(429, "slow down", Retry_After="0"), stream("[1]")), "[1]"),
        ((fail(500), stream("[1]")), "[1]"),
        ((fail(503), stream("[1]")), "[1]"),
        ((stream(), stream("[1]")), "[1]"),
    ],
    ids=["429", "500", "503", "empty"],
)
def test_what_passes_is_tried_again(
    serve: Callable[..., str], marked: MarkedImage, handlers: tuple[Handler, ...], text: str
) -> None:
    assert ask("?", [marked], client(serve(*handlers))).text == text


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (fail(401, f"Incorrect API key provided: {KEY}"), "does not accept the key"),
        (fail(404, "no such model"), r"no model 'tiny-vlm' at .*; it has: tiny-vlm"),
        (fail(413, "image too large"), "answered 413: image too large"),
        (fail(429, "quota", Retry_After="0"), "over its limit: quota"),
        (fail(500, "boom"), "answered 500: boom"),
        (stream(), "answered nothing, twice"),
        (stream(refusal="I cannot help"), "refused: I cannot help"),
        (stream(finish="content_filter"), "content filter held the answer back"),
        (cut_off, "lost or found no server"),
        (drip, "took longer than 0.5 s|within 0.5 s"),
        (lambda handler, _: send(handler, 200, "not json", Content_Type="text/html"), "nothing|proper"),
    ],
    ids=["401", "404", "413", "429", "500", "empty", "refusal", "filter", "cut", "drip", "html"],
)
def test_what_does_not_pass_is_one_clear_line(
    serve: Callable[..., str], marked: MarkedImage, handler: Handler, message: str
) -> None:
    timeout = 0.5 if handler is drip else 5.0
    with pytest.raises(VLMError, match=message) as caught:
        ask("?", [marked], client(serve(handler), timeout_s=timeout))
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_cut_off_reply_says_so(serve: Callable[..., str], marked: MarkedImage) -> None:
    answer = ask("?", [marked], client(serve(stream("[1] and", finish="length"))))
    assert answer.reply.stop_reason == "length"


def test_no_server(marked: MarkedImage) -> None:
    with pytest.raises(VLMError, match=r"lost or found no server at http://127\.0\.0\.1:9/v1"):
        ask("?", [marked], client("127.0.0.1:9", max_retries=0))


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("localhost:8000/", "http://localhost:8000/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("http://h/v1/chat/completions", "http://h/v1"),
    ],
)
def test_urls_as_people_write_them(written: str, url: str) -> None:
    assert normalize_url(written) == url


@pytest.mark.parametrize("written", ["ftp://h", "http://", "http://h:port", "http://u:p@h/v1"])
def test_what_is_no_server_url(written: str) -> None:
    with pytest.raises(VLMError) as caught:
        normalize_url(written)
    assert "u:p" not in str(caught.value)


def test_openai_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(VLMError, match="set OPENAI_API_KEY"):
        OpenAICompatible("gpt-5-mini")
    assert OpenAICompatible("gpt-5-mini", api_key=KEY).base_url == OPENAI_URL
