"""The app's own widgets: Gradio's HTML component, driven by the scripts in static/."""

import json
from importlib.resources import files
from typing import Any

from som.ui.eval_report import style
from som.ui.words import LANGUAGES, words

SCRIPTS = ("page", "view", "chat", "run", "evals", "mount")
# `event` must stand here in quotes: Gradio reads the names of a widget's events out of its script.
_ON_LOAD = """
const send = (kind, data) => trigger('event', {{ kind, ...data }});
window.som.mount({kind}, element, send, {options}, () => props.value, (then) => watch('value', then));
"""


def static(name: str) -> str:
    """The text of a file in static/."""
    return files("som.ui").joinpath("static", name).read_text("utf-8")


def head() -> str:
    """What goes into the page's head: the scripts, and the words that they use."""
    known = json.dumps({lang: words(lang) for lang in LANGUAGES}, ensure_ascii=False)
    known = known.replace("</", "<\\/")
    scripts = "\n".join(static(f"{name}.js") for name in SCRIPTS)
    return (
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>\n{style()}\n</style>\n"
        f"<script>\n{scripts.replace('WORDS', known, 1)}\n</script>"
    )


def widget(kind: str, value: Any = None, *, elem_id: str, **options: Any) -> Any:
    """One of the widgets that mount.js knows.

    Args:
        kind: "view", "chat", "exports", "run" or "evals".
        value: plain data that it shows at first.
        elem_id: of the element.
        **options: for its script.
    """
    import gradio as gr

    return gr.HTML(
        value=value,
        html_template=f'<div class="som-widget som-{kind}"></div>',
        css_template="",
        js_on_load=_ON_LOAD.format(kind=json.dumps(kind), options=json.dumps(options)),
        apply_default_css=False,
        elem_id=elem_id,
        elem_classes=["som-block"],
    )


def listener(handler: Any) -> Any:
    """A handler whose `request` and `event` Gradio fills in.

    Gradio knows them by their types, which cannot be named where gradio is not to be imported.
    """
    import gradio as gr

    types = {"request": gr.Request, "event": gr.EventData}
    annotations = getattr(handler, "__func__", handler).__annotations__
    annotations.update({name: kind for name, kind in types.items() if name in annotations})
    return handler
