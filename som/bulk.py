"""Marking many images, by the thousand: where they come from, where results go, going on after a stop.

Images are files, folders, or rows of Parquet files; mark files go into a folder or one Parquet file.
Whoever marks them (this process, or Ray, see `som.ray_pool`) takes an `Item` and gives a `Result`;
only this process writes, so that a worker that dies leaves nothing half done and nothing is doubled.
"""

import io
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from som.batch import make_folder, plan
from som.errors import ImageError, MissingDependencyError, SomError

if TYPE_CHECKING:
    from som.marker import Marker

INSTALL = 'pip install "som-agent[ray]"'
# A part of the Parquet file is written after so many results or seconds, whichever is first: what a
# kill costs at most.
PART_ROWS = 64
PART_SECONDS = 10.0
_BYTES = ("image", "bytes", "image_bytes")
_PATHS = ("path", "image_path", "file_name", "image")


@dataclass(frozen=True)
class Item:
    """One image to mark.

    Attributes:
        id: unique in a run.
        source: a path, the bytes of a file, or None where the row has neither.
        path: what the mark file says the image is.
        drawn: where the marked image goes, None for nowhere.
        mark_file: where the mark file goes, None for nowhere or into a Parquet file.
    """

    id: str
    source: str | bytes | None
    path: str | None = None
    drawn: Path | None = None
    mark_file: Path | None = None


@dataclass(frozen=True)
class Result:
    """What came of an `Item`: a mark file and a marked image, or an error in one line."""

    id: str
    marks: str = ""
    drawn: bytes = b""
    error: str = ""


def is_bulk(path: Path | None) -> bool:
    """Whether this is a Parquet file, by its name."""
    return path is not None and path.suffix.lower() in (".parquet", ".pq")


def read_items(inputs: Sequence[Path], out: Path | None, json_out: Path | None) -> Iterator[Item]:
    """The images of a run, one by one; Parquet files are never read whole.

    Args:
        inputs: files, folders and Parquet files. A Parquet file has a column `image` (the bytes of a
            file, or bytes and path as the `datasets` library writes them), or `path`, relative to the
            Parquet file; and, where it has one, `id`.
        out: where marked images go: for files by the rules of `som mark`; for Parquet files a folder,
            or None for nowhere.
        json_out: where mark files go, a folder or a Parquet file.

    Raises:
        SomError: a file that is no Parquet file, or has neither column.
        ImageError: a folder without images.
    """
    tables = [path for path in inputs if is_bulk(path)]
    folder = None if is_bulk(json_out) else json_out
    if len(tables) < len(inputs):
        for job in plan([path for path in inputs if path not in tables], out, folder):
            name = str(job.image)
            yield Item(name, name, name, job.drawn, job.mark_file)
    seen: Counter[str] = Counter()
    for table in tables:
        for item in _rows(table):
            seen[item.id] += 1
            key = item.id if seen[item.id] == 1 else f"{item.id}#{seen[item.id]}"
            stem = _file_name(key)
            yield replace(
                item,
                id=key,
                drawn=None if out is None else out / f"{stem}.marked.png",
                mark_file=None if folder is None else folder / f"{stem}.json",
            )


def count_items(inputs: Sequence[Path]) -> int:
    """How many images a run has; reads no image."""
    tables = [path for path in inputs if is_bulk(path)]
    files = [path for path in inputs if path not in tables]
    total = len(plan(files, None, None)) if files else 0
    return total + sum(int(_open(path).metadata.num_rows) for path in tables)


def _rows(table: Path) -> Iterator[Item]:
    file = _open(table)
    names = file.schema_arrow.names
    image = next((name for name in _BYTES if name in names), None)
    path = next((name for name in _PATHS if name in names and name != image), None)
    if image is None and path is None:
        raise SomError(
            f"{table} has no column image (bytes) or path; it has {', '.join(names) or 'none'}"
        )
    wanted = [name for name in ("id", image, path) if name is not None and name in names]
    for number, row in enumerate(_read(table, file, wanted), 1):
        source, name = _source(row.get(image or ""), row.get(path or ""), table.parent)
        key = row.get("id")
        yield Item(f"{table.stem}-{number:08d}" if key is None else str(key), source, name)


