"""The options of commands that mark images, shared by all of them, and the `Marker` they ask for."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from som.errors import SomError
from som.style import LABELS, ORDERS, SHAPES

if TYPE_CHECKING:
    from som.marker import Marker

WEIGHTLESS = ("auto", "screen", "photo")
# The options that decide which regions are found; the others only choose and draw.
_SEGMENTING = (
    "segmenter", "weights", "device", "granularity", "ocr", "detections", "find", "find_model",
    "points", "boxes", "strokes", "areas",
)  # fmt: skip
# Segmenters that read.
READING = ("auto", "screen")
Command = Callable[..., Any]


def marking_options(command: Command) -> Command:
    """Add the options that say how an image is marked; they arrive as keywords, for `make_marker`."""
    options = [
        click.option(
            "--segmenter", default="auto", show_default=True, metavar="NAME",
            help="What finds regions: auto, screen, photo; by a model sam, sam2, sam3, sam-hq, "
            "slimsam, edgetam, detector, omniparser.",
        ),
        click.option(
            "--weights", metavar="NAME|PATH",
            help="Of the segmenter: vit_b, vit_l, vit_h (fetched once), a file, a folder, a hub name.",
        ),
        click.option(
            "--device", metavar="NAME", help="cuda, mps or cpu. Default: the fastest there is.",
        ),
        click.option(
            "--detections", metavar="JSON", type=click.Path(path_type=Path),
            help="Mark the regions in this file: COCO, LabelMe, supervision, a mark file.",
        ),
        click.option(
            "--find", metavar='"PHRASE; ..."',
            help="Mark what these words describe; --segmenter makes masks of it (auto: sam2).",
        ),
        click.option(
            "--find-model", metavar="NAME|PATH",
            help="A Grounding DINO, OWLv2 or SAM 3. Default: IDEA-Research/grounding-dino-tiny.",
        ),
        click.option(
            "--point", "points", multiple=True, metavar="X,Y",
            help='Mark just what is there. "X,Y X,Y !X,Y": several points, those after ! outside.',
        ),
        click.option(
            "--box", "boxes", multiple=True, metavar="X1,Y1,X2,Y2", help="Mark what fills this box.",
        ),
        click.option(
            "--stroke", "strokes", multiple=True, metavar='"X,Y X,Y ..."',
            help="Mark what this line crosses.",
        ),
        click.option(
            "--area", "areas", multiple=True, metavar="PNG", type=click.Path(path_type=Path),
            help="Mark what is painted white in this image.",
        ),
        click.option(
            "--granularity", type=click.FloatRange(0, 1), default=0.5, show_default=True,
            help="0 coarse .. 1 fine; finer never gives fewer regions.",
        ),
        click.option(
            "--ocr", type=click.Choice(["auto", "default", "korean"]), default="auto",
            show_default=True,
            help="What reads screens. default: English, Chinese, Japanese; korean: Korean too. auto: "
            "korean for questions in Korean, where it is installed.",
        ),
        click.option(
            "--style", default="outline", show_default=True, metavar="MIX",
            help=f"Any of {', '.join(SHAPES)}, joined by commas; none for labels alone.",
        ),
        click.option(
            "--labels", type=click.Choice(LABELS), default="numbers", show_default=True,
            help="auto takes letters where the picture is full of numbers.",
        ),
        click.option(
            "--opacity", type=click.FloatRange(0, 1), default=0.35, show_default=True,
            help="Of the fill.",
        ),
        click.option(
            "--tags", type=click.Choice(["auto", "corner"]), default="auto", show_default=True,
            help="Labels where they hide least, or at a corner of each box.",
        ),
        click.option("--max-marks", type=click.IntRange(1), help="Keep the most important."),
        click.option(
            "--min-area", type=click.FloatRange(0), default=0.0, metavar="AREA",
            help="Leave out smaller regions; pixels, or a share of the image below 1.",
        ),
        click.option(
            "--order", type=click.Choice(ORDERS), default="reading", show_default=True,
            help="How marks are numbered.",
        ),
        click.option(
            "--max-side", type=click.IntRange(16), metavar="PIXELS",
            help="Longest side of the marked image: the size that the model will see.",
        ),
        click.option(
            "--cache", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False),
            help="Where regions are kept once they are found. Default: ~/.cache/som/marks.",
        ),
        click.option("--no-cache", is_flag=True, help="Find them anew and keep nothing."),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def make_marker(marking: dict[str, Any]) -> "Marker":
    """The marker that these options describe.

    Raises:
        SomError: an unknown name or a number out of range.
    """
    from som import segmenters
    from som.marker import Marker
    from som.style import Style

    shapes = tuple(part.strip() for part in marking.pop("style").split(",") if part.strip())
    style = Style(
        shapes=() if shapes == ("none",) else shapes,
        labels=marking.pop("labels"),
        opacity=marking.pop("opacity"),
        tags=marking.pop("tags"),
    )
    cache, no_cache = marking.pop("cache"), marking.pop("no_cache")
    settings = {name: marking[name] for name in _SEGMENTING}
    segmenter = _segmenter(marking)
    if not no_cache and settings["detections"] is None and segmenters.shipped(settings["segmenter"]):
        segmenter = _cached(segmenter, settings, cache)
    return Marker(segmenter, style=style, **marking)


def _cached(segmenter: Any, settings: dict[str, Any], folder: Path | None) -> Any:
    """The segmenter with a cache before it."""
    from som.marks_cache import CachedSegmenter, MarksCache, file_state

    known = {
        name: [file_state(one) for one in value] if isinstance(value, tuple) else file_state(value)
        for name, value in settings.items()
    }
    return CachedSegmenter(segmenter, known, MarksCache(folder))


def _segmenter(marking: dict[str, Any]) -> Any:
    """The segmenter that the options ask for; takes its options out of them."""
    from som import segmenters
    from som.detections_file import DetectionsFile
    from som.segmenters.prompted import PromptedSegmenter, read_prompts

    drawn = [marking.pop(name) for name in ("points", "boxes", "strokes", "areas")]
    detections = marking.pop("detections")
    find, find_model = marking.pop("find"), marking.pop("find_model")
    name, ocr = marking.pop("segmenter"), marking.pop("ocr")
    options = {key: marking.pop(key) for key in ("weights", "device")}
    options = {key: value for key, value in options.items() if value is not None}
    options["granularity"] = marking.pop("granularity")
    if sum((find is not None, detections is not None, any(drawn))) > 1:
        raise SomError("give one of --find, --detections, and points and boxes")
    if detections is not None:
        return DetectionsFile(detections)
    if find is not None:
        return _words(find, find_model, name, options)
    if name in WEIGHTLESS and len(options) > 1:
        raise SomError(f"--{next(iter(options))} goes with a model: add --segmenter sam, sam2, ...")
    if any(drawn) and name == "auto":
        name = "photo"
    if ocr == "korean" and name not in READING:
        raise SomError(f"--ocr korean goes with --segmenter {' or '.join(READING)}")
    if ocr == "korean":
        options["korean"] = True
    segmenter = segmenters.get(name, **options)
    return PromptedSegmenter(segmenter, read_prompts(*drawn)) if any(drawn) else segmenter


def _words(find: str, model: str | None, name: str, options: dict[str, Any]) -> Any:
    """What finds the phrases; `name` is the segmenter that makes masks of its boxes."""
    from som import segmenters
    from som.segmenters.words.segmenter import WordsSegmenter

    phrases = find.split(";")
    if name == "sam3" and model is None:
        return WordsSegmenter(phrases, **{"weights": "facebook/sam3", **options})
    refine = segmenters.get("sam2" if name == "auto" else name, **options) if name != "screen" else None
    options.pop("weights", None)
    return WordsSegmenter(phrases, weights=model, refine=refine, **options)
