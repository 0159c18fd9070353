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
    from som.agents.ask import Answer
    from som.marks import MarkedImage

NO_LIBGL = (
    "the installed OpenCV needs libGL, which this machine lacks; put the headless build in its place: "
    "pip install --force-reinstall --no-deps opencv-python-headless"
)
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


# Commands that live beside what they drive: name -> "module:attribute".
ELSEWHERE = {"eval": "som.cli_eval:evaluate", "name": "som.cli_name:name"}


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
    help="Mark file, or a folder for many.",
)  # fmt: skip
@click.option("--skip-existing", is_flag=True, help="Go on where an earlier run stopped.")
def mark(
    images: tuple[Path, ...],
    out: Path | None,
    json_out: Path | None,
    skip_existing: bool,
    **marking: Any,
) -> None:
    """Mark IMAGES: files, or folders of them.

    One that cannot be read is reported and never stops the rest; the exit status is 1 if there was
    any.
    """
    from som.batch import plan

    jobs = plan(images, out, json_out)
    marker = make_marker(marking)
    failed = 0
    with _progress(len(jobs)) as bar:
        for job in jobs:
            if skip_existing and job.done():
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
    if failed and len(jobs) > 1:
        click.echo(f"{failed} of {len(jobs)} images failed", err=True)
    if failed:
        raise SystemExit(1)


@main.command()
@click.argument("images", nargs=-1, required=True)
@click.argument("question")
@marking_options
@click.option("--model", metavar="NAME", help="offline, replay:FILE, or a model on the server.")
@click.option("--base-url", metavar="URL", help="Any OpenAI-compatible server.")
@click.option("--lang", default="en", show_default=True, help="Language of the prompt: en or ko.")
@click.option(
    "--send", default="raw,marked", show_default=True, metavar="VIEWS",
    help="Which views of an image the model gets.",
)  # fmt: skip
@click.option("--legend/--no-legend", default=True, help="List what can be read at the marks.")
@click.option("--timeout", type=click.FloatRange(1), default=120.0, show_default=True, help="Seconds.")
@click.option(
    "-o", "--out", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Where highlighted images go. Default: here, as NAME.answer.png.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON and nothing else.")
def ask(
    images: tuple[str, ...],
    question: str,
    model: str | None,
    base_url: str | None,
    lang: str,
    send: str,
    legend: bool,
    timeout: float,
    out: Path | None,
    as_json: bool,
    **marking: Any,
) -> None:
    """Ask a QUESTION about one or more IMAGES; the answer names marks.

    A question may name marks itself: "what is left of [4]?". With several images they are called A,
    B, ...: "[B4]". Without a key or a server the offline grounder answers.
    """
    import json

    from som.agents.ask import ask as ask_model
    from som.agents.vlm import get_vlm
    from som.agents.vlm.profiles import profile_of

    vlm, notice = get_vlm(model, base_url=base_url, timeout_s=timeout)
    if vlm.name != "offline" and marking["max_side"] is None:
        marking["max_side"] = profile_of(vlm.name).max_side
    marker = make_marker(marking)
    marked = [marker(Path(path)) for path in images]
    if notice:
        click.echo(notice, err=True)
    for image in marked:
        if not image.marks:
            click.echo(f"{image.path}: no regions found, so there is nothing to name", err=True)
    answer = ask_model(
        question,
        marked,
        vlm,
        lang=lang,
        send=[view.strip() for view in send.split(",") if view.strip()],
        legend=legend,
        on_text=None if as_json else lambda piece: click.echo(piece, nl=False),
    )
    shown = _write_answer(answer, out)
    if as_json:
        highlights = [str(path) for path in shown]
        click.echo(json.dumps({**answer.to_json(), "highlights": highlights}, ensure_ascii=False))
        return
    click.echo("" if answer.text.endswith("\n") else "\n", nl=False)
    _print_answer(answer, shown)


def _print_answer(answer: "Answer", shown: list[Path]) -> None:
    from som.answers import image_name

    for i, mark in answer.marks:
        prefix = image_name(i) if len(answer.images) > 1 else ""
        box = ", ".join(f"{v:.0f}" for v in mark.box_xyxy)
        said = " ".join(part for part in (mark.role, " ".join(mark.text.split())) if part)
        x, y = mark.anchor_xy
        click.echo(f"  [{prefix}{mark.label}]  box {box}  click {x}, {y}  {said}".rstrip())
    if answer.unknown:
        click.echo(f"  named but not on the image: {', '.join(answer.unknown)}", err=True)
    if answer.reply.stop_reason == "length":
        click.echo("  the answer was cut off at the longest reply allowed", err=True)
    for path in shown:
        click.echo(f"  -> {path}")


def _write_answer(answer: "Answer", out: Path | None) -> list[Path]:
    """One highlighted image for each that the answer names marks on."""
    from PIL import Image

    from som.batch import make_folder

    folder = out or Path()
    make_folder(folder)
    written: list[Path] = []
    for i in sorted({i for i, _ in answer.marks}):
        name = Path(answer.images[i].path or f"image{i}")
        path = folder / f"{name.stem}.answer.png"
        if path in written:
            path = folder / f"{name.stem}.{i + 1}.answer.png"
        try:
            Image.fromarray(answer.highlight(i)).save(path)
        except OSError as error:
            raise SomError(f"cannot write {path}: {error.strerror}") from error
        written.append(path)
    return written


def _progress(total: int) -> Any:
    from tqdm import tqdm

    # None: shown on terminals only. One image needs no bar.
    return tqdm(total=total, unit="image", disable=True if total < 2 else None)


def _report(marked: "MarkedImage", drawn: Path) -> str:
    count, taken = len(marked.marks), sum(marked.seconds.values())
    found = f"{count} mark{'s' * (count != 1)}" if count else "no regions found, nothing to mark"
    lost = f", {len(marked.dropped)} without room for a label" if marked.dropped else ""
    return f"{marked.path}: {found}{lost} ({marked.segmenter}, {taken:.1f} s) -> {drawn}"
