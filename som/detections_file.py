"""Regions from files that other tools write: COCO, LabelMe, supervision's JSON, our mark file."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.errors import RegionsError
from som.masks import cropped, pack
from som.regions import Crop, make_regions

Data = dict[str, Any]


class DetectionsFile:
    """A segmenter that finds what a file says of each image, for `Marker`."""

    name = "file"

    def __init__(self, path: str | Path) -> None:
        """Take the file; see `read_detections`."""
        self._path = path

    def of(self, source: str | None) -> Callable[[NDArray[np.uint8]], sv.Detections]:
        """The segmenter for the image that came from the file `source`."""

        def regions(image: NDArray[np.uint8]) -> sv.Detections:
            return read_detections(self._path, source, (image.shape[1], image.shape[0]))

        return regions

    def __call__(self, image: NDArray[np.uint8]) -> sv.Detections:
        """The regions of an image whose file is not known."""
        return self.of(None)(image)


def read_detections(
    path: str | Path, image: str | Path | None, size_wh: tuple[int, int]
) -> sv.Detections:
    """The regions that a file has for an image.

    Args:
        path: COCO instances, LabelMe, a list of rows as supervision's ``JSONSink`` writes them, or a
            mark file.
        image: the image's file; COCO files with several images are searched for its name.
        size_wh: the image's width and height in pixels.

    Returns:
        Regions whose `role` is the class name; with masks where all of them have one.

    Raises:
        RegionsError: no such file, none of these formats, or the image is not in it.
    """
    path = Path(path)
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RegionsError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise RegionsError(f"{path} is no JSON: {error}") from error
    try:
        reader = _reader(data)
        if reader is None:
            raise RegionsError(
                f"{path} is neither COCO, LabelMe, supervision's JSON nor a mark file; the formats are "
                "in docs/segmenters.md"
            )
        return reader(data, Path(image).name if image else None, size_wh)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise RegionsError(f"{path} breaks its format: {type(error).__name__} {error}") from error


def _reader(data: Any) -> Callable[[Any, str | None, tuple[int, int]], sv.Detections] | None:
    if isinstance(data, dict):
        for key, reader in (("annotations", _coco), ("shapes", _labelme), ("marks", _marks)):
            if key in data:
                return reader
    if isinstance(data, list) and all(isinstance(row, dict) and "x_min" in row for row in data):
        return _rows
    return None


def _coco(data: Data, image: str | None, size_wh: tuple[int, int]) -> sv.Detections:
    """https://cocodataset.org/#format-data."""
    images = data.get("images", [])
    chosen = images
    if len(images) > 1:
        chosen = [one for one in images if Path(one["file_name"]).name == image]
        if not chosen:
            raise RegionsError(f"the file has {len(images)} images, but none called {image}")
    wanted = {one["id"] for one in chosen}
    if chosen and (chosen[0].get("width"), chosen[0].get("height")) not in (size_wh, (None, None)):
        got = f"{chosen[0]['width']}x{chosen[0]['height']}"
        raise RegionsError(f"the regions are for an image of {got} pixels, this is {_by(size_wh)}")
    names = {one["id"]: one["name"] for one in data.get("categories", [])}
    every = [one for one in data["annotations"] if not wanted or one.get("image_id") in wanted]
    boxes = [_from_corner(one["bbox"]) for one in every]
    masks = [_segmentation(one.get("segmentation"), size_wh) for one in every]
    labels = [str(names.get(one.get("category_id"), "")) for one in every]
    return _regions(boxes, masks, labels, [one.get("score", 1) for one in every], size_wh)


