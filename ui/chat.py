"""The conversation about a visitor's pictures: what is asked, how the answer streams, what it names."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any

from som.agents.ask import build_messages
from som.agents.vlm.base import VLM, Message, Reply, TextPart
from som.answers import Mention, image_name, parse_marks
from som.errors import SomError
from som.ui.marking import Picture
from som.ui.scene import color_of, marks_of
from som.ui.sessions import Session
from som.ui.words import word

# Earlier questions and answers that a model is reminded of, as text.
REMEMBERED = 6
LONGEST_QUESTION = 4000
# How soon an answer that is not wanted any more ends.
STOP_S = 0.2
MOST_MESSAGES = 200


class _StoppedError(Exception):
    """A visitor stopped the answer."""


def chat_value(session: Session) -> dict[str, Any]:
    """What the page shows of the conversation."""
    lang = session.lang
    asked = [word(f"chat.idea.{i}", lang) for i in (1, 2, 3)] if session.pictures else []
    return {"messages": list(session.messages), "lang": lang, "ideas": asked}


def converse(
    session: Session, question: str, model: Callable[[], VLM], sleep_s: float = 0.08
) -> Iterator[None]:
    """Ask, and keep the session's messages up to date while the answer comes.

    Args:
        session: whose pictures are asked about; each must be marked.
        question: may name marks.
        model: gives who answers; called here, so that its errors are shown as an answer is.
        sleep_s: how long to gather text before the page is told.

    Yields:
        Nothing, each time the messages have changed.
    """
    question = question.strip()[:LONGEST_QUESTION]
    pictures = list(session.pictures)
    with session.lock:
        mine = {"who": "you", "parts": pieces(question, pictures), "done": True}
        answer: dict[str, Any] = {
            "who": "model", "parts": [], "done": False, "wait": word("chat.wait", session.lang),
        }  # fmt: skip
        session.messages = [*session.messages[-MOST_MESSAGES:], mine, answer]
    yield
    session.stop.set()  # a new question ends the answer before
    stop = session.stop = threading.Event()
    try:
        reply = None
        vlm = model()
        images = tuple(picture.marked for picture in pictures if picture.marked is not None)
        messages = with_history(build_messages(question, images, lang=session.lang), session.history)
        for text, reply in _streamed(vlm, messages, stop, sleep_s):
            answer["parts"] = pieces(text, pictures)
            if reply is None:
                yield
        assert reply is not None
        session.history = [*session.history, (question, reply.text)][-REMEMBERED:]
        answer.update(
            meta=meta(reply, session.lang), done=True, highlight=_highlight(reply.text, pictures)
        )
    except _StoppedError:
        pass
    except SomError as error:
        answer.update(parts=[{"text": str(error)}], error=True, done=True)
    finally:
        stop.set()
        if not answer["done"]:
            answer.update(done=True, meta=word("chat.stopped", session.lang))
    yield


def with_history(messages: list[Message], history: Sequence[tuple[str, str]]) -> list[Message]:
    """The conversation with what was asked and answered before, between the system's part and now."""
    past: list[Message] = []
    for asked, answered in history:
        past += [Message("user", (TextPart(asked),)), Message("assistant", (TextPart(answered),))]
    return [messages[0], *past, *messages[1:]]


