"""``som eval report``: logs of evaluations as one page."""

from pathlib import Path

import click


@click.command()
@click.argument("logs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), default=Path("report.html"), show_default=True,
    metavar="HTML", help="One file that needs nothing else.",
)  # fmt: skip
@click.option("--title", default="Grounding evaluation", show_default=True)
@click.option(
    "--worst", type=click.IntRange(0), default=4, show_default=True,
    help="Samples that are shown for each run.",
)  # fmt: skip
@click.option("--markdown", is_flag=True, help="Print the table in Markdown too.")
def report(logs: tuple[Path, ...], out: Path, title: str, worst: int, markdown: bool) -> None:
    """Compare LOGS, files or folders of them: accuracy, ceilings, whose fault misses are, the worst."""
    from som.evals.logs import read_runs, summarize
    from som.evals.published import published_table
    from som.evals.report import write_report
    from som.evals.table import as_markdown
    from som.evals.table import markdown as as_table

    runs = read_runs(logs)
    write_report(runs, out, title=title, worst=worst)
    if markdown:
        click.echo(as_markdown([summarize(run) for run in runs]))
        heads, rows = published_table([(run.name, run) for run in runs])
        if rows:
            click.echo("\n" + as_table([("as published", *heads), *rows]))
    click.echo(f"{len(runs)} runs -> {out}")
