"""ScreenSpot, its second version and ScreenSpot-Pro."""

import json
from pathlib import Path
from typing import Any

import pytest

from som.errors import DataError
from som.evals.datasets import load
from tests.evals.datasets import make


def test_screenspot_boxes_become_corners_and_case_does_not_matter(tmp_path: Path) -> None:
    samples = load("screenspot", make.screenspot(tmp_path))
    assert [sample.id for sample in samples] == [
        f"{split}-000{n}" for split in ("mobile", "desktop", "web") for n in (1, 2)
    ]
    first, second = samples[:2]
    assert first.box_xyxy == (10, 20, 40, 60)
    assert (first.type, second.type) == ("text", "icon")
    assert (first.platform, first.group, first.task) == ("ios", "mobile", "click")
    assert first.image.is_file()
    assert [sample.split for sample in load("screenspot", tmp_path, split="web")] == ["web", "web"]
    assert len(load("screenspot", tmp_path, limit=3)) == 3


def test_version_2_is_pixels_unless_all_values_are_shares(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make.screenspot(tmp_path, version=2)
    assert load("screenspot-v2", tmp_path)[0].box_xyxy == (10, 20, 40, 60)
    assert not caplog.records
    path = tmp_path / "screenspot_mobile_v2.json"
    rows = json.loads(path.read_text())
    for row in rows:
        row["bbox"] = [0.25, 0.5, 0.75, 1]
    path.write_text(json.dumps(rows))
    samples = load("screenspot-v2", tmp_path)
    assert samples[0].box_xyxy == (50, 50, 150, 100)
    assert samples[2].box_xyxy == (10, 20, 40, 60)
    assert "shares of the image" in caplog.text
    assert "screenspot_mobile_v2.json" in caplog.text


def test_pro_in_english_in_chinese_and_in_both(tmp_path: Path) -> None:
    make.screenspot_pro(tmp_path)
    english = load("screenspot-pro", tmp_path)
    assert [sample.id for sample in english] == ["blender_0", "blender_1", "vscode_0", "vscode_1"]
    assert english[2].box_xyxy == (20, 10, 60, 30)
    assert english[2].application == "vscode"
    assert english[2].group == "Dev"
    assert english[2].extra == {"task_filename": "vscode_macos"}
    for lang in ("zh", "cn"):
        chinese = load("screenspot-pro", tmp_path, lang=lang)
        assert [sample.instruction for sample in chinese[:2]] == ["打开 0", "打开 1"]
        assert {sample.lang for sample in chinese} == {"zh"}
    both = load("screenspot-pro", tmp_path, lang="both")
    assert len({sample.id for sample in both}) == len(both) == 8
    assert len(load("screenspot-pro", tmp_path, group="Dev")) == 2


MISSING = object()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bbox": [1, 2, 3]}, "field 'bbox' must be 4 numbers [x, y, width, height], got [1, 2, 3]"),
        ({"bbox": [1, 2, "3", 4]}, "'bbox' must be 4 numbers"),
        ({"bbox": [1, 2, float("nan"), 4]}, "'bbox' must be 4 numbers"),
        ({"bbox": [1, 2, -3, 4]}, "none of the sizes negative"),
        ({"bbox": True}, "got true"),
        ({"instruction": MISSING}, "no field 'instruction' (a text); it has bbox, data_source"),
        ({"instruction": 7}, "field 'instruction' must be a text, got 7"),
        ({"instruction": " "}, "'instruction' must be a text"),
        ({"data_type": "button"}, "'data_type' must be one of text, icon, got \"button\""),
        ({"data_source": None}, "'data_source' must be a text, got null"),
        ({"img_filename": "gone.png"}, "no image"),
        ({"img_filename": "../../etc/passwd"}, "leads out of"),
        ({"img_filename": "/etc/passwd"}, "leads out of"),
        ({"img_filename": "..\\..\\secret.png"}, "leads out of"),
        ({"img_filename": "C:\\secret.png"}, "leads out of"),
        ({"img_filename": "a/../../b.png"}, "leads out of"),
    ],
)
def test_an_error_names_file_row_and_field(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    make.screenspot(tmp_path)
    path = tmp_path / "screenspot_mobile.json"
    rows = json.loads(path.read_text())
    rows[1] = {key: value for key, value in (rows[1] | changes).items() if value is not MISSING}
    path.write_text(json.dumps(rows))
    with pytest.raises(DataError) as caught:
        load("screenspot", tmp_path)
    assert message in str(caught.value)
    assert "screenspot_mobile.json, row 2" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bbox": [50, 10, 20, 30]}, "x1 <= x2"),
        ({"bbox": [20, 10, 260, 30]}, "inside the image of 200x100"),
        ({"img_size": [200]}, "2 numbers [width, height]"),
        ({"group": "Games"}, "one of Dev, Creative"),
        ({"ui_type": "image"}, "one of text, icon"),
        ({"id": 1.5}, "field 'id' must be a text, got 1.5"),
    ],
)
def test_pro_is_as_strict(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    make.screenspot_pro(tmp_path, **changes)
    with pytest.raises(DataError, match=r"vscode_macos.json, row 1") as caught:
        load("screenspot-pro", tmp_path)
    assert message in str(caught.value)


def test_files_and_options_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no screenspot_\{mobile,desktop,web\}.json"):
        load("screenspot", tmp_path)
    with pytest.raises(DataError, match=r"holds no annotations/\*.json"):
        load("screenspot-pro", tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        load("screenspot", tmp_path / "none")
    with pytest.raises(DataError, match="no data set 'screen'; choose one of: screenspot, "):
        load("screen", tmp_path)
    with pytest.raises(DataError, match="no option 'lnag'; options are: group, images, lang"):
        load("screenspot-pro", tmp_path, lnag="zh")
    with pytest.raises(DataError, match="no option 'version'"):
        load("screenspot-v2", tmp_path, version=1)
    make.screenspot(tmp_path)
    with pytest.raises(DataError, match="no image folder nowhere"):
        load("screenspot", tmp_path, images="nowhere")
    (tmp_path / "screenspot_web.json").write_text('[{"a": 1},]')
    with pytest.raises(DataError, match=r"screenspot_web.json is no JSON: .*line 1"):
        load("screenspot", tmp_path)
    (tmp_path / "screenspot_web.json").write_text('{"a": 1}')
    with pytest.raises(DataError, match="expected a list of objects, got an object of 1"):
        load("screenspot", tmp_path)
    (tmp_path / "screenspot_web.json").write_text("[" * 200_000)
    with pytest.raises(DataError, match="is no JSON"):
        load("screenspot", tmp_path)
