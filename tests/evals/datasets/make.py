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


def flickr30k(folder: Path) -> Path:
    """One image, two captions; one entity with two boxes, one with none, a scene."""
    image(folder / "flickr30k-images" / "36979.jpg")
    captions = [
        "[/EN#1/people Two men] hold [/EN#2/other a sheet of paper] in [/EN#3/scene a park] .",
        "[/EN#0/notvisual It] is sunny .",
        "[/EN#2/other/clothing Paper] flies .",
    ]
    (folder / "Sentences").mkdir()
    (folder / "Sentences" / "36979.txt").write_text("\n".join(captions) + "\n", "utf-8")
    box = "<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox>"
    objects = [
        "<name>1</name>" + box.format(11, 21, 30, 50),
        "<name>1</name><name>2</name>" + box.format(41, 21, 60, 50),
        "<name>3</name><scene>1</scene><nobox>0</nobox>",
    ]
    body = "".join(f"<object>{one}</object>" for one in objects)
    (folder / "Annotations").mkdir()
    (folder / "Annotations" / "36979.xml").write_text(
        f"<annotation><filename>36979.jpg</filename>{body}</annotation>", "utf-8"
    )
    (folder / "test.txt").write_text("36979\n")
    return folder


def panoptic(folder: Path) -> Path:
    """COCO panoptic: one image of a cat on grass, and a crowd."""
    image(folder / "images" / "000000000285.jpg")
    ids = np.full((100, 200), 5 + 256 * 2, np.int64)
    ids[20:50, 10:50] = 70_000
    ids[:10] = 9
    rgb = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)
    (folder / "panoptic").mkdir()
    Image.fromarray(rgb).save(folder / "panoptic" / "000000000285.png")
    segments = [
        {"id": 70_000, "category_id": 17, "bbox": [10, 20, 40, 30], "area": 1200, "iscrowd": 0},
        {"id": 517, "category_id": 193, "bbox": [0, 10, 200, 90], "area": 16800, "iscrowd": 0},
        {"id": 9, "category_id": 17, "bbox": [0, 0, 200, 10], "area": 2000, "iscrowd": 1},
    ]
    write_json(
        folder / "panoptic.json",
        {
            "images": [{"id": 285, "file_name": "000000000285.jpg", "height": 100, "width": 200}],
            "categories": [{"id": 17, "name": "cat"}, {"id": 193, "name": "grass-merged"}],
            "annotations": [
                {"image_id": 285, "file_name": "000000000285.png", "segments_info": segments}
            ],
        },
    )
    return folder


def davis(folder: Path, frames: int = 4) -> Path:
    """One sequence: two objects that move to the right, and undecided pixels."""
    for number in range(frames):
        image(folder / "JPEGImages" / "480p" / "cows" / f"{number:05d}.jpg")
        indices = np.zeros((100, 200), np.uint8)
        indices[20:50, 10 + number : 50 + number] = 1
        indices[60:90, 100 + number : 150 + number] = 2
        indices[0] = 255
        annotation = Image.fromarray(indices, "L").convert("P")
        annotation.putdata(indices.ravel().tolist())
        annotation.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0] + [255] * 759)
        path = folder / "Annotations" / "480p" / "cows" / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        annotation.save(path)
    (folder / "ImageSets" / "2017").mkdir(parents=True)
    (folder / "ImageSets" / "2017" / "val.txt").write_text("cows\n")
    return folder


def sombench(folder: Path) -> Path:
    """All four folders of SoM-Bench."""
    phrases = {"caption": "a man in glasses holding a piece of paper"}
    phrases |= {"phrases": ["a man in glasses", "a piece of paper"]}
    phrases |= {"boxes": [[10, 10, 50, 90], [[60, 20, 80, 40], [80, 20, 90, 40]]]}
    flickr = folder / "flickr30k_grounding" / "som_images"
    for name in ("14868339.jpg", "14868339_wbox.jpg"):
        image(flickr / name)
    write_json(flickr / "14868339.json", phrases)
    refer = folder / "refcocog_refseg" / "som_images"
    image(refer / "000000000795.jpg")
    rows = [{"text": "Laptop turned on", "ref_id": 3}, {"text": "the laptop behind", "ref_id": 1}]
    write_json(refer / "000000000795.json", rows)
    for stem in ("000000000872_0", "000000000872_5"):
        image(folder / "coco_ovseg" / "som_images" / f"{stem}.jpg")
    image(folder / "ade20k_ovseg" / "som_images" / "ADE_val_00000001_5.jpg")
    return folder
