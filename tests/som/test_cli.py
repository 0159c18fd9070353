"""The command line: what it writes, prints and returns, for good input and bad."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image, ImageDraw

from som import MarkedImage
from som.cli import main
from som.segmenters import base


def fixed(image: np.ndarray):  # type: ignore[no-untyped-def]
    """A segmenter that costs nothing: two halves of any image, one with text."""
    from som.regions import make_regions

    height, width = image.shape[:2]
    boxes = [[0, 0, width / 2, height], [width / 2, 0, width, height]]
    return make_regions(boxes, text=["Left", ""], role=["button", ""], source="drawn")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setitem(base._REGISTRY, "fixed", lambda granularity: fixed)
    page = Image.new("RGB", (200, 120), "white")
    ImageDraw.Draw(page).rectangle((10, 10, 90, 50), fill="red")
    page.save("a.png")
    page.save("b.jpg")


def som(*arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments])


def test_mark_writes_the_image_and_the_mark_file() -> None:
    done = som("mark", "a.png", "--segmenter", "fixed", "--json", "a.json", "-o", "out.png")
    assert done.exit_code == 0, done.output
    assert "a.png: 2 marks" in done.output
    assert Image.open("out.png").size == (200, 120)
    data = json.loads(Path("a.json").read_text())
    assert data["version"] == 1
    assert [mark["text"] for mark in data["marks"]] == ["Left", ""]
    again = MarkedImage.from_json("a.json")
    np.testing.assert_array_equal(again.drawn, np.asarray(Image.open("out.png")))


def test_the_default_name_is_beside_nothing_of_the_users() -> None:
    assert som("mark", "a.png", "--segmenter", "fixed").exit_code == 0
    assert Path("a.marked.png").exists()


def test_many_images_one_bad_never_stops_the_rest() -> None:
    Path("broken.png").write_bytes(b"nonsense")
    done = som("mark", "a.png", "broken.png", "none.png", "b.jpg", "--segmenter", "fixed")
    assert done.exit_code == 1
    assert sorted(path.name for path in Path("marked").iterdir()) == ["a.marked.png", "b.marked.png"]
    assert "broken.png is not an image" in done.output
    assert "no such file: none.png" in done.output
    assert "2 of 4 images failed" in done.output
    assert "Traceback" not in done.output


def test_a_folder_is_marked_and_can_be_gone_on_with() -> None:
    Path("in").mkdir()
    for name in ("x.png", "y.png", "x.jpg", "old.marked.png", "notes.txt"):
        Image.new("RGB", (60, 40)).save(f"in/{name}", "PNG")
    done = som("mark", "in", "--segmenter", "fixed", "-o", "out", "--json", "marks")
    assert done.exit_code == 0, done.output
    names = {"x.png.marked.png", "x.jpg.marked.png", "y.marked.png"}
    assert {path.name for path in Path("out").iterdir()} == names
    assert len(list(Path("marks").iterdir())) == 3
    Path("out/y.marked.png").unlink()
    done = som("mark", "in", "--segmenter", "fixed", "-o", "out", "--json", "marks", "--skip-existing")
    assert done.output.count("2 marks") == 1
    assert "2 of 3 images were there already" in done.stderr
    assert Path("out/y.marked.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["mark", "none.png"], 1, "Error: no such file: none.png"),
        (["mark", "empty"], 1, "no images in empty"),
        (["mark", "a.png", "--segmenter", "samm"], 1, "no segmenter 'samm'; choose one of: auto"),
        (["mark", "a.png", "--style", "star"], 1, "no mark shape 'star'"),
        (["mark", "a.png", "b.jpg", "-o", "one.png"], 1, "one file for 2 images; name a folder"),
        (["mark", "a.png", "--segmenter", "fixed", "-o", "x.abc"], 1, "cannot write"),
        (["mark", "a.png", "--granularity", "2"], 2, "0<=x<=1"),
        (["mark"], 2, "Missing argument"),
        (["ask", "a.png"], 2, "Missing argument"),
        (["ask", "a.png", " ", "--segmenter", "fixed"], 1, "question is empty"),
        (["ask", "a.png", "[9]?", "--segmenter", "fixed"], 1, "image A has 1 to 2"),
        (["ask", "a.png", "?", "--segmenter", "fixed", "--lang", "fr"], 1, "no prompts in language"),
        (["ask", "a.png", "?", "--model", "gpt-x"], 1, "set OPENAI_API_KEY"),
        (["ask", "a.png", "?", "--base-url", "ftp://x"], 1, "no server URL"),
        (["ask", "a.png", "?", "--model", "replay:none.txt"], 1, "cannot read replies"),
        (["ask", "none.png", "?"], 1, "no such file: none.png"),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], code: int, message: str) -> None:
    Path("empty").mkdir()
    done = som(*arguments)
    assert done.exit_code == code, done.output
    assert message in done.output
    assert "Traceback" not in done.output
    if code == 1:
        errors = [line for line in done.output.splitlines() if "Error" in line]
        assert len(errors) == 1


def test_huge_and_bomb_files_give_one_line() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    Path("bomb.png").write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    )
    done = som("mark", "bomb.png", "--segmenter", "fixed")
    assert done.exit_code == 1
    assert "too large" in done.output


def test_ask_streams_and_points_at_pixels() -> None:
    Path("reply.txt").write_text("It is [1], not [7].")
    done = som("ask", "a.png", "Which?", "--segmenter", "fixed", "--model", "replay:reply.txt")
    assert done.exit_code == 0, done.output
    assert "It is [1], not [7]." in done.output
    assert "[1]  box 0, 0, 100, 120  click" in done.output
    assert "button Left" in done.output
    assert "named but not on the image: 7" in done.output
    assert Image.open("a.answer.png").size == (200, 120)


def test_ask_offline_says_so_in_one_line() -> None:
    done = som("ask", "a.png", "the left button", "--segmenter", "fixed")
    assert done.exit_code == 0, done.output
    assert "[1]" in done.stdout
    assert len(done.stderr.splitlines()) == 1
    assert "offline grounder" in done.stderr


def test_ask_for_programs() -> None:
    done = som("ask", "a.png", "Left", "--segmenter", "fixed", "--json")
    data = json.loads(done.stdout)
    assert [mark["id"] for mark in data["marks"]] == [1]
    assert data["model"] == "offline"
    assert data["highlights"] == ["a.answer.png"]


def test_several_images_keep_their_names() -> None:
    Path("reply.txt").write_text("[B2] and [A1]")
    done = som(
        *("ask", "a.png", "b.jpg", "Compare", "--segmenter", "fixed", "-o", "out"),
        *("--model", "replay:reply.txt"),
    )
    assert done.exit_code == 0, done.output
    assert "[B2]" in done.output
    assert {path.name for path in Path("out").iterdir()} == {"a.answer.png", "b.answer.png"}


def test_an_image_without_regions_works_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import supervision as sv

    monkeypatch.setitem(base._REGISTRY, "none", lambda granularity: lambda image: sv.Detections.empty())
    done = som("mark", "a.png", "--segmenter", "none")
    assert done.exit_code == 0
    assert "no regions found" in done.output
    np.testing.assert_array_equal(Image.open("a.marked.png"), Image.open("a.png"))
    asked = som("ask", "a.png", "anything", "--segmenter", "none")
    assert asked.exit_code == 0
    assert "no regions found" in asked.stderr


def test_help_shows_both_commands() -> None:
    done = som("--help")
    assert done.exit_code == 0
    assert "ask" in done.output
    assert "mark" in done.output


def test_pick_ranks_marks_and_none_and_writes_what_it_picked() -> None:
    done = som("ask", "a.png", "Left", "--segmenter", "fixed", "--pick", "--model", "offline")
    assert done.exit_code == 0, done.output
    first, second, third = done.output.splitlines()[:3]
    assert "[1]" in first
    assert "none" in second + third
    assert "probabilities from scores of offline" in done.output
    assert Path("a.answer.png").exists()
    said = json.loads(som("ask", "a.png", "Left", "--segmenter", "fixed", "--pick", "--json").stdout)
    assert (said["marks"][0]["label"], said["method"]) == ("1", "scores")
    total = sum(mark["probability"] for mark in said["marks"]) + said["none"]
    assert total == pytest.approx(1, abs=1e-3)


def test_pick_abstains_below_the_threshold() -> None:
    asked = ["ask", "a.png", "Left", "--segmenter", "fixed", "--pick", "--threshold", "1"]
    done = som(*asked)
    assert done.exit_code == 0, done.output
    assert "None of the marks." in done.output
    assert not Path("a.answer.png").exists()
    assert json.loads(som(*asked, "--json").stdout)["abstained"] is True


def test_looking_closer_goes_from_blocks_to_a_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    from som.regions import make_regions

    def buttons(image: np.ndarray):  # type: ignore[no-untyped-def]
        if image.shape[:2] != (800, 1200):
            return make_regions([])
        boxes = [[x, y, x + 30, y + 14] for y in range(20, 780, 40) for x in range(20, 1180, 60)]
        return make_regions(boxes, text=[f"b{i}" for i in range(len(boxes))], role="button")

    monkeypatch.setitem(base._REGISTRY, "buttons", lambda granularity: buttons)
    Image.new("RGB", (1200, 800), "white").save("dense.png")
    replies = [f"[{i}]" for i in (2, 1)]
    Path("replies.json").write_text(json.dumps(replies))
    asked = ["ask", "dense.png", "the second", "--segmenter", "buttons", "--look-closer", "2"]
    done = som(*asked, "--model", "replay:replies.json", "--json")
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert len(said["looks"]) == 2
    (x1, y1, x2, y2), (x, y) = said["box"], said["point"]
    assert x1 <= x < x2
    assert y1 <= y < y2
    shown = said["looks"][1]["shown"]
    assert shown[0] <= x1
    assert y2 <= shown[3]
    assert said["looks"][1]["scale"] > 1
    done = som(*asked, "--model", "replay:replies.json")
    assert "Found: button b" in done.output


def test_thinned_marks_keep_the_one_asked_for() -> None:
    done = som("ask", "a.png", "Left", "--segmenter", "fixed", "--thin", "1", "--model", "offline")
    assert "[1]" in done.output
    done = som("ask", "a.png", "b.jpg", "x", "--segmenter", "fixed", "--look-closer", "2")
    assert done.exit_code == 1
    assert "one image" in done.output
