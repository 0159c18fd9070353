"""The mark file on disk: what `som mark --json` writes and `MarkedImage.from_json` reads.

Version 1, one JSON object; docs/mark-file.md describes every key. Coordinates are pixels of the
original image; readers pass over keys they do not know.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import supervision as sv

from som.errors import ImageError, MarkError
from som.image import load_image, pixels_sha256
from som.layout import Layout
from som.place import Kind, Placement
from som.regions import crops_of, make_regions, text_of
from som.rle import encode_crop
from som.style import Style

if TYPE_CHECKING:
    from som.marks import MarkedImage

VERSION = 1


def to_dict(marked: "MarkedImage") -> dict[str, Any]:
    """The mark file of a marked image, as plain data."""
    regions, layout = marked.regions, marked.layout
    placement = layout.placement
    width, height = marked.size_wh
    label_boxes = placement.label_xyxy / np.array([*marked.scale_xy, *marked.scale_xy])
    anchors = marked.anchors_xy()
    areas = regions.area
    texts = {name: text_of(regions, name) for name in ("text", "role", "source")}
    interactive = regions.data.get("interactive", np.zeros(len(regions), bool))
    crops = crops_of(regions)
    marks = []
    for i in range(len(regions)):
        score = None if regions.confidence is None else round(float(regions.confidence[i]), 4)
        marks.append(
            {
                "id": int(marked.ids[i]),
                "label": layout.labels[i],
                "box": np.round(regions.xyxy[i].astype(float), 2).tolist(),
                "anchor": anchors[i].tolist(),
                "label_box": np.round(label_boxes[i], 2).tolist(),
                **{name: column[i] for name, column in texts.items()},
                "interactive": bool(interactive[i]),
                "score": score,
                "area": int(areas[i]),
                "color": layout.colors_rgb[i].tolist(),
                "font_px": int(placement.font_px[i]),
                "placed": Kind(int(placement.kind[i])).name.lower(),
                "mask": encode_crop(crops[i], (height, width)) if crops else None,
            }
        )
    return {
        "version": VERSION,
        "image": {
            "path": marked.path,
            "width": width,
            "height": height,
            "sha256": pixels_sha256(marked.image),
        },
        "segmenter": marked.segmenter,
        "seconds": {name: round(value, 4) for name, value in marked.seconds.items()},
        "drawn": {"width": layout.size_wh[0], "height": layout.size_wh[1]},
        "style": layout.style.to_json(),
        "marks": marks,
    }


def read(source: str | Path | Mapping[str, Any], image: Any | None) -> dict[str, Any]:
    """What `MarkedImage` is built from, out of a mark file.

    Args:
        source: path of a mark file, or its content as plain data.
        image: the image or None, as for `MarkedImage.from_json`.

    Raises:
        MarkError: one line that says what is wrong with the file or its image.
    """
    if isinstance(source, Mapping):
        name, data, folder = "the mark data", dict(source), Path()
    else:
        name, folder = str(source), Path(source).parent
        data = _parse(Path(source))
    if data.get("version") != VERSION:
        raise MarkError(f"{name}: mark file version {data.get('version')!r}, expected {VERSION}")
    try:
        return _fields(data, _image(data["image"], image, folder, name))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise MarkError(f"{name} is not a mark file: {type(error).__name__} {error}") from error


def _parse(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise MarkError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise MarkError(f"{path} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise MarkError(f"{path} is not a mark file: expected a JSON object")
    return data


def _image(entry: dict[str, Any], image: Any | None, folder: Path, name: str) -> Any:
    if image is None:
        if not entry["path"]:
            raise MarkError(f"{name} names no image file; pass the image")
        beside = folder / Path(entry["path"]).name
        image = entry["path"] if Path(entry["path"]).is_file() else beside
    try:
        pixels = load_image(image)
    except ImageError as error:
        raise MarkError(f"{name}: {error}") from error
    if pixels_sha256(pixels) != entry["sha256"]:
        raise MarkError(f"{name} belongs to another image (or the image changed); mark it again")
    return pixels


def _fields(data: dict[str, Any], image: Any) -> dict[str, Any]:
    marks = data["marks"]
    size_wh = (int(data["drawn"]["width"]), int(data["drawn"]["height"]))
    height, width = image.shape[:2]
    scale = np.array([size_wh[0] / width, size_wh[1] / height])
    boxes = np.array([mark["box"] for mark in marks], np.float32).reshape(-1, 4)
    labels = np.array([mark["label_box"] for mark in marks], np.float64).reshape(-1, 4)
    anchors = np.array([mark["anchor"] for mark in marks], np.float64).reshape(-1, 2)
    scores = [mark["score"] for mark in marks]
    regions = make_regions(
        boxes,
        mask=_masks(marks, (height, width)),
        confidence=None if None in scores else scores,
        source=[mark["source"] for mark in marks],
        text=[mark["text"] for mark in marks],
        role=[mark["role"] for mark in marks],
        interactive=[mark["interactive"] for mark in marks],
    )
    placement = Placement(
        anchor_xy=(anchors * scale).astype(np.int32),
        label_xyxy=np.round(labels * np.tile(scale, 2)).astype(np.int32),
        kind=np.array([Kind[mark["placed"].upper()] for mark in marks], np.uint8),
        font_px=np.array([mark["font_px"] for mark in marks], np.int32),
    )
    layout = Layout(
        size_wh=size_wh,
        labels=[str(mark["label"]) for mark in marks],
        colors_rgb=np.array([mark["color"] for mark in marks], np.uint8).reshape(-1, 3),
        placement=placement,
        style=Style.from_json(data["style"]),
    )
    return {
        "image": image,
        "regions": regions,
        "ids": np.array([mark["id"] for mark in marks], np.int64),
        "layout": layout,
        "segmenter": data["segmenter"],
        "seconds": dict(data["seconds"]),
        "path": data["image"]["path"],
    }


def _masks(marks: list[dict[str, Any]], size_hw: tuple[int, int]) -> sv.CompactMask | None:
    """The masks, cropped to their own extent: a box need not hold all of its mask."""
    if not marks or marks[0]["mask"] is None:
        return None
    full = np.array([[0, 0, size_hw[1] - 1, size_hw[0] - 1]] * len(marks), np.float32)
    return sv.CompactMask.from_coco_rle([mark["mask"] for mark in marks], full, size_hw).repack()
