"""Small data sets in the schemas of the real ones, for tests of whatever reads them."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def image(path: Path, size_wh: tuple[int, int] = (200, 100)) -> Path:
    """An image file whose pixels depend on its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shade = sum(path.name.encode()) % 200
    Image.new("RGB", size_wh, (shade, 255 - shade, 90)).save(path)
    return path


def write_json(path: Path, data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), "utf-8")
    return path


def screenspot(folder: Path, version: int = 1, **changes: Any) -> Path:
    """Two samples for each split; `changes` go into the first row of the mobile split."""
    images = folder / ("screenspot_imgs" if version == 1 else "screenspotv2_image")
    for split, source in (("mobile", "iOS"), ("desktop", "windows"), ("web", "gitlab")):
        rows = []
        for number, kind in enumerate(("text", "Icon")):
            name = f"{split}_{number}.png"
            image(images / name)
            box = [10 + number, 20, 30, 40]
            rows.append(
                {"data_type": kind, "img_filename": name, "bbox": box, "data_source": source}
                | {"instruction": f"press {kind.lower()} {number}", "more": 1}
            )
        if split == "mobile":
            rows[0].update(changes)
        suffix = "" if version == 1 else "_v2"
        write_json(folder / f"screenspot_{split}{suffix}.json", rows)
    return folder


def screenspot_pro(folder: Path, **changes: Any) -> Path:
    """Two applications of two samples each; `changes` go into the first row."""
    for app, group, platform in (("vscode", "Dev", "macos"), ("blender", "Creative", "windows")):
        rows = []
        for number, kind in enumerate(("text", "icon")):
            name = f"{app}_{platform}/{number}.png"
            image(folder / "images" / name)
            rows.append(
                {"img_filename": name, "bbox": [20, 10, 60, 30], "id": f"{app}_{number}"}
                | {"instruction": f"open {number}", "instruction_cn": f"打开 {number}"}
                | {"application": app, "platform": platform, "img_size": [200, 100]}
                | {"ui_type": kind, "group": group}
            )
        if app == "vscode":
            rows[0].update(changes)
        write_json(folder / "annotations" / f"{app}_{platform}.json", rows)
    return folder


def instances() -> dict[str, Any]:
    """COCO: two images, three objects; polygons, and run lengths."""
    runs = np.zeros((100, 200), bool)
    runs[10:30, 100:150] = True
    flat = runs.T.ravel().astype(int)
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return {
        "images": [
            {"id": 1, "file_name": "COCO_train2014_000000000001.jpg", "height": 100, "width": 200},
            {"id": 2, "file_name": "COCO_train2014_000000000002.jpg", "height": 100, "width": 200},
        ],
        "categories": [{"id": 17, "name": "cat"}, {"id": 18, "name": "dog"}],
        "annotations": [
            {"id": 11, "image_id": 1, "category_id": 17, "bbox": [10, 20, 40, 30], "area": 1200}
            | {"segmentation": [[10, 20, 50, 20, 50, 50, 10, 50]], "iscrowd": 0},
            {"id": 12, "image_id": 1, "category_id": 18, "bbox": [100, 10, 50, 20], "iscrowd": 1}
            | {"segmentation": {"size": [100, 200], "counts": counts}, "area": 1000},
            {"id": 21, "image_id": 2, "category_id": 17, "bbox": [0, 0, 20, 20], "area": 400}
            | {"segmentation": [[0, 0, 20, 0, 20, 20, 0, 20]], "iscrowd": 0},
        ],
    }


def references() -> list[dict[str, Any]]:
    """RefCOCO's references: two of "val", one of "testA"."""
    rows = [(5, 11, 1, 17, "val", "the cat"), (6, 12, 1, 18, "val", "the dog")]
    rows.append((7, 21, 2, 17, "testA", "small caf\u00e9 cat"))
    return [
        {"ref_id": ref, "ann_id": ann, "image_id": img, "category_id": category, "split": split}
        | {"file_name": f"COCO_train2014_{img:012d}_{ann}.jpg", "sent_ids": [ref * 10, ref * 10 + 1]}
        | {
            "sentences": [
                {"sent_id": ref * 10 + i, "sent": f"{text} {i}", "raw": text, "tokens": text.split()}
                for i in range(2)
            ]
        }
        for ref, ann, img, category, split, text in rows
    ]


def refcoco(folder: Path, by: str = "unc", refs: Any = None) -> Path:
    """RefCOCO with its images."""
    write_json(folder / "instances.json", instances())
    data = references() if refs is None else refs
    (folder / f"refs({by}).p").write_bytes(data if isinstance(data, bytes) else pickle.dumps(data, 2))
    for number in (1, 2):
        image(folder / "images" / f"COCO_train2014_{number:012d}.jpg")
    return folder
