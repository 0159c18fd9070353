"""SoM-Bench: images that already carry marks, released with the Set-of-Mark paper.

Yang et al. 2023 (arXiv:2310.11441); files as in github.com/microsoft/SoM, ``benchmark/``. Five tasks
in four folders: the two referring tasks share one.
"""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from som.errors import DataError
from som.evals.datasets.base import Box, Phrase, Region, Sample
from som.evals.datasets.coco import Instances, box_and_mask
from som.evals.datasets.files import Row, as_numbers, find_file, kind_of, read_json
from som.evals.datasets.refcoco import read_refs

_PHRASE = ("phrase", "text", "expression", "name")
_PHRASES = ("phrases", "expressions")
_BOXES = ("boxes", "bboxes", "bbox", "box", "gt_boxes")
_VOCABULARIES = Path(__file__).parent / "vocabularies"
# The marks of one image are few; a larger number is a reference of RefCOCOg's own files.
_MOST_MARKS = 999

_log = logging.getLogger("som.evals")


def load_flickr30k(folder: Path, *, wbox: bool = False) -> Iterator[Sample]:
    """Phrase grounding: a caption, its phrases and their boxes.

    Args:
        folder: holds ``flickr30k_grounding/``, or is it.
        wbox: the images with boxes drawn, too (``ID_wbox.jpg``).
    """
    for path in _images(folder, "flickr30k_grounding"):
        truth = path.with_suffix(".json")
        caption, phrases = _caption(read_json(truth), str(truth))
        image = path.with_name(f"{path.stem}_wbox{path.suffix}") if wbox else path
        if not image.is_file():
            raise DataError(f"{truth}: no image {image}")
        yield Sample(
            id=path.stem,
            dataset="sombench-flickr30k",
            task="ground",
            image=image,
            instruction=caption,
            marked=True,
            phrases=phrases,
        )


def load_refcocog(folder: Path, *, name: str, refs: str | Path | None = None) -> Iterator[Sample]:
    """Referring expressions; each is one sample.

    Args:
        folder: holds ``refcocog_refseg/``, or is it.
        name: of the data set; comprehension and segmentation are the same samples.
        refs: RefCOCOg's folder (``refs(umd).p`` and ``instances.json``): `ref_id` is looked up there,
            and gives a box and a mask. Without it, `ref_id` is the mark that is meant.
    """
    truth = _References(Path(refs)) if refs is not None else None
    for path in _images(folder, "refcocog_refseg"):
        source = path.with_suffix(".json")
        found = read_json(source)
        rows = Row(found, str(source)).items("expressions") if isinstance(found, dict) else found
        if not isinstance(rows, list):
            raise DataError(f"{source}: expected a list of expressions, got {kind_of(rows)}")
        for number, one in enumerate(rows, 1):
            row = Row(one, f"{source}, row {number}")
            ref_id = row.whole("ref_id")
            answer: dict[str, Any] = {"marks": (str(ref_id),)}
            if truth is not None:
                answer = truth.of(ref_id, row.where)
            elif not 0 <= ref_id <= _MOST_MARKS:
                raise row.wrong("ref_id", "a mark's number; for RefCOCOg's own ids, add refs=FOLDER")
            yield Sample(
                id=f"{path.stem}-{number}",
                dataset=name,
                task="refer",
                image=path,
                instruction=row.text(row.first_of("text", "expression", "phrase", "sent")),
                marked=True,
                extra={"ref_id": ref_id},
                **answer,
            )


def load_ovseg(
    folder: Path, *, name: str, vocabulary: str | Path | None = None, truth: str | Path | None = None
) -> Iterator[Sample]:
    """Open-vocabulary naming: every mark of an image, out of a vocabulary.

    The release has images only, at most five marks on each. Their true names come from a file of the
    user's; without it the samples can be asked and not scored.

    Args:
        folder: holds ``coco_ovseg/`` or ``ade20k_ovseg/``, or is it.
        name: "coco" or "ade20k".
        vocabulary: a text file, one name a line; COCO's 133 or ADE20K's 150 by default.
        truth: JSON: ``{"000000000872_5": {"1": "bear", ...}}``, image -> mark -> name.
    """
    words = read_vocabulary(Path(vocabulary) if vocabulary else _VOCABULARIES / f"{name}.txt")
    known = Row(read_json(Path(truth)), str(truth)) if truth else None
    if known is None:
        _log.warning("SoM-Bench has no true names for %s_ovseg: to score, give truth=FILE", name)
    for path in _images(folder, f"{name}_ovseg"):
        parts = re.fullmatch(r"(.+)_(\d+)", path.stem)
        if parts is None:
            raise DataError(f"{path}: expected a name <image id>_<offset>{path.suffix}")
        yield Sample(
            id=path.stem,
            dataset=f"sombench-{name}",
            task="name",
            image=path,
            marked=True,
            regions=_named(known, path.stem, words) if known else (),
            vocabulary=words,
            extra={"image_id": parts[1], "offset": int(parts[2])},
        )


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """The names of a text file, one a line.

    Raises:
        DataError: no such file, or no names in it.
    """
    try:
        words = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    words = [word for word in words if word]
    if not words:
        raise DataError(f"{path} holds no names")
    return tuple(words)


