"""The marks cache: exact, shared by processes, never trusted."""

import hashlib
import io
import json
import multiprocessing
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import supervision as sv
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from som import Marker, marks_cache
from som.cli import main
from som.errors import SegmenterError, SomError
from som.marks_cache import CachedSegmenter, MarksCache, cached, default_folder, file_state
from som.regions import crops_of, make_regions
from som.segmenters import base

IMAGE = np.random.default_rng(0).integers(0, 255, (60, 80, 3)).astype(np.uint8)


class Counting:
    """Two regions of any image, one with a mask that its box does not hold; counts its calls."""

    name = "counting"

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, image: NDArray[np.uint8], /) -> sv.Detections:
        self.calls += 1
        self.name = "counted"
        height, width = image.shape[:2]
        masks = np.zeros((2, height, width), bool)
        masks[0, 5:20, 3:37] = np.random.default_rng(1).random((15, 34)) < 0.5
        masks[1, :, -1] = True
        regions = make_regions(
            [[2.125, 5.5, 30.0625, 20], [width - 1, 0, width, height]],
            mask=sv.CompactMask.from_dense(masks, sv.mask_to_xyxy(masks), (height, width)),
            confidence=[0.123456789, 1],
            text=["Grüße\n", "a" * 200],
            role=["button", ""],
            source="sam",
            interactive=[True, False],
        )
        regions.class_id = np.array([3, 7])
        regions.tracker_id = np.array([5, 2])
        return regions


def test_a_hit_is_exactly_what_the_segmenter_gave(tmp_path: Path) -> None:
    segmenter = Counting()
    kept = CachedSegmenter(segmenter, {"a": 1}, MarksCache(tmp_path / "cache"))
    first, second = kept(IMAGE), kept(IMAGE)
    assert segmenter.calls == 1
    assert kept.name == "counted"
    np.testing.assert_array_equal(first.xyxy, second.xyxy)
    assert first.xyxy.dtype == second.xyxy.dtype
    for name in ("confidence", "class_id", "tracker_id"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert set(first.data) == set(second.data)
    for name, column in first.data.items():
        assert list(column) == list(second.data[name])
    for one, two in zip(crops_of(first), crops_of(second), strict=True):
        assert (one.left, one.top) == (two.left, two.top)
        np.testing.assert_array_equal(one.mask, two.mask)
    marked = [Marker(kept, max_marks=2)(IMAGE) for _ in range(2)]
    files = [{**one.to_json(), "seconds": None} for one in marked]
    assert files[0] == files[1]
    assert files[0]["segmenter"] == "counted"


def test_nothing_found_and_no_masks_are_kept_too(tmp_path: Path) -> None:
    cache = MarksCache(tmp_path / "cache")
    for regions in (make_regions([]), make_regions([[0, 0, 5, 5]], text=["x"])):
        key = cache.key(IMAGE, {"n": len(regions)})
        cache.save(key, "none", regions, (60, 80))
        name, found = cache.load(key, (60, 80))
        assert (name, len(found), found.mask) == ("none", len(regions), None)


def test_every_style_shares_an_entry_and_every_setting_has_its_own(tmp_path: Path) -> None:
    segmenter, cache = Counting(), MarksCache(tmp_path / "cache")
    for options in ({"max_side": 40}, {"order": "area"}, {"max_marks": 1}):
        Marker(CachedSegmenter(segmenter, {"g": 0.5}, cache), **options)(IMAGE)
    assert segmenter.calls == 1
    CachedSegmenter(segmenter, {"g": 0.6}, cache)(IMAGE)
    other = IMAGE.copy()
    other[0, 0, 0] ^= 1
    CachedSegmenter(segmenter, {"g": 0.5}, cache)(other)
    # The same bytes in another shape are another image.
    CachedSegmenter(segmenter, {"g": 0.5}, cache)(IMAGE.reshape(80, 60, 3))
    assert segmenter.calls == 4
    assert (cache.hits, cache.misses) == (2, 4)


def test_new_code_and_new_files_are_new_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = MarksCache(tmp_path / "cache")
    before = cache.key(IMAGE, {"b": 1, "a": 2})
    assert before == cache.key(IMAGE, {"a": 2, "b": 1})
    monkeypatch.setattr(marks_cache, "marking_version", lambda: "another")
    assert cache.key(IMAGE, {"a": 2, "b": 1}) != before
    weights = tmp_path / "w.onnx"
    weights.write_bytes(b"one")
    first = file_state(weights)
    os.utime(weights, ns=(1, 1))
    assert file_state(weights) != first
    assert file_state("vit_b") == "vit_b"
    assert file_state(0.5) == 0.5


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "junk", "other", "pickle"])
def test_a_damaged_entry_is_made_anew(tmp_path: Path, damage: str) -> None:
    segmenter, cache = Counting(), MarksCache(tmp_path / "cache")
    kept = CachedSegmenter(segmenter, {}, cache)
    first = kept(IMAGE)
    (path,) = cache.folder.glob("*/*.regions")
    data = path.read_bytes()
    if damage == "flip":
        middle = len(data) // 2
        data = data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
    elif damage == "other":
        other = cache.key(IMAGE, {"other": 1})
        cache.save(other, "x", make_regions([]), (60, 80))
        data = (cache.folder / other[:2] / f"{other}.regions").read_bytes()
    elif damage == "pickle":
        buffer = io.BytesIO()
        np.savez(buffer, head=np.array([Path("x")], dtype=object))
        data = hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue()
    else:
        data = {"cut": data[:-40], "empty": b"", "junk": b"PK\x03\x04nonsense" * 9}[damage]
    path.write_bytes(data)
    again = kept(IMAGE)
    assert segmenter.calls == 2
    np.testing.assert_array_equal(first.xyxy, again.xyxy)
    kept(IMAGE)
    assert segmenter.calls == 2


