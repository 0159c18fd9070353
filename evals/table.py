"""Tables of runs as text: for a terminal, and in Markdown for a document."""

import math
from collections.abc import Sequence

from som.evals.logs import Summary
from som.evals.metrics.intervals import Interval

HEADS = (
    "condition · by", "accuracy", "ceiling", "chance", "not marked", "unreadable", "wrong choice",
    "wrong format", "refused", "answers", "unanswered", "tokens in", "tokens out", "USD", "s", "ECE",
)  # fmt: skip
_MISSES = ("not_marked", "unreadable", "wrong_choice", "wrong_format", "refused")


def cells(summary: Summary) -> tuple[str, ...]:
    """One row, in the order of `HEADS`."""
    return (
        summary.name,
        with_interval(summary.accuracy),
        percent(summary.ceiling.value),
        percent(summary.chance),
        *(percent(summary.share(cause)) for cause in _MISSES),
        str(summary.answered),
        str(summary.unanswered),
        f"{summary.tokens_in:,}" if summary.tokens_in else "-",
        f"{summary.tokens_out:,}" if summary.tokens_out else "-",
        "-" if summary.cost_usd is None else f"{summary.cost_usd:.4f}",
        f"{summary.seconds:.2f}",
        "-" if summary.calibration_error is None else f"{summary.calibration_error:.3f}",
    )


def as_text(summaries: Sequence[Summary]) -> str:
    """A table for a terminal."""
    return aligned([HEADS, *map(cells, summaries)])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells in columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def as_markdown(summaries: Sequence[Summary]) -> str:
    """A table for a document."""
    return markdown([HEADS, *map(cells, summaries)])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells, the heads first, as a table in Markdown."""
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    return "\n".join([head, "| --- |" + " ---: |" * (len(rows[0]) - 1), *body])


def percent(value: float | None) -> str:
    """A share in percent with one decimal; "-" where there is none."""
    return "-" if value is None or math.isnan(value) else f"{100 * value:.1f}"


def with_interval(found: Interval) -> str:
    """A share in percent with its interval."""
    if math.isnan(found.low):
        return percent(found.value)
    return f"{percent(found.value)} ({percent(found.low)}–{percent(found.high)})"
