"""The measures of the data sets' own papers, of runs side by side, with intervals over images."""

import math
from collections.abc import Sequence

import numpy as np

from som.evals.logs import Answered, Run
from som.evals.metrics.intervals import Interval, interval, intervals
from som.evals.metrics.regions import PRECISION_AT
from som.evals.table import with_interval

NOTE = (
    "The measures of the data sets' own papers, in percent, intervals 95 % by bootstrap over images. "
    "Wrong format counts every reply in no readable form, whatever else was the matter; an answer that "
    "names nothing overlaps nothing."
)


def published(run: Run) -> dict[str, Interval]:
    """Measures by name, as far as the run has them.

    Clicks: "wrong format". Masks: "mIoU", "oIoU", "P@0.5", ... Names of marks: "precision" over those
    that the answer names, "recall" over all. Videos: "J&F", "J", "F" over objects.
    """
    return {**_formats(run), **_masks(run), **_names(run), **_videos(run)}


def published_table(
    runs: Sequence[tuple[str, Run]],
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Names of the measures, and a row of cells for each named run; no rows where there are none."""
    found = [(name, published(run)) for name, run in runs]
    heads = tuple(dict.fromkeys(head for _, measures in found for head in measures))
    rows = [
        (name, *(with_interval(measures[head]) if head in measures else "-" for head in heads))
        for name, measures in found
        if measures
    ]
    return heads, rows


def _answered(run: Run, kind: str) -> list[Answered]:
    return [one for one in run.samples if one.kind == kind and one.verdict.right is not None]


def _formats(run: Run) -> dict[str, Interval]:
    asked = _answered(run, "find")
    if not asked:
        return {}
    wrong = [float(one.verdict.wrong_format) for one in asked]
    return {"wrong format": interval(wrong, [one.image for one in asked])}


def _masks(run: Run) -> dict[str, Interval]:
    asked = [one for one in _answered(run, "find") if one.truth.rle is not None]
    found = [one.evidence.named if one.evidence else None for one in asked]
    if not any(named and named.pixels for named in found):
        return {}
    pixels = [
        (named.pixels if named else None) or (0, one.truth.area)
        for one, named in zip(asked, found, strict=True)
    ]
    shared, union = np.array(pixels, np.float64).T
    ious = np.divide(shared, union, out=np.zeros_like(union), where=union > 0)
    ones = np.ones_like(union)
    hits = {f"P@{least}": (ious >= least).astype(np.float64) for least in PRECISION_AT}
    ratios = {"mIoU": (ious, ones), "oIoU": (shared, union)} | {
        name: (hit, ones) for name, hit in hits.items()
    }
    tops, unders = (np.stack(one, axis=1) for one in zip(*ratios.values(), strict=True))
    images = [one.image for one in asked]
    return dict(zip(ratios, intervals(tops, unders, images), strict=True))


def _names(run: Run) -> dict[str, Interval]:
    marks = [one for one in run.samples if one.kind == "name"]
    if not marks:
        return {}
    right = [float(bool(one.verdict.right)) for one in marks]
    named = [float(one.verdict.right is not None) for one in marks]
    images = [one.image for one in marks]
    both = {"precision": interval(right, images, named), "recall": interval(right, images)}
    return {name: found for name, found in both.items() if not math.isnan(found.value)}


def _videos(run: Run) -> dict[str, Interval]:
    objects = [(one.image, found) for one in run.samples for found in one.objects]
    if not objects:
        return {}
    videos = [video for video, _ in objects]
    j, f = ([float(found[name]) for _, found in objects] for name in ("j", "f"))
    return {
        "J&F": interval([(a + b) / 2 for a, b in zip(j, f, strict=True)], videos),
        "J": interval(j, videos),
        "F": interval(f, videos),
    }
