"""Runs in the folder that the app's owner named: listed, read, and, for the owner alone, written."""

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

from som.agents.steps import End, Step
from som.ui.config import Config

if TYPE_CHECKING:
    from som.agents.trace import TraceWriter

MOST_LISTED = 200


class SavedRun:
    """A run that is over: read from a folder, shown as a live one is."""

    phase, question, doing, seen, version = "ended", None, None, None, 0

    def __init__(self, folder: Path) -> None:
        """Read it.

        Raises:
            TraceError: the folder holds no trace, or a broken one.
        """
        from som.agents.trace import read_trace

        trace = read_trace(folder)
        self.task, self.steps = trace.header.task, trace.steps()
        self.end: End | None = trace.end

    def close(self) -> None:
        """Nothing is held."""


def saved_names(config: Config) -> list[str]:
    """Saved runs, the newest first."""
    if config.runs is None or not config.runs.is_dir():
        return []
    found = [path for path in config.runs.iterdir() if (path / "trace.jsonl").is_file()]
    return [path.name for path in sorted(found, key=lambda path: -path.stat().st_mtime)[:MOST_LISTED]]


class Keeper:
    """Saves steps where the owner named a folder and is alone; a visitor's run is not kept."""

    def __init__(self, config: Config, task: str, url: str, model: str, lang: str) -> None:
        """Remember what the run is about; nothing is written before its first step."""
        self._runs = config.runs if config.private else None
        self._name = time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
        self._about = task, url, model, lang
        self._writer: TraceWriter | None = None

    def __call__(self, step: Step) -> None:
        """Save a finished step."""
        if self._runs is None:
            return
        if self._writer is None:
            from som.agents.records import Header
            from som.agents.trace import TraceWriter

            task, url, model, lang = self._about
            header = Header(task=task, url=url, model=model, lang=lang)
            self._writer = TraceWriter(self._runs / self._name, header)
        self._writer.write(step)

    def close(self) -> None:
        """Let go of the folder, however the run ended, so that another may go on with it."""
        if self._writer is not None:
            self._writer.close()
