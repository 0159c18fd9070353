"""DAVIS 2017: the objects of a video's first frame, to be followed to its end.

Pont-Tuset et al. 2017 (arXiv:1704.00675).
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from som.errors import DataError
from som.evals.datasets.base import Mask, Region, Sample
from som.evals.datasets.files import find_file, image_size, read_indices
from som.masks import bounds

# Pixels that annotators left undecided.
VOID = 255
# Sets without public annotations after the first frame.
_FIRST_ONLY = ("test-dev", "test-challenge")


def load_davis(folder: Path, *, split: str = "val", resolution: str = "480p") -> Iterator[Sample]:
    """One sample for each sequence.

    Args:
        folder: holds ``JPEGImages/``, ``Annotations/`` and ``ImageSets/2017/``.
        split: a file of ``ImageSets/2017`` without its suffix: "train", "val", "test-dev".
        resolution: "480p" or "Full-Resolution".
    """
    if not re.fullmatch(r"[\w-]+", split) or not re.fullmatch(r"[\w-]+", resolution):
        raise DataError(f"no split {split!r} at {resolution!r}; for example val at 480p")
    listed = find_file(folder, f"ImageSets/2017/{split}.txt")
    for number, line in enumerate(listed.read_text("utf-8").splitlines(), 1):
        sequence = line.strip()
        if not sequence:
            continue
        where = f"{listed}, line {number}"
        if not re.fullmatch(r"[\w-]+", sequence):
            raise DataError(f"{where}: expected the name of a sequence, got {sequence!r:.60}")
        frames = tuple(sorted((folder / "JPEGImages" / resolution / sequence).glob("*.jpg")))
        if not frames:
            raise DataError(f"{where}: no frames JPEGImages/{resolution}/{sequence}/*.jpg")
        truths = _truths(folder / "Annotations" / resolution / sequence, frames, split)
        yield Sample(
            id=sequence,
            dataset="davis",
            task="track",
            image=frames[0],
            frames=frames,
            truths=truths,
            regions=_objects(truths[0], frames[0]),
            split=split,
        )


def _truths(folder: Path, frames: tuple[Path, ...], split: str) -> tuple[Path, ...]:
    needed = frames[:1] if split in _FIRST_ONLY else frames
    truths = tuple(folder / f"{frame.stem}.png" for frame in needed)
    for truth, frame in zip(truths, needed, strict=True):
        if not truth.is_file():
            raise DataError(f"no annotation {truth} for {frame}")
    return truths


def _objects(truth: Path, frame: Path) -> tuple[Region, ...]:
    """The objects of the first frame, by palette index."""
    indices = read_indices(truth)
    height, width = indices.shape
    if image_size(frame, str(truth)) != (width, height):
        raise DataError(f"{truth} is {width}x{height}, another size than {frame}")
    found = []
    for index in np.unique(indices).tolist():
        box = bounds(indices == index)
        if index in (0, VOID) or box is None:
            continue
        x1, y1, x2, y2 = (float(value) for value in box)
        mask = Mask((height, width), png=(truth, index))
        found.append(Region(f"object {index}", (x1, y1, x2, y2), mask, label=str(index)))
    if not found:
        raise DataError(f"{truth} shows no object")
    return tuple(found)
