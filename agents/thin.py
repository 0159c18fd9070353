"""Fewer marks for one question: those that could be meant, and enough of the rest to look around."""

import re

import numpy as np
from numpy.typing import NDArray

from som.agents.vlm.offline import ENOUGH, ground
from som.errors import SomError
from som.marker import Marker
from som.marks import MarkedImage
from som.regions import rows

Scores = NDArray[np.float64]
# A text that stands in the question as it is says more than words that resemble it.
_QUOTED = 0.9
# What lies beside the words of the question weighs nearly as much as they, less where it has its own.
_BESIDE, _NAMED_ITSELF = 0.9, 0.85
# How far "beside" reaches, in diagonals of the image; along a line of text it reaches further.
_REACH, _ACROSS, _ALONG = 0.15, 1.5, 0.05


def thin(question: str, marked: MarkedImage, most: int) -> MarkedImage:
    """Mark an image again with the marks that a question is most likely about.

    The offline grounder scores every mark. What lies beside a mark that matches, above all on its line,
    comes next: "delete the mail from Ann" means an icon without a text beside "Ann". Where nothing
    matches, words say nothing, and what a person can act on is kept first, by confidence. Marks keep
    their numbers.

    Args:
        question: in English or Korean.
        marked: the image with all its marks.
        most: how many to keep.

    Raises:
        SomError: `most` is below 1.
    """
    if most < 1:
        raise SomError(f"keep at least one mark, got {most}")
    if len(marked.marks) <= most:
        return marked
    regions = marked.regions
    order = _by_likelihood(question, marked)[:most]
    kept = np.sort(np.array([marked.marks[row].region for row in order], np.intp))
    few = rows(regions, kept)
    few.tracker_id = marked.ids[kept]
    width, height = marked.layout.size_wh
    thinned = Marker.from_detections(
        marked.image, few, style=marked.layout.style, max_side=max(width, height)
    )
    return MarkedImage(
        thinned.image, thinned.regions, thinned.ids, thinned.layout, marked.segmenter,
        {**marked.seconds, **thinned.seconds}, marked.path,
    )  # fmt: skip


def _by_likelihood(question: str, marked: MarkedImage) -> NDArray[np.intp]:
    """Rows of the marks, the most likely first."""
    marks = marked.marks
    scores = np.zeros(len(marks))
    for match in ground(question, [marked], every=True):
        scores[match.row] = match.score
    quoted = np.array([_stands_in(mark.text, question) for mark in marks])
    scores = np.maximum(scores, _QUOTED * quoted)
    at = np.array([mark.region for mark in marks], np.intp)
    regions = marked.regions
    trust = np.ones(len(marks)) if regions.confidence is None else regions.confidence[at]
    if scores.max() < ENOUGH:
        acting = np.asarray(regions.data.get("interactive", np.zeros(len(regions), bool)), bool)[at]
        return np.lexsort((-trust, ~acting))
    wordless = np.array([not mark.text for mark in marks])
    boxes = np.array([mark.box_xyxy for mark in marks], np.float64)
    beside = _beside(boxes, scores, marked.size_wh) * np.where(wordless, 1, _NAMED_ITSELF)
    # Steps of 0.05 are no difference between matches: there confidence decides.
    return np.lexsort((-trust, ~wordless, -np.round(np.maximum(scores, beside) * 20)))


def _beside(boxes: Scores, scores: Scores, size_wh: tuple[int, int]) -> Scores:
    """How likely each mark is meant for what matches beside it."""
    diagonal = float(np.hypot(*size_wh))
    found = np.zeros(len(boxes))
    for row in np.flatnonzero(scores >= max(ENOUGH, 0.8 * scores.max())):
        box = boxes[row]
        across = np.maximum(0, np.maximum(boxes[:, 0] - box[2], box[0] - boxes[:, 2]))
        down = np.maximum(0, np.maximum(boxes[:, 1] - box[3], box[1] - boxes[:, 3]))
        shared = np.minimum(boxes[:, 3], box[3]) - np.maximum(boxes[:, 1], box[1])
        lower = np.minimum(boxes[:, 3] - boxes[:, 1], box[3] - box[1])
        apart = np.where(shared > lower / 2, _ALONG * across, _ACROSS * np.hypot(across, down))
        near = np.exp(-apart / (_REACH * diagonal))
        found = np.maximum(found, _BESIDE * scores[row] * near)
    return found


def _stands_in(text: str, question: str) -> bool:
    """Whether a text is in the question word for word; Korean endings may follow it."""
    words = " ".join(text.split())
    if len(words) < 2:
        return False
    return bool(re.search(rf"(?<![^\W가-힣]){re.escape(words)}(?![^\W가-힣])", question, re.IGNORECASE))
