"""What a run leaves on disk: every finished step, readable whatever happens to the process.

A trace is a folder: ``trace.jsonl`` with a header and one line for each finished step, ``images/`` and
``prompts/`` with what these lines name by the SHA-256 of its content. `TraceWriter` writes it step by
step, `read_trace` reads it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from som.agents.durable import whole_lines
from som.agents.envs.base import Observation
from som.agents.records import FILE, VERSION, Header, Resumed, StepRecord, TraceError
from som.agents.steps import End, Step
from som.agents.trace_writer import TraceWriter
from som.errors import SomError
from som.image import pixels_sha256
from som.marks import MarkedImage

__all__ = ["Header", "Trace", "TraceError", "TraceWriter", "read_trace"]


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
            return path.read_bytes().decode()
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
                rest=seen.rest,
            ),
            reply=record.reply,
            choice=record.choice.choice() if record.choice is not None else None,
            opinions=tuple(opinion.choice() for opinion in record.opinions),
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


_KINDS: dict[str, type[Header | Resumed | StepRecord]] = {
    "header": Header,
    "resumed": Resumed,
    "step": StepRecord,
}


def _parse(line: bytes, path: Path, number: int) -> Header | Resumed | StepRecord | None:
    """A line as a record; None for kinds that a later version may add."""
    try:
        data = json.loads(line.decode())
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
