"""What visitors cannot do: reach files, addresses, or each other; send too much; read a key back."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from gradio_client import Client

from som.agents.vlm.openai import OpenAICompatible
from som.errors import SomError
from som.image import load_image
from som.ui.app import serve
from som.ui.chat import chat_value, converse
from som.ui.config import Config
from som.ui.exports import KINDS, export
from som.ui.guard import POLICY
from som.ui.marking import Picture
from som.ui.models import vlm_of
from som.ui.sessions import ModelSettings, Sessions
from tests.ui.pictures import small_png

SECRET = "sk-a-key-that-nobody-may-see"


class _Listener(HTTPServer):
    """Notes everything that is asked of it."""

    asked: list[str]


class _Handler(BaseHTTPRequestHandler):
    server: _Listener

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def inside() -> Iterator[_Listener]:
    """A server in the owner's network that visitors must not reach."""
    server = _Listener(("127.0.0.1", 0), _Handler)
    server.asked = []
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def event(url: str, session: str, target: str, data: dict[str, Any]) -> list[Any]:
    """What a page does when something happens in one of its widgets: the answers, in order."""
    config = httpx.get(f"{url}config").json()
    ids = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
    wanted = [ids[target], "event"]
    found = next(
        each for each in config["dependencies"] if wanted in [list(pair) for pair in each["targets"]]
    )
    joined = httpx.post(
        f"{url}gradio_api/queue/join",
        json={
            "data": [""] * len(found["inputs"]), "event_data": data, "fn_index": found["id"],
            "session_hash": session, "trigger_id": ids[target],
        },
        timeout=60,
    )  # fmt: skip
    if joined.status_code != 200:
        return [joined.status_code]
    outputs = []
    with httpx.stream(
        "GET", f"{url}gradio_api/queue/data", params={"session_hash": session}, timeout=60
    ) as lines:
        for line in lines.iter_lines():
            message = json.loads(line[6:]) if line.startswith("data: ") else {}
            if message.get("msg") in ("process_generating", "process_completed"):
                outputs.append(message.get("output", {}))
            if message.get("msg") == "process_completed":
                break
    return outputs


def picture_event(data: bytes | str, title: str = "a.png") -> dict[str, Any]:
    text = data if isinstance(data, str) else base64.b64encode(data).decode()
    return {"kind": "picture", "data": text, "title": title}


