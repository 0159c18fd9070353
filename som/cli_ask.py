"""``som ask``: a question about images, answered in words, or by picking a mark."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from som.cli_local import local_options, local_settings
from som.cli_marking import make_marker, marking_options
from som.errors import SomError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from som.agents.ask import Answer
    from som.agents.closer import Closer
    from som.agents.pick import Pick, Ranked
    from som.agents.vlm.cost import Metered
    from som.marks import Mark, MarkedImage

# Of a mark's text in a listing.
TEXT_CHARS = 80


@click.command()
@click.argument("images", nargs=-1, required=True)
@click.argument("question")
@marking_options
@click.option(
    "--model", metavar="NAME",
    help="offline, replay:FILE, local:CHECKPOINT, claude-..., gemini-..., or a model on the server.",
)  # fmt: skip
@local_options
@click.option("--base-url", metavar="URL", help="Any OpenAI-compatible server.")
@click.option("--api", type=click.Choice(["chat", "responses"]), help="Default: what the model has.")
@click.option(
    "--max-usd", type=click.FloatRange(0), metavar="USD",
    help="Stop before a call that could cost more; for models with a known price (som models).",
)  # fmt: skip
@click.option("--lang", default="en", show_default=True, help="Language of the prompt: en or ko.")
@click.option(
    "--send", default="raw,marked", show_default=True, metavar="VIEWS",
    help="Which views of an image the model gets.",
)  # fmt: skip
@click.option(
    "--legend", type=click.Choice(["full", "compact", "none"]), default="full", show_default=True,
    help="How to list what can be read at the marks; compact takes fewer tokens.",
)  # fmt: skip
@click.option("--no-legend", "legend", flag_value="none", help="The same as --legend none.")
@click.option(
    "--pick", "picking", is_flag=True, help="Rank the marks by probability instead of asking in words."
)
@click.option(
    "--top", type=click.IntRange(1), default=5, show_default=True, help="With --pick: how many to list."
)
@click.option(
    "--threshold", type=click.FloatRange(0, 1), default=0.0, show_default=True,
    help="With --pick: below this probability the answer is none.",
)  # fmt: skip
@click.option(
    "--votes", type=click.IntRange(2), metavar="N",
    help="With --pick: probabilities from the agreement of so many samples.",
)  # fmt: skip
@click.option(
    "--look-closer", "calls", type=click.IntRange(2), metavar="CALLS",
    help="Pick from coarse to fine: a block of marks first, then a mark of it, enlarged. At most "
    "so many questions.",
)  # fmt: skip
@click.option(
    "--thin", type=click.IntRange(1), metavar="MARKS",
    help="Keep only so many marks, those that the question is most likely about.",
)  # fmt: skip
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
    quantize: str | None,
    model_device: str | None,
    allow_remote_code: bool,
    base_url: str | None,
    api: str | None,
    max_usd: float | None,
    lang: str,
    send: str,
    legend: str,
    picking: bool,
    top: int,
    threshold: float,
    votes: int | None,
    calls: int | None,
    thin: int | None,
    timeout: float,
    out: Path | None,
    as_json: bool,
    **marking: Any,
) -> None:
    """Ask a QUESTION about one or more IMAGES; the answer names marks.

    A question may name marks itself: "what is left of [4]?". With several images they are called A,
    B, ...: "[B4]". Without a key or a server the offline grounder answers.

    --pick asks for one mark and gives the probability of each, and of none; a mark that is not there
    cannot come out.
    """
    from som.agents.vlm import get_vlm
    from som.agents.vlm.cost import Budget, Metered
    from som.agents.vlm.profiles import profile_of

    if calls and len(images) > 1:
        raise SomError("--look-closer takes one image; ask about them one by one")
    asked, notice = get_vlm(
        model,
        base_url=base_url,
        api=api,
        votes=votes,
        timeout_s=timeout,
        **local_settings(quantize, model_device, allow_remote_code),
    )
    vlm = Metered(asked, Budget(usd=max_usd))
    if vlm.name != "offline" and marking["max_side"] is None:
        marking["max_side"] = profile_of(vlm.name).max_side
    if marking["ocr"] == "auto" and (lang == "ko" or _has_hangul(question)):
        marking["ocr"] = _korean_if_there(marking["segmenter"])
    marker = make_marker(marking)
    marked = [marker(Path(path)) for path in images]
    if notice:
        click.echo(notice, err=True)
    for image in marked:
        if not image.marks:
            click.echo(f"{image.path}: no regions found, so there is nothing to name", err=True)
    if thin:
        from som.agents.thin import thin as keep

        marked = [keep(question, image, thin) for image in marked]
    asking: dict[str, Any] = {
        "lang": lang,
        "send": [view.strip() for view in send.split(",") if view.strip()],
        "legend": legend,
    }
    if calls:
        from som.agents.closer import look_closer

        closer = look_closer(
            question, marked[0], vlm, segment=marker.segmenter, max_calls=calls, threshold=threshold,
            **asking,
        )  # fmt: skip
        _show_closer(closer, marked[0], vlm, out, top, as_json)
    elif picking:
        from som.agents.pick import pick

        picked = pick(question, marked, vlm, threshold=threshold, **asking)
        _show_pick(picked, vlm, out, top, as_json)
    else:
        from som.agents.ask import ask as ask_model

        on_text = None if as_json else lambda piece: click.echo(piece, nl=False)
        _show_answer(ask_model(question, marked, vlm, on_text=on_text, **asking), vlm, out, as_json)


def _has_hangul(text: str) -> bool:
    return any("가" <= letter <= "힣" for letter in text)


def _korean_if_there(segmenter: str) -> str:
    """What reads the screen of a question in Korean; says so once where nothing reads Korean."""
    from som.cli_marking import READING
    from som.segmenters.screen.korean import INSTALL, reads_korean

    if segmenter not in READING:
        return "default"
    if reads_korean():
        return "korean"
    click.echo(INSTALL, err=True)
    return "default"


def _show_answer(answer: "Answer", vlm: "Metered", out: Path | None, as_json: bool) -> None:
    shown = _write(answer.images, answer.marks, out)
    if as_json:
        _echo_json({**answer.to_json(), "spent": _spent(vlm), "highlights": [*map(str, shown)]})
        return
    click.echo("" if answer.text.endswith("\n") else "\n", nl=False)
    for i, mark in answer.marks:
        click.echo(f"  {_line(mark, i, len(answer.images))}")
    if answer.unknown:
        click.echo(f"  named but not on the image: {', '.join(answer.unknown)}", err=True)
    if answer.reply.stop_reason == "length":
        click.echo("  the answer was cut off at the longest reply allowed", err=True)
    _echo_cost(vlm)
    _echo_paths(shown)


def _show_pick(pick: "Pick", vlm: "Metered", out: Path | None, top: int, as_json: bool) -> None:
    best = pick.best
    shown = _write(pick.images, [(best.image, best.mark)] if best else [], out)
    if as_json:
        _echo_json({**pick.to_json(top), "spent": _spent(vlm), "highlights": [*map(str, shown)]})
        return
    _echo_ranked(pick, top)
    if best is None:
        click.echo("None of the marks.")
    _echo_cost(vlm)
    _echo_paths(shown)


def _show_closer(
    closer: "Closer",
    marked: "MarkedImage",
    vlm: "Metered",
    out: Path | None,
    top: int,
    as_json: bool,
) -> None:
    looks = [look.pick for look in closer.looks]
    views = [look.images[0] for look in looks]
    picked = [(i, look.best.mark) for i, look in enumerate(looks) if look.best]
    shown = _write(views, picked, out, marked.path)
    if as_json:
        found = {
            "question": looks[-1].question,
            "abstained": closer.mark is None,
            "box": closer.box_xyxy and [round(value, 2) for value in closer.box_xyxy],
            "point": closer.anchor_xy and list(closer.anchor_xy),
            "text": closer.mark.text if closer.mark else "",
            "role": closer.mark.role if closer.mark else "",
            "probability": round(closer.probability, 4),
        }
        asked = [
            {**look.pick.to_json(top), "shown": list(look.box_xyxy), "scale": round(look.scale, 3)}
            for look in closer.looks
        ]
        found |= {"looks": asked, "spent": _spent(vlm), "highlights": [*map(str, shown)]}
        _echo_json(found)
        return
    for number, look in enumerate(closer.looks, start=1):
        shown_box = ", ".join(f"{value:.0f}" for value in look.box_xyxy)
        click.echo(f"Look {number}: {shown_box} at {look.scale:.1f}x")
        _echo_ranked(look.pick, top)
    if closer.mark is None or closer.box_xyxy is None or closer.anchor_xy is None:
        click.echo("None of the marks.")
    else:
        box = ", ".join(f"{value:.0f}" for value in closer.box_xyxy)
        x, y = closer.anchor_xy
        said = f"{closer.mark.role} {_short(closer.mark.text)}".strip()
        click.echo(f"Found: {said}  {closer.probability:.0%}  box {box}  click {x}, {y}")
    _echo_cost(vlm)
    _echo_paths(shown)


def _echo_ranked(pick: "Pick", top: int) -> None:
    from som.agents.vlm.base import NONE

    ranked: list[Ranked | None] = [*pick.ranked[:top]]
    at = next((i for i, one in enumerate(ranked) if one and one.probability < pick.none), len(ranked))
    ranked.insert(at, None)
    for one in ranked:
        if one is None:
            click.echo(f"  {pick.none:6.1%}  {NONE}")
        else:
            click.echo(f"  {one.probability:6.1%}  {_line(one.mark, one.image, len(pick.images))}")
    click.echo(f"  probabilities from {pick.choice.method} of {pick.choice.model or 'the model'}")


def _line(mark: "Mark", image: int, images: int) -> str:
    from som.answers import image_name

    prefix = image_name(image) if images > 1 else ""
    box = ", ".join(f"{v:.0f}" for v in mark.box_xyxy)
    said = " ".join(part for part in (mark.role, _short(mark.text)) if part)
    x, y = mark.anchor_xy
    return f"[{prefix}{mark.label}]  box {box}  click {x}, {y}  {said}".rstrip()


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= TEXT_CHARS else text[: TEXT_CHARS - 1] + "…"


def _spent(vlm: "Metered") -> dict[str, Any]:
    """What the questions have cost, as plain data; `usd` is null where no price is known."""
    priced = vlm.priced
    return {**vlm.spent.to_json(), "usd": round(vlm.spent.usd, 6) if priced else None}


def _echo_cost(vlm: "Metered") -> None:
    spent = vlm.spent
    if vlm.name == "offline":
        return
    images = f" ({spent.image_tokens:,} of images)" if spent.image_tokens else ""
    price = f", ${spent.usd:.5f}" if vlm.priced else ""
    click.echo(
        f"  {vlm.name}: {spent.tokens_in:,} tokens in{images}, {spent.tokens_out:,} out{price}, "
        f"{spent.seconds:.1f} s"
    )


def _echo_json(data: dict[str, Any]) -> None:
    click.echo(json.dumps(data, ensure_ascii=False))


def _echo_paths(paths: Sequence[Path]) -> None:
    for path in paths:
        click.echo(f"  -> {path}")


def _write(
    images: Sequence["MarkedImage"],
    marks: Sequence[tuple[int, "Mark"]],
    out: Path | None,
    path: str | None = None,
) -> list[Path]:
    """One highlighted image for each that marks are named on, called after its file or after `path`."""
    from som.batch import make_folder

    folder = out or Path()
    make_folder(folder)
    written: list[Path] = []
    for i in sorted({i for i, _ in marks}):
        name = Path(path or images[i].path or f"image{i}")
        target = folder / f"{name.stem}.answer.png"
        if target in written:
            target = folder / f"{name.stem}.{i + 1}.answer.png"
        _save(images[i].highlight(mark.id for j, mark in marks if j == i), target)
        written.append(target)
    return written


def _save(image: "NDArray[np.uint8]", path: Path) -> None:
    from PIL import Image

    try:
        Image.fromarray(image).save(path)
    except OSError as error:
        raise SomError(f"cannot write {path}: {error.strerror}") from error