def test_the_least_recently_used_goes_first(tmp_path: Path) -> None:
    cache = MarksCache(tmp_path / "cache")
    keys = [cache.key(IMAGE, {"n": n}) for n in range(6)]
    for n, key in enumerate(keys):
        cache.save(key, "x", make_regions([[0, 0, 9, 9]]), (60, 80))
        os.utime(cache._path(key), (1000 + n, 1000 + n))
    size = cache._path(keys[0]).stat().st_size
    stale, fresh = cache.folder / "00" / ".part-a", cache.folder / "00" / ".part-b"
    stale.parent.mkdir(exist_ok=True)
    for part in (stale, fresh):
        part.write_bytes(b"half")
    os.utime(stale, (1000, 1000))
    assert cache.load(keys[0], (60, 80))  # used last now
    cache.max_bytes = 3 * size + size // 2
    assert cache.prune() == 3
    assert [cache._path(key).exists() for key in keys] == [True, False, False, False, True, True]
    assert not stale.exists()
    assert fresh.exists()


def write_and_read(folder: str, number: int) -> int:
    """What one of many processes does; returns how many entries it could not use."""
    cache, wrong = MarksCache(folder), 0
    for n in range(40):
        settings = {"n": (n + number) % 10}
        found = CachedSegmenter(Counting(), settings, cache)(IMAGE)
        wrong += not np.array_equal(found.confidence, np.float32([0.123456789, 1]))
        if n % 10 == number:
            cache.prune()
    return wrong


def test_many_processes_share_it(tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.starmap(write_and_read, [(str(folder), n) for n in range(3)]) == [0, 0, 0]
    assert len(list(folder.glob("*/*.regions"))) == 10
    assert not list(folder.glob("*/.part-*"))


def test_where_it_lies_and_who_may_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOM_MARKS_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "som" / "marks"
    assert stat.S_IMODE(MarksCache().folder.stat().st_mode) == 0o700
    monkeypatch.setenv("SOM_MARKS_CACHE", str(tmp_path / "mine"))
    assert default_folder() == tmp_path / "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(SomError, match="cannot make"):
        MarksCache(tmp_path / "file" / "cache")
    with pytest.raises(SomError, match="cannot make the marks cache"):
        MarksCache(tmp_path / "file")


def test_by_name_where_the_code_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = MarksCache(tmp_path / "cache")
    for name in ("photo", "auto"):
        plain, kept = (Marker(one)(IMAGE) for one in (name, cached(name, cache, granularity=0.5)))
        again = Marker(cached(name, cache, granularity=0.5))(IMAGE)
        files = [{**one.to_json(), "seconds": 0} for one in (plain, kept, again)]
        assert files[0] == files[1] == files[2]
    assert (cache.hits, cache.misses) == (2, 2)
    segmenter = Counting()
    monkeypatch.setitem(base._REGISTRY, "mine", lambda: segmenter)
    assert cached("mine", cache) is segmenter
    # One of our names that now stands for other code is not ours either.
    monkeypatch.setitem(base._REGISTRY, "photo", lambda: segmenter)
    assert cached("photo", cache) is segmenter
    with pytest.raises(SegmenterError, match="no segmenter 'nothing'"):
        cached("nothing", cache)


def test_a_disk_that_takes_nothing_is_only_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache = MarksCache(tmp_path / "cache")
    key = cache.key(IMAGE, {})
    (cache.folder / key[:2]).write_text("a file where a folder belongs")
    cache.save(key, "x", make_regions([]), (60, 80))
    assert "cannot write" in caplog.text
    assert cache.load(key, (60, 80)) is None


def test_the_command_line_finds_regions_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from som.segmenters.photo import PhotoSegmenter

    calls = []
    segment = PhotoSegmenter.__call__

    def counted(self: PhotoSegmenter, image: NDArray[np.uint8]) -> sv.Detections:
        calls.append(1)
        return segment(self, image)

    monkeypatch.setattr(PhotoSegmenter, "__call__", counted)
    monkeypatch.chdir(tmp_path)
    page = Image.new("RGB", (64, 48), "white")
    ImageDraw.Draw(page).ellipse((10, 10, 40, 40), fill="red")
    page.save("a.png")
    page.save("copy.bmp")
    files = []
    for image, *options in (
        ("a.png",),
        ("copy.bmp", "--style", "fill", "--max-side", "32"),
        ("a.png", "--granularity", "0.9"),
        ("a.png", "--no-cache"),
        ("a.png", "--box", "5,5,45,45"),
        ("a.png",),
    ):
        arguments = ["mark", image, "--segmenter", "photo", "--cache", "kept", "--json", "a.json"]
        done = CliRunner().invoke(main, [*arguments, *options])
        assert done.exit_code == 0, done.output
        files.append({**json.loads(Path("a.json").read_text()), "seconds": None})
    # Finer, without the cache and for one box it is segmented again; the last is the first again.
    assert len(calls) == 4
    assert files[0] == files[3] == files[5]
    assert len(list(Path("kept").glob("*/*.regions"))) == 3