def pieces(text: str, pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """A text as the page shows it: plain pieces, and a chip for each mark that it names."""
    named = _named(text, pictures)
    spans: dict[tuple[int, int], list[Mention]] = {}
    for (start, end), group in groupby(named, key=lambda found: (found.start, found.end)):
        mentions = list(group)
        if start == 0 and end == len(text) and len(text) > 12:
            return [{"text": text + "\n"}, *(_chip(found, pictures) for found in mentions)]
        said, at = text[start:end], start
        while at >= 0:  # the same words name the same marks wherever they stand
            spans.setdefault((at, at + len(said)), mentions)
            at = text.find(said, at + len(said))
    parts: list[dict[str, Any]] = []
    done = 0
    for (start, end), mentions in sorted(spans.items(), key=lambda item: item[0]):
        if start < done:
            continue
        if text[done:start]:
            parts.append({"text": text[done:start]})
        parts += [_chip(found, pictures) for found in mentions]
        done = end
    return [*parts, {"text": text[done:]}] if text[done:] else parts


def meta(reply: Reply, lang: str) -> str:
    """One line about a reply: who, how long, how many tokens, how much."""
    who = word("chat.offline", lang) if reply.model == "offline" else reply.model
    parts = [who, f"{reply.seconds:.1f} s"]
    if reply.tokens_in is not None:
        parts.append(word("chat.tokens", lang, into=reply.tokens_in, out=reply.tokens_out or 0))
    if reply.cost_usd is not None:
        parts.append(f"${reply.cost_usd:.4f}")
    if reply.stop_reason == "length":
        parts.append(word("chat.cut", lang))
    return " · ".join(parts)


def _streamed(
    vlm: VLM, messages: list[Message], stop: threading.Event, sleep_s: float
) -> Iterator[tuple[str, Reply | None]]:
    """The text so far, now and then, and at last the reply; the model works in a thread of its own."""
    told: queue.Queue[str | Reply | BaseException] = queue.Queue()

    def on_text(piece: str) -> None:
        if stop.is_set():
            raise _StoppedError
        told.put(piece)

    def work() -> None:
        try:
            told.put(vlm.complete(messages, on_text=on_text))
        except BaseException as error:  # handed to whoever waits
            told.put(error)

    threading.Thread(target=work, daemon=True, name="ask").start()
    text = ""
    while True:
        found = _next(told, stop)
        while isinstance(found, str):
            text += found
            try:
                found = told.get(timeout=sleep_s)
            except queue.Empty:
                break
        if isinstance(found, BaseException):
            raise found
        if isinstance(found, Reply):
            yield found.text, found
            return
        yield text, None


def _next(told: "queue.Queue[Any]", stop: threading.Event) -> Any:
    """What the model's thread tells next.

    Raises:
        _StoppedError: the visitor does not want the answer any more.
    """
    while not stop.is_set():
        with suppress(queue.Empty):
            return told.get(timeout=STOP_S)
    raise _StoppedError


def _named(text: str, pictures: Sequence[Picture]) -> tuple[Mention, ...]:
    labels = [[mark.label for mark in picture.marked or ()] for picture in pictures]
    return parse_marks(text, labels).found if pictures else ()


def _chip(found: Mention, pictures: Sequence[Picture]) -> dict[str, Any]:
    picture = pictures[found.image]
    assert picture.marked is not None
    mark = picture.marked[found.label]
    several = image_name(found.image) if len(pictures) > 1 else ""
    said = " ".join(part for part in (mark.role, " ".join(mark.text.split())[:80]) if part)
    return {
        "chip": {
            "picture": picture.name,
            "label": f"{several}{mark.label}",
            "title": said or mark.source,
            "color": color_of(mark),
            "shapes": _shapes(picture, [mark.id]),
        }
    }


def _highlight(text: str, pictures: Sequence[Picture]) -> dict[str, Any] | None:
    """What an answer names on the first picture that it names anything on."""
    named = _named(text, pictures)
    if not named:
        return None
    picture = pictures[named[0].image]
    assert picture.marked is not None
    ids = [picture.marked[found.label].id for found in named if found.image == named[0].image]
    return {"picture": picture.name, "shapes": _shapes(picture, ids)}


def _shapes(picture: Picture, ids: Sequence[int]) -> list[dict[str, Any]]:
    assert picture.marked is not None
    outlines = {mark["id"]: mark for mark in marks_of(picture.marked, only=set(ids))}
    return [{"path": outlines[i]["path"], "label_box": outlines[i]["label_box"]} for i in ids]
