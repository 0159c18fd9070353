"""The Mark and ask tab: pictures, how they are marked, the conversation about them, and exports."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from som.errors import SomError
from som.image import load_image
from som.style import Style
from som.ui.chat import chat_value, converse
from som.ui.config import Config
from som.ui.decode import clean_title, decode_picture
from som.ui.exports import KINDS, export
from som.ui.marking import MOST_DRAWN, Drawn, Marking, Picture
from som.ui.models import name_of, vlm_of
from som.ui.scene import data_url, marks_of, thumb_url
from som.ui.sessions import Session, Sessions
from som.ui.texts import Texts
from som.ui.widgets import listener, widget
from som.ui.words import word

EXAMPLES = ("coffee.jpg", "screen.png")
PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


def example_images() -> dict[str, Path]:
    """The example pictures that there are: those of a checkout, or of the installed package."""
    for folder in (
        files("som").joinpath("..", "examples", "images"),
        files("som.ui").joinpath("images"),
    ):
        found = {name: Path(str(folder.joinpath(name))) for name in EXAMPLES}
        if all(path.is_file() for path in found.values()):
            return found
    return {}


class MarkAsk:
    """The tab, and what happens when a visitor does something in it."""

    def __init__(self, config: Config, sessions: Sessions, texts: Texts) -> None:
        """Build it inside the current Gradio context."""
        self.config, self.sessions, self.texts = config, sessions, texts
        self.examples = example_images()
        self._thumbs = {name: thumb_url(load_image(path)) for name, path in self.examples.items()}
        self._serial = 0
        self._build()

    # What is on the page.

    def _build(self) -> None:
        import gradio as gr

        with gr.Row(elem_classes="som-main"):
            with gr.Column(scale=8, min_width=340, elem_classes="som-left"):
                self.view = widget("view", self.scene(Session()), elem_id="view")
                self._build_options()
            with gr.Column(scale=5, min_width=320, elem_classes="som-right"):
                self.chat = widget("chat", chat_value(Session()), elem_id="chat")
                with gr.Group(elem_classes="som-composer"):
                    self.question = gr.Textbox(
                        show_label=False, label=self.texts("ask.label"), lines=2, max_lines=6,
                        placeholder=self.texts("ask.placeholder"), elem_id="question", container=False,
                        max_length=4000,
                    )  # fmt: skip
                    with gr.Row(elem_classes="som-actions"):
                        self.stop = gr.Button(self.texts("ask.stop"), elem_id="stop", size="sm")
                        self.send = gr.Button(
                            self.texts("ask.send"), variant="primary", elem_id="send", size="sm"
                        )
                self.exports = widget("exports", self.export_value(Session()), elem_id="exports")
        self.texts.add(self.question, label="ask.label", placeholder="ask.placeholder")
        self.texts.add(self.send, value="ask.send")
        self.texts.add(self.stop, value="ask.stop")
        self._wire()

    def _build_options(self) -> None:
        import gradio as gr

        texts, add = self.texts, self.texts.add
        shapes = {name: f"style.{name}" for name in ("outline", "box", "fill", "dot")}
        labels = {name: f"labels.{name}" for name in ("numbers", "letters", "auto")}
        with gr.Row(elem_classes="som-options"):
            self.segmenter = gr.Dropdown(
                list(self.config.segmenters), value=self.config.segmenters[0], elem_id="segmenter",
                label=texts("mark.segmenter"), info=texts("mark.segmenter_info"), min_width=180,
            )  # fmt: skip
            self.granularity = gr.Slider(
                0, 1, 0.5, step=0.05, label=texts("mark.granularity"), elem_id="granularity",
                info=texts("mark.granularity_info"), min_width=200, buttons=[],
            )  # fmt: skip
            self.shapes = gr.CheckboxGroup(
                self.texts.choices(shapes), value=["outline"], label=texts("mark.style"),
                info=texts("mark.style_info"), elem_id="style", min_width=260,
            )  # fmt: skip
        more = gr.Accordion(texts("mark.more"), open=False, elem_id="more")
        with more, gr.Row():
            self.labels = gr.Radio(
                self.texts.choices(labels), value="numbers", label=texts("mark.labels"),
                elem_id="labels", min_width=240,
            )  # fmt: skip
            self.opacity = gr.Slider(
                0.1, 0.8, 0.35, step=0.05, label=texts("mark.opacity"), elem_id="opacity",
                min_width=180, buttons=[],
            )  # fmt: skip
            self.max_marks = gr.Slider(
                0, 200, 0, step=5, label=texts("mark.max_marks"), info=texts("mark.max_marks_info"),
                elem_id="max-marks", min_width=180, buttons=[],
            )  # fmt: skip
        add(self.segmenter, label="mark.segmenter", info="mark.segmenter_info")
        add(self.granularity, label="mark.granularity", info="mark.granularity_info")
        add(self.shapes, label="mark.style", info="mark.style_info", choices=shapes)
        add(more, label="mark.more")
        add(self.labels, label="mark.labels", choices=labels)
        add(self.opacity, label="mark.opacity")
        add(self.max_marks, label="mark.max_marks", info="mark.max_marks_info")

    def _wire(self) -> None:
        shown = [self.view, self.chat, self.exports]
        # Finding regions is what costs: a few at a time, others wait in line.
        slow: dict[str, Any] = {**PRIVATE, "concurrency_limit": 2, "concurrency_id": "mark"}
        self.view.event(listener(self.on_view), None, shown, **slow)
        options = [
            self.segmenter, self.granularity, self.shapes, self.labels, self.opacity, self.max_marks,
        ]  # fmt: skip
        for option in (self.segmenter, self.shapes, self.labels):
            option.input(listener(self.on_options), options, shown, trigger_mode="always_last", **slow)
        for slider in (self.granularity, self.opacity, self.max_marks):
            slider.change(listener(self.on_options), options, shown, trigger_mode="always_last", **slow)
        talk: dict[str, Any] = {**PRIVATE, "concurrency_limit": 16, "concurrency_id": "ask"}
        talked = [self.question, self.chat, self.exports]
        for trigger in (self.send.click, self.question.submit):
            trigger(listener(self.on_ask), self.question, talked, **talk)
        self.chat.event(listener(self.on_idea), None, talked, **talk)
        self.stop.click(listener(self.on_stop), None, None, concurrency_limit=None, **PRIVATE)
        self.exports.event(listener(self.on_export), None, self.exports, **PRIVATE)

    # What the page is sent.

    def scene(self, session: Session, *, busy: str = "", error: str = "") -> dict[str, Any]:
        """What the image view shows."""
        lang, picture = session.lang, session.picture
        value: dict[str, Any] = {
            "lang": lang,
            "busy": busy,
            "error": error,
            "limit_mb": self.config.max_upload_mb,
            "pictures": [
                {"id": each.name, "name": chr(ord("A") + i), "title": each.title}
                for i, each in enumerate(session.pictures)
            ],
            "current": session.current,
        }
        if picture is None or picture.marked is None:
            value["examples"] = [
                {"name": name, "title": word(f"example.{name}", lang), "thumb": thumb}
                for name, thumb in self._thumbs.items()
            ]
            return value
        marked = picture.marked
        width, height = marked.size_wh
        key = f"{picture.name}.{picture.version}"
        value |= {
            "picture": picture.name, "title": picture.title, "key": key, "keys": [key],
            "width": width, "height": height, "marks": marks_of(marked),
            "drawn": [{"kind": each.kind, "points": each.points} for each in picture.drawn],
            "note": self._note(session, picture),
        }  # fmt: skip
        if session.sent != key:
            value["image"] = data_url(marked.drawn)
            session.sent = key
        return value

    def _note(self, session: Session, picture: Picture) -> str:
        assert picture.marked is not None
        seconds = picture.marked.seconds
        note = word(
            "view.note", session.lang, count=len(picture.marked), segmenter=picture.marked.segmenter,
            seconds=f"{sum(seconds.values()):.1f}",
        )  # fmt: skip
        lost = len(picture.marked.dropped)
        return note + (" " + word("view.lost", session.lang, count=lost) if lost else "")

    def export_value(self, session: Session, **more: Any) -> dict[str, Any]:
        """What the export buttons show."""
        ready = session.picture is not None and session.picture.marked is not None
        return {"lang": session.lang, "kinds": list(KINDS), "ready": ready, **more}

    def all_of(self, session: Session, **more: Any) -> tuple[Any, Any, Any]:
        """Values of the view, the chat and the exports."""
        return self.scene(session, **more), chat_value(session), self.export_value(session)

    # What visitors do.

    def on_view(self, request: Any, event: Any) -> Iterator[Any]:
        """Something happened in the image view."""
        session, data = self.sessions.of(request), dict(event._data or {})
        kind = data.get("kind")
        try:
            if kind in ("picture", "example"):
                yield self.scene(session, busy=word("view.busy", session.lang)), *_skip(2)
                self._add(session, *self._received(kind, data))
            elif kind in ("draw", "undo", "clear"):
                yield self.scene(session, busy=word("view.busy", session.lang)), *_skip(2)
                self._draw(session, kind, data)
            elif kind in ("switch", "remove"):
                self._move(session, kind, data.get("index"))
            elif kind == "need":
                session.sent = ""
            yield self.all_of(session)
        except SomError as error:
            yield self.all_of(session, error=str(error))

    def on_options(
        self, segmenter: str, granularity: float, shapes: list[str], labels: str, opacity: float,
        max_marks: float, request: Any,
    ) -> Iterator[Any]:  # fmt: skip
        """Settings of marks changed: mark again, finding regions only where that is needed."""
        session = self.sessions.of(request)
        try:
            marking = self.marking(segmenter, granularity, shapes, labels, opacity, max_marks)
            if marking == session.marking:
                yield _skip(3)
                return
            session.marking = marking
            if session.picture is not None:
                yield self.scene(session, busy=word("view.busy", session.lang)), *_skip(2)
            self._mark_all(session)
            yield self.all_of(session)
        except SomError as error:
            yield self.all_of(session, error=str(error))

    def marking(
        self, segmenter: str, granularity: float, shapes: list[str], labels: str, opacity: float,
        max_marks: float,
    ) -> Marking:  # fmt: skip
        """Settings as they come from outside, checked.

        Raises:
            SomError: one is out of range, or the segmenter is not offered here.
        """
        if segmenter not in self.config.segmenters:
            offered = ", ".join(self.config.segmenters)
            raise SomError(f"no segmenter {segmenter!r} here; choose one of: {offered}")
        granularity = round(float(granularity), 4)
        if not 0 <= granularity <= 1:
            raise SomError(f"granularity must lie in 0..1, got {granularity}")
        style = Style(shapes=tuple(shapes), labels=labels, opacity=round(float(opacity), 4))
        return Marking(segmenter, granularity, style, max_marks=int(max_marks) or None)

    def on_ask(self, question: str, request: Any) -> Iterator[Any]:
        """A question was sent."""
        session = self.sessions.of(request)
        if not (question or "").strip():
            yield _skip(3)
            return
        if session.picture is None:
            session.messages = [
                {"who": "model", "parts": [{"text": word("error.no_picture", session.lang)}],
                 "done": True, "error": True},
            ]  # fmt: skip
            yield question, chat_value(session), _skip(1)[0]
            return
        for _ in converse(session, question, lambda: vlm_of(session.model, self.config)):
            yield "", chat_value(session), _skip(1)[0]
        yield "", chat_value(session), self.export_value(session)

    def on_idea(self, request: Any, event: Any) -> Iterator[Any]:
        """A suggested question was chosen."""
        yield from self.on_ask(str((event._data or {}).get("question", "")), request)

    def on_stop(self, request: Any) -> None:
        """The answer is not wanted any more; what streams it ends it."""
        self.sessions.of(request).stop.set()

    def on_export(self, request: Any, event: Any) -> Any:
        """Something is to be taken along."""
        session = self.sessions.of(request)
        self._serial += 1
        try:
            settings = session.model
            file = export(
                session,
                str((event._data or {}).get("kind")),
                server=settings.base_url,
                model=name_of(settings),
            )
        except SomError as error:
            return self.export_value(session, error=str(error))
        return self.export_value(session, file={**file, "serial": self._serial})

    # How a session changes.

    def _received(self, kind: str, data: dict[str, Any]) -> tuple[NDArray[np.uint8], str]:
        if kind == "example":
            name = data.get("name")
            if name not in self.examples:
                raise SomError("no such example")
            return load_image(self.examples[name]), str(name)
        return decode_picture(data.get("data"), self.config), clean_title(data.get("title"))

    def _add(self, session: Session, pixels: NDArray[np.uint8], title: str) -> None:
        with session.lock:
            if len(session.pictures) >= self.config.max_pictures:
                raise SomError(word("error.many", session.lang, count=self.config.max_pictures))
            self._serial += 1
            picture = Picture(title, pixels, name=f"p{self._serial}")
            self._mark(session, picture)
            session.pictures.append(picture)
            session.current = len(session.pictures) - 1
        self.sessions.make_room(session)

    def _draw(self, session: Session, kind: str, data: dict[str, Any]) -> None:
        with session.lock:
            picture = session.picture
            if picture is None:
                raise SomError(word("error.no_picture", session.lang))
            before = picture.drawn
            if kind == "draw":
                if len(before) >= MOST_DRAWN:
                    raise SomError(word("error.drawn", session.lang, count=MOST_DRAWN))
                drawn = Drawn.from_event(data.get("shape"), data.get("points"))
                picture.drawn = (*before, drawn)
            else:
                picture.drawn = before[:-1] if kind == "undo" else ()
            try:
                self._mark(session, picture)
            except SomError:
                picture.drawn = before
                raise

    def _move(self, session: Session, kind: str, index: Any) -> None:
        with session.lock:
            if not isinstance(index, int) or not 0 <= index < len(session.pictures):
                raise SomError(word("error.no_picture", session.lang))
            if kind == "remove":
                del session.pictures[index]
                session.messages, session.history = [], []
                index = min(index, len(session.pictures) - 1)
            session.current = max(index, 0)
            session.sent = ""

    def _mark_all(self, session: Session) -> None:
        with session.lock:
            for picture in session.pictures:
                self._mark(session, picture)

    def _mark(self, session: Session, picture: Picture) -> None:
        picture.marked = session.regions.mark(picture, session.marking)
        picture.version += 1


def _skip(count: int) -> tuple[Any, ...]:
    import gradio as gr

    return tuple(gr.skip() for _ in range(count))