@pytest.mark.parametrize(
    "path",
    [
        "gradio_api/file=/etc/passwd",
        "gradio_api/file=../../../../etc/passwd",
        "gradio_api/file/etc/passwd",
        "gradio_api/file=C:/Windows/win.ini",
        "gradio_api/file=http://127.0.0.1:{port}/",
        "gradio_api/proxy=http://127.0.0.1:{port}/",
        "file=/etc/passwd",
        "static/../../../../../etc/passwd",
        "static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "assets/..%2f..%2f..%2fpyproject.toml",
        "static//etc/passwd",
        "gradio_api/deep_link?session_hash=other",
        "gradio_api/runs",
        "gradio_api/stream/x/y/1/playlist-file",
        "gradio_api/custom_component/1/client/component/../../../secret",
        "monitoring/summary",
        "docs",
        "openapi.json",
    ],
)
def test_routes_that_reach_files_or_addresses_are_closed(
    url: str, inside: _Listener, path: str
) -> None:
    target = urlsplit(url)
    line = path.format(port=inside.server_port)
    # By hand: a client would tidy the path first.
    with socket.create_connection((target.hostname, target.port), timeout=10) as link:
        link.sendall(
            f"GET /{line} HTTP/1.1\r\nHost: {target.netloc}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b"".join(iter(lambda: link.recv(65536), b""))
    assert answer.split()[1] == b"404"
    assert b"root:" not in answer
    assert inside.asked == []


@pytest.mark.parametrize(
    "route", ["upload", "component_server", "run/predict", "api/predict", "run/mark"]
)
def test_nothing_is_uploaded_to_disk_or_run_past_the_queue(url: str, route: str) -> None:
    answer = httpx.post(f"{url}gradio_api/{route}", files={"files": ("a.png", small_png())})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "data",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1:{port}/picture.png",
        "data:image/png;base64,@@@",
        "data:text/html,<script>",
        {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
        {"url": "http://127.0.0.1:{port}/a.png", "path": "a", "meta": {"_type": "gradio.FileData"}},
        "",
        base64.b64encode(b"%!PS-Adobe-3.0 EPSF-3.0").decode(),
        base64.b64encode(small_png()[:60]).decode(),
        base64.b64encode(b"<svg xmlns='http://www.w3.org/2000/svg'/>").decode(),
    ],
)
def test_a_picture_is_its_bytes_and_never_a_place_to_read_them_from(
    url: str, inside: _Listener, data: Any
) -> None:
    given = json.loads(json.dumps(data).replace("{port}", str(inside.server_port)))
    begun = httpx.post(f"{url}gradio_api/call/mark", json={"data": [given]}).json()
    answer = httpx.get(f"{url}gradio_api/call/mark/{begun['event_id']}", timeout=30).text
    assert answer.startswith("event: error\n")
    shown = json.dumps(event(url, "one-who-tries", "view", {"kind": "picture", "data": given}))
    if isinstance(given, str):  # Gradio refuses objects before the app sees them
        assert "picture" in shown
    for text in (answer, shown):
        assert "root:" not in text
        assert "Traceback" not in text
    assert inside.asked == []


def test_pictures_that_are_too_large_are_refused_before_they_are_decoded() -> None:
    bomb = _png_of_size(60_000, 60_000)
    demo, url = serve(Config(port=0, max_upload_mb=1, max_megapixels=1), block=False)
    try:
        client = Client(url, verbose=False)
        with pytest.raises(Exception, match="too large"):
            client.predict(base64.b64encode(bomb).decode(), api_name="/mark")
        large = httpx.post(f"{url}gradio_api/queue/join", content=b"x" * 2_000_000)
        assert large.status_code == 413

        def pieces() -> Iterator[bytes]:  # no length is told beforehand
            for _ in range(40):
                yield b"x" * 100_000

        assert httpx.post(f"{url}gradio_api/queue/join", content=pieces()).status_code == 413
    finally:
        demo.close(verbose=False)


