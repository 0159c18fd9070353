"""Regions found once: kept on disk by what the image shows and how it was segmented.

Finding regions takes seconds, everything after it - selection, order, placement, drawing - takes
milliseconds. So the regions are what is kept, exactly as the segmenter gave them, and one entry serves
every style, order and size. Its key is the SHA-256 of the pixels, the segmenter's settings, and the
version of the code that finds regions. An entry that cannot be read is no entry.
"""

import hashlib
import io
import json
import logging
import os
import tempfile
import time
import zipfile
from collections.abc import Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

import som
from som import segmenters
from som.batch import make_folder
from som.errors import SomError
from som.image import pixels_sha256
from som.masks import pack
from som.regions import Crop, crops_of, normalize, text_of
from som.segmenters import Segmenter

MAX_BYTES = 2 * 1024**3
# Pruning looks at every file; once in so many new entries is often enough.
_PRUNE_EVERY = 200
# A part file older than this was left by a process that was killed.
_STALE_S = 3600
_PACKAGES = (
    "numpy", "scipy", "opencv-python", "opencv-python-headless", "supervision", "rapidocr",
    "onnxruntime", "torch", "transformers", "segment-anything",
)  # fmt: skip
_OPTIONAL = ("confidence", "class_id", "tracker_id")
_TEXTS = ("source", "text", "role")

_log = logging.getLogger("som")


