import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from som import Marker
from som.cli import main
from som.detections_file import read_detections
from som.errors import RegionsError
from som.regions import make_regions

SIZE = (80, 60)


def written(folder: Path, data: Any) -> Path:
    path = folder / "regions.json"
    path.write_text(json.dumps(data))
    return path


def coco(**more: Any) -> dict[str, Any]:
    square = [10, 10, 30, 10, 30, 30, 10, 30]
    return {
        "images": [
            {"id": 1, "file_name": "train/a.png", "width": 80, "height": 60},
            {"id": 2, "file_name": "b.png", "width": 40, "height": 40},
        ],
        "categories": [{"id": 7, "name": "cup"}],
        "annotations": [
            {"image_id": 1, "category_id": 7, "bbox": [10, 10, 21, 21], "segmentation": [square]},
            {
                "image_id": 1,
                "category_id": 8,
                "bbox": [0, 0, 2, 60],
                "segmentation": {"size": [60, 80], "counts": [0, 120, 4680]},
                "score": 0.5,
            },
            {"image_id": 2, "category_id": 7, "bbox": [1, 1, 9, 9], "segmentation": []},
        ],
        **more,
    }


def test_coco_polygons_and_run_lengths(tmp_path: Path) -> None:
    regions = read_detections(written(tmp_path, coco()), "images/a.png", SIZE)
    assert regions.xyxy.tolist() == [[10, 10, 31, 31], [0, 0, 2, 60]]
    assert regions.data["role"].tolist() == ["cup", ""]
    assert regions.confidence == pytest.approx([1, 0.5])
    assert regions.mask.area.tolist() == [21 * 21, 120]


def test_coco_says_which_image_is_missing(tmp_path: Path) -> None:
    path = written(tmp_path, coco())
    with pytest.raises(RegionsError, match=r"has 2 images, but none called c.png"):
        read_detections(path, "c.png", SIZE)
    with pytest.raises(RegionsError, match="for an image of 40x40 pixels, this is 80x60"):
        read_detections(path, "b.png", SIZE)


def test_labelme_shapes(tmp_path: Path) -> None:
    shapes = [
        {"label": "cup", "points": [[10, 10], [40, 10], [40, 30]], "shape_type": "polygon"},
        {"label": "dot", "points": [[50, 30], [60, 30]], "shape_type": "circle"},
        {"label": "tip", "points": [[5, 5]], "shape_type": "point"},
    ]
    data = {"shapes": shapes, "imageWidth": 80, "imageHeight": 60}
    regions = read_detections(written(tmp_path, data), None, SIZE)
    assert regions.data["role"].tolist() == ["cup", "dot"]
    assert regions.xyxy[1] == pytest.approx([40, 20, 60, 40], abs=0.1)
    assert regions.mask.area[1] == pytest.approx(np.pi * 100, rel=0.15)
    data["shapes"] = [{"label": "box", "points": [[10, 10], [40, 30]], "shape_type": "rectangle"}]
    boxes = read_detections(written(tmp_path, data), None, SIZE)
    assert boxes.mask is None
    assert boxes.xyxy.tolist() == [[10, 10, 40, 30]]


def test_rows_of_supervision(tmp_path: Path) -> None:
    rows = [
        {
            "x_min": "1",
            "y_min": "2",
            "x_max": "30",
            "y_max": "40",
            "confidence": "0.5",
            "class_name": "cat",
        },
        {"x_min": 5, "y_min": 5, "x_max": 9, "y_max": 9, "class_id": 3},
    ]
    regions = read_detections(written(tmp_path, rows), None, SIZE)
    assert regions.xyxy.tolist() == [[1, 2, 30, 40], [5, 5, 9, 9]]
    assert regions.data["role"].tolist() == ["cat", "3"]


def test_our_own_mark_file(tmp_path: Path) -> None:
    image = np.full((60, 80, 3), 255, np.uint8)
    mask = np.zeros((1, 60, 80), bool)
    mask[0, 5:20, 5:20] = True
    marked = Marker.from_detections(
        image, make_regions([[5, 5, 20, 20]], mask=mask, text="Hi", role="cup")
    )
    marked.save_json(tmp_path / "marks.json")
    regions = read_detections(tmp_path / "marks.json", None, SIZE)
    assert regions.xyxy.tolist() == [[5, 5, 20, 20]]
    assert regions.mask.area.tolist() == [225]
    assert (regions.data["text"][0], regions.data["role"][0]) == ("Hi", "cup")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "is no JSON"),
        ("{}", "neither COCO, LabelMe"),
        ("[1, 2]", "neither COCO, LabelMe"),
        ('{"annotations": [{"bbox": [1, 2]}]}', "breaks its format"),
        ('{"shapes": 7}', "breaks its format"),
    ],
)
def test_files_that_are_something_else_are_one_line(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(RegionsError, match=message):
        read_detections(path, None, SIZE)
    with pytest.raises(RegionsError, match=r"cannot read .*none.json"):
        read_detections(tmp_path / "none.json", None, SIZE)


def test_the_command_marks_what_a_file_says(tmp_path: Path) -> None:
    Image.new("RGB", SIZE, "white").save(tmp_path / "a.png")
    path = written(tmp_path, coco())
    result = CliRunner().invoke(
        main,
        ["mark", str(tmp_path / "a.png"), "--detections", str(path), "-o", str(tmp_path / "out.png")],
    )
    assert result.exit_code == 0, result.output
    assert "2 marks (file" in result.output