def _images(folder: Path, name: str) -> Iterator[Path]:
    """The marked images of one of the folders, without their twins with boxes, in order."""
    places = (folder / name / "som_images", folder / "som_images", folder / name, folder)
    where = next((place for place in places if place.is_dir()), folder)
    found = [
        path
        for path in sorted(where.iterdir())
        if path.suffix.lower() in (".jpg", ".jpeg", ".png") and not path.stem.endswith("_wbox")
    ]
    if not found:
        raise DataError(f"no images in {where}; expected {name}/som_images/ in {folder}")
    yield from found


def _caption(data: Any, where: str) -> tuple[str, tuple[Phrase, ...]]:
    """The caption and its phrases; the release and its mirrors write them in several ways."""
    whole = Row(data if isinstance(data, dict) else {"phrases": data}, where)
    phrases: Any = whole.data.get(whole.first_of(*_PHRASES))
    boxes: Any = whole.data.get(whole.first_of(*_BOXES))
    if isinstance(phrases, dict):
        phrases, boxes = list(phrases), list(phrases.values())
    if not isinstance(phrases, list) or not phrases:
        raise whole.wrong(whole.first_of(*_PHRASES), "a list of phrases with their boxes")
    if not isinstance(phrases[0], dict):
        if not isinstance(boxes, list) or len(boxes) != len(phrases):
            raise whole.wrong(whole.first_of(*_BOXES), f"a list of {len(phrases)}, one for each phrase")
        phrases = [{"phrase": text, "boxes": found} for text, found in zip(phrases, boxes, strict=True)]
    rows = [Row(one, f"{where}, phrase {number}") for number, one in enumerate(phrases, 1)]
    found = tuple(Phrase(row.text(row.first_of(*_PHRASE)), _boxes(row)) for row in rows)
    field = whole.first_of("caption", "sentence", "text")
    return whole.text(field) if field in whole.data else ", ".join(one.text for one in found), found


def _boxes(row: Row) -> tuple[Box, ...]:
    """One box or a list of them."""
    field = row.first_of(*_BOXES)
    found = row.data.get(field)
    several = found if isinstance(found, list) and found and isinstance(found[0], list) else [found]
    boxes: list[Box] = []
    for one in several:
        numbers = as_numbers(one, 4)
        if numbers is None or numbers[2] < numbers[0] or numbers[3] < numbers[1]:
            raise row.wrong(field, "boxes [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2")
        boxes.append((numbers[0], numbers[1], numbers[2], numbers[3]))
    return tuple(boxes)


def _named(known: Row, stem: str, words: tuple[str, ...]) -> tuple[Region, ...]:
    marks = Row(known.data.get(stem), f"{known.where}, {stem}")
    return tuple(Region(marks.one_of(label, words), label=label) for label in marks.data)


class _References:
    """RefCOCOg's references by their id, joined to boxes and masks."""

    def __init__(self, folder: Path) -> None:
        path = find_file(folder, "refs(umd).p", "refcocog/refs(umd).p")
        self.rows = {row.whole("ref_id"): row for row in read_refs(path)}
        self.instances = Instances(find_file(path.parent, "instances.json"))

    def of(self, ref_id: int, where: str) -> dict[str, Any]:
        """The truth of one reference, as fields of a sample."""
        ref = self.rows.get(ref_id)
        if ref is None:
            raise DataError(f"{where}: RefCOCOg has no reference {ref_id}")
        image = self.instances.image(ref.whole("image_id"), ref.where)
        annotation = self.instances.annotation(ref.whole("ann_id"), ref.where)
        box, mask = box_and_mask(annotation, image.size_hw)
        return {"box_xyxy": box, "mask": mask}
