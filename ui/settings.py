"""The Model tab: whose model answers. A key typed here stays in memory and is never shown again."""

from typing import Any

from som.errors import SomError
from som.ui.config import Config
from som.ui.models import describe, try_model
from som.ui.sessions import ModelSettings, Sessions
from som.ui.texts import Texts
from som.ui.widgets import listener
from som.ui.words import word

LONGEST = 2000


def build_settings(config: Config, sessions: Sessions, texts: Texts) -> Any:
    """Build the tab's content; gives the line that says who answers, for the page's load event."""
    import gradio as gr

    with gr.Column(elem_classes="som-page"):
        texts.add(gr.Markdown(texts("model.intro"), elem_classes="som-intro"), value="model.intro")
        status = gr.Markdown("", elem_id="model-status", elem_classes="som-status")
        url = gr.Textbox(
            label=texts("model.url"), info=texts("model.url_info"), max_lines=1, max_length=LONGEST,
            placeholder="http://localhost:11434", elem_id="model-url",
        )  # fmt: skip
        texts.add(
            url, label="model.url", info="model.url_info" if config.private else "model.url_shared"
        )
        name = gr.Textbox(
            label=texts("model.name"), info=texts("model.name_info"), max_lines=1, max_length=LONGEST,
            elem_id="model-name",
        )  # fmt: skip
        texts.add(name, label="model.name", info="model.name_info")
        key = gr.Textbox(
            label=texts("model.key"), info=texts("model.key_info"), type="password", max_lines=1,
            max_length=LONGEST, elem_id="model-key",
        )  # fmt: skip
        texts.add(key, label="model.key", info="model.key_info")
        with gr.Row():
            use = gr.Button(texts("model.use"), variant="primary", elem_id="model-use")
            forget = gr.Button(texts("model.forget"), elem_id="model-forget")
        texts.add(use, value="model.use")
        texts.add(forget, value="model.forget")

    def save(base_url: str, model: str, secret: str, request: Any) -> Any:
        session = sessions.of(request)
        secret = (secret or "").strip()
        yield _line(word("model.testing", session.lang)), gr.skip()
        try:
            before = session.model
            base_url = (base_url or "").strip()
            same = base_url == before.base_url
            # A key stays with the server that it was given for.
            kept = secret or (before.key if same else "")
            settings = ModelSettings(base_url, (model or "").strip(), kept)
            said = try_model(settings, config, session.lang)
            session.model = settings
            yield _line(said), ""
        except SomError as error:
            yield _line(str(error), error=True), ""

    def clear(request: Any) -> Any:
        session = sessions.of(request)
        session.model = ModelSettings()
        return status_of(session), "", "", ""

    def status_of(session: Any) -> str:
        try:
            return _line(describe(session.model, config, session.lang))
        except SomError as error:
            return _line(str(error), error=True)

    private = {"api_visibility": "private", "show_progress": "hidden"}
    gr.on(
        [use.click, key.submit, url.submit, name.submit],
        listener(save), [url, name, key], [status, key],
        concurrency_limit=8, **private,
    )  # fmt: skip
    forget.click(listener(clear), None, [status, url, name, key], **private)
    return status, status_of


def _line(text: str, *, error: bool = False) -> str:
    """A text as one line of Markdown in which nothing of it is markup."""
    plain = "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!|<>~$&" else char for char in text)
    return f"⚠ {plain}" if error else plain
