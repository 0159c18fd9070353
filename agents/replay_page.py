"""One self-contained HTML page that shows a run, step by step; nothing in it is loaded from elsewhere.

What a trace holds (page texts, replies) is data to the page: it is embedded as JSON in which no tag can
begin, and becomes text nodes only. A content security policy allows the page's own script and style by
their hashes, images from the page itself, and nothing else.
"""

import base64
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from som.agents import actions as do
from som.agents.records import StepRecord
from som.agents.replies import write_action
from som.agents.trace import Trace, TraceError
from som.errors import SomError
from som.image import load_image, resize

LARGEST_SIDE, THUMB_WIDTH = 1440, 220
QUALITY, THUMB_QUALITY = 82, 70
# Options of a choice that are shown.
MOST_OPTIONS = 6
_SHORT_CHARS = 48


def replay_page(trace: Trace) -> str:
    """The page.

    Args:
        trace: as `read_trace` gives it.

    Raises:
        TraceError: a file of the trace is missing or broken.
    """
    template = files("som.agents").joinpath("replay_page.html").read_text("utf-8")
    data = json.dumps(_data(trace), ensure_ascii=False, separators=(",", ":"))
    # No tag and no comment can begin in it, and it stays the same JSON.
    data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    values = {"policy": _policy(template), "lang": trace.header.lang, "data": data}
    return re.sub(r"\$(policy|lang|data)\b", lambda match: _safe(match[1], values[match[1]]), template)


def write_page(trace: Trace, path: str | Path) -> Path:
    """Write the page.

    Raises:
        SomError: the file cannot be written.
        TraceError: a file of the trace is missing or broken.
    """
    path = Path(path)
    try:
        path.write_bytes(replay_page(trace).encode("utf-8", "replace"))
    except OSError as error:
        raise SomError(f"cannot write {path}: {error.strerror}") from error
    return path


def summary(trace: Trace, record: StepRecord) -> dict[str, Any]:
    """A step in short, as plain data: what ``som replay --json`` prints."""
    return {
        "step": record.number,
        "url": record.seen.url,
        "title": record.seen.title,
        "thought": record.thought,
        "action": record.action.model_dump(mode="json") if record.action else None,
        "on": _on(record),
        "by": record.by,
        "error": record.error,
        "confirmed": record.confirmed,
        "outcome": vars(record.outcome) if record.outcome else None,
        "notes": list(record.seen.notes),
        "tokens": list(record.tokens),
        "cost_usd": record.cost_usd,
        "seconds": record.seconds,
        "image": str(trace.folder / record.seen.drawn),
        "end": vars(record.end) if record.end else None,
    }


def _safe(name: str, value: str) -> str:
    return value if name != "lang" else re.sub(r"[^A-Za-z-]", "", value)


def _policy(template: str) -> str:
    def hashed(tag: str) -> str:
        [inside] = re.findall(rf"<{tag}>(.*?)</{tag}>", template, re.DOTALL)
        return "'sha256-" + base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode() + "'"

    return (
        f"default-src 'none'; img-src data:; style-src {hashed('style')}; "
        f"script-src {hashed('script')}; base-uri 'none'; form-action 'none'"
    )


def _data(trace: Trace) -> dict[str, Any]:
    names = list(dict.fromkeys(record.seen.drawn for record in trace.records))
    pictures = [_pictures(trace.folder / name) for name in names]
    header = trace.header
    texts = {part.text for r in trace.records for m in r.messages for part in m.parts if part.text}
    return {
        "task": header.task,
        "model": header.model,
        "url": header.url,
        "started": header.started[:19].replace("T", " ") + " UTC" if header.started else "",
        "resumed": len(trace.resumed),
        "end": vars(trace.end) if trace.end else None,
        "tokens": trace.tokens,
        "cost": trace.cost_usd,
        "seconds": trace.seconds,
        "images": [image for image, _ in pictures],
        "thumbs": [thumb for _, thumb in pictures],
        "texts": {sha256: trace.text(sha256) for sha256 in sorted(texts)},
        "steps": [_step(record, names.index(record.seen.drawn)) for record in trace.records],
    }


