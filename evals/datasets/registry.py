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


_HERE = "som.evals.datasets"
_CLICK = "a click inside the box, by type and group"
_REFER = "REC: IoU >= 0.5; RES: mIoU, oIoU, P@0.5/0.7/0.9"
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
        **options: of the data set, for example ``split="testA"``; docs/datasets.md lists them.

    Raises:
        DataError: no such data set or option; a missing file or image; a row that breaks the format,
            by file, row and field.
    """
    dataset = get(name)
    loader = dataset.function()
    known = set(inspect.signature(loader).parameters) - {"folder", *dataset.options}
    unknown = sorted(set(options) - known)
    if unknown:
        raise DataError(f"{name} has no option {unknown[0]!r}; options are: {', '.join(sorted(known))}")
    if not Path(folder).is_dir():
        raise DataError(f"no such folder: {folder}")
    samples = list(islice(loader(Path(folder), **dataset.options, **options), limit))
    if not samples:
        raise DataError(f"{folder} holds no samples of {dataset.title} with these options")
    return samples
