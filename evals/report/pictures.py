"""The worst samples of a run as pictures: what the model saw, what was right, what it chose."""

import base64
from collections.abc import Iterator, Sequence
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from som.errors import SomError
from som.evals.attribution import CAUSES
from som.evals.conditions import condition as read_condition
from som.evals.logs import Answered, Run, shown_images
from som.evals.truth import Box
from som.image import load_image

# Of a picture in the report, in pixels; what lies around truth and choice is cut off.
_WIDTH, _HEIGHT, _ROOM = 760, 480, 120
_TRUE_RGB, _CHOSEN_RGB = (20, 150, 80), (215, 50, 35)
_REPLY_CHARS = 300


def worst_samples(runs: Sequence[Run], count: int) -> str:
    """Pictures of the worst samples of each run, as HTML."""
    parts: list[str] = []
    for run in runs:
        cards = "".join(_card(run, sample) for sample in pick_worst(run, count))
        if cards:
            state = "" if parts else " open"
            parts.append(f"<details{state}><summary>{escape(run.name)}</summary>{cards}</details>")
    if not parts:
        return ""
    key = (
        '<p class="key"><span><i class="swatch true"></i>what is right</span>'
        '<span><i class="swatch chosen"></i>what was chosen</span></p>'
    )
    return f"<section><h2>The worst samples</h2>{key}{''.join(parts)}</section>"


def pick_worst(run: Run, count: int) -> list[Answered]:
    """Missed samples: the causes take turns, the most confident answers first."""
    queues: list[list[Answered]] = []
    for cause in CAUSES:
        missed = [one for one in run.samples if one.verdict.cause == cause != "right"]
        missed.sort(key=lambda one: -((one.evidence and one.evidence.confidence) or 0))
        queues.append(missed)
    return list(_by_turns(queues))[:count]


def draw(
    run: Run, sample: Answered, sent: Sequence[bytes] | None = None, *, whole: bool = False
) -> NDArray[np.uint8] | None:
    """What the model saw (else the image itself) with the truth and the choice, uint8 RGB.

    None where there is neither, and for videos.

    Args:
        run: of the sample.
        sample: what is drawn.
        sent: what the model was shown last, of a log that somebody sent: no file is opened then, and
            a part of an image is shown as it is.
        whole: all of the image, not only what lies around truth and choice.
    """
    if sample.kind == "track":
        # A log keeps what was shown last, which is another frame.
        return None
    scale = (1.0, 1.0)
    try:
        condition = read_condition(run.condition)
        entire = condition.way == "once" and condition.group is None
        shown = (shown_images(run, sample) if entire else []) if sent is None else sent
        if shown:
            image, scale = load_image(shown[-1]), sample.scale_xy
        elif sent is None:
            image = load_image(sample.image)
        else:
            return None
    except (SomError, OSError, IndexError):
        return None
    if sent is not None and not entire:
        return image
    canvas = image.copy()
    boxes = []
    if sample.truth.box_xyxy:
        boxes.append((sample.truth.box_xyxy, _TRUE_RGB))
    named = sample.evidence.named if sample.evidence else None
    if named and named.box_xyxy:
        boxes.append((named.box_xyxy, _CHOSEN_RGB))
    elif named and named.point_xy:
        x, y = named.point_xy
        boxes.append(((x - 7, y - 7, x + 7, y + 7), _CHOSEN_RGB))
    scaled = [_scaled(box, scale) for box, _ in boxes]
    for box, (_, color) in zip(scaled, boxes, strict=True):
        _frame(canvas, box, color)
    return canvas if whole else _cut(canvas, scaled)


def _card(run: Run, sample: Answered) -> str:
    picture = draw(run, sample)
    shown = "<div></div>" if picture is None else _img(picture)
    evidence = sample.evidence
    said = evidence.text.strip() if evidence else sample.error
    said = said if len(said) <= _REPLY_CHARS else said[: _REPLY_CHARS - 1] + "…"
    best = evidence.best.label if evidence and evidence.best else ""
    cause = sample.verdict.cause
    facts = [
        *([escape(sample.answer)] if sample.answer else []),
        f'<span class="cause {cause}">{cause.replace("_", " ")}</span>',
        escape(CAUSES[cause]),
    ]
    if best and sample.verdict.right is False and sample.verdict.ceiling:
        facts.append(f"the right mark is [{escape(best)}]")
    if evidence and evidence.confidence is not None:
        facts.append(f"confidence {100 * evidence.confidence:.0f} %")
    return (
        f'<article>{shown}<div><p class="question">{escape(sample.question)}</p>'
        f"<p>Reply: <q>{escape(said)}</q></p><p>{' · '.join(facts)}</p>"
        f'<p class="note">{escape(sample.id)}</p></div></article>'
    )


def _by_turns(queues: list[list[Answered]]) -> Iterator[Answered]:
    for turn in range(max((len(queue) for queue in queues), default=0)):
        for queue in queues:
            if turn < len(queue):
                yield queue[turn]


def _scaled(box: Box, scale: tuple[float, float]) -> Box:
    x1, y1, x2, y2 = box
    return x1 * scale[0], y1 * scale[1], x2 * scale[0], y2 * scale[1]


def _frame(canvas: NDArray[np.uint8], box: Box, color: tuple[int, int, int]) -> None:
    x1, y1, x2, y2 = (round(value) for value in box)
    for grow, shade, thick in ((4, (255, 255, 255), 5), (4, color, 3)):
        cv2.rectangle(canvas, (x1 - grow, y1 - grow), (x2 + grow, y2 + grow), shade, thick)


def _cut(canvas: NDArray[np.uint8], boxes: Sequence[Box]) -> NDArray[np.uint8]:
    """The part around these boxes, at least the size of a picture, brought down to it."""
    height, width = canvas.shape[:2]
    corners = np.array(boxes or [(0, 0, width, height)])
    low, high = corners[:, :2].min(axis=0) - _ROOM, corners[:, 2:].max(axis=0) + _ROOM
    middle, size = (low + high) / 2, np.maximum(high - low, (_WIDTH, _HEIGHT))
    size = np.minimum(size, (width, height))
    start = np.clip(middle - size / 2, 0, np.array([width, height]) - size)
    x, y = (int(value) for value in start)
    part = canvas[y : y + int(size[1]), x : x + int(size[0])]
    factor = min(1.0, _WIDTH / part.shape[1])
    if factor < 1:
        wanted = round(part.shape[1] * factor), round(part.shape[0] * factor)
        part = np.asarray(cv2.resize(part, wanted, interpolation=cv2.INTER_AREA), np.uint8)
    return part


def webp_url(image: NDArray[np.uint8]) -> str:
    """An RGB image as a small `data:` URL."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, 82])[1].tobytes()
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"


def _img(image: NDArray[np.uint8]) -> str:
    height, width = image.shape[:2]
    return f'<img alt="" width="{width}" height="{height}" src="{webp_url(image)}">'
