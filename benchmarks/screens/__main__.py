"""``python -m benchmarks.screens render OUT``."""

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


if __name__ == "__main__":
    main()
