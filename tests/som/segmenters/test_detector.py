from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from som import Marker, segmenters
from som.errors import SegmenterError
from som.regions import make_regions
from som.segmenters.detector import DetectorSegmenter, letterbox, merge, read_output

# In a 64 x 64 input that holds an image of 320 x 200 at 1/5.
BOXES = np.array([[8, 4, 24, 20], [30, 10, 60, 38], [9, 4, 24, 21]], np.float32)
SCORES = np.array([0.9, 0.3, 0.6], np.float32)
IMAGE = np.full((200, 320, 3), 200, np.uint8)


def save(
    path: Path, output: NDArray[np.float32], *, names: str = "{0: 'icon', 1: 'text'}", side: object = 64
) -> str:
    """A model that answers any image with `output`."""
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["answer", "nothing"], ["output0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, side, side])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, output.shape)],
        [numpy_helper.from_array(output, "answer"), numpy_helper.from_array(np.float32(0), "zero")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    entry = model.metadata_props.add()
    entry.key, entry.value = "names", names
    onnx.save(model, path)
    return str(path)


def centres() -> NDArray[np.float32]:
    half = (BOXES[:, 2:] - BOXES[:, :2]) / 2
    return np.concatenate([BOXES[:, :2] + half, 2 * half], axis=1)


def two_classes() -> NDArray[np.float32]:
    """Scores (3, 2): an icon, a text and the icon again."""
    return np.array([[0.9, 0.1], [0.1, 0.3], [0.6, 0.0]], np.float32)


def many(table: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows among thousands of empty ones, as a grid gives them."""
    return np.concatenate([table, np.zeros((2000, table.shape[1]), np.float32)])


LAYOUTS = {
    "yolov8": many(np.concatenate([centres(), two_classes()], axis=1)).T[None],
    "yolov5": many(np.concatenate([centres(), np.ones((3, 1), np.float32), two_classes()], axis=1))[
        None
    ],
    "yolov10": np.concatenate([BOXES, SCORES[:, None], [[0], [1], [0]]], axis=1).astype(np.float32)[
        None
    ],
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_boxes_come_back_in_pixels_of_the_image(tmp_path: Path, layout: str) -> None:
    segmenter = DetectorSegmenter(weights=save(tmp_path / "icon.onnx", LAYOUTS[layout]))
    regions = segmenter(IMAGE)
    assert regions.xyxy == pytest.approx(BOXES[:2] * 5, abs=0.1)
    assert regions.confidence == pytest.approx([0.9, 0.3])
    assert regions.data["role"].tolist() == ["icon", "text"]
    assert set(regions.data["source"]) == {"detector"}
    assert regions.data["interactive"].all()


def test_one_class_is_not_taken_for_suppressed_boxes(tmp_path: Path) -> None:
    table = many(np.concatenate([centres(), np.ones((3, 1), np.float32), two_classes()[:, :1]], axis=1))
    raw = read_output(table[None], named=1)
    assert raw.xyxy[:3] == pytest.approx(BOXES)
    assert raw.scores[:3] == pytest.approx([0.9, 0.1, 0.6])


def test_granularity_is_how_sure_it_must_be(tmp_path: Path) -> None:
    weights = save(tmp_path / "icon.onnx", LAYOUTS["yolov8"])
    counts = [len(DetectorSegmenter(weights=weights, granularity=g)(IMAGE)) for g in (0.0, 0.5, 1.0)]
    assert counts == [1, 2, 2]


def test_images_keep_their_shape(tmp_path: Path) -> None:
    pixels, scale = letterbox(IMAGE, (64, 64))
    assert pixels.shape == (1, 3, 64, 64)
    assert scale == pytest.approx(0.2)
    assert pixels[0, 0, :40] == pytest.approx(200 / 255)
    assert pixels[0, 0, 40:] == pytest.approx(114 / 255)
    free = DetectorSegmenter(weights=save(tmp_path / "free.onnx", LAYOUTS["yolov8"], side="any"))
    assert free._side_hw(IMAGE) == (416, 640)


def test_it_is_a_segmenter_like_any_other(tmp_path: Path) -> None:
    weights = save(tmp_path / "icon.onnx", LAYOUTS["yolov8"])
    marked = Marker(segmenters.get("detector", weights=weights))(IMAGE)
    assert [mark.role for mark in marked.marks] == ["icon", "text"]
    both = segmenters.get("omniparser", weights=weights, granularity=1.0)
    assert {"detector"} <= set(both(IMAGE).data["source"])


def test_models_that_are_no_detectors_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SegmenterError, match=r"needs a model: --weights PATH.onnx"):
        segmenters.get("detector")
    with pytest.raises(SegmenterError, match=r"no model .*none.onnx"):
        DetectorSegmenter(weights=tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("hello")
    with pytest.raises(SegmenterError, match=r"is no ONNX model"):
        DetectorSegmenter(weights=tmp_path / "text.onnx")(IMAGE)
    odd = save(tmp_path / "odd.onnx", np.zeros((1, 1000), np.float32))
    with pytest.raises(SegmenterError, match=r"is none of a YOLO-type detector"):
        DetectorSegmenter(weights=odd)(IMAGE)


def test_class_names_are_data(tmp_path: Path) -> None:
    hostile = "__import__('pathlib').Path('hostile').touch()"
    segmenter = DetectorSegmenter(weights=save(tmp_path / "x.onnx", LAYOUTS["yolov8"], names=hostile))
    assert set(segmenter(IMAGE).data["role"]) == {""}
    assert not Path("hostile").exists()


def test_icons_and_text_are_merged_as_omniparser_merges_them() -> None:
    icons = make_regions(
        [[0, 0, 100, 40], [10, 5, 30, 20], [200, 0, 215, 15], [300, 0, 340, 40], [0, 100, 90, 120]],
        confidence=[0.9, 0.8, 0.7, 0.6, 0.5],
        role="icon",
    )
    texts = make_regions(
        [[40, 10, 90, 30], [195, 0, 290, 16], [400, 0, 450, 20], [2, 101, 88, 119]],
        text=["Save", "a long line", "Free", "Button"],
    )
    merged = merge(icons, texts)
    found = {
        tuple(box): text for box, text in zip(merged.xyxy.tolist(), merged.data["text"], strict=True)
    }
    assert found == {
        (10, 5, 30, 20): "",
        (300, 0, 340, 40): "",
        (0, 100, 90, 120): "Button",
        (40, 10, 90, 30): "Save",
        (195, 0, 290, 16): "a long line",
        (400, 0, 450, 20): "Free",
    }
    nothing = make_regions(np.zeros((0, 4)))
    assert len(merge(nothing, texts)) == 4
    assert len(merge(icons, nothing)) == 4
