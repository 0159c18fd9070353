"""``python -m benchmarks.screens render PAGES``, then ``... score PAGES``."""

from pathlib import Path

import click

from benchmarks.screens.render import render_all


@click.group()
def main() -> None:
    """Real web UIs with the truth from their DOM."""


@main.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--only", help="One split (tune, report) or one origin.")
def render(out: Path, only: str | None) -> None:
    """Render the pages into OUT; goes on where an earlier run stopped."""
    click.echo(f"{render_all(out, only)} pages in {out}")


@main.command(name="score")
@click.argument("pages", type=click.Path(exists=True, path_type=Path))
@click.option("--split", type=click.Choice(["tune", "report"]), default="report", show_default=True)
@click.option("--baselines/--no-baselines", default=True, show_default=True)
@click.option(
    "--sheet", type=click.Path(path_type=Path), metavar="PNG", help="Draw the ten worst pages."
)
def score_pages(pages: Path, split: str, baselines: bool, sheet: Path | None) -> None:
    """Print how well the screen segmenter finds the targets of PAGES, beside baselines."""
    from tqdm import tqdm

    from benchmarks.screens import score as scoring
    from benchmarks.screens.pages import read_pages

    chosen = read_pages(pages, split)
    finders = scoring.finders()
    if not baselines:
        finders = {"ours": finders["ours"]}
    for find in finders.values():  # models are loaded before anything is timed
        find(chosen[0].image)
    scores: dict[str, list[scoring.Score]] = {name: [] for name in finders}
    for page in tqdm(chosen, disable=None):
        for name, find in finders.items():
            scores[name].append(scoring.score(page, find))
    targets = sum(len(page.boxes) for page in chosen)
    click.echo(f"{targets} targets on {len(chosen)} pages of the {split} half")
    click.echo(scoring.table(scores))
    click.echo("ours, by origin")
    origins = sorted({str(page.record["origin"]) for page in chosen})
    by_origin = {
        name: [s for s in scores["ours"] if s.page.record["origin"] == name] for name in origins
    }
    click.echo(scoring.table(by_origin))
    click.echo(scoring.calibration(chosen))
    if sheet:
        scoring.sheet(scores["ours"]).save(sheet)
        click.echo(f"the ten worst pages -> {sheet}")


if __name__ == "__main__":
    main()
