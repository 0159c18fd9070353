"""Fewer marks for one question: those that could be meant, and enough of the rest to look around."""

import numpy as np

from som.agents.vlm.offline import ground
from som.errors import SomError
from som.marker import Marker
from som.marks import MarkedImage
from som.regions import rows


def thin(question: str, marked: MarkedImage, most: int) -> MarkedImage:
    """Mark an image again with the marks that a question is most likely about.

    The offline grounder scores every mark. What has no text to be judged by, icons above all, is judged
    by its confidence and goes behind what matches, before what has text that does not: a model may see
    in an icon what its text does not say. Marks keep their numbers.

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
    scores = np.zeros(len(marked.marks))
    for match in ground(question, [marked], every=True):
        scores[match.row] = match.score
    regions = marked.regions
    confidence = np.ones(len(regions)) if regions.confidence is None else regions.confidence
    trust = np.array([float(confidence[mark.region]) for mark in marked.marks])
    wordless = np.array([not mark.text for mark in marked.marks])
    # Steps of 0.05 are no difference between matches: there confidence decides.
    order = np.lexsort((-trust, ~wordless, -np.round(scores * 20)))
    kept = np.sort(np.array([marked.marks[row].region for row in order[:most]], np.intp))
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