def _read(table: Path, file: Any, columns: list[str]) -> Iterator[dict[str, Any]]:
    try:
        for batch in file.iter_batches(batch_size=16, columns=columns):
            yield from batch.to_pylist()
    except (OSError, ValueError) as error:
        raise SomError(f"{table} is cut off or damaged: {str(error).splitlines()[0]}") from error


def _source(image: Any, path: Any, folder: Path) -> tuple[str | bytes | None, str | None]:
    """The image of a row: bytes first, else its path."""
    if isinstance(image, dict):
        image, path = image.get("bytes"), image.get("path") or path
    elif isinstance(image, str):
        image, path = None, image
    path = path if isinstance(path, str) and path else None
    if isinstance(image, bytes) and image:
        return image, path
    return (str(folder / path), path) if path else (None, None)


def _open(path: Path) -> Any:
    parquet = _parquet()
    try:
        return parquet.ParquetFile(path)
    except FileNotFoundError:
        raise SomError(f"no such file: {path}") from None
    except (OSError, ValueError) as error:
        raise SomError(f"{path} is no Parquet file: {str(error).splitlines()[0]}") from error


def _parquet() -> Any:
    try:
        from pyarrow import parquet
    except ImportError as error:
        raise MissingDependencyError(f"Parquet files need pyarrow: {INSTALL}") from error
    return parquet


def _file_name(key: str) -> str:
    """An id as a file name; ids that are none get a number of their own."""
    name = re.sub(r"[^\w.-]+", "_", key)[:120].lstrip(".") or "_"
    if name == key:
        return name
    import hashlib

    return f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"


def mark_item(item: Item, marking: dict[str, Any]) -> Result:
    """Mark one image; whatever is wrong with it is in the result.

    Args:
        item: the image.
        marking: the options of `som.cli_marking.make_marker`.
    """
    if item.source is None:
        return Result(item.id, error=f"{item.id}: the row has no image")
    try:
        marked = _marker(_Marking(marking))(item.source)
        marks = replace(marked, path=item.path).to_json()
        drawn = _encoded(marked.drawn, item.drawn) if item.drawn is not None else b""
    except SomError as error:
        # The path of a file is in the message.
        return Result(item.id, error=f"{'' if item.id == item.source else f'{item.id}: '}{error}")
    except Exception as error:
        return Result(item.id, error=f"{item.id}: {type(error).__name__} {error}".splitlines()[0])
    return Result(item.id, json.dumps(marks, ensure_ascii=False), drawn)


