"""RefCOCO, its pickle, and what a pickle must not do."""

import builtins
import contextlib
import os
import pickle
import random
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from som.errors import DataError
from som.evals.datasets import load
from som.evals.datasets.plain_pickle import read_pickle
from tests.evals.datasets import make


def test_one_sample_for_each_expression_joined_to_its_box_and_mask(tmp_path: Path) -> None:
    samples = load("refcoco", make.refcoco(tmp_path))
    assert [sample.id for sample in samples] == ["5-50", "5-51", "6-60", "6-61"]
    cat, dog = samples[0], samples[2]
    assert cat.instruction == "the cat 0"
    assert cat.box_xyxy == (10, 20, 50, 50)
    assert cat.group == "cat"
    # By the image's own name, not by the reference's, which ends in the annotation's number.
    assert cat.image.name == "COCO_train2014_000000000001.jpg"
    assert cat.mask.decode()[20:50, 10:50].all()
    assert cat.mask.decode().sum() == 40 * 30
    assert dog.mask.decode()[10:30, 100:150].all()
    assert dog.mask.decode().sum() == 1000
    assert dog.mask.rle()["size"] == [100, 200]
    assert {sample.split for sample in load("refcoco+", tmp_path, split="testA")} == {"testA"}


def test_refcocog_is_split_by_umd(tmp_path: Path) -> None:
    make.refcoco(tmp_path / "refcocog", by="umd")
    images = tmp_path / "refcocog" / "images"
    assert len(load("refcocog", tmp_path, images=images)) == 4
    with pytest.raises(DataError, match=r"no split 'testA'; choose from: train, val, test$"):
        load("refcocog", tmp_path, split="testA")
    with pytest.raises(DataError, match=r"holds none of: refs\(google\).p"):
        load("refcocog", tmp_path, by="google")


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_every_protocol_of_plain_data_reads_back(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "a.p"
    data = [*make.references(), {"a": (1, 2.5, None, True, 2**70, -1)}, [], (), {}, "x" * 300]
    path.write_bytes(pickle.dumps(data, protocol))
    assert read_pickle(path) == data


def test_texts_of_python_2_are_latin_1(tmp_path: Path) -> None:
    path = tmp_path / "a.p"
    path.write_bytes(b"\x80\x02]q\x00U\x04caf\xe9q\x01a.")
    assert read_pickle(path) == ["café"]
    path.write_bytes(b"(lp0\nS'caf\\xe9'\np1\na.")
    assert read_pickle(path) == ["café"]


class Calls:
    """Its pickle calls a function when it is read."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    ("function", "code"),
    [(os.system, "touch {}"), (builtins.eval, "open({!r}, 'w')"), (builtins.exec, "open({!r}, 'w')")],
)
def test_a_pickle_that_calls_is_refused_before_anything_runs(
    tmp_path: Path, protocol: int, function: Any, code: str
) -> None:
    touched = tmp_path / "touched"
    attack = pickle.dumps([*make.references(), Calls(function, code.format(str(touched)))], protocol)
    folder = make.refcoco(tmp_path / "data", refs=attack)
    with pytest.raises(DataError, match=r"is refused: .* nothing in it was run"):
        load("refcoco", folder)
    assert not touched.exists()
    pickle.loads(attack)  # the same bytes do run in an unpickler that lets them
    assert touched.exists()


@pytest.mark.parametrize(
    "attack",
    [
        b"cos\nsystem\n(S'true'\ntR.",
        b"(S'true'\nios\nsystem\n.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.",
        b"c__builtin__\nset\n(tR.",
        b"c__builtin__\nlist\n.",
        b"\x80\x02}}b.",
        b"\x80\x02\x82\x01.",
        b"Pos.system\n.",
        b"Nq\x00Q.",
        b"\x80\x02(cos\nsystem\nU\x04trueo.",
        pickle.dumps({1, 2}, 4),
        pickle.dumps(Path("a"), 2),
        pickle.dumps(np.int64(3), 2),
        pickle.dumps(len, 0),
        b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".",
    ],
)
def test_whatever_is_not_plain_data_is_refused(tmp_path: Path, attack: bytes) -> None:
    path = tmp_path / "a.p"
    path.write_bytes(attack)
    with pytest.raises(DataError, match="is refused"):
        read_pickle(path)


@pytest.mark.parametrize(
    "bomb",
    [
        b"",
        b".",
        b"\x80\x02]q\x00",
        b"Nr\xfe\xff\xff\x7f",
        b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"a.",
        b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b".",
        b"I" + b"9" * 100_000 + b"\n.",
        b"\x80\x09].",
        b"g7\n.",
        b"\xff\xfe",
        b"not a pickle at all",
        b"]2e.",
    ],
)
def test_a_broken_or_greedy_pickle_is_one_line(tmp_path: Path, bomb: bytes) -> None:
    path = tmp_path / "a.p"
    path.write_bytes(bomb)
    with pytest.raises(DataError) as caught:
        read_pickle(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_damage_of_any_kind_is_an_error_or_plain_data(tmp_path: Path) -> None:
    rng, path = random.Random(0), tmp_path / "a.p"
    whole = [pickle.dumps(make.references(), protocol) for protocol in range(6)]
    for _ in range(400):
        data = bytearray(rng.choice(whole))
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(data))
            data[place : place + rng.randint(0, 3)] = rng.randbytes(rng.randint(0, 4))
        path.write_bytes(data)
        with contextlib.suppress(DataError):
            read_pickle(path)


def test_a_far_memo_slot_and_deep_lists_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.p"
    path.write_bytes(b"]r\xfe\xff\xff\x7f.")
    assert read_pickle(path) == []
    depth = 200_000
    path.write_bytes(b"]" * depth + b"a" * (depth - 1) + b".")
    with pytest.raises(DataError, match="row 1: expected an object, got a list of 1"):
        load("refcoco", make.refcoco(tmp_path / "data", refs=path.read_bytes()))


def test_a_list_that_repeats_without_end_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("som.evals.datasets.refcoco._MOST", 1000)
    ref = make.references()[0]
    ref["sentences"] = [ref["sentences"][0]] * 100
    with pytest.raises(DataError, match="more than 1000 expressions"):
        load("refcoco", make.refcoco(tmp_path, refs=[ref] * 100))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ann_id": 99}, "row 1: .*has no annotation 99"),
        ({"ann_id": 21}, "must be an annotation of image 1, got 21"),
        ({"image_id": "1"}, "field 'image_id' must be a whole number, got \"1\""),
        ({"sentences": None}, "field 'sentences' must be a list, got null"),
        ({"sentences": [{"sent": "a"}]}, "sentence 1: no field 'sent_id'"),
        ({"split": 3}, "field 'split' must be a text, got 3"),
    ],
)
def test_an_error_names_the_row(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    refs = make.references()
    refs[0].update(change)
    with pytest.raises(DataError, match=message):
        load("refcoco", make.refcoco(tmp_path, refs=refs))


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ([[1, 2, 3]], "polygons of 3 points or more"),
        ([["a"] * 6], "polygons of numbers"),
        ({"size": [10, 10], "counts": [100]}, r"that of the image, \[100, 200\]"),
        ({"size": [100, 200], "counts": [100]}, "run lengths that cover the image"),
        ({"size": [100, 200], "counts": 5}, "'counts' must be run lengths, got 5"),
    ],
)
def test_masks_are_checked(tmp_path: Path, segmentation: Any, message: str) -> None:
    data = make.instances()
    data["annotations"][0]["segmentation"] = segmentation
    make.refcoco(tmp_path)
    make.write_json(tmp_path / "instances.json", data)
    with pytest.raises(DataError, match=message):
        load("refcoco", tmp_path)
