"""What a run leaves on disk: every finished step, readable whatever happens to the process.

A trace is a folder: ``trace.jsonl`` with a header and one line for each finished step, ``images/`` and
``prompts/`` with what these lines name by the SHA-256 of its content. A step's files are written first,
each under a name of its own until it is complete; its line goes last. So a process may be killed at any
moment: what has a line is whole, and a torn last line is a step that was not finished.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from som import __version__
from som.agents.durable import HeldError, lock, store, sync_folder, whole_lines
from som.agents.envs.base import Observation
from som.agents.records import (
    VERSION,
    ChoiceRecord,
    Header,
    MessageRecord,
    PartRecord,
    Resumed,
    SeenRecord,
    StepRecord,
)
from som.agents.steps import End, Step
from som.agents.vlm.base import ImagePart, Message, TextPart
from som.errors import SomError
from som.image import load_image, pixels_sha256
from som.marks import MarkedImage

FILE, LOCK = "trace.jsonl", "lock"
PACKAGES = ("playwright", "openai", "anthropic", "transformers", "torch", "supervision", "rapidocr")
# Masks of a screenshot with more than this of them are left out: boxes say nearly as much.
LARGEST_MASKS_BYTES = 200_000
# Arrays whose files are remembered, so that an image of an earlier step is not compressed again.
REMEMBERED = 16
Mask = Callable[[str], str]


class TraceError(SomError):
    """A trace cannot be written or read; one line says why."""


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
            self._line(self._record(step, url_after).model_dump(mode="json", exclude_none=True))
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

    def _record(self, step: Step, url_after: str) -> StepRecord:
        return StepRecord(
            number=step.number,
            at=_now(),
            seen=self._seen(step.observation),
            messages=tuple(self._message(message) for message in step.messages),
            reply=step.reply,
            choice=ChoiceRecord.of(step.choice) if step.choice is not None else None,
            thought=step.thought,
            action=step.action,  # type: ignore[arg-type]
            by=step.by,
            error=step.error,
            confirmed=step.confirmed,
            outcome=step.outcome,
            seconds={part: round(taken, 4) for part, taken in step.seconds.items()},
            end=step.end,
            url_after=url_after,
        )

    def _seen(self, seen: Observation) -> SeenRecord:
        marks = seen.marked.to_json()
        if len(json.dumps([mark["mask"] for mark in marks["marks"]])) > LARGEST_MASKS_BYTES:
            marks["marks"] = [{**mark, "mask": None} for mark in marks["marks"]]
        image = self._image(seen.marked.image)
        marks["image"]["path"] = image
        if image.endswith(".jpg"):
            marks["image"]["sha256"] = pixels_sha256(load_image(self.folder / image))
        return SeenRecord(
            image=image,
            drawn=self._image(seen.marked.drawn),
            marks=marks,
            url=seen.url,
            title=seen.title,
            tabs=seen.tabs,
            notes=seen.notes,
            new_ids=tuple(sorted(seen.new_ids)),
            states=dict(seen.states),
        )

    def _message(self, message: Message) -> MessageRecord:
        parts = tuple(
            PartRecord(text=self._text(part.text))
            if isinstance(part, TextPart)
            else PartRecord(image=self._image(part.image))
            for part in message.parts
        )
        return MessageRecord(role=message.role, parts=parts)

    def _text(self, text: str) -> str:
        data = self._mask(text).encode("utf-8", "surrogatepass")
        name = hashlib.sha256(data).hexdigest()
        store(self.folder / "prompts" / f"{name}.txt", data)
        return name

    def _image(self, image: NDArray[np.uint8]) -> str:
        known = self._names.get(id(image))
        if known is not None:
            return known[1]
        mime, data = ImagePart(image).encoded()
        suffix = {"image/png": "png", "image/jpeg": "jpg"}[mime]
        name = f"images/{hashlib.sha256(data).hexdigest()}.{suffix}"
        store(self.folder / name, data)
        # Holding the array keeps its id from being given to another.
        self._names[id(image)] = (image, name)
        while len(self._names) > REMEMBERED:
            del self._names[next(iter(self._names))]
        return name

    def _line(self, data: Any) -> None:
        text = json.dumps(_masked(data, self._mask), ensure_ascii=False, separators=(",", ":"))
        self._file.write(text.encode("utf-8", "surrogatepass") + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@dataclass(frozen=True)
class Trace:
    """A trace that was read.

    Attributes:
        folder: where it is.
        header: what was asked of whom.
        records: the finished steps.
        resumed: where the run went on: a record for each time.
        torn: whether a last line was cut off: the process was killed while it wrote.
    """

    folder: Path
    header: Header
    records: tuple[StepRecord, ...]
    resumed: tuple[Resumed, ...] = ()
    torn: bool = False

    @property
    def end(self) -> End | None:
        """How the run ended; None when it was cut off."""
        return self.records[-1].end if self.records else None

    @property
    def url(self) -> str:
        """Where to go on: the last address that is known."""
        for record in reversed(self.records):
            if record.url_after or record.seen.url:
                return record.url_after or record.seen.url
        return self.header.url

    @cached_property
    def tokens(self) -> tuple[int, int]:
        """Tokens in and out of all steps."""
        each = [record.tokens for record in self.records]
        return sum(tokens[0] for tokens in each), sum(tokens[1] for tokens in each)

    @property
    def cost_usd(self) -> float | None:
        """Price of all steps, None where none is known."""
        known = [record.cost_usd for record in self.records if record.cost_usd is not None]
        return sum(known) if known else None

    @property
    def seconds(self) -> float:
        """How long the steps took, without the time between them."""
        return sum(record.total_seconds for record in self.records)

    def steps(self, images: int | None = None) -> list[Step]:
        """The steps as the loop had them, for `run(past=...)` and `build_messages`.

        Args:
            images: how many of the last ones get their image; all when not given. The others get a
                blank one of the same size, which takes no memory. Messages are left out of all.

        Raises:
            TraceError: a file of the trace is missing or broken.
        """
        first = 0 if images is None else len(self.records) - images
        return [self._step(record, i >= first) for i, record in enumerate(self.records)]

    def text(self, sha256: str) -> str:
        """A text of a message.

        Raises:
            TraceError: it is missing.
        """
        path = self.folder / "prompts" / f"{sha256}.txt"
        try:
            return path.read_bytes().decode("utf-8", "surrogatepass")
        except OSError as error:
            raise TraceError(f"cannot read {path}: {error.strerror}") from error

    def marked(self, record: StepRecord) -> MarkedImage:
        """The marked image of a step.

        Raises:
            TraceError: its image is missing or broken.
        """
        try:
            return MarkedImage.from_json(record.seen.marks, self.folder / record.seen.image)
        except SomError as error:
            raise TraceError(f"step {record.number} of {self.folder}: {error}") from error

    def _step(self, record: StepRecord, with_image: bool) -> Step:
        seen = record.seen
        marked = self.marked(record) if with_image else _blank(seen.marks)
        return Step(
            number=record.number,
            observation=Observation(
                marked=marked,
                url=seen.url,
                title=seen.title,
                tabs=seen.tabs,
                notes=seen.notes,
                new_ids=frozenset(seen.new_ids),
                states=dict(seen.states),
            ),
            reply=record.reply,
            choice=record.choice.choice() if record.choice is not None else None,
            thought=record.thought,
            action=record.action,
            by=record.by,
            error=record.error,
            confirmed=record.confirmed,
            outcome=record.outcome,
            seconds=dict(record.seconds),
            end=record.end,
        )


def read_trace(folder: str | Path) -> Trace:
    """Read a trace; a torn last line is passed over.

    Args:
        folder: of the trace, or its ``trace.jsonl``.

    Raises:
        TraceError: there is no trace, it is of another version, or it is broken elsewhere than at its
            end.
    """
    path = Path(folder)
    path = path / FILE if path.name != FILE else path
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TraceError(f"cannot read the trace {path}: {error.strerror}") from error
    lines = whole_lines(data)
    if not lines:
        raise TraceError(f"{path} holds no trace: its first line is missing")
    header = _parse(lines[0], path, 1)
    if not isinstance(header, Header):
        raise TraceError(f"{path} is no trace: its first line is no header")
    if header.version != VERSION:
        raise TraceError(f"{path}: trace version {header.version}, expected {VERSION}")
    rest = [_parse(line, path, i) for i, line in enumerate(lines[1:], 2)]
    return Trace(
        folder=path.parent,
        header=header,
        records=tuple(record for record in rest if isinstance(record, StepRecord)),
        resumed=tuple(record for record in rest if isinstance(record, Resumed)),
        torn=sum(len(line) + 1 for line in lines) < len(data),
    )


def packages() -> dict[str, str]:
    """Versions of what a run depends on, as far as it is installed."""
    found = {"som-agent": __version__}
    for name in PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


_KINDS: dict[str, type[Header | Resumed | StepRecord]] = {
    "header": Header,
    "resumed": Resumed,
    "step": StepRecord,
}


def _parse(line: bytes, path: Path, number: int) -> Header | Resumed | StepRecord | None:
    """A line as a record; None for kinds that a later version may add."""
    try:
        data = json.loads(line.decode("utf-8", "surrogatepass"))
        kind = _KINDS.get(data["kind"])
        return None if kind is None else kind.model_validate(data)
    except (ValidationError, ValueError, TypeError, KeyError) as error:
        reason = str(error).split("\n")[0]
        raise TraceError(f"{path}, line {number} is broken: {reason}") from error


def _blank(marks: Mapping[str, Any]) -> MarkedImage:
    size = marks["image"]["height"], marks["image"]["width"], 3
    blank = np.broadcast_to(np.uint8(255), size)
    described = {**marks, "image": {**marks["image"], "sha256": pixels_sha256(blank)}}
    return replace(MarkedImage.from_json(described, blank), image=blank)


def _masked(data: Any, mask: Mask) -> Any:
    """Plain data, keys included, with every text masked."""
    if isinstance(data, str):
        return mask(data)
    if isinstance(data, Mapping):
        return {mask(str(key)): _masked(value, mask) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_masked(value, mask) for value in data]
    return data


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
