"""Naming every mark, following objects, phrases, and images that came with their marks."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import supervision as sv
from numpy.typing import NDArray
from PIL import Image

from som import segmenters
from som.evals.logs import Summary, read_runs, summarize
from som.evals.naming import parse_names
from som.evals.published import published
from som.evals.report import render
from som.evals.tracking import parse_pairs
from som.regions import make_regions
from tests.evals.datasets import make

pytest.importorskip("inspect_ai")


class Boxes:
    """Finds the same regions in every image."""

    name = "boxes"

    def __init__(self, boxes: list[list[float]], mask: NDArray[np.bool_] | None = None) -> None:
        self.regions = make_regions(boxes, mask=mask)

    def __call__(self, image: NDArray[np.uint8]) -> sv.Detections:
        return self.regions


class Cows:
    """Finds the objects of each frame of `make.davis`; frames differ in one pixel, which says which."""

    name = "cows"

    def __init__(self, folder: Path) -> None:
        self.frames = {}
        for number, path in enumerate(sorted((folder / "JPEGImages/480p/cows").glob("*.jpg"))):
            Image.fromarray(np.full((100, 200, 3), 20 * number, np.uint8)).save(path, quality=100)
            indices = np.array(Image.open(folder / f"Annotations/480p/cows/{number:05d}.png"))
            self.frames[number] = np.stack([indices == 1, indices == 2])

    def __call__(self, image: NDArray[np.uint8]) -> sv.Detections:
        mask = self.frames[round(float(image.mean()) / 20)]
        return make_regions(sv.mask_to_xyxy(mask), mask=mask)


def run_all(
    task: str,
    data: Path,
    out: Path,
    *,
    model: str | None = None,
    bounds: Sequence[str] = ("oracle", "random"),
    **settings: object,
) -> dict[str, Summary]:
    """The bounds, and a script if there is one: summaries by who answered."""
    from som.evals.run import NO_MODEL, make_tasks, run

    words = str(settings.pop("condition", "marks+boxes"))
    for by in (*bounds, *(["model"] if model else [])):
        tasks = make_tasks(task, data, [words], by=by, **settings)
        assert run(tasks, model if by == "model" else NO_MODEL, out, display="none")
    runs = read_runs([out])
    assert render(runs)
    return {found.by: summarize(found) for found in runs}


def script(path: Path, *replies: str) -> str:
    path.write_text(json.dumps(list(replies)))
    return f"som/replay:{path}"


def test_names_of_marks_are_judged_one_by_one(tmp_path: Path) -> None:
    data = make.panoptic(tmp_path)
    model = script(tmp_path / "r.json", "[1] dog\n[2] Grass")
    found = run_all("open-vocabulary", data, tmp_path / "logs", model=model)
    assert found["oracle"].accuracy.value == found["oracle"].ceiling.value == 1
    named = found[model]
    assert (named.answered, named.causes["right"], named.causes["wrong_choice"]) == (2, 1, 1)
    assert (named.calls, named.chance) == (1, 0.5)


def test_a_mark_that_is_left_out_is_unanswered(tmp_path: Path) -> None:
    data = make.panoptic(tmp_path)
    model = script(tmp_path / "r.json", "[1] Cat")
    named = run_all("open-vocabulary", data, tmp_path / "logs", model=model)[model]
    assert (named.answered, named.unanswered, named.accuracy.value) == (1, 1, 1)
    shown = {run.by: published(run) for run in read_runs([tmp_path / "logs"])}[model]
    assert (shown["precision"].value, shown["recall"].value) == (1, 0.5)


def test_objects_are_followed_and_scored_by_j_and_f(tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log

    data = make.davis(tmp_path, frames=4)
    segmenters.register("cows", lambda **_: Cows(data))
    model = script(tmp_path / "r.json", "[A1] -> [B2]\n[A2] -> none", "nothing", "[A1] -> [B1]")
    found = run_all("davis", data, tmp_path / "logs", model=model, segmenter="cows", every=1)
    assert found["oracle"].accuracy.value == 1
    assert (found["oracle"].answered, found["oracle"].calls) == (6, 3)
    causes = found[model].causes
    assert (causes["wrong_choice"], causes["refused"], causes["right"]) == (1, 1, 1)
    (log,) = (tmp_path / "logs" / "oracle").glob("*.eval")
    metrics = read_eval_log(str(log), header_only=True).results.scores[0].metrics
    assert metrics["J"].value > 0.99
    assert metrics["J&F"].value > 0.99
    (run,) = read_runs([tmp_path / "logs" / "oracle"])
    assert published(run)["J&F"].value == pytest.approx(metrics["J&F"].value)


def test_phrases_are_boxes_and_boxes_are_asked_for_without_marks(tmp_path: Path) -> None:
    data = make.flickr30k(tmp_path)
    segmenters.register("men", lambda **_: Boxes([[10, 20, 60, 50], [40, 20, 60, 50], [0, 0, 9, 9]]))
    found = run_all("flickr30k", data, tmp_path / "logs", segmenter="men")
    # Two men, and the sheet of paper of two captions.
    assert (found["oracle"].answered, found["oracle"].accuracy.value) == (3, 1)
    model = script(tmp_path / "r.json", "[10, 20, 60, 50]", "(40,20),(60,50)", "no idea")
    raw = run_all("flickr30k", data, tmp_path / "raw", model=model, bounds=(), condition="raw")[model]
    assert (raw.causes["right"], raw.causes["wrong_format"]) == (2, 1)


def test_expressions_are_judged_by_masks(tmp_path: Path) -> None:
    from inspect_ai.log import read_eval_log

    data = make.refcoco(tmp_path)
    mask = np.zeros((2, 100, 200), bool)
    mask[0, 20:50, 10:50] = True
    mask[1, 10:30, 100:130] = True
    segmenters.register("masks", lambda **_: Boxes([[10, 20, 50, 50], [100, 10, 130, 30]], mask))
    found = run_all("refcoco", data, tmp_path / "logs", segmenter="masks")
    assert (found["oracle"].answered, found["oracle"].accuracy.value) == (4, 1)
    (log,) = (tmp_path / "logs" / "oracle").glob("*.eval")
    metrics = read_eval_log(str(log), header_only=True).results.scores[0].metrics
    assert metrics["mIoU"].value == pytest.approx((1 + 0.6) / 2, abs=0.01)
    assert (metrics["P@0.5"].value, metrics["P@0.9"].value) == (1, 0.5)
    (run,) = read_runs([tmp_path / "logs" / "oracle"])
    shown = published(run)
    assert shown["mIoU"].value == pytest.approx((1 + 0.6) / 2, abs=0.01)
    assert (shown["P@0.9"].value, shown["wrong format"].value) == (0.5, 0)
    assert "<h2>As published</h2>" in render([run])


def test_a_refusal_overlaps_nothing_of_the_whole_true_mask(tmp_path: Path) -> None:
    data = make.refcoco(tmp_path)
    mask = np.zeros((1, 100, 200), bool)
    mask[0, 20:50, 10:50] = True
    segmenters.register("mask", lambda **_: Boxes([[10, 20, 50, 50]], mask))
    model = script(tmp_path / "r.json", "[1]", "I cannot say.", "[1]", "[1]")
    (run,) = (run_all("refcoco", data, tmp_path / "logs", model=model, bounds=(), segmenter="mask"),)
    (log,) = read_runs([tmp_path / "logs"])
    named = [one.evidence.named for one in log.samples]
    (refused,) = [one for one, found in zip(log.samples, named, strict=True) if found is None]
    assert refused.truth.area == sv.rle_to_mask(refused.truth.rle["counts"], (200, 100)).sum()
    shared, union = np.sum([found.pixels for found in named if found], axis=0)
    assert published(log)["oIoU"].value == pytest.approx(shared / (union + refused.truth.area))
    assert run[model].answered == 4


def test_images_that_came_with_their_marks(tmp_path: Path) -> None:
    data = make.sombench(tmp_path)
    model = script(tmp_path / "r.json", "It is [3].", "[2]")
    only: dict[str, Any] = {"bounds": ("oracle",)}
    found = run_all("som-bench", data, tmp_path / "a", model=model, name="refcocog-rec", **only)
    assert (found[model].causes["right"], found[model].causes["wrong_choice"]) == (1, 1)
    truth = tmp_path / "truth.json"
    truth.write_text(json.dumps({"000000000872_0": {"1": "cat"}, "000000000872_5": {"6": "bear"}}))
    named = run_all("som-bench", data, tmp_path / "b", name="coco", truth=str(truth), **only)
    assert (named["oracle"].answered, named["oracle"].accuracy.value) == (2, 1)


def test_reading_names_and_pairs() -> None:
    assert parse_names("[1] cat\n- **2**: dog, big\n3 = tv", ["1", "2", "3"]) == {
        "1": "cat", "2": "dog", "3": "tv",
    }  # fmt: skip
    assert parse_names("[1] cat; [2] traffic light", ["1", "2"]) == {"1": "cat", "2": "traffic light"}
    assert parse_names("I see a cat", ["1"]) == {}
    assert parse_pairs("[A1] -> [B4]\nA2: none\n[A3] → B7") == {1: "4", 2: None, 3: "7"}
