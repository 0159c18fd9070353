"""What every data set is read into: `Sample`, the question with its truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.evals.datasets.polygons import fill_polygons
from som.masks import cropped
from som.regions import Crop
from som.rle import CocoRLE, encode_crop

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Mask:
    """One mask, decoded when it is asked for; a data set holds a hundred thousand of them.

    Attributes:
        size_hw: height and width of the image.
        polygons: outlines as flat x, y lists (COCO), or
        counts: run lengths (COCO; a list, or compressed text), or
        png: a PNG and the value (palette index, or R + 256 G + 65536 B) that the mask has in it.
    """

    size_hw: tuple[int, int]
    polygons: tuple[tuple[float, ...], ...] = ()
    counts: str | tuple[int, ...] | None = None
    png: tuple[Path, int] | None = None

    def decode(self) -> NDArray[np.bool_]:
        """The mask as bool (H, W).

        Raises:
            DataError: its PNG cannot be read.
        """
        if self.png is not None:
            from som.evals.datasets.files import read_indices

            return np.asarray(read_indices(self.png[0]) == self.png[1])
        height, width = self.size_hw
        if self.counts is not None:
            counts = self.counts if isinstance(self.counts, str) else list(self.counts)
            return np.asarray(sv.rle_to_mask(counts, (width, height)), bool)
        return fill_polygons(self.polygons, self.size_hw)

    def rle(self) -> CocoRLE:
        """The mask as compressed COCO run lengths."""
        if isinstance(self.counts, str):
            return {"size": list(self.size_hw), "counts": self.counts}
        crop = cropped(self.decode()) or Crop(np.zeros((1, 1), bool), 0, 0)
        return encode_crop(crop, self.size_hw)


@dataclass(frozen=True)
class Phrase:
    """A phrase to ground, with everything it may stand for.

    Attributes:
        text: the phrase as it is in the caption.
        boxes_xyxy: its boxes in pixels; an answer is measured against their union.
        marks: labels of the marks that answer it, where marks are part of the image.
        kinds: "people", "clothing", ... (Flickr30k Entities), or the data set's own.
    """

    text: str
    boxes_xyxy: tuple[Box, ...] = ()
    marks: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Region:
    """A true region of an image, for data sets that say what is where.

    Attributes:
        name: its category, in the words of the vocabulary.
        box_xyxy: pixels, right and bottom exclusive.
        mask: where the data set has one.
        label: what is drawn on it, where marks are part of the image.
    """

    name: str
    box_xyxy: Box | None = None
    mask: Mask | None = None
    label: str = ""


@dataclass(frozen=True)
class Sample:
    """One question about one image, and its truth. Coordinates are pixels of the image.

    Attributes:
        id: unique in its data set and stable from run to run.
        dataset: name of the data set, as `load` takes it.
        task: what is asked and so how it is scored: "click" (a point in `box_xyxy`), "refer" (the
            region that the instruction names: `box_xyxy`, `mask`, or `marks`), "ground" (each of
            `phrases`), "name" (the category of every region, out of `vocabulary`), "track" (the
            objects of the first frame, through `frames`).
        image: the image's file; it exists.
        instruction: what is asked, in the data set's words; "" for "name" and "track".
        lang: of the instruction, "en" or "zh".
        marked: marks are already drawn on the image, so that no segmenter is needed.
        box_xyxy: the true box.
        mask: the true mask.
        marks: labels of the marks that are right, on an image with marks.
        phrases: for "ground".
        regions: for "name"; for "track", the objects of the first frame.
        vocabulary: the names to choose from.
        frames: for "track", the images in order, `image` first.
        truths: for "track", the annotation of each frame: PNG whose value says the object.
        split: "val", "testA", "mobile", ...
        type: "text" or "icon".
        platform: "ios", "windows", "web", ...
        group: the data set's own grouping, "Dev", "mobile", ...
        application: "vscode", ...
        extra: anything else worth keeping in a log (reference ids, the file's row).
    """

    id: str
    dataset: str
    task: str
    image: Path
    instruction: str = ""
    lang: str = "en"
    marked: bool = False
    box_xyxy: Box | None = None
    mask: Mask | None = None
    marks: tuple[str, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    regions: tuple[Region, ...] = ()
    vocabulary: tuple[str, ...] = ()
    frames: tuple[Path, ...] = ()
    truths: tuple[Path, ...] = ()
    split: str = ""
    type: str = ""
    platform: str = ""
    group: str = ""
    application: str = ""
    extra: Mapping[str, str | int] | None = None

    @property
    def cluster(self) -> str:
        """Samples of one image are not independent: resample by this."""
        return str(self.image)
