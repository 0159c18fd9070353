"""Episodes as a table: how often each task was done."""

from collections.abc import Sequence
from dataclasses import dataclass

from som.evals.miniwob.episode import Result
from som.evals.miniwob.excluded import EXCLUDED

GOOD = 0.9


@dataclass(frozen=True)
class Row:
    """One task's episodes.

    Attributes:
        task: its name.
        episodes: how many.
        success: share with a raw reward above 0.
        raw: mean raw reward.
        steps: mean actions of an episode.
        seconds: mean time of an episode.
        why: what was said of an episode that failed, "" where none did.
    """

    task: str
    episodes: int
    success: float
    raw: float
    steps: float
    seconds: float
    why: str


def rows_of(results: Sequence[Result]) -> list[Row]:
    """One row a task, in the order of the results."""
    by_task: dict[str, list[Result]] = {}
    for result in results:
        by_task.setdefault(result.task, []).append(result)
    return [_row(task, some) for task, some in by_task.items()]


def _row(task: str, some: Sequence[Result]) -> Row:
    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    failed = [result for result in some if not result.success]
    why = next((result.message or result.status for result in failed), "")
    return Row(
        task=task,
        episodes=len(some),
        success=mean([float(result.success) for result in some]),
        raw=mean([result.raw for result in some]),
        steps=mean([float(result.steps) for result in some]),
        seconds=mean([result.seconds for result in some]),
        why=" ".join(why.split())[:90],
    )


def summary(rows: Sequence[Row]) -> str:
    """The table in two numbers, and again without the tasks that no marks are made for."""
    said = _numbers(rows)
    fair = [row for row in rows if row.task not in EXCLUDED]
    if len(fair) < len(rows):
        said += f"; without drawing, free hand and reflexes: {_numbers(fair)}"
    return said


def _numbers(rows: Sequence[Row]) -> str:
    good = sum(row.success >= GOOD for row in rows)
    mean = sum(row.success for row in rows) / max(len(rows), 1)
    return f"{good} of {len(rows)} tasks at {GOOD:.0%} or more, mean success {mean:.1%}"


def markdown(results: Sequence[Result]) -> str:
    """The table in Markdown, its summary above it."""
    rows = rows_of(results)
    lines = [
        f"{summary(rows)}.",
        "",
        "| task | episodes | success | raw reward | steps | seconds | a failure |",
        "| --- | --: | --: | --: | --: | --: | --- |",
    ]
    for row in rows:
        why = row.why.replace("|", "\\|")
        lines.append(
            f"| {row.task} | {row.episodes} | {row.success:.0%} | {row.raw:.2f} "
            f"| {row.steps:.1f} | {row.seconds:.1f} | {why} |"
        )
    return "\n".join(lines) + "\n"
