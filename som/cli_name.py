"""``som name``: words for what is marked."""

from pathlib import Path
from typing import Any

import click

from som.cli_marking import make_marker, marking_options


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@marking_options
@click.option(
    "--words", default="en", show_default=True, metavar="FILE|en|ko",
    help="Vocabulary: a text file with one word a line, or a shipped list.",
)  # fmt: skip
@click.option(
    "--namer", metavar="NAME|PATH", help="A CLIP, SigLIP or SigLIP 2. Default: SigLIP 2 (base)."
)
@click.option("--top", type=click.IntRange(1, 50), default=3, show_default=True, help="Names to print.")
@click.option(
    "--least", type=click.FloatRange(0, 1), default=0.0, show_default=True,
    help="Score below which a mark gets no name.",
)  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="PNG", help="Marked image.")
@click.option("--json", "json_out", type=click.Path(path_type=Path), metavar="PATH", help="Mark file.")
def name(
    image: Path,
    words: str,
    namer: str | None,
    top: int,
    least: float,
    out: Path | None,
    json_out: Path | None,
    **marking: Any,
) -> None:
    """Name the marks of IMAGE from a vocabulary; prints them, best first.

    The names are the roles of the marks in the mark file and the legend. To name marks made before,
    add --detections MARKS.json.
    """
    from som.naming.namer import DEFAULT, Namer, with_names

    make = Namer(words, model=namer or DEFAULT, device=marking["device"] or "auto")
    marked = make_marker(marking)(image)
    found = make(marked.image, marked.regions, top)
    named = with_names(marked, found, least)
    for mark in named.marks:
        listed = ", ".join(f"{word} {score:.2f}" for word, score in found[mark.region])
        click.echo(f"  [{mark.label}]  {listed}")
    if not named.marks:
        click.echo(f"{image}: no regions found, so there is nothing to name", err=True)
    if out is not None:
        named.save(out)
        click.echo(f"  -> {out}")
    if json_out is not None:
        named.save_json(json_out)
        click.echo(f"  -> {json_out}")
