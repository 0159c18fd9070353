"""``som replay``: what an agent did, as a page."""

from pathlib import Path

import click


@click.command()
@click.argument("trace", type=click.Path(path_type=Path))
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="HTML",
    help="Where the page goes. Default: replay.html in the trace.",
)  # fmt: skip
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the steps as JSON lines and nothing else.")
def replay(trace: Path, out: Path | None, open_it: bool, as_json: bool) -> None:
    """Show the run that TRACE, a folder, holds as one HTML page that needs nothing else.

    A run that was killed shows every step that it finished.
    """
    import json

    from som.agents.replay_page import summary, write_page
    from som.agents.trace import read_trace

    found = read_trace(trace)
    if as_json:
        for record in found.records:
            click.echo(json.dumps(summary(found, record), ensure_ascii=False))
        return
    page = write_page(found, out or found.folder / "replay.html")
    ended = found.end.status.replace("_", " ") if found.end else "unfinished"
    steps = len(found.records)
    click.echo(f"{found.folder}: {steps} step{'s' * (steps != 1)}, {ended} -> {page}")
    if open_it:
        click.launch(page.resolve().as_uri())
