"""COCO and ADE20K in COCO's formats: every region of an image is to be named from a vocabulary.

Lin et al. 2014 (arXiv:1405.0312), Kirillov et al. 2019 (panoptic, arXiv:1801.00868), Zhou et al. 2017
(ADE20K); formats: https://cocodataset.org/#format-data.
"""

from collections.abc import Iterator
from pathlib import Path

from som.errors import DataError
from som.evals.datasets.base import Mask, Region, Sample
from som.evals.datasets.coco import Instances, box_and_mask
from som.evals.datasets.files import Row, find_file, inside, pick_folder
from som.evals.datasets.sombench import read_vocabulary

_FILES = {
    "coco": (
        "panoptic.json", "instances.json",
        "annotations/panoptic_val2017.json", "annotations/instances_val2017.json",
    ),
    "ade20k": (
        "panoptic.json", "instances.json", "ade20k_panoptic_val.json", "ade20k_instance_val.json",
    ),
}  # fmt: skip
_IMAGES = ("images", "val2017", "images/validation", "validation")


def load_naming(
    folder: Path,
    *,
    name: str,
    file: str | None = None,
    images: str | Path | None = None,
    segments: str | Path | None = None,
    vocabulary: str | Path | None = None,
    min_area: float = 0,
) -> Iterator[Sample]:
    """One sample for each image that has regions; crowds are left out.

    Args:
        folder: where the annotation file is.
        name: "coco" or "ade20k".
        file: the annotation file; by default the first usual one, panoptic before instances.
        images: the image folder.
        segments: for panoptic files, the folder of their PNGs; the file's name without .json, or
            ``panoptic`` by default.
        vocabulary: a text file, one name a line; the file's own categories by default.
        min_area: leave out smaller regions, in pixels.
    """
    path = find_file(folder, *([file] if file else _FILES[name]))
    data = Instances(path)
    where = pick_folder(folder, images, *_IMAGES)
    words = read_vocabulary(Path(vocabulary)) if vocabulary else tuple(data.categories.values())
    if data.panoptic:
        pngs = pick_folder(path.parent, segments, path.stem, "panoptic")
    for image_id, annotations in data.of_images().items():
        if not annotations:
            continue
        image = data.image(image_id, str(path))
        regions = [
            region
            for row in annotations
            for region in (
                _segments(row, data, pngs, image.size_hw, min_area)
                if data.panoptic
                else _instance(row, data, image.size_hw, min_area)
            )
        ]
        if regions:
            yield Sample(
                id=str(image_id),
                dataset=name,
                task="name",
                image=inside(where, image.file_name, f"{path}, image {image_id}"),
                regions=tuple(regions),
                vocabulary=words,
            )


def _instance(row: Row, data: Instances, size_hw: tuple[int, int], min_area: float) -> Iterator[Region]:
    box, mask = box_and_mask(row, size_hw)
    if not _left_out(row, min_area):
        yield Region(_category(row, data), box, mask)


def _segments(
    row: Row, data: Instances, pngs: Path, size_hw: tuple[int, int], min_area: float
) -> Iterator[Region]:
    png = inside(pngs, row.text("file_name"), row.where)
    for number, one in enumerate(row.items("segments_info"), 1):
        segment = Row(one, f"{row.where}, segment {number}")
        if not _left_out(segment, min_area):
            mask = Mask(size_hw, png=(png, segment.whole("id")))
            yield Region(_category(segment, data), segment.box_xywh(), mask)


def _left_out(row: Row, min_area: float) -> bool:
    area = row.data.get("area", float("inf"))
    return row.data.get("iscrowd") in (1, True) or (min_area > 0 and area < min_area)


def _category(row: Row, data: Instances) -> str:
    category = row.whole("category_id")
    if category not in data.categories:
        raise DataError(f"{row.where}: {data.path} has no category {category}")
    return data.categories[category]
