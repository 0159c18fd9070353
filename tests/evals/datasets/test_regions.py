"""COCO and ADE20K regions to name, DAVIS objects to follow, and how masks are filled."""

import json
from pathlib import Path

import numpy as np
import pytest
import supervision as sv

from som.errors import DataError
from som.evals.datasets import load
from som.evals.datasets.files import read_indices
from som.evals.datasets.polygons import fill_polygons
from tests.evals.datasets import make


def test_instances_leave_crowds_out(tmp_path: Path) -> None:
    make.refcoco(tmp_path)
    samples = load("coco", tmp_path)
    assert [[region.name for region in sample.regions] for sample in samples] == [["cat"], ["cat"]]
    assert samples[0].vocabulary == ("cat", "dog")
    assert samples[0].regions[0].box_xyxy == (10, 20, 50, 50)
    assert samples[0].regions[0].mask.decode().sum() == 1200
    for area in (500, "500"):
        assert [sample.id for sample in load("coco", tmp_path, min_area=area)] == ["1"]
    with pytest.raises(DataError, match="option min_area is a number, got 'large'"):
        load("coco", tmp_path, min_area="large")


@pytest.mark.parametrize("name", ["coco", "ade20k"])
def test_panoptic_segments_are_colours_of_a_png(tmp_path: Path, name: str) -> None:
    make.panoptic(tmp_path)
    (sample,) = load(name, tmp_path)
    assert [region.name for region in sample.regions] == ["cat", "grass-merged"]
    cat, grass = (region.mask.decode() for region in sample.regions)
    assert cat[20:50, 10:50].all()
    assert (cat.sum(), grass.sum()) == (1200, 16800)
    packed = sample.regions[0].mask.rle()
    assert (sv.rle_to_mask(packed["counts"], (200, 100)) == cat).all()


def test_errors_of_regions_name_the_place(tmp_path: Path) -> None:
    make.panoptic(tmp_path)
    with pytest.raises(DataError, match=r"holds none of: instances_val\.json"):
        load("coco", tmp_path, file="instances_val.json")
    path = tmp_path / "panoptic.json"
    data = json.loads(path.read_text())
    data["annotations"][0]["segments_info"][0]["category_id"] = 1
    path.write_text(json.dumps(data))
    with pytest.raises(DataError, match=r"annotations 1, segment 1: .* has no category 1"):
        load("coco", tmp_path)
    (tmp_path / "panoptic" / "000000000285.png").unlink()
    with pytest.raises(DataError, match=r"annotations 1: no image .*285\.png"):
        load("coco", tmp_path)


def test_a_sequence_starts_with_its_objects(tmp_path: Path) -> None:
    (sample,) = load("davis", make.davis(tmp_path))
    assert (sample.id, sample.task, sample.split) == ("cows", "track", "val")
    assert [path.name for path in sample.frames] == [f"{i:05d}.jpg" for i in range(4)]
    assert sample.image == sample.frames[0]
    assert [region.label for region in sample.regions] == ["1", "2"]
    assert sample.regions[1].box_xyxy == (100, 60, 150, 90)
    assert sample.regions[0].mask.decode().sum() == 1200
    assert set(np.unique(read_indices(sample.truths[-1])).tolist()) == {0, 1, 2, 255}


def test_errors_of_davis_name_the_place(tmp_path: Path) -> None:
    make.davis(tmp_path)
    listed = tmp_path / "ImageSets" / "2017" / "val.txt"
    listed.write_text("cows\n../../etc\n")
    with pytest.raises(DataError, match=r"val\.txt, line 2: expected the name of a sequence"):
        load("davis", tmp_path)
    listed.write_text("cows\npigs\n")
    with pytest.raises(DataError, match="line 2: no frames JPEGImages/480p/pigs"):
        load("davis", tmp_path)
    with pytest.raises(DataError, match=r"no split '\.\./val'"):
        load("davis", tmp_path, split="../val")
    (tmp_path / "Annotations" / "480p" / "cows" / "00002.png").unlink()
    listed.write_text("cows\n")
    with pytest.raises(DataError, match=r"no annotation .*00002\.png"):
        load("davis", tmp_path)
    make.image(tmp_path / "JPEGImages" / "480p" / "cows" / "00000.jpg", (20, 10))
    with pytest.raises(DataError, match="no annotation"):
        load("davis", tmp_path)


def test_polygons_are_filled_as_the_coco_api_fills_them() -> None:
    # Polygon, size and the compressed runs that pycocotools 2.0 gives for it.
    for polygon, size, counts in FILLED:
        wanted = np.asarray(sv.rle_to_mask(counts, size[::-1]), bool)
        assert (fill_polygons([polygon], size) == wanted).all()
    empty = fill_polygons([[500, 500, 600, 500, 600, 600]], (20, 30))
    assert not empty.any()
    two = fill_polygons([FILLED[0][0], FILLED[0][0][::-1]], FILLED[0][1])
    assert two.shape == FILLED[0][1]


FILLED: list[tuple[list[float], tuple[int, int], str]] = [
    ([11.0, 5.0, -1.0, 7.0, 8.0, -1.0], (19, 21),
     "61a01O001O1O1O1000O3N2Nj5"),
    ([9.9, 14.3, 1.6, 8.9, 9.6, 20.5], (21, 9),
     "Y22d00O2O000O2A"),
    ([10.32, 14.24, -0.57, 11.33, 4.74, 19.11], (20, 21),
     "<1c01O2N101NO100O2N1O_6"),
    ([8.0, 13.0, 2.0, 14.0, 10.0, -1.0], (14, 11),
     "Y11;2N2N101N2NN2Ld0"),
    ([9.6, 8.5, 2.7, 5.8, 16.5, 5.6, 1.5, 14.8, 8.3, 17.2], (20, 19),
     "f11c00O2HNK35MK35NI46LJ37O6O100O1O10Z2"),
    ([5.67, 7.74, 10.17, 4.57, 3.67, -0.74], (9, 20),
     "T1373MO0O2O1Ng2"),
]  # fmt: skip
