"""Marking by the thousand: Parquet in and out, going on after a kill, bad images, Ray and its dead."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageDraw

from som.bulk import Item, Sink, read_items
from som.cli import main
from som.errors import SomError
from som.marks import MarkedImage

pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs pyarrow (the extra ray)")
parquet = pytest.importorskip("pyarrow.parquet")


def picture(number: int, size_wh: tuple[int, int] = (64, 48)) -> bytes:
    page = Image.new("RGB", size_wh, "white")
    ImageDraw.Draw(page).ellipse((8, 8, 20 + number % 20, 36), fill=(number * 37 % 256, 60, 90))
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    return buffer.getvalue()


def table(to: Path, **columns: list[Any]) -> Path:
    parquet.write_table(pyarrow.table(columns), to)
    return to


def som(*arguments: str | Path) -> Result:
    options = ["--segmenter", "photo", "--granularity", "0.2"]
    return CliRunner().invoke(main, ["mark", *map(str, arguments), *options])


def read(path: Path) -> dict[str, dict[str, str]]:
    rows = parquet.read_table(path).to_pylist()
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_parquet_to_parquet_with_bad_rows_in_between() -> None:
    Path("side").mkdir()
    Path("side/one.png").write_bytes(picture(1))
    images = [
        {"bytes": picture(0), "path": "zero.png"},
        {"bytes": None, "path": "side/one.png"},
        {"bytes": b"no image", "path": None},
        {"bytes": None, "path": "gone.png"},
        None,
        {"bytes": picture(5), "path": None},
    ]
    source = table(Path("in.parquet"), image=images, id=["a", "b", "c", "d", "e", "a"], more=[1] * 6)
    done = som(source, "--json", "out.parquet", "-o", "drawn")
    assert done.exit_code == 1
    assert "3 marked, 3 failed" in done.output
    assert "Traceback" not in done.output
    rows = read(Path("out.parquet"))
    assert set(rows) == {"a", "b", "c", "d", "e", "a#2"}
    assert rows["c"]["error"].startswith("c: the image data is not an image that can be read")
    assert "no such file: gone.png" in rows["d"]["error"]
    assert rows["e"]["error"] == "e: the row has no image"
    marked = MarkedImage.from_json(json.loads(rows["a"]["marks"]), picture(0))
    assert (marked.path, len(marked)) == ("zero.png", len(marked.marks))
    assert not rows["a"]["error"]
    assert not Path("out.parquet.parts").exists()
    assert len(list(Path("drawn").glob("*.marked.png"))) == 3


def test_parquet_to_a_folder_by_ids_that_are_no_file_names() -> None:
    ids = ["../../x", "a b", "ok-1", "x" * 300]
    source = table(Path("in.pq"), bytes=[picture(n) for n in range(4)], id=ids)
    done = som(source, "--json", "marks")
    assert done.exit_code == 0, done.output
    names = sorted(path.name for path in Path("marks").iterdir())
    assert len(names) == 4
    assert "ok-1.json" in names
    assert not Path("../../x.json").exists()
    assert not Path("marked").exists()


def test_a_folder_into_one_parquet_file_is_what_it_is_one_by_one() -> None:
    Path("in").mkdir()
    for number in range(3):
        Path(f"in/{number}.png").write_bytes(picture(number))
    assert som("in", "--json", "out.parquet", "-o", "drawn").exit_code == 0
    assert som("in", "--json", "single", "-o", "single").exit_code == 0
    rows = read(Path("out.parquet"))
    for number in range(3):
        one = json.loads(Path(f"single/{number}.json").read_text())
        other = json.loads(rows[f"in/{number}.png"]["marks"])
        assert {**one, "seconds": 0} == {**other, "seconds": 0}
        drawn = Path(f"drawn/{number}.marked.png").read_bytes()
        assert (
            Image.open(io.BytesIO(drawn)).tobytes()
            == Image.open(f"single/{number}.marked.png").tobytes()
        )


def test_new_rows_are_added_to_a_finished_run_and_failed_ones_tried_again() -> None:
    images = [picture(0), b"broken", picture(2)]
    som(table(Path("in.parquet"), image=images, id=["0", "1", "2"]), "--json", "out.parquet")
    assert read(Path("out.parquet"))["1"]["error"]
    images[1] = picture(1)
    table(Path("in.parquet"), image=[*images, picture(3)], id=["0", "1", "2", "3"])
    done = som("in.parquet", "--json", "out.parquet", "--skip-existing")
    assert "2 marked, 2 done before, 0 failed" in done.output
    rows = read(Path("out.parquet"))
    assert set(rows) == {"0", "1", "2", "3"}
    assert not any(row["error"] for row in rows.values())


def test_an_unfinished_run_is_not_thrown_away() -> None:
    source = table(Path("in.parquet"), image=[picture(0), picture(1)], id=["0", "1"])
    sink = Sink(Path("out.parquet"), resume=False)
    sink.put(Item("0", b""), result_of("0"))
    sink.close()
    done = som(source, "--json", "out.parquet")
    assert done.exit_code == 1
    assert "holds an unfinished run; add --skip-existing" in done.output
    done = som(source, "--json", "out.parquet", "--skip-existing")
    assert "1 marked, 1 done before" in done.output
    assert read(Path("out.parquet"))["0"]["marks"] == "{}"


def result_of(key: str) -> Any:
    from som.bulk import Result as Marked

    return Marked(key, "{}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["in.parquet"], "say where results of a Parquet file go"),
        (["none.parquet", "--json", "o.parquet"], "no such file: none.parquet"),
        (["text.parquet", "--json", "o.parquet"], "text.parquet is no Parquet file"),
        (["columns.parquet", "--json", "o.parquet"], "no column image (bytes) or path; it has a, b"),
        (["in.parquet", "--json", "file/o.parquet"], "cannot make folder"),
        (["in.parquet", "--json", "o.parquet", "--box", "1,2"], "a box is"),
        (["in.parquet", "--json", "o.parquet", "--workers", "2"], "--workers and --gpus go with --ray"),
    ],
)
def test_what_cannot_run_is_one_line(arguments: list[str], message: str) -> None:
    table(Path("in.parquet"), image=[picture(0)])
    table(Path("columns.parquet"), a=[1], b=[2])
    Path("text.parquet").write_text("not a table")
    Path("file").write_text("")
    done = som(*arguments)
    assert done.exit_code == 1
    assert message in done.output
    assert done.output.strip().count("\n") == 0


@pytest.mark.parametrize(("package", "options"), [("pyarrow", []), ("ray", ["--ray"])])
def test_a_missing_package_is_one_line(
    monkeypatch: pytest.MonkeyPatch, package: str, options: list[str]
) -> None:
    source = table(Path("in.parquet"), image=[picture(0)])
    monkeypatch.setitem(sys.modules, package, None)
    done = som(source, "--json", "out.parquet", *options)
    assert done.exit_code == 1
    assert 'pip install "som-agent[ray]"' in done.output
    assert done.output.strip().count("\n") == 0


def test_rows_are_read_as_they_are_needed() -> None:
    source = table(Path("in.parquet"), path=[f"{n}.png" for n in range(100)])
    items = read_items([source], None, Path("marks"))
    first = next(items)
    assert (first.id, first.path, first.source) == ("in-00000001", "0.png", "0.png")
    assert first.mark_file == Path("marks/in-00000001.json")
    assert len(list(items)) == 99


def test_a_part_that_cannot_be_written_says_so() -> None:
    sink = Sink(Path("out.parquet"), resume=False)
    assert sink.parts is not None
    sink.parts.rmdir()
    sink.put(Item("a", b""), result_of("a"))
    with pytest.raises(SomError, match="cannot write"):
        sink.close()


def started(*arguments: str | Path, token: str = "") -> subprocess.Popen[str]:
    """``som mark`` in a process of its own."""
    command = [sys.executable, "-m", "som", "mark", *map(str, arguments), "--segmenter", "photo"]
    environment = {**os.environ, "SOM_TEST_TOKEN": token}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_for(what: Any, limit_s: float = 120) -> Any:
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("waited in vain")


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_where_it_stopped() -> None:
    count = 16
    images = [picture(n, (320, 240)) for n in range(count)]
    source = table(Path("in.parquet"), image=images, id=[str(n) for n in range(count)])
    arguments = (source, "--json", "marks")
    run = started(*arguments)
    wait_for(lambda: len(list(Path("marks").glob("*.json"))) >= 3 if Path("marks").exists() else 0)
    run.send_signal(signal.SIGKILL)
    run.wait()
    before = {path.name: path.read_bytes() for path in Path("marks").glob("*.json")}
    assert 3 <= len(before) < count
    for data in before.values():
        json.loads(data)  # nothing is half written
    run = started(*arguments, "--skip-existing")
    out, _ = run.communicate(timeout=120)
    assert run.returncode == 0, out
    assert f"{count - len(before)} marked, {len(before)} done before, 0 failed" in out
    assert len(list(Path("marks").glob("*.json"))) == count
    for name, data in before.items():
        assert Path("marks", name).read_bytes() == data


def workers_of(token: str) -> list[int]:
    """Ray's processes that are marking an image for the run with this token."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            title = (folder / "cmdline").read_bytes()
            if title.startswith(b"ray::mark_item"):
                environment = (folder / "environ").read_bytes()
                if f"SOM_TEST_TOKEN={token}".encode() in environment:
                    found.append(int(folder.name))
        except OSError:
            continue
    return found


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="workers are found in /proc")
def test_a_worker_that_is_killed_loses_and_doubles_nothing(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed (the extra ray)")
    count = 16
    images: list[bytes] = [picture(n, (480, 360)) for n in range(count)]
    images[7] = b"broken"
    source = table(Path("in.parquet"), image=images, id=[str(n) for n in range(count)])
    run = started(
        *(source, "--json", "out.parquet", "-o", "drawn", "--ray", "--workers", "2", "--no-cache"),
        token=str(tmp_path),
    )
    killed: list[int] = []
    try:
        wait_for(lambda: len(list(Path("drawn").glob("*.png"))) >= 3 if Path("drawn").exists() else 0)
        killed = wait_for(lambda: workers_of(str(tmp_path)))
        os.kill(killed[0], signal.SIGKILL)
        out, _ = run.communicate(timeout=240)
    finally:
        run.kill()
    assert f"{count - 1} marked, 1 failed" in out
    assert run.returncode == 1
    rows = parquet.read_table("out.parquet").to_pylist()
    assert Counter(row["id"] for row in rows) == Counter(str(n) for n in range(count))
    assert [row["id"] for row in rows if row["error"]] == ["7"]
    assert len(list(Path("drawn").glob("*.marked.png"))) == count - 1
    for row in rows:
        if not row["error"]:
            assert json.loads(row["marks"])["image"]["width"] == 480
