"""Flickr30k Entities and SoM-Bench."""

from pathlib import Path
from typing import Any

import pytest

from som.errors import DataError
from som.evals.datasets import load
from tests.evals.datasets import make


def test_a_phrase_has_all_its_boxes_from_zero_and_exclusive(tmp_path: Path) -> None:
    samples = load("flickr30k", make.flickr30k(tmp_path))
    assert [sample.id for sample in samples] == ["36979-0", "36979-2"]
    first, second = samples
    assert first.instruction == "Two men hold a sheet of paper in a park ."
    assert [phrase.text for phrase in first.phrases] == ["Two men", "a sheet of paper"]
    assert first.phrases[0].boxes_xyxy == ((10, 20, 30, 50), (40, 20, 60, 50))
    assert first.phrases[0].kinds == ("people",)
    assert second.phrases[0].kinds == ("other", "clothing")
    assert len(load("flickr30k", tmp_path, split="test")) == 2


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("Sentences/36979.txt", "[/EN#1/people Two men hold", "line 1: expected .* got '\\[/EN#1/peop"),
        ("Sentences/36979.txt", "[/EN#x/people Two men]", "line 1: expected"),
        ("Annotations/36979.xml", "<annotation><object>", "is no XML"),
        ("Annotations/36979.xml", "<a><object><bndbox/></object></a>", "object 1: no field 'name'"),
        (
            "Annotations/36979.xml",
            "<a><object><name>1</name><bndbox><xmin>a</xmin></bndbox></object></a>",
            "object 1: field 'xmin' must be a number, got 'a'",
        ),
        (
            "Annotations/36979.xml",
            '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;">]><a>&c;</a>',
            "refused: an annotation has no DOCTYPE",
        ),
        ("test.txt", "../../etc/passwd", "test.txt, line 1: expected an image id"),
        ("test.txt", "999", r"cannot read .*999\.xml"),
    ],
)
def test_errors_of_flickr30k_name_the_place(tmp_path: Path, name: str, text: str, message: str) -> None:
    (make.flickr30k(tmp_path) / name).write_text(text)
    with pytest.raises(DataError, match=message):
        load("flickr30k", tmp_path, split="test")


def test_som_bench_phrases_with_and_without_drawn_boxes(tmp_path: Path) -> None:
    make.sombench(tmp_path)
    (plain,) = load("sombench-flickr30k", tmp_path)
    assert plain.marked
    assert plain.image.name == "14868339.jpg"
    assert plain.phrases[0].boxes_xyxy == ((10, 10, 50, 90),)
    assert plain.phrases[1].boxes_xyxy == ((60, 20, 80, 40), (80, 20, 90, 40))
    (boxed,) = load("sombench-flickr30k", tmp_path, wbox=True)
    assert boxed.image.name == "14868339_wbox.jpg"
    assert load("sombench-flickr30k", tmp_path, wbox="yes") == [boxed]
    assert load("sombench-flickr30k", tmp_path, wbox="False") == [plain]
    with pytest.raises(DataError, match="option wbox is yes or no, got 'maybe'"):
        load("sombench-flickr30k", tmp_path, wbox="maybe")
    again = load("sombench-flickr30k", tmp_path / "flickr30k_grounding")
    assert again == [plain]
    (tmp_path / "flickr30k_grounding/som_images/14868339_wbox.jpg").unlink()
    with pytest.raises(DataError, match=r"14868339\.json: no image .*_wbox\.jpg"):
        load("sombench-flickr30k", tmp_path, wbox=True)


