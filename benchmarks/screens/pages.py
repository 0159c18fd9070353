"""Reading rendered pages back."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from som.image import load_image


@dataclass(frozen=True)
class Page:
    """A rendered page: its screenshot and what can be pressed on it."""

    path: Path
    record: dict[str, Any]

    @property
    def name(self) -> str:
        """Origin and page."""
        return self.path.stem

    @cached_property
    def image(self) -> NDArray[np.uint8]:
        """The screenshot, uint8 RGB (H, W, 3)."""
        return load_image(self.path.with_suffix(".png"))

    @cached_property
    def boxes(self) -> NDArray[np.float32]:
        """(n, 4) boxes of the targets, pixels of the screenshot."""
        return np.array([t["box"] for t in self.record["targets"]], np.float32).reshape(-1, 4)


def read_pages(folder: Path, split: str | None = None) -> list[Page]:
    """The pages of a folder that `render` wrote, by name; without targets ones are left out."""
    pages = []
    for path in sorted(folder.glob("*.json")):
        record = json.loads(path.read_text("utf-8"))
        if record["targets"] and split in (None, record["split"]):
            pages.append(Page(path, record))
    return pages
