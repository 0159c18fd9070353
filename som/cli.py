"""The ``som`` command. Each command imports what it needs when it runs, so that help is instant."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from som import __version__
from som.cli_group import LazyGroup
from som.cli_marking import make_marker, marking_options
from som.errors import SomError

if TYPE_CHECKING:
    from som.marks import MarkedImage

NO_LIBGL = (
    "the installed OpenCV needs libGL, which this machine lacks; put the headless build in its place: "
    "pip install --force-reinstall --no-deps opencv-python-headless"
)
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


# Commands that live beside what they drive: name -> "module:attribute".
ELSEWHERE = {
    "act": "som.cli_act:act",
    "app": "som.cli_app:app",
    "ask": "som.cli_ask:ask",
    "eval": "som.cli_eval:evaluate",
    "models": "som.cli_models:models",
    "name": "som.cli_name:name",
    "replay": "som.cli_replay:replay",
}


class _Commands(LazyGroup):
    """Turns errors raised on purpose into one line and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except SomError as error:
            raise click.ClickException(str(error)) from error
        except ImportError as error:
            # Another package brought the build of OpenCV with windows, on a machine without them.
            if "libGL" not in str(error):
                raise
            raise click.ClickException(NO_LIBGL) from error


@click.group(cls=_Commands, elsewhere=ELSEWHERE, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="som")
def main() -> None:
    """Set-of-Mark prompting: number the things in an image, ask a model, get pixels back."""


@main.command()
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@marking_options
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="PATH",
    help="Marked image, or a folder for many. Default: NAME.marked.png here; for many, marked/.",
)  # fmt: skip
@click.option(
    "--json", "json_out", type=click.Path(path_type=Path), metavar="PATH",
    help="Mark file; for many a folder, or one OUT.parquet.",
)  # fmt: skip
@click.option("--skip-existing", is_flag=True, help="Go on where an earlier run stopped.")
@click.option("--ray", is_flag=True, help="Mark in many processes, on Ray.")
@click.option("--ray-address", metavar="ADDRESS", help="A Ray cluster: auto, ray://HOST:10001.")
@click.option("--workers", type=click.IntRange(1), help="Processes on Ray. Default: one a core.")
@click.option("--gpus", type=click.FloatRange(0), default=0.0, help="Of each process on Ray.")
def mark(
    images: tuple[Path, ...],
    out: Path | None,
    json_out: Path | None,
    skip_existing: bool,
    ray: bool,
    ray_address: str | None,
    workers: int | None,
    gpus: float,
    **marking: Any,
) -> None:
    """Mark IMAGES: files, folders of them, or Parquet files with a column image or path.

    One that cannot be read is reported and never stops the rest; the exit status is 1 if there was
    any. With --json OUT.parquet all mark files go into one Parquet file.
    """
    from som.batch import plan
    from som.bulk import is_bulk

    ray = ray or ray_address is not None
    if not ray and (workers or gpus):
        raise SomError("--workers and --gpus go with --ray")
    if ray or is_bulk(json_out) or any(is_bulk(path) for path in images):
        from som.cli_bulk import mark_bulk

        whole = mark_bulk(
            images, out, json_out, marking,
            resume=skip_existing, ray=ray, address=ray_address, workers=workers, gpus=gpus,
        )  # fmt: skip
        if not whole:
            raise SystemExit(1)
        return
    jobs = plan(images, out, json_out)
    marker = make_marker(marking)
    failed = there = 0
    with _progress(len(jobs)) as bar:
        for job in jobs:
            if skip_existing and job.done():
                there += 1
                bar.update()
                continue
            try:
                marked = marker(job.image)
                job.write(marked)
                bar.write(_report(marked, job.drawn))
            except SomError as error:
                failed += 1
                bar.write(f"Error: {error}", file=sys.stderr)
            bar.update()
    if there:
        click.echo(f"{there} of {len(jobs)} images were there already", err=True)
    if failed and len(jobs) > 1:
        click.echo(f"{failed} of {len(jobs)} images failed", err=True)
    if failed:
        raise SystemExit(1)


def _progress(total: int) -> Any:
    from tqdm import tqdm

    # None: shown on terminals only. One image needs no bar.
    return tqdm(total=total, unit="image", disable=True if total < 2 else None)


def _report(marked: "MarkedImage", drawn: Path) -> str:
    count, taken = len(marked.marks), sum(marked.seconds.values())
    found = f"{count} mark{'s' * (count != 1)}" if count else "no regions found, nothing to mark"
    lost = f", {len(marked.dropped)} without room for a label" if marked.dropped else ""
    return f"{marked.path}: {found}{lost} ({marked.segmenter}, {taken:.1f} s) -> {drawn}"
