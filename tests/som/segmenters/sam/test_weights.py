"""Fetching checkpoints from a server on loopback that cuts connections and counts bytes."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from som.errors import SegmenterError
from som.segmenters.sam.weights import CHECKPOINTS, Download, cache_folder, fetch

CONTENT = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    cut_after: int | None = None
    ranges = True
    asked: list[str | None]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        if self.path != "/model.pth":
            self.send_error(404)
            return
        start = (
            int(asked.removeprefix("bytes=").removesuffix("-")) if asked and self.server.ranges else 0
        )
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut_after])

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


def download(server: Server, name: str = "model.pth", content: bytes = CONTENT) -> Download:
    url = f"http://127.0.0.1:{server.server_port}/{name}"
    return Download(url, hashlib.sha256(content).hexdigest())


def test_a_checkpoint_is_fetched_once(server: Server, tmp_path: Path) -> None:
    path = fetch(download(server), tmp_path / "new")
    assert path.read_bytes() == CONTENT
    assert fetch(download(server), tmp_path / "new") == path
    assert server.asked == [None]
    assert [file.name for file in path.parent.iterdir()] == ["model.pth"]


def test_a_cut_fetch_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.cut_after = 300_000
    with pytest.raises(SegmenterError, match=r"cannot fetch .*cut.*; run again to go on"):
        fetch(download(server), tmp_path)
    assert (tmp_path / "model.pth.part").stat().st_size == 300_000
    server.cut_after = None
    assert fetch(download(server), tmp_path).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-"]


def test_a_server_that_cannot_resume_starts_over(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(b"x" * 1000)
    server.ranges = False
    assert fetch(download(server), tmp_path).read_bytes() == CONTENT


def test_a_whole_part_only_needs_its_hash(server: Server, tmp_path: Path) -> None:
    (tmp_path / "model.pth.part").write_bytes(CONTENT)
    assert fetch(download(server), tmp_path).read_bytes() == CONTENT


def test_other_bytes_are_thrown_away(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SegmenterError, match=r"other bytes than expected"):
        fetch(download(server, content=b"something else"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_fetched_is_one_line(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SegmenterError, match=r"cannot fetch .*Not Found.*--weights PATH"):
        fetch(download(server, "none.pth"), tmp_path)
    nowhere = Download("http://127.0.0.1:9/model.pth", "")
    with pytest.raises(SegmenterError, match=r"cannot fetch .*refused"):
        fetch(nowhere, tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SegmenterError, match=r"cannot write"):
        fetch(download(server), tmp_path / "file")


def test_checkpoints_go_where_torch_keeps_them(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "hub" / "checkpoints"
    assert CHECKPOINTS["vit_b"].name == "sam_vit_b_01ec64.pth"
    assert all(len(known.sha256) == 64 for known in CHECKPOINTS.values())
