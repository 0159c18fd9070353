"""Reading a data set's files strictly: an error names the file, the row and the field."""

import json
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from som.errors import DataError
from som.evals.datasets.base import Box


class Row:
    """One JSON object of a file; each getter checks what it gives.

    Args:
        data: the object.
        where: how an error calls it, for example "refs.json, row 7".

    Raises:
        DataError: `data` is no object.
    """

    def __init__(self, data: Any, where: str) -> None:
        if not isinstance(data, dict):
            raise DataError(f"{where}: expected an object, got {kind_of(data)}")
        self.data: dict[str, Any] = data
        self.where = where

    def wrong(self, field: str, expected: str) -> DataError:
        """The error for a field that is missing or of the wrong kind."""
        if field not in self.data:
            has = ", ".join(sorted(map(str, self.data))[:12]) or "nothing"
            return DataError(f"{self.where}: no field {field!r} ({expected}); it has {has}")
        return DataError(
            f"{self.where}: field {field!r} must be {expected}, got {kind_of(self.data[field])}"
        )

    def first_of(self, *fields: str) -> str:
        """The first of these names that the object has, or the first name: then getters complain."""
        return next((field for field in fields if field in self.data), fields[0])

    def text(self, field: str) -> str:
        """A text that is not empty."""
        value = self.data.get(field)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(field, "a text")
        return value

    def name(self, field: str) -> str:
        """A text or a whole number, as text: ids come both ways."""
        value = self.data.get(field)
        return (
            str(value) if isinstance(value, int) and not isinstance(value, bool) else self.text(field)
        )

    def whole(self, field: str) -> int:
        """A whole number."""
        value = self.data.get(field)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.wrong(field, "a whole number")
        return value

    def one_of(self, field: str, choices: Sequence[str]) -> str:
        """One of these texts, whatever its case; returned as it is in `choices`."""
        value = self.text(field).strip().lower()
        for choice in choices:
            if choice.lower() == value:
                return choice
        raise self.wrong(field, f"one of {', '.join(choices)}")

    def items(self, field: str) -> list[Any]:
        """A list."""
        value = self.data.get(field)
        if not isinstance(value, list):
            raise self.wrong(field, "a list")
        return value

    def numbers(self, field: str, count: int, meaning: str) -> tuple[float, ...]:
        """So many finite numbers."""
        found = as_numbers(self.data.get(field), count)
        if found is None:
            raise self.wrong(field, f"{count} numbers {meaning}")
        return found

    def box_xyxy(self, field: str = "bbox") -> Box:
        """A box given by its corners."""
        x1, y1, x2, y2 = self.numbers(field, 4, "[x1, y1, x2, y2]")
        if x2 < x1 or y2 < y1:
            raise self.wrong(field, "4 numbers [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2")
        return x1, y1, x2, y2

    def box_xywh(self, field: str = "bbox") -> Box:
        """A box given by a corner and its size, as corners."""
        x, y, width, height = self.numbers(field, 4, "[x, y, width, height]")
        if width < 0 or height < 0:
            raise self.wrong(field, "4 numbers [x, y, width, height], none of the sizes negative")
        return x, y, x + width, y + height


def as_numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """So many finite numbers, or None."""
    if not isinstance(value, list | tuple) or len(value) != count:
        return None
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in value):
        return None
    numbers = tuple(float(one) for one in value)
    return numbers if all(math.isfinite(one) for one in numbers) else None


def kind_of(value: Any) -> str:
    """A value in a few characters for an error: short values themselves, others by type."""
    if value is None or isinstance(value, bool | int | float | str):
        huge = isinstance(value, int) and abs(value) > 1 << 64
        shown = "a huge number" if huge else json.dumps(value, ensure_ascii=False)
        return shown if len(shown) <= 60 else f"{shown[:57]}..."
    if isinstance(value, list) and len(value) <= 6 and all(_is_plain(one) for one in value):
        return f"[{', '.join(kind_of(one) for one in value)}]"
    if isinstance(value, list | tuple | dict):
        noun = "an object" if isinstance(value, dict) else "a list"
        return f"{noun} of {len(value)}"
    return f"a {type(value).__name__}"


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def read_json(path: Path) -> Any:
    """A JSON file.

    Raises:
        DataError: it is missing or no JSON; the message says where in the file.
    """
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        raise DataError(f"no such file: {path}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {str(error) or 'nested too deep'}") from error


def read_rows(path: Path) -> Iterator[Row]:
    """The objects of a JSON list; rows count from 1.

    Raises:
        DataError: no such file, no JSON, no list, or a row that is no object.
    """
    data = read_json(path)
    if not isinstance(data, list):
        raise DataError(f"{path}: expected a list of objects, got {kind_of(data)}")
    for number, one in enumerate(data, 1):
        yield Row(one, f"{path}, row {number}")


def read_lines(path: Path) -> Iterator[Row]:
    """The objects of a JSON Lines file; empty lines are passed over.

    Raises:
        DataError: no such file, or a line that is no JSON object, by its number.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield Row(_parse_line(line, f"{path}, line {number}"), f"{path}, line {number}")
    except FileNotFoundError:
        raise DataError(f"no such file: {path}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _parse_line(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: no JSON: {str(error) or 'nested too deep'}") from error


def inside(folder: Path, name: str, where: str) -> Path:
    """A file of a data set, by the name that the data set gives it.

    Args:
        folder: where the data set's files are.
        name: relative, with forward slashes.
        where: the row that names it, for the error.

    Raises:
        DataError: the name leads out of the folder, or there is no such file.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0] or "\0" in name:
        raise DataError(f"{where}: {name!r} leads out of {folder}; it is refused")
    path = folder.joinpath(*parts)
    if not path.is_file():
        raise DataError(f"{where}: no image {path}")
    return path


def pick_folder(folder: Path, given: str | Path | None, *usual: str) -> Path:
    """Where images are: the folder that the user named, else the first usual one that exists.

    Raises:
        DataError: the named folder is missing.
    """
    if given is not None:
        chosen = Path(given) if Path(given).is_dir() else folder / given
        if not chosen.is_dir():
            raise DataError(f"no image folder {given}")
        return chosen
    return next((folder / name for name in usual if (folder / name).is_dir()), folder)


def find_file(folder: Path, *usual: str) -> Path:
    """The first of these files that exists.

    Raises:
        DataError: none does; the message lists them.
    """
    for name in usual:
        if (folder / name).is_file():
            return folder / name
    if not folder.is_dir():
        raise DataError(f"no such folder: {folder}")
    raise DataError(f"{folder} holds none of: {', '.join(usual)}")


def image_size(path: Path, where: str) -> tuple[int, int]:
    """Width and height, from the head of the file.

    Raises:
        DataError: it is no image.
    """
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{where}: {path} is no image that can be read: {error}") from error


@lru_cache(maxsize=4)
def read_indices(path: Path) -> NDArray[np.int64]:
    """The values (H, W) of an annotation PNG: palette indices, or R + 256 G + 65536 B.

    Raises:
        DataError: it cannot be read.
    """
    try:
        with Image.open(path, formats=["PNG"]) as image:
            values = np.asarray(image if image.mode in ("P", "L") else image.convert("RGB"), np.int64)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    values = values if values.ndim == 2 else values @ np.array([1, 256, 65536])
    values.setflags(write=False)
    return values
