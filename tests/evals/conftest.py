"""A tiny ScreenSpot that these tests write, and a segmenter that knows its regions."""

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray

from som import segmenters
from som.regions import make_regions

# What the segmenter finds on the picture of each screen; "Help" is on none of them.
BOXES = {"Delete": (20, 20, 120, 60), "Cancel": (150, 20, 280, 60), "Send": (20, 80, 120, 116)}
HELP = (200, 80, 280, 116)


class Buttons:
    """Finds the buttons of the pictures that `write_screens` draws."""

    name = "buttons"
    calls = 0

    def __call__(self, image: NDArray[np.uint8]) -> sv.Detections:
        Buttons.calls += 1
        return make_regions(list(BOXES.values()), text=list(BOXES), role="button", interactive=True)


def write_screens(folder: Path, count: int = 6) -> Path:
    """ScreenSpot of `count` samples, three to an image: two whose button is marked, one that is not."""
    images = folder / "screenspot_imgs"
    images.mkdir(parents=True)
    rows = []
    for i in range(count):
        name = f"screen{i // 3}.png"
        image = np.full((130, 300, 3), 236 - i // 3, np.uint8)
        for x1, y1, x2, y2 in (*BOXES.values(), HELP):
            cv2.rectangle(image, (x1, y1), (x2 - 1, y2 - 1), (90, 120, 160), -1)
        cv2.imwrite(str(images / name), image)
        asked = ("Delete", "Cancel", "Help")[i % 3]
        x1, y1, x2, y2 = {**BOXES, "Help": HELP}[asked]
        rows.append(
            {
                "img_filename": name,
                "bbox": [x1, y1, x2 - x1, y2 - y1],
                "instruction": f"press {asked} <b>now</b>",
                "data_type": "icon" if asked == "Help" else "text",
                "data_source": "windows",
            }
        )
    (folder / "screenspot_desktop.json").write_text(json.dumps(rows))
    return folder


@pytest.fixture
def screens(tmp_path: Path) -> Path:
    return write_screens(tmp_path / "screens")


@pytest.fixture(autouse=True)
def buttons(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The segmenter by its name, and caches of its own for each test."""
    from som.segmenters import base

    known = dict(base._REGISTRY)
    segmenters.register("buttons", lambda **_: Buttons())
    monkeypatch.setenv("INSPECT_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("SOM_MARKS_CACHE", str(tmp_path / "marks"))
    yield
    base._REGISTRY.clear()
    base._REGISTRY.update(known)
