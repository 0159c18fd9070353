"""COCO's ``instances.json`` and ``panoptic.json``: images and annotations, by id.

Format: https://cocodataset.org/#format-data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from som.errors import DataError
from som.evals.datasets.base import Box, Mask
from som.evals.datasets.files import Row, kind_of, read_json


@dataclass(frozen=True)
class CocoImage:
    """One image of the file."""

    file_name: str
    size_hw: tuple[int, int]


class Instances:
    """An annotation file, indexed; rows are checked when they are asked for.

    Args:
        path: the file.

    Raises:
        DataError: no such file, or not in this format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        data = read_json(path)
        whole = Row(data, str(path))
        self._images = _by_id(whole, "images")
        rows = list(_rows(whole, "annotations"))
        # One row an image, and the segments within.
        self.panoptic = bool(rows) and "segments_info" in rows[0].data
        self._annotations = {row.whole("image_id" if self.panoptic else "id"): row for row in rows}
        self.categories: dict[int, str] = {
            key: row.text("name") for key, row in _by_id(whole, "categories").items()
        }

    def image(self, image_id: int, where: str) -> CocoImage:
        """The image of this id; `where` is the row that asks."""
        row = self._images.get(image_id)
        if row is None:
            raise DataError(f"{where}: {self.path} has no image {image_id}")
        return CocoImage(row.text("file_name"), (row.whole("height"), row.whole("width")))

    def annotation(self, ann_id: int, where: str) -> Row:
        """The annotation of this id; `where` is the row that asks."""
        row = self._annotations.get(ann_id)
        if row is None:
            raise DataError(f"{where}: {self.path} has no annotation {ann_id}")
        return row

    def of_images(self) -> dict[int, list[Row]]:
        """The annotations of each image, in the order of the file."""
        found: dict[int, list[Row]] = {image_id: [] for image_id in self._images}
        for row in self._annotations.values():
            found.setdefault(row.whole("image_id"), []).append(row)
        return found


def _rows(whole: Row, field: str) -> Iterator[Row]:
    for number, one in enumerate(whole.items(field), 1):
        yield Row(one, f"{whole.where}, {field} {number}")


def _by_id(whole: Row, field: str) -> dict[int, Row]:
    return {row.whole("id"): row for row in _rows(whole, field)}


def box_and_mask(annotation: Row, size_hw: tuple[int, int]) -> tuple[Box, Mask | None]:
    """The box, as corners, and the mask of an annotation.

    Raises:
        DataError: neither polygons nor run lengths, or of another image size.
    """
    return annotation.box_xywh(), _mask(annotation, size_hw)


def _mask(annotation: Row, size_hw: tuple[int, int]) -> Mask | None:
    found: Any = annotation.data.get("segmentation")
    if not found:
        return None
    if isinstance(found, list):
        for polygon in found:
            if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
                raise annotation.wrong(
                    "segmentation", "polygons of 3 points or more as [x, y, x, y, ...]"
                )
            if any(isinstance(one, bool) or not isinstance(one, int | float) for one in polygon):
                raise annotation.wrong("segmentation", "polygons of numbers")
        return Mask(size_hw, polygons=tuple(tuple(map(float, polygon)) for polygon in found))
    row = Row(found, f"{annotation.where}, segmentation")
    if [*row.numbers("size", 2, "[height, width]")] != [*size_hw]:
        raise row.wrong("size", f"that of the image, {list(size_hw)}")
    counts = row.data.get("counts")
    if isinstance(counts, str):
        return Mask(size_hw, counts=counts)
    if not isinstance(counts, list) or not all(isinstance(one, int) for one in counts):
        raise DataError(f"{row.where}: field 'counts' must be run lengths, got {kind_of(counts)}")
    if sum(counts) != size_hw[0] * size_hw[1]:
        raise row.wrong("counts", "run lengths that cover the image")
    return Mask(size_hw, counts=tuple(counts))