def _step(record: StepRecord, image: int) -> dict[str, Any]:
    seen, reply = record.seen, record.reply
    size = seen.marks["image"]["width"], seen.marks["image"]["height"]
    boxes, points = _where(record, size)
    written = write_action(record.action) if record.action else ""
    short = _short(record)
    return {
        "number": record.number,
        "image": image,
        "size": size,
        "url": seen.url,
        "title": seen.title,
        "tabs": [vars(tab) for tab in seen.tabs] if len(seen.tabs) > 1 else [],
        "notes": list(seen.notes),
        "thought": record.thought,
        "action": written,
        "short": short if len(short) <= _SHORT_CHARS else short[: _SHORT_CHARS - 1] + "…",
        "on": _on(record),
        "said": _said(record),
        "boxes": boxes,
        "points": points,
        "by": record.by,
        "error": record.error,
        "confirmed": record.confirmed,
        "outcome": vars(record.outcome) if record.outcome else None,
        "seconds": record.seconds,
        "tokens": record.tokens,
        "cost": record.cost_usd,
        "model": reply.model if reply else "",
        "reply": reply.text if reply else "",
        "choice": _choice(record),
        "messages": [
            {
                "role": message.role,
                "parts": [{"text": part.text} if part.text else {} for part in message.parts],
            }
            for message in record.messages
        ],
        "end": vars(record.end) if record.end else None,
    }


def _short(record: StepRecord) -> str:
    """A step in a few words: "click Add to basket"."""
    if record.action is None:
        return record.error or (record.end.text if record.end else "")
    named = [str(mark["text"] or mark["role"] or mark["label"]) for mark in _marks_named(record)]
    kind = record.action.action
    match record.action:
        case do.Answer(text=on) | do.GiveUp(reason=on) | do.Scroll(direction=on):
            pass
        case do.ClickAt(x=x, y=y):
            on = f"{x}, {y}"
        case _:
            on = _said(record) or " onto ".join(named)
    return " ".join(f"{kind.replace('_', ' ')} {on}".split())


def _marks_named(record: StepRecord) -> list[dict[str, Any]]:
    """The marks, as in the mark file, that the step's action names."""
    ids = do.marks_of(record.action) if record.action else []
    marks = {mark["id"]: mark for mark in record.seen.marks["marks"]}
    return [marks[i] for i in ids if i in marks]


def _where(record: StepRecord, size_wh: tuple[int, int]) -> tuple[list[list[float]], list[list[float]]]:
    """Boxes and points of an action, in percent of the image."""
    named = _marks_named(record)
    boxes, points = [mark["box"] for mark in named], [mark["anchor"] for mark in named]
    match record.action:
        case do.ClickAt(x=x, y=y):
            points = [[x, y]]
        case do.MarkRegion(x1=x1, y1=y1, x2=x2, y2=y2):
            boxes = [[x1, y1, x2, y2]]
        case do.Scroll() | do.Zoom():
            points = []

    def percent(values: list[float]) -> list[float]:
        return [round(100 * value / size_wh[i % 2], 3) for i, value in enumerate(values)]

    return [percent(box) for box in boxes], [percent(point) for point in points]


def _on(record: StepRecord) -> str:
    """What an action lands on, in words."""
    said = []
    for mark in _marks_named(record):
        text = " ".join(str(mark["text"]).split())
        said.append(f"[{mark['label']}] {mark['role']} {json.dumps(text, ensure_ascii=False)}")
    return ", then ".join(said)


def _said(record: StepRecord) -> str:
    """What is written beside the place of an action."""
    match record.action:
        case do.Type(text=text, submit=submit):
            return f"{text} \u23ce" if submit else text
        case do.Press(keys=keys):
            return keys
        case do.SelectOption(option=option):
            return option
        case do.Scroll(direction=direction):
            return {"up": "\u2191", "down": "\u2193", "left": "\u2190", "right": "\u2192"}[direction]
        case do.Goto(url=url) | do.NewTab(url=url):
            return url
    return ""


def _choice(record: StepRecord) -> dict[str, Any] | None:
    if record.choice is None:
        return None
    return {
        "method": record.choice.method,
        "ranked": record.choice.choice().ranked()[:MOST_OPTIONS],
    }


def _pictures(path: Path) -> tuple[str, str]:
    """An image and its thumbnail as base64 of WebP files."""
    try:
        image = load_image(path)
    except SomError as error:
        raise TraceError(f"an image of the trace cannot be read: {error}") from error
    height, width = image.shape[:2]
    factor = min(1.0, LARGEST_SIDE / max(width, height))
    full = resize(image, (max(1, round(width * factor)), max(1, round(height * factor))))
    thumb_wh = THUMB_WIDTH, max(1, round(height * THUMB_WIDTH / width))
    return _webp(full, QUALITY), _webp(resize(image, thumb_wh), THUMB_QUALITY)


def _webp(image: NDArray[np.uint8], quality: int) -> str:
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    data = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, quality])[1].tobytes()
    return base64.b64encode(data).decode()
