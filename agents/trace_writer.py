"""Writing a trace so that a process may be killed at any moment.

A step's files are written first, each under a name of its own until it is complete; its line goes last.
So what has a line is whole, and a torn last line is a step that was not finished.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from som import __version__
from som.agents.durable import HeldError, lock, store, sync_folder, whole_lines
from som.agents.envs.base import Observation
from som.agents.records import FILE, Header, Resumed, TraceError
from som.agents.steps import Step
from som.agents.vlm.base import ImagePart, Message, TextPart
from som.image import load_image, pixels_sha256

LOCK = "lock"
PACKAGES = ("playwright", "openai", "anthropic", "transformers", "torch", "supervision", "rapidocr")
# Masks of a screenshot with more than this of them are left out: boxes say nearly as much.
LARGEST_MASKS_BYTES = 200_000
# Arrays whose files are remembered, so that an image of an earlier step is not compressed again.
REMEMBERED = 16
Mask = Callable[[str], str]


class TraceWriter:
    """Writes a trace, step by step. One process at a time holds a folder.

    Example:
        >>> with TraceWriter("run1", Header(task="buy milk")) as trace:  # doctest: +SKIP
        ...     for step in run("buy milk", env, vlm):
        ...         trace.write(step)
    """

    def __init__(
        self, folder: str | Path, header: Header, *, resume: bool = False, mask: Mask | None = None
    ) -> None:
        """Begin a trace, or go on with one.

        Args:
            folder: made when it is not there.
            header: of the run; versions and the time are filled in.
            resume: append to the trace in the folder; a torn last line is cut off first.
            mask: takes the values of secrets out of every text that is written.

        Raises:
            TraceError: the folder cannot be written, holds a trace already (or none to go on with), or
                another process writes to it.
        """
        self.folder = Path(folder)
        self._mask = mask or (lambda text: text)
        self._names: dict[int, tuple[NDArray[np.uint8], str]] = {}
        # Names of files and hashes that are made here: digits in them are nobody's secret.
        self._made: set[str] = set()
        try:
            for name in ("images", "prompts"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
            self._lock = lock(self.folder / LOCK)
        except HeldError:
            raise TraceError(f"another process is writing the trace in {folder}") from None
        except OSError as error:
            raise TraceError(f"cannot write a trace to {folder}: {error.strerror}") from error
        try:
            self._begin(header, resume)
        except BaseException:
            self._lock.close()
            raise

    def _begin(self, header: Header, resume: bool) -> None:
        path = self.folder / FILE
        begun = path.exists() and bool(whole_lines(path.read_bytes()))
        if begun and not resume:
            raise TraceError(f"{self.folder} already holds a trace; resume it, or name another folder")
        if resume and not begun:
            raise TraceError(f"{self.folder} holds no trace to go on with")
        if resume:
            whole = sum(len(line) + 1 for line in whole_lines(path.read_bytes()))
            os.truncate(path, whole)
        self._file: IO[bytes] = path.open("ab" if resume else "wb")
        first = (
            Resumed(model=header.model, settings=header.settings, packages=packages(), started=_now())
            if resume
            else header.model_copy(update={"packages": packages(), "started": _now()})
        )
        self._line(first.model_dump(mode="json"))
        sync_folder(self.folder)

    def write(self, step: Step, *, url_after: str = "") -> None:
        """Add a finished step; when this returns, the step is on the disk.

        Args:
            step: the step.
            url_after: where the environment is now, for who goes on from here.

        Raises:
            TraceError: the disk is full, or the like.
        """
        try:
            self._line(self._record(step, url_after))
        except OSError as error:
            raise TraceError(f"cannot write to {self.folder}: {error.strerror}") from error

    def close(self) -> None:
        """Let go of the folder; may be called twice."""
        self._file.close()
        self._lock.close()

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def _record(self, step: Step, url_after: str) -> dict[str, Any]:
        choice, action = step.choice, step.action
        return {
            "kind": "step",
            "number": step.number,
            "at": _now(),
            "seen": self._seen(step.observation),
            "messages": [self._message(message) for message in step.messages],
            "reply": asdict(step.reply) if step.reply is not None else None,
            "choice": vars(choice) if choice is not None else None,
            "opinions": [vars(opinion) for opinion in step.opinions],
            "thought": step.thought,
            "action": action.model_dump(mode="json") if action is not None else None,
            "by": step.by,
            "error": step.error,
            "confirmed": step.confirmed,
            "outcome": asdict(step.outcome) if step.outcome is not None else None,
            "seconds": {part: round(taken, 4) for part, taken in step.seconds.items()},
            "end": asdict(step.end) if step.end is not None else None,
            "url_after": url_after,
        }

    def _seen(self, seen: Observation) -> dict[str, Any]:
        marks = seen.marked.to_json()
        if len(json.dumps([mark["mask"] for mark in marks["marks"]])) > LARGEST_MASKS_BYTES:
            marks["marks"] = [{**mark, "mask": None} for mark in marks["marks"]]
        image = self._image(seen.marked.image)
        marks["image"]["path"] = image
        if image.endswith(".jpg"):
            marks["image"]["sha256"] = pixels_sha256(load_image(self.folder / image))
        self._made.add(marks["image"]["sha256"])
        return {
            "image": image,
            "drawn": self._image(seen.marked.drawn),
            "marks": marks,
            "url": seen.url,
            "title": seen.title,
            "tabs": [asdict(tab) for tab in seen.tabs],
            "notes": seen.notes,
            "new_ids": sorted(seen.new_ids),
            "states": seen.states,
            "rest": [round(share, 3) for share in seen.rest],
        }

    def _message(self, message: Message) -> dict[str, Any]:
        parts = [
            {"text": self._text(part.text)}
            if isinstance(part, TextPart)
            else {"image": self._image(part.image)}
            for part in message.parts
        ]
        return {"role": message.role, "parts": parts}

    def _text(self, text: str) -> str:
        data = self._mask(_whole(text)).encode()
        name = hashlib.sha256(data).hexdigest()
        store(self.folder / "prompts" / f"{name}.txt", data)
        self._made.add(name)
        return name

    def _image(self, image: NDArray[np.uint8]) -> str:
        known = self._names.get(id(image))
        if known is not None:
            return known[1]
        mime, data = ImagePart(image).encoded()
        suffix = {"image/png": "png", "image/jpeg": "jpg"}[mime]
        name = f"images/{hashlib.sha256(data).hexdigest()}.{suffix}"
        store(self.folder / name, data)
        self._made.add(name)
        # Holding the array keeps its id from being given to another.
        self._names[id(image)] = (image, name)
        while len(self._names) > REMEMBERED:
            del self._names[next(iter(self._names))]
        return name

    def _line(self, data: Any) -> None:
        text = json.dumps(self._shown(data), ensure_ascii=False, separators=(",", ":"))
        self._file.write(text.encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _shown(self, data: Any) -> Any:
        """Plain data with every text masked, keys included."""
        if isinstance(data, str):
            return data if data in self._made else self._mask(_whole(data))
        if isinstance(data, Mapping):
            return {self._shown(str(k)): self._shown(v) for k, v in data.items()}
        if isinstance(data, list | tuple):
            return [self._shown(value) for value in data]
        return data


def packages() -> dict[str, str]:
    """Versions of what a run depends on, as far as it is installed."""
    found = {"som-agent": __version__}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _whole(text: str) -> str:
    """A text that can be written as UTF-8: halves of characters, as pages may have them, are marked."""
    return text.encode("utf-8", "replace").decode()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
