"""ScreenSpot, ScreenSpot-v2 and ScreenSpot-Pro: an instruction and the box that a click must hit.

Cheng et al. 2024 (SeeClick, arXiv:2401.10935); Wu et al. 2024 (OS-Atlas, arXiv:2410.23218); Li et al.
2025 (ScreenSpot-Pro, arXiv:2504.07981).
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from som.errors import DataError
from som.evals.datasets.base import Box, Sample
from som.evals.datasets.files import Row, image_size, inside, pick_folder, read_rows

SPLITS = ("mobile", "desktop", "web")
TYPES = ("text", "icon")
GROUPS = ("Dev", "Creative", "CAD", "Scientific", "Office", "OS")
LANGS = {"en": ("en",), "zh": ("zh",), "cn": ("zh",), "both": ("en", "zh")}

_log = logging.getLogger("som.evals")


def load_screenspot(
    folder: Path,
    *,
    version: int = 1,
    split: str | Sequence[str] = SPLITS,
    images: str | Path | None = None,
) -> Iterator[Sample]:
    """ScreenSpot or, with ``version=2``, ScreenSpot-v2.

    Args:
        folder: where ``screenspot_mobile.json`` and its kin are.
        version: 1 or 2.
        split: "mobile", "desktop", "web" or several of them; by default those that are there.
        images: the image folder; by default ``screenspot_imgs`` or ``screenspotv2_image`` if it is
            there, else `folder`.
    """
    suffix, usual = ("", "screenspot_imgs") if version == 1 else ("_v2", "screenspotv2_image")
    wanted = [split] if isinstance(split, str) else list(split)
    for one in wanted:
        if one not in SPLITS:
            raise DataError(f"no split {one!r}; choose from: {', '.join(SPLITS)}")
    files = {one: folder / f"screenspot_{one}{suffix}.json" for one in wanted}
    if tuple(wanted) == SPLITS:
        files = {one: path for one, path in files.items() if path.is_file()}
        if not files:
            raise DataError(f"{folder} holds no screenspot_{{{','.join(SPLITS)}}}{suffix}.json")
    where = pick_folder(folder, images, usual, "images")
    name = "screenspot" if version == 1 else "screenspot-v2"
    for one, path in files.items():
        rows = list(read_rows(path))
        shares = bool(rows) and all(max(_numbers(row)) <= 1 for row in rows)
        if shares:
            _log.warning("%s: boxes are shares of the image, read as [x1, y1, x2, y2]", path)
        for number, row in enumerate(rows, 1):
            image = inside(where, row.text("img_filename"), row.where)
            yield Sample(
                id=f"{one}-{number:04d}",
                dataset=name,
                task="click",
                image=image,
                instruction=row.text("instruction"),
                box_xyxy=_scaled(row, image) if shares else row.box_xywh(),
                split=one,
                group=one,
                type=row.one_of("data_type", TYPES),
                platform=row.text("data_source").strip().lower(),
            )


def _numbers(row: Row) -> tuple[float, ...]:
    return row.numbers("bbox", 4, "[x, y, width, height]")


def _scaled(row: Row, image: Path) -> Box:
    width, height = image_size(image, row.where)
    x1, y1, x2, y2 = row.box_xyxy()
    return x1 * width, y1 * height, x2 * width, y2 * height


def load_screenspot_pro(
    folder: Path, *, lang: str = "en", images: str | Path | None = None, group: str | None = None
) -> Iterator[Sample]:
    """ScreenSpot-Pro.

    Args:
        folder: where ``annotations/`` and ``images/`` are.
        lang: "en", "zh" or "both"; instructions in both languages are two samples.
        images: another image folder.
        group: only "Dev", "Creative", "CAD", "Scientific", "Office" or "OS".
    """
    if lang not in LANGS:
        raise DataError(f"no language {lang!r}; choose from: {', '.join(LANGS)}")
    if group is not None and group not in GROUPS:
        raise DataError(f"no group {group!r}; choose from: {', '.join(GROUPS)}")
    files = sorted(pick_folder(folder, None, "annotations").glob("*.json"))
    if not files:
        raise DataError(f"{folder} holds no annotations/*.json")
    where = pick_folder(folder, images, "images")
    for path in files:
        for row in read_rows(path):
            if group is None or row.one_of("group", GROUPS) == group:
                yield from _pro(row, where, lang, path.stem)


def _pro(row: Row, images: Path, lang: str, task: str) -> Iterator[Sample]:
    image = inside(images, row.text("img_filename"), row.where)
    width, height = row.numbers("img_size", 2, "[width, height]")
    box = row.box_xyxy()
    if box[2] > width or box[3] > height or min(box) < 0:
        raise row.wrong("bbox", f"inside the image of {width:g}x{height:g}")
    for one in LANGS[lang]:
        yield Sample(
            id=row.name("id") + ("" if one == "en" else f"-{one}"),
            dataset="screenspot-pro",
            task="click",
            image=image,
            instruction=row.text("instruction" if one == "en" else "instruction_cn"),
            lang=one,
            box_xyxy=box,
            type=row.one_of("ui_type", TYPES),
            platform=row.text("platform"),
            group=row.one_of("group", GROUPS),
            application=row.text("application"),
            extra={"task_filename": task},
        )
