"""Runs in the folder that the app's owner named: listed, read, and, for the owner alone, written."""

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from som.agents.steps import End, Step
from som.ui.config import Config

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
    if config.runs is None:
        return []
    found = [path for path in config.runs.iterdir() if (path / "trace.jsonl").is_file()]
    return [path.name for path in sorted(found, key=lambda path: -path.stat().st_mtime)[:MOST_LISTED]]


def keeper(config: Config, task: str, url: str, model: str, lang: str) -> Callable[[Step], None]:
    """Saves steps where the owner named a folder and is alone; a visitor's run is not kept."""
    if config.runs is None or not config.private:
        return lambda _: None
    from som.agents.records import Header
    from som.agents.trace import TraceWriter

    name = time.strftime("%Y%m%d-%H%M%S-") + secrets.token_hex(2)
    header = Header(task=task, url=url, model=model, lang=lang)
    writers: list[TraceWriter] = []

    def keep(step: Step) -> None:
        assert config.runs is not None
        if not writers:
            writers.append(TraceWriter(config.runs / name, header))
        writers[0].write(step)
        if step.end is not None:
            writers[0].close()

    return keep
