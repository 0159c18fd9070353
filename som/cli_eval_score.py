"""``som eval score``: the scores of a prediction log, computed anew."""

from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from som.evals.metrics.clicks import Click
    from som.evals.metrics.compare import Comparison
    from som.evals.metrics.intervals import Interval
    from som.evals.score import Line


@click.command()
@click.argument("log", type=click.Path(path_type=Path))
@click.option(
    "--format", "format_name", default="screenspot-pro", show_default=True, metavar="NAME",
    help="Of the log: screenspot-pro, screenspot, or som for those of som eval.",
)  # fmt: skip
@click.option(
    "--compare", "other", type=click.Path(path_type=Path), metavar="LOG",
    help="Compare with this log, sample by sample.",
)  # fmt: skip
@click.option(
    "--draws", type=click.IntRange(100, 1_000_000), default=2000, show_default=True,
    help="Of the bootstrap over images.",
)  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Of the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def score(
    log: Path, format_name: str, other: Path | None, draws: int, seed: int, as_json: bool
) -> None:
    """Score LOG from its predicted points and true boxes alone, never from its own verdicts.

    Accuracy in percent with its 95% interval, overall and by group and application; answers without
    a point count as not correct and are listed apart.
    """
    import json

    from som.evals.score import get_format
    from som.evals.score import score as score_clicks

    log_format = get_format(format_name)
    clicks = log_format.read(log)
    lines = score_clicks(clicks, log_format.by, draws=draws, seed=seed)
    found = _compare(log_format.read(other), clicks, draws, seed) if other else None
    if as_json:
        data: dict[str, Any] = {"log": str(log), "scores": [line.to_json() for line in lines]}
        if found is not None:
            data["compare"] = {"with": str(other), **_plain(found)}
        click.echo(json.dumps(data, ensure_ascii=False, indent=1))
        return
    for text in _table(lines):
        click.echo(text)
    if found is not None:
        click.echo(_said(found, other, len(clicks)))


def _compare(other: "list[Click]", clicks: "list[Click]", draws: int, seed: int) -> "Comparison":
    from som.evals.score import compare_logs

    return compare_logs(clicks, other, draws=draws, seed=seed)


def _table(lines: "list[Line]") -> list[str]:
    rows = [["", "n", "action", "text", "icon", "wrong format"]]
    for line in lines:
        bounds = [_percent(one) for one in line.intervals]
        name = line.by if line.by == "overall" else f"{line.by} {line.value}"
        scores = line.scores
        rows.append([name, str(scores.num_total), *bounds, str(scores.wrong_format_num)])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _percent(one: "Interval") -> str:
    if isnan(one.value):  # no sample of this type
        return "-"
    bounds = "" if isnan(one.low) else f" [{100 * one.low:.1f}, {100 * one.high:.1f}]"
    return f"{100 * one.value:.1f}{bounds}"


def _said(found: "Comparison", other: Path | None, count: int) -> str:
    difference = found.difference
    left = f", {count - found.samples} without a partner" if count != found.samples else ""
    return (
        f"\nagainst {other}, {found.samples} samples{left}:\n"
        f"  difference {100 * difference.value:+.1f} points "
        f"[{100 * difference.low:+.1f}, {100 * difference.high:+.1f}], p = {found.p_bootstrap:.3g} "
        f"(paired bootstrap over images)\n"
        f"  only this one right {found.a_only}, only the other {found.b_only}, "
        f"p = {found.p_mcnemar:.3g} (McNemar, exact)"
    )


def _plain(found: "Comparison") -> dict[str, Any]:
    data = {**found.__dict__, **found.difference._asdict()}
    data["difference"] = data.pop("value")
    # NaN, where there is one image only, is not JSON.
    return {key: None if isnan(value) else value for key, value in data.items()}
