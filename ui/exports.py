"""What a visitor takes along: the marked image, the marks, the prompt, and Python that redoes it."""

import base64
import io
import json
from pathlib import PurePath
from typing import Any

from PIL import Image

from som.agents.ask import build_messages
from som.agents.vlm.base import TextPart
from som.errors import SomError
from som.ui.marking import MAX_SIDE, Drawn, Marking, prompted_name
from som.ui.sessions import Session
from som.ui.words import word

KINDS = ("image", "json", "prompt", "python")


def export(
    session: Session, kind: str, *, server: str = "", model: str | None = "offline"
) -> dict[str, Any]:
    """One file of what is on screen, as the page takes it: in the answer itself, nowhere on disk.

    Args:
        session: whose picture it is.
        kind: one of `KINDS`.
        server: base URL that the Python snippet asks, "" for none; never a key.
        model: name that it asks for; None leaves it to the server.

    Raises:
        SomError: there is no picture, or no such kind.
    """
    picture = session.picture
    if picture is None or picture.marked is None:
        raise SomError(word("error.no_picture", session.lang))
    stem = PurePath(picture.title).stem or "picture"
    if kind == "image":
        buffer = io.BytesIO()
        Image.fromarray(picture.marked.drawn).save(buffer, "png")
        return _file(f"{stem}.marked.png", "image/png", buffer.getvalue())
    if kind == "json":
        text = json.dumps(picture.marked.to_json(), ensure_ascii=False, indent=1)
        return _text(f"{stem}.marks.json", "application/json", text)
    if kind == "prompt":
        return _text(f"{stem}.prompt.txt", "text/plain", prompt_text(session))
    if kind == "python":
        return _text(f"{stem}.py", "text/x-python", snippet(session, server=server, model=model))
    raise SomError(f"nothing to export as {kind!r}; choose one of: {', '.join(KINDS)}")


def prompt_text(session: Session) -> str:
    """What a model is sent about the pictures, images as ``<image WxH>``."""
    images = tuple(picture.marked for picture in session.pictures if picture.marked is not None)
    question = session.history[-1][0] if session.history else word("export.question", session.lang)
    lines = []
    for message in build_messages(question, images, lang=session.lang):
        lines.append(f"--- {message.role}")
        for part in message.parts:
            if isinstance(part, TextPart):
                lines.append(part.text)
            else:
                lines.append(f"<image {part.image.shape[1]}x{part.image.shape[0]}>")
    return "\n".join(lines) + "\n"


def snippet(session: Session, *, server: str = "", model: str | None = "offline") -> str:
    """A program that marks the picture as it is on screen, and asks the last question again.

    What a visitor typed goes in as Python literals, never as code.
    """
    picture, marking = session.picture, session.marking
    assert picture is not None
    lines = ["from som import Marker, Style"]
    asked = session.history[-1][0] if session.history and len(session.pictures) == 1 else ""
    if asked:
        lines += ["from som.agents.ask import ask", "from som.agents.vlm import get_vlm"]
    if picture.drawn:
        lines += [
            "from som.segmenters import get",
            "from som.segmenters.prompt import Prompt",
            "from som.segmenters.prompted import PromptedSegmenter",
        ]
    lines += ["", *_marker(picture.drawn, marking)]
    lines += [
        f"marked = marker({picture.title!r})",
        f"marked.save({PurePath(picture.title).stem + '.marked.png'!r})",
        "print(marked.legend())",
    ]
    if asked:
        given = f"{model!r}, base_url={server!r}" if server else f"{model!r}"
        lines += [
            "",
            f"vlm, _ = get_vlm({given})",
            f"answer = ask({asked!r}, [marked], vlm, lang={session.lang!r})",
            "print(answer.text)",
            "for _, mark in answer.marks:",
            "    print(mark.label, mark.box_xyxy, mark.anchor_xy)",
        ]
    return "\n".join(lines) + "\n"


def _marker(drawn: tuple[Drawn, ...], marking: Marking) -> list[str]:
    style = marking.style
    options = [
        f"style=Style(shapes={style.shapes!r}, labels={style.labels!r}, opacity={style.opacity!r}, "
        f"tags={style.tags!r})",
        f"max_side={MAX_SIDE}",
    ]
    if marking.order != "reading":
        options.append(f"order={marking.order!r}")
    if marking.max_marks is not None:
        options.append(f"max_marks={marking.max_marks}")
    listed = "".join(f"    {option},\n" for option in options)
    if not drawn:
        found = f"{marking.segmenter!r},\n    granularity={marking.granularity!r}"
        return [f"marker = Marker(\n    {found},\n{listed})"]
    name = prompted_name(marking.segmenter)
    prompts = "".join(f"    {text},\n" for text in _prompts(drawn))
    return [
        f"prompts = [\n{prompts}]",
        f"segmenter = PromptedSegmenter(get({name!r}, granularity={marking.granularity!r}), prompts)",
        f"marker = Marker(\n    segmenter,\n{listed})",
    ]


def _prompts(drawn: tuple[Drawn, ...]) -> list[str]:
    found: list[tuple[str, list[str]]] = []
    for shape in drawn:
        if shape.kind == "outside":
            found[-1][1].extend(f"{point!r}" for point in shape.points)
        elif shape.kind == "box":
            (x1, y1), (x2, y2) = shape.points[:2]
            found.append((f"Prompt(box_xyxy=({x1!r}, {y1!r}, {x2!r}, {y2!r})", []))
        elif shape.kind == "stroke":
            # A stroke is brought to a few points first; those are written out when more is added.
            found.append((f"Prompt(inside=Prompt.stroke({list(shape.points)!r}).inside", []))
        else:
            found.append((f"Prompt(inside={shape.points!r}", []))
    return [
        f"{head}, outside=({', '.join(outside)},))" if outside else f"{head})"
        for head, outside in found
    ]


def _file(name: str, mime: str, data: bytes) -> dict[str, Any]:
    return {"name": name, "mime": mime, "base64": base64.b64encode(data).decode(), "text": ""}


def _text(name: str, mime: str, text: str) -> dict[str, Any]:
    return {**_file(name, mime, text.encode()), "text": text}
