"""Builds the web app and serves it: by itself, or mounted in a FastAPI app."""

import hmac
import os
from typing import TYPE_CHECKING, Any

from som.errors import MissingDependencyError, SomError
from som.ui.config import Config
from som.ui.guard import Guard
from som.ui.sessions import Sessions
from som.ui.words import LANGUAGES, language_of

if TYPE_CHECKING:
    import gradio as gr

# Requests that wait in line before further ones are told to come back.
MOST_WAITING = 200


def build(config: Config | None = None) -> "gr.Blocks":
    """The app as Gradio's Blocks; `serve` or `mount` gives it its looks and its guard.

    Raises:
        MissingDependencyError: gradio is not installed.
    """
    gr = _gradio()
    from som.ui.agent_tab import AgentTab
    from som.ui.api import add_api
    from som.ui.eval_tab import EvalTab
    from som.ui.mark_ask import PRIVATE, MarkAsk
    from som.ui.settings import build_settings
    from som.ui.texts import Texts
    from som.ui.widgets import listener

    config = config or Config()
    sessions, texts = Sessions(), Texts()
    with gr.Blocks(title="Set-of-Mark", analytics_enabled=False, fill_width=True) as demo:
        with gr.Row(elem_classes="som-head"):
            gr.HTML(_BRAND, elem_classes="som-brand", apply_default_css=False)
            tagline = gr.Markdown(texts("tagline"), elem_classes="som-tagline")
            language = gr.Radio(
                [(name, code) for code, name in LANGUAGES.items()], value="en", show_label=False,
                label=texts("language"), container=False, elem_id="language", min_width=150, scale=0,
            )  # fmt: skip
            theme = gr.Button("◐", elem_id="theme", size="sm", min_width=40, scale=0)
        texts.add(tagline, value="tagline")
        texts.add(language, label="language")
        with gr.Tabs(elem_classes="som-tabs"):
            with gr.Tab(texts("tab.mark"), id="mark") as mark_tab:
                tab = MarkAsk(config, sessions, texts)
            if config.agent:
                with gr.Tab(texts("tab.agent"), id="agent") as agent_tab:
                    agent = AgentTab(config, sessions, texts)
                texts.add(agent_tab, label="tab.agent")
            with gr.Tab(texts("tab.evals"), id="evals") as eval_tab:
                evals = EvalTab(config, sessions, texts)
            with gr.Tab(texts("tab.model"), id="model") as model_tab:
                status, status_of = build_settings(config, sessions, texts)
        texts.add(mark_tab, label="tab.mark")
        texts.add(eval_tab, label="tab.evals")
        texts.add(model_tab, label="tab.model")

        def show(lang: str, request: Any) -> list[Any]:
            session = sessions.of(request)
            session.lang = lang if lang in LANGUAGES else "en"
            session.sent = ""
            values = [*tab.all_of(session), status_of(session), evals.value(session)]
            values += [agent.value(session)] if config.agent else []
            return [gr.update(value=session.lang), *values, *texts.updates(session.lang)]

        def start(request: Any) -> list[Any]:
            return show(language_of(request.headers.get("accept-language")), request)

        shown = [language, tab.view, tab.chat, tab.exports, status, evals.view]
        shown += [agent.view] if config.agent else []
        shown += texts.components
        demo.load(listener(start), None, shown, **PRIVATE)
        language.input(listener(show), language, shown, **PRIVATE)
        theme.click(None, None, None, js="() => window.som.toggleTheme()")
        demo.unload(listener(sessions.forget))
        add_api(config)
    demo.queue(default_concurrency_limit=8, max_size=MOST_WAITING)
    demo.som_texts, demo.som_sessions = texts, sessions
    return demo


def serve(config: Config | None = None, *, block: bool = True) -> tuple["gr.Blocks", str]:
    """Serve the app at the address that `config` names.

    Args:
        config: the owner's settings.
        block: whether to wait until it is stopped.

    Returns:
        The app (``close()`` stops it) and its URL.

    Raises:
        SomError: the port is taken, or the address is not one of this machine.
    """
    config = config or Config()
    port = _free_port(config)
    demo = build(config)
    _, url, _ = demo.launch(
        server_name=config.host,
        server_port=port,
        auth=_login(config) if config.password is not None else None,
        show_error=False,
        quiet=True,
        share=False,
        inbrowser=False,
        prevent_thread_lock=True,
        ssr_mode=False,
        enable_monitoring=False,
        strict_cors=True,
        app_kwargs=_app_kwargs(config, local_only=config.private),
        **_looks(demo),
    )
    if block:
        demo.block_thread()
    return demo, url


def mount(app: Any, path: str = "/som", config: Config | None = None) -> Any:
    """Put the app into a FastAPI app, below `path`; who may come in is then that app's business.

    Returns:
        The FastAPI app.
    """
    gr = _gradio()
    config = config or Config()
    demo = build(config)
    return gr.mount_gradio_app(
        app,
        demo,
        path=path,
        auth=_login(config) if config.password is not None else None,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        app_kwargs=_app_kwargs(config, local_only=False),
        **_looks(demo),
    )


def _looks(demo: Any) -> dict[str, Any]:
    from som.ui.theme import theme
    from som.ui.widgets import head, static

    return {
        "theme": theme(),
        "css": static("theme.css"),
        "head": head(),
        "js": static("start.js"),
        "i18n": demo.som_texts.i18n,
        "footer_links": [],
        # Gradio would keep what visitors enter, keys included, in their browser.
        "run_history": False,
        "pwa": False,
        "mcp_server": False,
    }


def _app_kwargs(config: Config, *, local_only: bool) -> dict[str, Any]:
    from starlette.middleware import Middleware

    # Base64 is a third larger than what it holds.
    largest = config.max_upload_mb * 1_400_000 + 200_000
    guard = Middleware(Guard, max_bytes=largest, local_only=local_only)
    return {"middleware": [guard], "docs_url": None, "redoc_url": None, "openapi_url": None}


def _login(config: Config) -> Any:
    def check(user: str, password: str) -> bool:
        right = [
            hmac.compare_digest(given.encode(), wanted.encode())
            for given, wanted in ((user, config.user), (password, config.password or ""))
        ]
        return all(right)

    return check


def _free_port(config: Config) -> int:
    import socket

    with socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET) as server:
        # As the server itself does: connections that are still closing do not hold a port.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((config.host, config.port))
        except OSError as error:
            where = f"{config.host}, port {config.port}"
            raise SomError(
                f"cannot open the app at {where}: {error.strerror}; try another --port (0: a free one)"
            ) from error
        return int(server.getsockname()[1])


def _gradio() -> Any:
    # Both are read when gradio is imported.
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import gradio
    except ImportError as error:
        raise MissingDependencyError(
            'the web app needs gradio; run: pip install "som-agent[ui]"'
        ) from error
    return gradio


_BRAND = """<div class="som-logo" aria-label="Set-of-Mark"><svg viewBox="0 0 28 28" aria-hidden="true">
<rect x="2" y="5" width="17" height="18" rx="4"/>
<rect class="som-tag" x="13" y="1" width="14" height="13" rx="4"/>
<path d="M19.2 5.2l1.8-1.2v7.4"/></svg><span>Set-of-Mark</span></div>"""
