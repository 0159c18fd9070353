"""Look closer: choose a part of the image, mark it again enlarged, and choose there.

Dense and large screens have more marks than a model tells apart, drawn smaller than it can read. So it
is asked twice: first which block of marks holds what is asked for, then which mark of that block,
drawn on an enlarged cut-out. Blocks leave nothing out: each mark is in one of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.agents.pick import Pick, pick
from som.agents.vlm.base import VLM
from som.blocks import block_box, find_blocks
from som.cutout import Box, CutOut, cut_out
from som.errors import SomError
from som.marker import Marker
from som.marks import Mark, MarkedImage
from som.prompts import render
from som.regions import make_regions, rows, text_of

# A block's text is what its marks say, cut here.
TEXT_CHARS = 2000
# Two boxes that share this much are one region.
SAME = 0.5


@dataclass(frozen=True, eq=False)
class Look:
    """One question asked on the way.

    Attributes:
        box_xyxy: the part of the original image that was shown, pixels.
        scale: its pixels for one of the original.
        pick: what was chosen.
    """

    box_xyxy: Box
    scale: float
    pick: Pick


@dataclass(frozen=True, eq=False)
class Closer:
    """What looking closer found.

    Attributes:
        mark: the mark, on the image of the last look; None where nothing fits.
        box_xyxy: its box in pixels of the original image.
        anchor_xy: where a click would hit it, likewise.
        probability: of the mark, its block's included.
        looks: every question asked, in order.
    """

    mark: Mark | None
    box_xyxy: Box | None
    anchor_xy: tuple[int, int] | None
    probability: float
    looks: tuple[Look, ...] = field(repr=False)


def look_closer(
    question: str,
    marked: MarkedImage,
    vlm: VLM,
    *,
    segment: Callable[[NDArray[np.uint8]], sv.Detections] | None = None,
    most: int = 40,
    max_calls: int = 3,
    threshold: float = 0.0,
    lang: str = "en",
    **asking: Any,
) -> Closer:
    """Find what a question means, from coarse to fine.

    Args:
        question: in words.
        marked: the whole image with all its marks.
        vlm: who is asked.
        segment: marks cut-outs anew, such as `Marker.segmenter`; without it their known regions are
            shown, enlarged.
        most: marks on one image; an image that has no more is asked about at once.
        max_calls: questions to the model: one for the blocks, one for each block that is looked into.
        threshold: below this probability the answer is none.
        lang: of the prompt.
        **asking: as `pick` takes it: send, legend.

    Raises:
        SomError: there is nothing to choose from, or a number is out of range.
        VLMError: the model could not answer.
    """
    if most < 2 or max_calls < 1:
        raise SomError(f"most must be at least 2 and max_calls at least 1, got {most} and {max_calls}")
    asking = {"lang": lang, **asking}
    whole: Box = (0, 0, *marked.size_wh)
    if len(marked.marks) <= most or max_calls == 1:
        return _found(Look(whole, 1.0, pick(question, [marked], vlm, **asking)), 1.0, threshold)
    blocks = find_blocks(marked.regions.xyxy, most)
    # Containers that reach over several blocks stand for themselves.
    alone = sorted(set(range(len(marked.regions))) - set(np.concatenate(blocks).tolist()))
    coarse = _mark_blocks(marked, [*blocks, *(np.array([row], np.intp) for row in alone)])
    wording = render("which_block", lang, question=question.strip())
    first = Look(whole, 1.0, pick(question, [coarse], vlm, wording=wording, **asking))
    looks, best = [first], Closer(None, None, None, 0.0, ())
    for ranked in first.pick.ranked:
        # Once something is found, other blocks are looked into only while one could still win.
        if len(looks) == max_calls or (best.mark and ranked.probability <= best.probability):
            break
        if ranked.mark.id > len(blocks):
            row = alone[ranked.mark.id - len(blocks) - 1]
            found = _itself(marked, row, ranked.probability, threshold)
        else:
            closer, cut = _mark_cut_out(marked, blocks[ranked.mark.id - 1], segment)
            if not closer.marks:
                continue
            # Marks that the question names are those of the whole image, not of the cut-out.
            chosen = pick(question, [closer], vlm, wording=question.strip(), **asking)
            looks.append(Look(cut.box_xyxy, cut.scale, chosen))
            found = _found(looks[-1], ranked.probability, threshold)
        if found.probability > best.probability:
            best = found
    return replace(best, looks=tuple(looks))


def _found(look: Look, before: float, threshold: float) -> Closer:
    """What a look has found, in pixels of the original image."""
    ranked = look.pick.best
    if ranked is None or before * ranked.probability < threshold:
        return Closer(None, None, None, 0.0, (look,))
    x0, y0 = look.box_xyxy[:2]
    x1, y1, x2, y2 = (value / look.scale for value in ranked.mark.box_xyxy)
    x, y = ((value + 0.5) / look.scale for value in ranked.mark.anchor_xy)
    box = (x0 + x1, y0 + y1, x0 + x2, y0 + y2)
    return Closer(ranked.mark, box, (int(x0 + x), int(y0 + y)), before * ranked.probability, (look,))


def _itself(marked: MarkedImage, row: int, probability: float, threshold: float) -> Closer:
    if probability < threshold:
        return Closer(None, None, None, 0.0, ())
    mark = next(mark for mark in marked.marks if mark.region == row)
    return Closer(mark, mark.box_xyxy, mark.anchor_xy, probability, ())


def _mark_blocks(marked: MarkedImage, blocks: Sequence[NDArray[np.intp]]) -> MarkedImage:
    """The image with one mark for each block, numbered like them."""
    texts = text_of(marked.regions, "text")
    regions = make_regions(
        [block_box(marked.regions.xyxy.astype(float), block) for block in blocks],
        source="block",
        text=["; ".join(texts[i] for i in block if texts[i])[:TEXT_CHARS] for block in blocks],
    )
    regions.tracker_id = np.arange(1, len(blocks) + 1)
    return Marker.from_detections(marked.image, regions, max_side=max(marked.layout.size_wh))


def _mark_cut_out(
    marked: MarkedImage,
    block: NDArray[np.intp],
    segment: Callable[[NDArray[np.uint8]], sv.Detections] | None,
) -> tuple[MarkedImage, CutOut]:
    """A block enlarged and marked: what is found there now, and what was known and is not found."""
    cut = cut_out(marked.image, block_box(marked.regions.xyxy.astype(float), block))
    known = rows(marked.regions, block)
    boxes = (known.xyxy - np.tile(cut.box_xyxy[:2], 2)) * cut.scale
    parts = [_plain(known, boxes)]
    if segment is not None:
        anew = cut.find(segment)
        lost = [i for i, box in enumerate(boxes) if not (_ious(box, anew.xyxy) > SAME).any()]
        parts = [_plain(anew, anew.xyxy), rows(parts[0], np.array(lost, np.intp))]
    merged = sv.Detections.merge([part for part in parts if len(part)])
    closer = Marker.from_detections(cut.image, merged, style=marked.layout.style)
    return replace(closer, window_xyxy=cut.box_xyxy), cut


def _plain(regions: sv.Detections, boxes: NDArray[Any]) -> sv.Detections:
    """Boxes with the columns of regions: masks of two sizes cannot be merged."""
    return make_regions(
        boxes,
        confidence=regions.confidence,
        source=text_of(regions, "source"),
        text=text_of(regions, "text"),
        role=text_of(regions, "role"),
    )


def _ious(box: NDArray[Any], boxes: NDArray[Any]) -> NDArray[np.float64]:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    sizes = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(shared / np.maximum(sizes - shared, 1e-9), np.float64)