class _Marking(dict[str, Any]):
    """Options as a key: a process builds its marker, and loads a model, once."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(repr(sorted(self.items())))


@lru_cache(maxsize=1)
def _marker(marking: _Marking) -> "Marker":
    from som.cli_marking import make_marker

    return make_marker(dict(marking))


def _encoded(image: Any, path: Path) -> bytes:
    from PIL import Image

    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind is None:
        raise ImageError(f"cannot write {path}: {path.suffix or 'no suffix'} names no image format")
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


class Sink:
    """Where results go: files of their own, and a Parquet file where one is asked for.

    The Parquet file is made of parts beside it, which a run that goes on reads first; it appears when
    the run is through.

    Args:
        table: the Parquet file, or None.
        resume: go on where an earlier run stopped.

    Raises:
        SomError: there are parts of an earlier run, and no `resume`.
    """

    def __init__(self, table: Path | None, resume: bool) -> None:
        self.table, self.resume = table, resume
        self.parts = table.with_name(f"{table.name}.parts") if table is not None else None
        self._kept: set[str] = set()
        self._rows: list[dict[str, str]] = []
        self._failed: list[dict[str, str]] = []
        self._number = 0
        self._since = time.monotonic()
        if self.parts is not None:
            self._start(self.parts)

    def _start(self, parts: Path) -> None:
        assert self.table is not None
        found = sorted(parts.glob("*.parquet"))
        if found and not self.resume:
            raise SomError(
                f"{parts} holds an unfinished run; add --skip-existing to go on, or remove it"
            )
        make_folder(parts)
        if self.resume and self.table.exists() and not found:
            # An earlier run came to its end: what it has is the first part of this one.
            found = [parts / "000000.parquet"]
            self._write(found[0], _open(self.table).read().to_pylist())
        for path in found:
            rows = _open(path).read(columns=["id", "error"]).to_pylist()
            self._kept |= {row["id"] for row in rows if not row["error"]}
            self._number = max(self._number, int(path.stem) + 1)

    def has(self, item: Item) -> bool:
        """Whether an earlier run wrote everything of this image."""
        files = [path for path in (item.drawn, item.mark_file) if path is not None]
        kept = self.table is None or item.id in self._kept
        return self.resume and kept and all(path.exists() for path in files)

    def put(self, item: Item, result: Result) -> None:
        """Write one result; the last file by renaming, as `som.batch.Job` does.

        Raises:
            SomError: a file cannot be written.
        """
        row = {"id": item.id, "path": item.path or "", "marks": result.marks, "error": result.error}
        if result.error:
            self._failed.append(row)
            return
        for path, data in ((item.mark_file, result.marks.encode()), (item.drawn, result.drawn)):
            if path is not None:
                make_folder(path.parent)
                _write_bytes(path, data)
        if self.table is None or item.id in self._kept:
            return
        self._kept.add(item.id)
        self._rows.append(row)
        if len(self._rows) >= PART_ROWS or time.monotonic() - self._since > PART_SECONDS:
            self.close()

    def close(self) -> None:
        """Write what is held as a part: nothing that is done is lost."""
        if self.parts is not None and self._rows:
            self._write(self.parts / f"{self._number:06d}.parquet", self._rows)
            self._number += 1
            self._rows = []
        self._since = time.monotonic()

    def finish(self) -> None:
        """Make the Parquet file of its parts, failed images last, and remove them.

        Raises:
            SomError: it cannot be written.
        """
        self.close()
        if self.table is None or self.parts is None:
            return
        parquet = _parquet()
        parts = sorted(self.parts.glob("*.parquet"))
        new = self.table.with_name(f".part-{self.table.name}")
        try:
            with parquet.ParquetWriter(new, _schema()) as writer:
                for path in parts:
                    rows = _open(path).read().to_pylist()
                    writer.write_table(_as_table([row for row in rows if not row["error"]]))
                writer.write_table(_as_table(self._failed))
            new.replace(self.table)
            for path in parts:
                path.unlink()
            self.parts.rmdir()
        except OSError as error:
            raise SomError(f"cannot write {self.table}: {error.strerror or error}") from error

    def _write(self, path: Path, rows: list[dict[str, str]]) -> None:
        buffer = io.BytesIO()
        _parquet().write_table(_as_table(rows), buffer)
        _write_bytes(path, buffer.getvalue())


def _schema() -> Any:
    import pyarrow

    return pyarrow.schema([(name, pyarrow.string()) for name in ("id", "path", "marks", "error")])


def _as_table(rows: list[dict[str, str]]) -> Any:
    import pyarrow

    return pyarrow.Table.from_pylist(rows, schema=_schema())


def _write_bytes(path: Path, data: bytes) -> None:
    part = path.with_name(f".part-{path.name}")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SomError(f"cannot write {path}: {error.strerror}") from error


Results = Generator[tuple[Item, Result], None, None]
Run = Callable[[Iterable[Item], dict[str, Any]], Results]


def run_here(items: Iterable[Item], marking: dict[str, Any]) -> Results:
    """Mark one image after the other in this process."""
    for item in items:
        yield item, mark_item(item, marking)
