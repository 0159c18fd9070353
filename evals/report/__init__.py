"""The report: runs side by side in one HTML file that needs nothing else.

Everything in it that comes from a data set, a model or a log is escaped; pictures are inside the file.
"""

from collections.abc import Iterator, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from som.errors import SomError
from som.evals.logs import Run, Summary, by_group, paired, reliability, summarize
from som.evals.metrics.compare import Comparison
from som.evals.published import NOTE, published_table
from som.evals.report import charts
from som.evals.report.pictures import worst_samples
from som.evals.table import HEADS, cells, percent, with_interval

BOUNDS = ("oracle", "random")


def write_report(runs: Sequence[Run], path: Path, *, title: str = "", worst: int = 4) -> None:
    """Write the report.

    Args:
        runs: at least one.
        path: of the file.
        title: of the page.
        worst: samples that are shown for each run.

    Raises:
        SomError: there are no runs, or the file cannot be written.
    """
    if not runs:
        raise SomError("there are no runs to report")
    try:
        path.write_text(render(runs, title=title, worst=worst), "utf-8")
    except OSError as error:
        raise SomError(f"cannot write {path}: {error.strerror}") from error


def render(runs: Sequence[Run], *, title: str = "", worst: int = 4) -> str:
    """The report as HTML; arguments as of `write_report`."""
    ordered = sorted(runs, key=lambda run: (run.dataset, run.by in BOUNDS, run.by, run.condition))
    summaries = [summarize(run) for run in ordered]
    # Every run has its bounds beside it; the bounds' own runs are shown where there is nothing else.
    models = [run for run in ordered if run.by not in BOUNDS] or ordered
    shown = [summarize(run) for run in models]
    sections = [
        _glance(ordered, summaries),
        _section("Accuracy", _legend_of_bounds() + charts.accuracies(shown)),
        _section("Whose fault a miss is", charts.legend() + charts.shares(shown)),
        _section("All numbers", _numbers(summaries)),
        _published(ordered),
        _groups(models),
        _pairs(ordered, summaries),
        _reliabilities(ordered),
        worst_samples(models, worst),
    ]
    style = files(__package__).joinpath("report.css").read_text("utf-8")
    name = escape(title or "Grounding evaluation")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{name}</title><style>{style}</style></head><body><main><h1>{name}</h1>"
        + "\n".join(section for section in sections if section)
        + "</main></body></html>\n"
    )


def _glance(runs: Sequence[Run], summaries: Sequence[Summary]) -> str:
    """What one should know first."""
    datasets = ", ".join(sorted({run.dataset for run in runs}))
    count = max(len(run.samples) for run in runs)
    images = len({sample.image for run in runs for sample in run.samples})
    facts = [f"{escape(datasets)} · {count} samples on {images} images · {len(runs)} runs"]
    asked = [
        (run, summary)
        for run, summary in zip(runs, summaries, strict=True)
        if run.by not in BOUNDS and summary.answered
    ]
    cards = ""
    if asked:
        run, best = max(asked, key=lambda pair: pair[1].accuracy.value)
        missed = best.answered - best.causes.get("right", 0)
        marks = best.causes.get("not_marked", 0) + best.causes.get("unreadable", 0)
        cards = "".join(
            f'<div class="card"><b>{value}</b><span>{words}</span></div>'
            for value, words in (
                (f"{percent(best.accuracy.value)} %", f"best: {escape(run.name)}"),
                (f"{percent(best.ceiling.value)} %", "what its marks allow"),
                (f"{percent(best.chance)} %", "what chance gives"),
                (f"{marks} of {missed}", "of its misses are the marks' fault"),
            )
        )
    broken = [run for run in runs if run.status != "success"]
    if broken:
        listed = ", ".join(
            f"{escape(run.name)} ({len({one.id for one in run.samples})} of {run.planned})"
            for run in broken
        )
        facts.append(f"Not complete, run them again: {listed}")
    lines = "".join(f'<p class="fact">{fact}</p>' for fact in facts)
    return f'<header>{lines}<div class="cards">{cards}</div></header>'