def _labelme(data: Data, image: str | None, size_wh: tuple[int, int]) -> sv.Detections:
    """https://github.com/wkentaro/labelme: polygons, rectangles and circles."""
    size = data.get("imageWidth", size_wh[0]), data.get("imageHeight", size_wh[1])
    if size != size_wh:
        raise RegionsError(
            f"the regions are for an image of {_by(size)} pixels, this is {_by(size_wh)}"
        )
    boxes, masks, labels = [], [], []
    for shape in data["shapes"]:
        points = np.array(shape["points"], np.float64).reshape(-1, 2)
        kind = shape.get("shape_type") or "polygon"
        if kind == "circle":
            radius = np.hypot(*(points[1] - points[0]))
            around = np.linspace(0, 2 * np.pi, 72, endpoint=False)
            points = points[0] + radius * np.stack([np.cos(around), np.sin(around)], axis=1)
        elif kind not in ("polygon", "rectangle"):
            continue  # points and lines have no area
        boxes.append((*points.min(axis=0), *points.max(axis=0)))
        masks.append(_polygons([points.ravel().tolist()], size_wh) if kind != "rectangle" else None)
        labels.append(str(shape.get("label", "")))
    return _regions(boxes, masks, labels, [1] * len(boxes), size_wh)


def _rows(data: list[Data], image: str | None, size_wh: tuple[int, int]) -> sv.Detections:
    """What supervision's ``JSONSink`` writes, one row a detection."""
    boxes = [tuple(float(row[key]) for key in ("x_min", "y_min", "x_max", "y_max")) for row in data]
    scores = [float(row.get("confidence") or 1) for row in data]
    labels = [str(row.get("class_name", row.get("class_id", "")) or "") for row in data]
    return _regions(boxes, [None] * len(boxes), labels, scores, size_wh)


def _marks(data: Data, image: str | None, size_wh: tuple[int, int]) -> sv.Detections:
    """Our own mark file; docs/mark-file.md."""
    size = data["image"]["width"], data["image"]["height"]
    if size != size_wh:
        raise RegionsError(f"the marks are for an image of {_by(size)} pixels, this is {_by(size_wh)}")
    marks = data["marks"]
    regions = _regions(
        [mark["box"] for mark in marks],
        [_segmentation(mark.get("mask"), size_wh) for mark in marks],
        [mark.get("role", "") for mark in marks],
        [mark.get("score") or 1 for mark in marks],
        size_wh,
    )
    regions.data["text"] = np.array([mark.get("text", "") for mark in marks], dtype=str)
    return regions


def _segmentation(found: Any, size_wh: tuple[int, int]) -> Crop | None:
    """COCO's polygons, or run lengths, compressed or not."""
    if not found:
        return None
    if isinstance(found, list):
        return _polygons(found, size_wh)
    counts = found["counts"]
    height, width = found["size"]
    if (width, height) != size_wh:
        raise RegionsError(f"a mask is {_by((width, height))} pixels, the image {_by(size_wh)}")
    return cropped(np.asarray(sv.rle_to_mask(counts, (width, height)), bool))


def _polygons(polygons: list[list[float]], size_wh: tuple[int, int]) -> Crop | None:
    mask = np.zeros(size_wh[::-1], np.uint8)
    outlines = [np.rint(np.array(one).reshape(-1, 2)).astype(np.int32) for one in polygons]
    cv2.fillPoly(mask, outlines, 1)
    return cropped(mask.astype(bool))


def _regions(
    boxes: list[Any],
    crops: list[Crop | None],
    labels: list[str],
    scores: list[float],
    size_wh: tuple[int, int],
) -> sv.Detections:
    whole = [crop for crop in crops if crop is not None]
    packed = None
    if whole and len(whole) == len(boxes):
        packed = sv.CompactMask.merge([pack(crop, size_wh[::-1]) for crop in whole])
    return make_regions(
        np.array(boxes, np.float32).reshape(-1, 4),
        mask=packed,
        confidence=scores,
        source="file",
        role=labels,
    )


def _from_corner(box: list[float]) -> tuple[float, float, float, float]:
    x, y, width, height = (float(value) for value in box)
    return x, y, x + width, y + height


def _by(size_wh: tuple[Any, Any]) -> str:
    return f"{size_wh[0]}x{size_wh[1]}"
