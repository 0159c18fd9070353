"""Data sets by name: what the command line, the evaluations and the documentation share."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

from som.errors import DataError
from som.evals.datasets.base import Sample

Loader = Callable[..., Iterable[Sample]]


@dataclass(frozen=True)
class DataSet:
    """One data set.

    Attributes:
        title: its name in papers.
        loader: "module:function", or the function: ``(folder, **options) -> Sample, ...``.
        metric: the metric that papers report, in words.
        files: the files that are read, below the folder that the user names.
        options: passed to the loader before the user's own.
    """

    title: str
    loader: str | Loader
    metric: str
    files: str
    options: dict[str, Any]

    def function(self) -> Loader:
        """The loader, imported on first use."""
        if not isinstance(self.loader, str):
            return self.loader
        module, attribute = self.loader.split(":")
        found: Loader = getattr(import_module(module), attribute)
        return found


_BOOLEANS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_HERE = "som.evals.datasets"
_CLICK = "a click inside the box, by type and group"
_REFER = "REC: IoU >= 0.5; RES: mIoU, oIoU, P@0.5/0.7/0.9"
_GROUND = "recall at 1: IoU >= 0.5 with the union of a phrase's boxes"
_NAME = "precision over marks"
_REFS = "refs({by}).p, instances.json, images/"

_REGISTRY: dict[str, DataSet] = {
    "screenspot": DataSet(
        "ScreenSpot", f"{_HERE}.screenspot:load_screenspot", _CLICK,
        "screenspot_{mobile,desktop,web}.json, screenspot_imgs/", {},
    ),
    "screenspot-v2": DataSet(
        "ScreenSpot-v2", f"{_HERE}.screenspot:load_screenspot", _CLICK,
        "screenspot_{mobile,desktop,web}_v2.json, screenspotv2_image/", {"version": 2},
    ),
    "screenspot-pro": DataSet(
        "ScreenSpot-Pro", f"{_HERE}.screenspot:load_screenspot_pro",
        f"{_CLICK} and application", "annotations/*.json, images/", {},
    ),
    "refcoco": DataSet(
        "RefCOCO", f"{_HERE}.refcoco:load_refcoco", _REFER, _REFS.format(by="unc"),
        {"name": "refcoco"},
    ),
    "refcoco+": DataSet(
        "RefCOCO+", f"{_HERE}.refcoco:load_refcoco", _REFER, _REFS.format(by="unc"),
        {"name": "refcoco+"},
    ),
    "refcocog": DataSet(
        "RefCOCOg", f"{_HERE}.refcoco:load_refcoco", _REFER, _REFS.format(by="umd"),
        {"name": "refcocog"},
    ),
    "flickr30k": DataSet(
        "Flickr30k Entities", f"{_HERE}.flickr30k:load_flickr30k", _GROUND,
        "Sentences/*.txt, Annotations/*.xml, flickr30k-images/", {},
    ),
    "coco": DataSet(
        "COCO", f"{_HERE}.naming:load_naming", _NAME,
        "panoptic.json with panoptic/, or instances.json; images/", {"name": "coco"},
    ),
    "ade20k": DataSet(
        "ADE20K", f"{_HERE}.naming:load_naming", _NAME,
        "panoptic.json with panoptic/, or instances.json; images/", {"name": "ade20k"},
    ),
    "davis": DataSet(
        "DAVIS 2017", f"{_HERE}.davis:load_davis", "J&F",
        "JPEGImages/480p/, Annotations/480p/, ImageSets/2017/", {},
    ),
    "sombench-flickr30k": DataSet(
        "SoM-Bench, phrase grounding", f"{_HERE}.sombench:load_flickr30k", _GROUND,
        "flickr30k_grounding/som_images/", {},
    ),
    "sombench-refcocog-rec": DataSet(
        "SoM-Bench, referring comprehension", f"{_HERE}.sombench:load_refcocog",
        "REC: IoU >= 0.5, or the right mark", "refcocog_refseg/som_images/",
        {"name": "sombench-refcocog-rec"},
    ),
    "sombench-refcocog-res": DataSet(
        "SoM-Bench, referring segmentation", f"{_HERE}.sombench:load_refcocog",
        "RES: mIoU, or the right mark", "refcocog_refseg/som_images/",
        {"name": "sombench-refcocog-res"},
    ),
    "sombench-coco": DataSet(
        "SoM-Bench, open vocabulary on COCO", f"{_HERE}.sombench:load_ovseg", _NAME,
        "coco_ovseg/som_images/", {"name": "coco"},
    ),
    "sombench-ade20k": DataSet(
        "SoM-Bench, open vocabulary on ADE20K", f"{_HERE}.sombench:load_ovseg", _NAME,
        "ade20k_ovseg/som_images/", {"name": "ade20k"},
    ),
}  # fmt: skip


def names() -> list[str]:
    """Names that `load` accepts."""
    return list(_REGISTRY)


def register(name: str, dataset: DataSet) -> None:
    """Add a data set under `name`."""
    _REGISTRY[name] = dataset


def get(name: str) -> DataSet:
    """The data set called `name`.

    Raises:
        DataError: there is none; the message lists them.
    """
    if name not in _REGISTRY:
        raise DataError(f"no data set {name!r}; choose one of: {', '.join(names())}")
    return _REGISTRY[name]


def load(name: str, folder: str | Path, *, limit: int | None = None, **options: Any) -> list[Sample]:
    """Read a data set.

    Args:
        name: one of `names()`.
        folder: where its files are.
        limit: only the first so many samples.
        **options: of the data set, for example ``split="testA"``; docs/datasets.md lists them. Texts,
            as a command line has them, become numbers and yes or no where those are meant.

    Raises:
        DataError: no such data set or option; a missing file or image; a row that breaks the format,
            by file, row and field.
    """
    dataset = get(name)
    loader = dataset.function()
    parameters = inspect.signature(loader).parameters
    known = set(parameters) - {"folder", *dataset.options}
    unknown = sorted(set(options) - known)
    if unknown:
        raise DataError(f"{name} has no option {unknown[0]!r}; options are: {', '.join(sorted(known))}")
    if not Path(folder).is_dir():
        raise DataError(f"no such folder: {folder}")
    typed = {key: _typed(key, value, parameters[key].default) for key, value in options.items()}
    samples = list(islice(loader(Path(folder), **dataset.options, **typed), limit))
    if not samples:
        raise DataError(f"{folder} holds no samples of {dataset.title} with these options")
    return samples


def _typed(name: str, value: Any, default: Any) -> Any:
    """An option's value in the kind of its default."""
    if not isinstance(value, str) or not isinstance(default, bool | int | float):
        return value
    if isinstance(default, bool):
        if value.lower() not in _BOOLEANS:
            raise DataError(f"option {name} is yes or no, got {value!r}")
        return _BOOLEANS[value.lower()]
    try:
        return float(value)
    except ValueError:
        raise DataError(f"option {name} is a number, got {value!r}") from None