def _numbers(summaries: Sequence[Summary]) -> str:
    rows = [cells(summary) for summary in summaries]
    note = (
        "Shares are percent of the samples that have an answer, intervals 95 % by bootstrap over "
        "images. "
        "The ceiling is what naming the best drawn mark would give on the same samples, chance what "
        "naming any would. Samples without an answer are counted apart and not as wrong."
    )
    return f'<p class="note">{note}</p>' + table(HEADS, rows)


def _published(runs: Sequence[Run]) -> str:
    heads, rows = published_table([(run.name, run) for run in runs])
    if not rows:
        return ""
    return _section("As published", f'<p class="note">{NOTE}</p>' + table(("", *heads), rows))


def _groups(runs: Sequence[Run]) -> str:
    parts = [
        f"<h3>By {escape(name)}</h3>" + table(heads, rows)
        for name, heads, rows in group_tables([(run.name, run) for run in runs])
    ]
    note = '<p class="note">Accuracy / ceiling, and the number of samples with an answer.</p>'
    return _section("Kinds of samples", note + "".join(parts)) if parts else ""


def group_tables(
    runs: Sequence[tuple[str, Run]],
) -> Iterator[tuple[str, Sequence[str], Sequence[Sequence[str]]]]:
    """For each grouping of the samples of named runs its name, and heads and rows of its table."""
    found = [(name, by_group(run)) for name, run in runs]
    for name in dict.fromkeys(name for _, groups in found for name in groups):
        values = sorted({value for _, groups in found for value in groups.get(name, {})})
        rows = []
        for called, groups in found:
            row = [called]
            for value in values:
                part = groups.get(name, {}).get(value)
                row.append("-" if part is None else _of_ceiling(part))
            rows.append(tuple(row))
        yield name, ("", *values), rows


def _of_ceiling(part: Summary) -> str:
    return f"{percent(part.accuracy.value)} / {percent(part.ceiling.value)} ({part.answered})"


def _pairs(runs: Sequence[Run], summaries: Sequence[Summary]) -> str:
    """Every other run against the best one, on the samples that both answered."""
    asked = [i for i, run in enumerate(runs) if run.by not in BOUNDS and summaries[i].answered]
    if len(asked) < 2:
        return ""
    best = max(asked, key=lambda i: summaries[i].accuracy.value)
    rows = []
    for i in asked:
        if i == best or runs[i].dataset != runs[best].dataset:
            continue
        found = paired(runs[best], runs[i])
        if found is not None:
            rows.append((runs[i].name, *pair_cells(found)))
    heads = (
        "against", "samples", "better by (points)", "only best right", "only other right",
        "p, bootstrap", "p, McNemar",
    )  # fmt: skip
    note = f'<p class="note">The best run, {escape(runs[best].name)}, sample by sample.</p>'
    return _section("Is the best better?", note + table(heads, rows)) if rows else ""


def pair_cells(found: Comparison) -> tuple[str, ...]:
    """Samples, difference in points, right only in the first and in the second, and both p."""
    return (
        str(found.samples),
        with_interval(found.difference),
        str(found.a_only),
        str(found.b_only),
        f"{found.p_bootstrap:.3f}",
        f"{found.p_mcnemar:.3f}",
    )


def _reliabilities(runs: Sequence[Run]) -> str:
    plots = "".join(
        f"<figure>{charts.reliability(pairs)}<figcaption>{escape(run.name)}</figcaption></figure>"
        for run in runs
        if run.by not in BOUNDS and (pairs := reliability(run))
    )
    note = (
        '<p class="note">How often answers were right at each confidence; the dots grow with their '
        "number. On the line, confidence can be taken at its word.</p>"
    )
    return _section("Reliability", f'{note}<div class="plots">{plots}</div>') if plots else ""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that scrolls by itself on small screens."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in heads)
    body = "".join(
        "<tr>"
        + f'<th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _legend_of_bounds() -> str:
    return (
        '<p class="key"><span><i class="dot"></i>accuracy, with its 95 % interval</span>'
        '<span><i class="tick"></i>ceiling: the best mark</span>'
        '<span><i class="tick low"></i>chance</span></p>'
    )


def _section(name: str, body: str) -> str:
    return f"<section><h2>{escape(name)}</h2>{body}</section>"
