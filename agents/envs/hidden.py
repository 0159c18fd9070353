"""Nothing that is secret leaves a page: neither as text nor as pixels."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from som.agents.envs.base import Target
from som.agents.envs.page import Box, PageLook, PageText
from som.agents.secrets import Secrets

GREY = 128


def without_secrets(found: PageLook, secrets: Secrets) -> PageLook:
    """What a page says, without the values of secrets in it."""
    marks = (
        replace(mark, text=secrets.mask(mark.text), states=tuple(map(secrets.mask, mark.states)))
        for mark in found.marks
    )
    return replace(found, marks=tuple(marks))


def target_without_secrets(target: Target | None, secrets: Secrets) -> Target | None:
    """A target without the values of secrets in what it says."""
    if target is None or not secrets:
        return target
    texts = {key: value for key, value in vars(target).items() if isinstance(value, str)}
    masked: dict[str, Any] = {key: secrets.mask(value) for key, value in texts.items()}
    return replace(target, **masked)


def paint_over(
    image: NDArray[np.uint8], found: PageLook, secrets: Secrets, density: float
) -> NDArray[np.uint8]:
    """A screenshot with password fields, and all text that shows a secret, painted over.

    Args:
        image: uint8 RGB.
        found: what the page says.
        secrets: whose values are sought in its texts.
        density: screenshot pixels for one of CSS.
    """
    boxes = [mark.box for mark in found.marks if mark.secret]
    for texts in found.texts:
        boxes += _boxes_of_secrets(texts, secrets)
    painted = image.copy()
    for box in boxes:
        x1, y1, x2, y2 = (max(round(value * density), 0) for value in box)
        painted[y1:y2, x1:x2] = GREY
    return painted


def _boxes_of_secrets(texts: tuple[PageText, ...], secrets: Secrets) -> list[Box]:
    """Boxes of the pieces of a document's text in which, or across which, a value can be read."""
    whole = "".join(piece.text for piece in texts)
    spans = secrets.spans(whole)
    boxes: list[Box] = []
    start = 0
    for piece in texts:
        end = start + len(piece.text)
        if any(first < end and start < last for first, last in spans) or secrets.spans(piece.text):
            boxes += piece.boxes
        start = end
    return boxes