def _png_of_size(width: int, height: int) -> bytes:
    """A PNG whose header promises so many pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def test_twenty_visitors_at_once_see_their_own_picture_and_nobody_elses(url: str, app: Any) -> None:
    names = [f"visitor{i:02}" for i in range(20)]

    def visit(name: str) -> str:
        mine = small_png((10 * int(name[-2:]), 90, 30), f"Go {name}")
        return json.dumps(event(url, name, "view", picture_event(mine, f"{name}.png")))

    with ThreadPoolExecutor(20) as pool:
        answers = dict(zip(names, pool.map(visit, names), strict=True))
    for name in names:
        assert f"{name}.png" in answers[name]
        assert not [other for other in names if other != name and other in answers[name]]
    # Another's picture cannot be had by asking for it, either.
    asked = json.dumps(event(url, "visitor99", "view", {"kind": "switch", "index": 0}))
    assert "visitor0" not in asked
    session = app.som_sessions._known["visitor07"][1]
    app.som_sessions.forget(type("Request", (), {"session_hash": "visitor07"}))
    assert session.pictures == []


def test_a_key_is_used_and_never_shown(app: Any, capfd: Any, tmp_path: Path) -> None:
    session = app.som_sessions.of(type("Request", (), {"session_hash": "keyholder"}))
    session.model = ModelSettings("http://127.0.0.1:9", "some-model", SECRET)
    assert SECRET not in repr(session.model)

    picture = Picture("a.png", load_image(small_png()), "p1")
    picture.marked = session.regions.mark(picture, session.marking)
    session.pictures = [picture]
    list(converse(session, "the red button", lambda: vlm_of(session.model, Config())))
    shown = json.dumps(chat_value(session))
    assert "127.0.0.1:9" in shown
    everything = shown + "".join(
        base64.b64decode(export(session, kind, server="http://127.0.0.1:9")["base64"]).decode("latin-1")
        for kind in KINDS
    )
    out, err = capfd.readouterr()
    assert SECRET not in everything + out + err


def test_a_shared_app_calls_only_servers_that_its_owner_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Config(host="0.0.0.0", allow_servers=("http://models.example:8000",))
    assert shared.check_server("models.example:8000") == "http://models.example:8000/v1"
    for other in ("http://127.0.0.1:11434", "http://169.254.169.254/latest", "models.example:8001"):
        with pytest.raises(SomError, match="owner allows"):
            shared.check_server(other)
    assert Config().check_server("localhost:11434") == "http://localhost:11434/v1"
    # The owner's own key never goes where a visitor says, nor is it spent by visitors.
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    theirs = vlm_of(ModelSettings("http://models.example:8000", "m", ""), shared)
    assert isinstance(theirs, OpenAICompatible)
    assert theirs._client.api_key == "none"
    for own in ("local:/etc", "replay:/etc/passwd"):
        with pytest.raises(SomError, match="own machine"):
            vlm_of(ModelSettings("", own, "their-key"), Config())
    assert vlm_of(ModelSettings(), shared).name == "offline"


def test_a_password_is_asked_for_and_nothing_is_there_without_it() -> None:
    demo, url = serve(Config(port=0, password="open sesame"), block=False)
    try:
        for path in ("config", "gradio_api/info", "gradio_api/queue/status"):
            assert httpx.get(url + path).status_code in (401, 404)
        joined = httpx.post(f"{url}gradio_api/queue/join", json={"data": [], "fn_index": 0})
        assert joined.status_code == 401
        for user, password, status in (("som", "wrong word", 400), ("som", "open sesame", 200)):
            login = httpx.post(f"{url}login", data={"username": user, "password": password})
            assert login.status_code == status
        client = Client(url, auth=("som", "open sesame"), verbose=False)
        assert "photo" in client.predict(api_name="/segmenters")
    finally:
        demo.close(verbose=False)
    with pytest.raises(SomError, match="too short"):
        Config(password="short")


def test_pages_elsewhere_cannot_use_an_app_on_this_machine(url: str) -> None:
    answer = httpx.get(url, headers={"Host": "rebound.example"})
    assert answer.status_code == 403
    assert httpx.get(url).headers["content-security-policy"] == POLICY
    joined = httpx.post(
        f"{url}gradio_api/queue/join", json={"data": []}, headers={"Origin": "http://other.example"}
    )
    assert "access-control-allow-origin" not in joined.headers


def test_visitors_who_leave_or_stay_away_are_forgotten() -> None:
    now = [0.0]
    sessions = Sessions(clock=lambda: now[0])

    def request(name: str) -> Any:
        return type("Request", (), {"session_hash": name})

    first = sessions.of(request("first"))
    assert sessions.of(request("first")) is first
    now[0] = 3 * 3600.0
    sessions.of(request("second"))
    assert len(sessions) == 1
    sessions.forget(request("second"))
    assert len(sessions) == 0
    # Pictures of those longest away give way to new ones.
    now[0] += 1
    for name in ("away", "here"):
        visitor = sessions.of(request(name))
        visitor.pictures = [
            Picture("a.png", np.broadcast_to(np.uint8(0), (20_000, 20_000, 3)), "p", "k")
        ]
        sessions.make_room(visitor)
    assert sessions.of(request("here")).pictures
    assert not sessions.of(request("away")).pictures
    for i in range(250):
        sessions.of(request(f"many{i}"))
    assert len(sessions) == 200