@pytest.mark.parametrize(
    "data",
    [
        {"expressions": ["a man"], "boxes": [[1, 2, 3, 4]]},
        {"phrases": [{"phrase": "a man", "boxes": [[1, 2, 3, 4]]}]},
        {"phrases": {"a man": [1, 2, 3, 4]}, "sentence": "a man"},
        [{"expression": "a man", "bbox": [1, 2, 3, 4]}],
        [{"text": "a man", "bboxes": [[1, 2, 3, 4]], "extra": 1}],
    ],
)
def test_the_ways_that_releases_write_phrases(tmp_path: Path, data: Any) -> None:
    make.sombench(tmp_path)
    make.write_json(tmp_path / "flickr30k_grounding/som_images/14868339.json", data)
    (sample,) = load("sombench-flickr30k", tmp_path)
    assert sample.instruction == "a man"
    assert [(one.text, one.boxes_xyxy) for one in sample.phrases] == [("a man", ((1, 2, 3, 4),))]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"phrases": ["a", "b"], "boxes": [[1, 2, 3, 4]]}, "must be a list of 2, one for each phrase"),
        ({"phrases": ["a"]}, "no field 'boxes'"),
        ({"caption": "a"}, "no field 'phrases'"),
        ([{"phrase": "a", "box": [3, 2, 1, 4]}], "phrase 1: field 'box' must be boxes"),
        ([{"phrase": "a", "boxes": []}], "phrase 1: field 'boxes' must be boxes"),
        ([{"phrase": 3, "boxes": [1, 2, 3, 4]}], "phrase 1: field 'phrase' must be a text"),
    ],
)
def test_phrases_that_are_wrong(tmp_path: Path, data: Any, message: str) -> None:
    make.sombench(tmp_path)
    make.write_json(tmp_path / "flickr30k_grounding/som_images/14868339.json", data)
    with pytest.raises(DataError, match=message):
        load("sombench-flickr30k", tmp_path)


@pytest.mark.parametrize("name", ["sombench-refcocog-rec", "sombench-refcocog-res"])
def test_a_reference_is_a_mark_or_is_joined_to_refcocog(tmp_path: Path, name: str) -> None:
    make.sombench(tmp_path)
    first, second = load(name, tmp_path)
    assert (first.id, first.marks, first.instruction) == ("000000000795-1", ("3",), "Laptop turned on")
    assert (second.marks, first.marked, first.task) == (("1",), True, "refer")
    refs = make.refcoco(tmp_path / "refcocog", by="umd")
    path = tmp_path / "refcocog_refseg/som_images/000000000795.json"
    make.write_json(path, {"expressions": [{"expression": "the cat", "ref_id": 5}]})
    (joined,) = load(name, tmp_path, refs=refs)
    assert joined.box_xyxy == (10, 20, 50, 50)
    assert joined.mask.decode().sum() == 1200
    assert joined.marks == ()
    make.write_json(path, [{"text": "the cat", "ref_id": 5000}])
    with pytest.raises(DataError, match="no reference 5000"):
        load(name, tmp_path, refs=refs)
    with pytest.raises(DataError, match="add refs=FOLDER"):
        load(name, tmp_path)


def test_naming_has_a_vocabulary_and_the_users_truth(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make.sombench(tmp_path)
    samples = load("sombench-coco", tmp_path)
    assert "give truth=FILE" in caplog.text
    assert [sample.extra["offset"] for sample in samples] == [0, 5]
    assert {sample.extra["image_id"] for sample in samples} == {"000000000872"}
    assert len(samples[0].vocabulary) == 133
    assert samples[0].regions == ()
    truth = make.write_json(tmp_path / "truth.json", {"000000000872_0": {"1": "Bear"}})
    with pytest.raises(DataError, match="000000000872_5: expected an object, got null"):
        load("sombench-coco", tmp_path, truth=truth)
    make.write_json(truth, {"000000000872_0": {"1": "Bear"}, "000000000872_5": {"6": "dog"}})
    samples = load("sombench-coco", tmp_path, truth=truth)
    assert [(one.label, one.name) for one in samples[0].regions] == [("1", "bear")]
    make.write_json(truth, {"000000000872_0": {"1": "wombat"}})
    with pytest.raises(DataError, match="field '1' must be one of person, bicycle"):
        load("sombench-coco", tmp_path, truth=truth)
    words = tmp_path / "words.txt"
    words.write_text("wall\n\nsky\n")
    (ade,) = load("sombench-ade20k", tmp_path, vocabulary=words)
    assert ade.vocabulary == ("wall", "sky")
    assert len(load("sombench-ade20k", tmp_path)[0].vocabulary) == 150
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"no images in .* expected coco_ovseg/som_images/"):
        load("sombench-coco", tmp_path / "empty")