def default_folder() -> Path:
    """``$SOM_MARKS_CACHE``, else ``$XDG_CACHE_HOME/som/marks``, by default in ``~/.cache``."""
    if chosen := os.environ.get("SOM_MARKS_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "som" / "marks"


@lru_cache(maxsize=1)
def marking_version() -> str:
    """Changes with the code that finds regions and with the libraries under it."""
    digest = hashlib.sha256(som.__version__.encode())
    root = Path(__file__).parent
    for path in sorted([*root.glob("*.py"), *root.glob("segmenters/**/*.py")]):
        if not path.name.startswith("cli"):
            digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    for name in _PACKAGES:
        try:
            digest.update(f"{name}={metadata.version(name)}".encode())
        except metadata.PackageNotFoundError:
            digest.update(f"{name}-".encode())
    return digest.hexdigest()


class MarksCache:
    """Regions on disk, shared by any number of processes.

    Entries are written under another name and renamed, so that a reader never sees half of one; two
    writers of one entry write the same.

    Args:
        folder: `default_folder()` when not given; made with access for its owner alone, since what
            can be read in an image is kept in it.
        max_bytes: entries used least recently go when they take more.

    Raises:
        SomError: the folder cannot be made.
    """

    def __init__(self, folder: str | Path | None = None, *, max_bytes: int = MAX_BYTES) -> None:
        self.folder = Path(folder) if folder is not None else default_folder()
        self.max_bytes = max_bytes
        self.hits = self.misses = 0
        self._written = 0
        make_folder(self.folder.parent)
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise SomError(f"cannot make the marks cache {self.folder}: {error.strerror}") from error

    def key(self, image: NDArray[np.uint8], settings: Mapping[str, Any]) -> str:
        """The key of an image, uint8 RGB (H, W, 3), segmented with these settings (plain data)."""
        parts = {
            "pixels": pixels_sha256(image),
            "size": list(image.shape[:2]),
            "settings": settings,
            "version": marking_version(),
        }
        text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def load(self, key: str, size_hw: tuple[int, int]) -> tuple[str, sv.Detections] | None:
        """The segmenter's name and its regions, or None where there is no entry that can be read."""
        path = self._path(key)
        try:
            found = _unpack(path.read_bytes(), key, size_hw)
            os.utime(path)  # pruning keeps what was used last
        except FileNotFoundError:
            self.misses += 1
            return None
        except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
            _log.info("marks cache: %s cannot be read (%s); made anew", path, error)
            self.misses += 1
            return None
        self.hits += 1
        return found

    def save(self, key: str, name: str, regions: sv.Detections, size_hw: tuple[int, int]) -> None:
        """Keep regions that keep the conventions of `som.regions`; a full disk is only a warning."""
        path = self._path(key)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            handle, part = tempfile.mkstemp(prefix=".part-", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_packed(key, name, regions, size_hw))
                Path(part).replace(path)
            except BaseException:
                Path(part).unlink(missing_ok=True)
                raise
        except OSError as error:
            _log.warning("marks cache: cannot write %s: %s", path, error.strerror)
            return
        self._written += 1
        if self._written % _PRUNE_EVERY == 1:
            self.prune()

    def prune(self) -> int:
        """Remove what was used least recently until the rest fits.

        Returns:
            How many entries went.
        """
        entries, total, now = [], 0, time.time()
        for path in self.folder.glob("*/*"):
            try:
                stat = path.stat()
            except OSError:
                continue  # another process removed it
            if path.name.startswith(".part-"):
                if now - stat.st_mtime > _STALE_S:
                    path.unlink(missing_ok=True)
                continue
            entries.append((stat.st_mtime_ns, stat.st_size, path))
            total += stat.st_size
        removed = 0
        for _, size, path in sorted(entries):
            if total <= self.max_bytes:
                break
            path.unlink(missing_ok=True)
            total -= size
            removed += 1
        return removed

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.regions"


class CachedSegmenter:
    """A segmenter that looks into a `MarksCache` first; no model is loaded for what is there.

    Args:
        segmenter: what finds regions.
        settings: everything that its regions depend on beside the pixels, as plain data.
        cache: where regions are kept.
    """

    def __init__(self, segmenter: Segmenter, settings: Mapping[str, Any], cache: MarksCache) -> None:
        self.name = segmenter.name
        self.segmenter, self.settings, self.cache = segmenter, dict(settings), cache

    def __call__(self, image: NDArray[np.uint8], /) -> sv.Detections:
        """The regions of an RGB uint8 image (H, W, 3)."""
        size_hw = image.shape[0], image.shape[1]
        key = self.cache.key(image, self.settings)
        found = self.cache.load(key, size_hw)
        if found is None:
            regions = normalize(self.segmenter(image), size_hw[::-1])
            # Some segmenters, `auto` for one, know their name only now.
            found = self.segmenter.name, regions
            self.cache.save(key, *found, size_hw)
        self.name, regions = found
        regions.metadata["segmenter"] = self.name
        return regions


def cached(name: str, cache: MarksCache | None = None, **options: Any) -> Segmenter:
    """A segmenter by name, with a cache before it.

    One that others registered comes without: nothing says when its code changes.

    Args:
        name: one of `som.segmenters.names()`.
        cache: where regions are kept; one in `default_folder()` when not given.
        **options: passed to the segmenter.

    Raises:
        SegmenterError: no segmenter of that name, or it has no such option.

    Example:
        >>> marker = Marker(cached("screen", granularity=0.7))
    """
    segmenter = segmenters.get(name, **options)
    if not segmenters.shipped(name):
        return segmenter
    settings = {"segmenter": name, **{key: file_state(value) for key, value in options.items()}}
    return CachedSegmenter(segmenter, settings, cache or _shared(default_folder()))


@lru_cache(maxsize=4)
def _shared(folder: Path) -> MarksCache:
    return MarksCache(folder)


def file_state(value: Any) -> Any:
    """A setting as plain data; the path of a file with its size and time, so that a new file counts."""
    if not isinstance(value, str | Path):
        return value
    try:
        stat = Path(value).stat()
    except (OSError, ValueError):
        return str(value)
    return [str(Path(value).resolve()), stat.st_size, stat.st_mtime_ns]


def _packed(key: str, name: str, regions: sv.Detections, size_hw: tuple[int, int]) -> bytes:
    """An entry: arrays as numpy writes them, the rest as JSON, and no pickle."""
    crops = crops_of(regions)
    head = {
        "key": key,
        "name": name,
        "size": list(size_hw),
        **{column: text_of(regions, column) for column in _TEXTS},
    }
    arrays: dict[str, NDArray[Any]] = {
        "head": np.frombuffer(json.dumps(head).encode(), np.uint8),
        "xyxy": regions.xyxy,
        "interactive": np.asarray(regions.data["interactive"], bool),
    }
    for column in _OPTIONAL:
        values = getattr(regions, column)
        if values is not None:
            arrays[column] = values
    if crops is not None:
        shapes = [(crop.left, crop.top, *crop.mask.shape) for crop in crops]
        arrays["crops"] = np.array(shapes, np.int32).reshape(-1, 4)
        bits = [np.packbits(crop.mask) for crop in crops]
        arrays["bits"] = np.concatenate([*bits, np.zeros(0, np.uint8)])
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    # Not all of a zip file is under its checksums.
    return hashlib.sha256(buffer.getvalue()).digest() + buffer.getvalue()


def _unpack(data: bytes, key: str, size_hw: tuple[int, int]) -> tuple[str, sv.Detections]:
    digest, data = data[:32], data[32:]
    if hashlib.sha256(data).digest() != digest:
        raise ValueError("it is damaged")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        head = json.loads(arrays["head"].tobytes())
        if head["key"] != key or tuple(head["size"]) != size_hw:
            raise ValueError("the entry of another image")
        xyxy = arrays["xyxy"]
        columns: dict[str, Any] = {"interactive": arrays["interactive"]}
        for name in _TEXTS:
            columns[name] = np.empty(len(xyxy), dtype=object)
            columns[name][:] = head[name]
        regions = sv.Detections(
            xyxy=xyxy,
            mask=_masks(arrays["crops"], arrays["bits"], size_hw) if "crops" in arrays else None,
            **{name: arrays[name] for name in _OPTIONAL if name in arrays},
            data={name: columns[name] for name in (*_TEXTS, "interactive")},
        )
    return str(head["name"]), regions


def _masks(
    crops: NDArray[np.int32], bits: NDArray[np.uint8], size_hw: tuple[int, int]
) -> sv.CompactMask | None:
    packed, start = [], 0
    for left, top, height, width in crops.tolist():
        count = height * width
        end = start + -(-count // 8)
        mask = np.unpackbits(bits[start:end], count=count).reshape(height, width).astype(bool)
        packed.append(pack(Crop(mask, left, top), size_hw))
        start = end
    return sv.CompactMask.merge(packed) if packed else None
