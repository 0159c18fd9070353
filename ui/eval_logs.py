"""Logs of evaluations that can be looked at: those in the owner's folder, and those a visitor sent."""

import base64
import binascii
import hashlib
import io
import threading
import zipfile
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from som.errors import DataError, SomError
from som.evals.logs import Run, read_run, read_sent_run
from som.ui.config import Config
from som.ui.decode import clean_title

MOST_LISTED, MOST_KEPT = 300, 48
# A log packs its texts well; one that unpacks to more than this for each byte of the limit is a trap.
UNPACKED = 12
_MAGIC_ZIP = b"PK"


@dataclass(frozen=True, eq=False)
class Log:
    """A log.

    Attributes:
        key: names it in the page; no path can be read from it.
        run: what is in it; of those that are listed only, without samples.
        images: what the model was shown last, of a log that was sent; None for one of the folder.
        title: of a log that was sent, its file's name.
    """

    key: str
    run: Run
    images: dict[tuple[str, int], list[bytes]] | None = field(default=None, repr=False)
    title: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of its images."""
        return sum(len(data) for files in (self.images or {}).values() for data in files)


class Shelf:
    """The owner's folder. A log is named by a key that it gave out, never by a path."""

    def __init__(self, folder: Path | None) -> None:
        """Take logs from this folder, or from none."""
        self._folder = folder
        self._lock = threading.Lock()
        self._heads: dict[tuple[str, int, int], Run | None] = {}
        self._read: OrderedDict[tuple[str, int, int], Run] = OrderedDict()

    def listed(self) -> list[Log]:
        """What there is, without samples; of very many the newest.

        Raises:
            MissingDependencyError: there are logs, and inspect_ai is not installed.
        """
        with self._lock:
            found = []
            for key, path in self._paths().items():
                mark = _mark(path)
                if mark not in self._heads:
                    self._heads[mark] = _head(path)
                head = self._heads[mark]
                if head is not None:
                    found.append(Log(key, head))
            return found

    def log(self, key: str) -> Log:
        """One of them, with its samples.

        Raises:
            DataError: there is none of this key, or it cannot be read.
        """
        with self._lock:
            path = self._paths().get(key)
            if path is None:
                raise DataError("there is no such log; choose one from the list")
            mark = _mark(path)
            if mark not in self._read:
                try:
                    self._read[mark] = read_run(path)
                except DataError as error:
                    raise DataError(str(error).replace(str(path), path.name)) from error
            self._read.move_to_end(mark)
            while len(self._read) > MOST_KEPT:
                self._read.popitem(last=False)
            return Log(key, self._read[mark])

    def _paths(self) -> dict[str, Path]:
        """Files by key, the newest first. A link that leads out of the folder is none of it."""
        if self._folder is None or not self._folder.is_dir():
            return {}
        root = self._folder.resolve()
        found = [
            path
            for kind in ("*.eval", "*.json")
            for path in self._folder.rglob(kind)
            if path.is_file() and path.resolve().is_relative_to(root)
        ]
        found.sort(key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
        return {_key(path.relative_to(self._folder).as_posix()): path for path in found[:MOST_LISTED]}


def receive(data: Any, title: Any, config: Config) -> Log:
    """A log that a visitor sent: its bytes, as base64 or a ``data:`` URL.

    Raises:
        DataError: it is something else, broken, or too large.
        MissingDependencyError: inspect_ai is not installed.
    """
    if not isinstance(data, str):
        raise DataError("send a log as base64 text or a data: URL")
    if len(data) * 3 / 4 > config.max_upload_mb * 1e6 + 1000:
        raise DataError(f"the log is larger than {config.max_upload_mb} MB")
    try:
        raw = base64.b64decode(data.partition(";base64,")[2] or data, validate=True)
    except (binascii.Error, ValueError):
        raise DataError("that is no log; send the base64 of an .eval or .json file") from None
    name = clean_title(title)
    if raw[:2] == _MAGIC_ZIP:
        _check_zip(raw, config.max_upload_mb * 10**6 * UNPACKED)
    elif raw.lstrip()[:1] != b"{":
        raise DataError(f"{name} is no log; send an .eval or .json file of inspect_ai")
    try:
        run, images = read_sent_run(raw, name)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name} cannot be read as a log") from error
    return Log("sent-" + hashlib.sha256(raw).hexdigest()[:16], run, images, name)


def _check_zip(raw: bytes, most: int) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            size = sum(each.file_size for each in packed.infolist())
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise DataError("that log is broken") from error
    if size > most:
        raise DataError(f"that log unpacks to {size // 10**6} MB; at most {most // 10**6} MB are read")


def _head(path: Path) -> Run | None:
    """A log's head; None where the file is no log of som's evaluations."""
    try:
        return read_run(path, samples=False)
    except DataError:
        return None


def _mark(path: Path) -> tuple[str, int, int]:
    try:
        about = path.stat()
    except OSError as error:
        raise SomError("that log is gone; choose another") from error
    return str(path), about.st_mtime_ns, about.st_size


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]
