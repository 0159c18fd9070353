"""The endpoints that programs call, beside those of the page: `/segmenters`, `/mark` and `/ask`."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from som.errors import SomError
from som.style import Style
from som.ui.config import Config
from som.ui.decode import decode_picture
from som.ui.marking import MAX_SIDE
from som.ui.models import vlm_of
from som.ui.scene import data_url
from som.ui.sessions import ModelSettings


def add_api(config: Config) -> None:
    """Add the endpoints to the Blocks that are being built."""
    import gradio as gr

    from som.marker import Marker
    from som.marks import MarkedImage

    def told(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        """Errors raised on purpose reach the caller as one line."""

        @wraps(endpoint)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            try:
                return endpoint(*args, **kwargs)
            except SomError as error:
                raise gr.Error(str(error), print_exception=False) from None

        return wrapped

    def marker_of(
        segmenter: str, granularity: float, style: str, labels: str, max_marks: int
    ) -> Marker:
        if segmenter not in config.segmenters:
            raise SomError(f"no segmenter {segmenter!r} here; choose: {', '.join(config.segmenters)}")
        shapes = tuple(part.strip() for part in style.split(",") if part.strip())
        return Marker(
            segmenter, granularity=granularity, style=Style(shapes=shapes, labels=labels),
            max_marks=max_marks or None, max_side=MAX_SIDE,
        )  # fmt: skip

    def segmenters() -> list[str]:
        """Names of the segmenters that /mark and /ask take."""
        return list(config.segmenters)

    def mark(
        image: str,
        segmenter: str = "auto",
        granularity: float = 0.5,
        style: str = "outline",
        labels: str = "numbers",
        max_marks: int = 0,
    ) -> dict[str, Any]:
        """Mark an image.

        image: base64 of an image file, or a data: URL. segmenter: one of /segmenters. granularity: 0
        coarse .. 1 fine. style: any of outline, box, fill, dot, joined by commas. labels: numbers,
        letters or auto. max_marks: keep the most important; 0 keeps all. Gives "marked", the drawn
        image as a data: URL, and "marks", a mark file (docs/mark-file.md).
        """
        marker = marker_of(segmenter, granularity, style, labels, max_marks)
        marked = marker(decode_picture(image, config))
        return {"marked": data_url(marked.drawn), "marks": marked.to_json()}

    def ask(
        question: str,
        images: list[str],
        segmenter: str = "auto",
        granularity: float = 0.5,
        lang: str = "en",
    ) -> dict[str, Any]:
        """Ask about one or more images, called A, B, ... in the answer.

        images: each as /mark takes it. The model is the one that the app's owner set, else the offline
        grounder. Gives the answer, the marks that it names with their boxes and click points in pixels
        of the original images, and "highlights", a data: URL for each image.
        """
        from som.agents.ask import ask as ask_model

        if not isinstance(images, list) or not 1 <= len(images) <= config.max_pictures:
            raise SomError(f"give 1 to {config.max_pictures} images")
        marker = marker_of(segmenter, granularity, "outline", "numbers", 0)
        marked: Sequence[MarkedImage] = [marker(decode_picture(image, config)) for image in images]
        answer = ask_model(question, marked, vlm_of(ModelSettings(), config), lang=lang)
        highlights = [data_url(answer.highlight(i)) for i in range(len(marked))]
        return {**answer.to_json(), "highlights": highlights}

    gr.api(told(segmenters), api_name="segmenters")
    for endpoint in (mark, ask):
        gr.api(
            told(endpoint), api_name=endpoint.__name__, concurrency_limit=2, concurrency_id="mark",
            api_description=" ".join((endpoint.__doc__ or "").split()),
        )  # fmt: skip
