"""Flickr30k Entities: captions whose phrases are boxes in the image.

Plummer et al. 2015 (arXiv:1505.04870); files as in github.com/BryanPlummer/flickr30k_entities.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from som.errors import DataError
from som.evals.datasets.base import Box, Phrase, Sample
from som.evals.datasets.files import find_file, inside, pick_folder

_SPAN = re.compile(r"\[/EN#(\d+)((?:/[^\s/\]]+)*) ([^\[\]]+)\]")
SPLITS = ("train", "val", "test")


def load_flickr30k(
    folder: Path, *, split: str | None = None, images: str | Path | None = None
) -> Iterator[Sample]:
    """One sample for each caption that has a phrase with boxes.

    Args:
        folder: holds ``Sentences/``, ``Annotations/`` and the images.
        split: "train", "val" or "test", from ``train.txt``, ... in `folder`; all images by default.
        images: the image folder; ``flickr30k-images`` or ``images`` by default.
    """
    where = pick_folder(folder, images, "flickr30k-images", "flickr30k_images", "images")
    for stem in _stems(folder, split):
        sentences = folder / "Sentences" / f"{stem}.txt"
        boxes = read_boxes(folder / "Annotations" / f"{stem}.xml")
        try:
            lines = sentences.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"cannot read {sentences}: {reason}") from error
        image = inside(where, f"{stem}.jpg", str(sentences))
        for number, line in enumerate(lines):
            caption, phrases = parse_caption(line, boxes, f"{sentences}, line {number + 1}")
            if phrases:
                yield Sample(
                    id=f"{stem}-{number}",
                    dataset="flickr30k",
                    task="ground",
                    image=image,
                    instruction=caption,
                    phrases=phrases,
                    split=split or "",
                )


def _stems(folder: Path, split: str | None) -> list[str]:
    if split is not None:
        if split not in SPLITS:
            raise DataError(f"no split {split!r}; choose from: {', '.join(SPLITS)}")
        path = find_file(folder, f"{split}.txt")
        stems = path.read_text("utf-8").split()
        for number, stem in enumerate(stems, 1):
            if not re.fullmatch(r"\w+", stem):
                raise DataError(f"{path}, line {number}: expected an image id, got {stem!r:.60}")
        return stems
    stems = sorted(path.stem for path in (folder / "Sentences").glob("*.txt"))
    if not stems:
        raise DataError(f"{folder} holds no Sentences/*.txt")
    return stems


def parse_caption(
    line: str, boxes: dict[str, tuple[Box, ...]], where: str
) -> tuple[str, tuple[Phrase, ...]]:
    """A caption without its markup, and the phrases of it that have boxes.

    Args:
        line: "[/EN#283585/people A child] in [/EN#0/notvisual it] ...".
        boxes: of each entity.
        where: file and line, for errors.

    Raises:
        DataError: a span that is not closed or has no number.
    """
    phrases = tuple(
        Phrase(found[3].strip(), boxes[found[1]], kinds=tuple(found[2].split("/")[1:]))
        for found in _SPAN.finditer(line)
        if boxes.get(found[1])
    )
    caption = _SPAN.sub(lambda found: found[3], line).strip()
    if "[/EN" in caption:
        broken = caption[caption.index("[/EN") :][:40]
        raise DataError(f"{where}: expected [/EN#id/kind words], got {broken!r}")
    return caption, phrases


def read_boxes(path: Path) -> dict[str, tuple[Box, ...]]:
    """The boxes of each entity of an annotation file; entities without one (nobox, scene) have none.

    The file counts pixels from 1 and includes the last; boxes here start at 0, right exclusive.

    Raises:
        DataError: no such file, or not in this format.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    # Annotations declare no entities; a file that does can grow without bound when it is parsed.
    if b"<!ENTITY" in text or b"<!DOCTYPE" in text:
        raise DataError(f"{path} is refused: an annotation has no DOCTYPE")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - no entities, see above
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f"{path} is no XML: {error}") from error
    found: dict[str, list[Box]] = {}
    for number, one in enumerate(root.iter("object"), 1):
        names = [name.text.strip() for name in one.iter("name") if name.text]
        if not names:
            raise DataError(f"{path}, object {number}: no field 'name'")
        box = one.find("bndbox")
        for name in names:
            boxes = found.setdefault(name, [])
            if box is not None:
                boxes.append(_box(box, f"{path}, object {number}"))
    return {name: tuple(boxes) for name, boxes in found.items()}


def _box(element: ElementTree.Element, where: str) -> Box:
    values = []
    for field in ("xmin", "ymin", "xmax", "ymax"):
        text = element.findtext(field)
        try:
            values.append(float(text or ""))
        except ValueError:
            raise DataError(f"{where}: field {field!r} must be a number, got {text!r}") from None
    x1, y1, x2, y2 = values
    if not (x1 <= x2 and y1 <= y2):
        raise DataError(f"{where}: expected xmin <= xmax and ymin <= ymax, got {values}")
    return x1 - 1, y1 - 1, x2, y2
