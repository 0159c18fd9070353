"""`WordsSegmenter`: the regions that phrases describe."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.errors import MissingDependencyError, SegmenterError
from som.masks import pack
from som.regions import make_regions
from som.segmenters.overlap import nms
from som.segmenters.prompt import Prompt

if TYPE_CHECKING:
    from som.segmenters.words.finders import Finder, Hits

DEFAULT = "IDEA-Research/grounding-dino-tiny"
# Boxes of one phrase that overlap more are one thing; of two phrases, the better phrase's.
SAME_PHRASE, SAME_THING = 0.6, 0.9


class WordsSegmenter:
    """Regions by words, through Grounding DINO, OWLv2 or SAM 3.

    Each region's `role` is its phrase and `confidence` its score. Boxes are refined to masks by a
    segmenter with sessions, such as `SamSegmenter`; SAM 3 gives masks of its own.

    Example:
        >>> find = WordsSegmenter(["red cup", "handle"], refine=SamSegmenter("sam2"))  # doctest: +SKIP
    """

    name = "words"

    def __init__(
        self,
        phrases: Sequence[str],
        *,
        weights: str | None = None,
        granularity: float = 0.5,
        device: str = "auto",
        refine: Any = None,
    ) -> None:
        """Say what to look for.

        Args:
            phrases: nouns with what tells them apart: "red cup", "the handle of a spoon".
            weights: name on the model hub or folder; Grounding DINO (tiny) when not given.
            granularity: 0.5 takes what scores above the model's own threshold; finer takes less
                certain finds too.
            device: "auto", "cuda", "mps" or "cpu".
            refine: a segmenter with sessions, that turns boxes into masks.

        Raises:
            SegmenterError: there is no phrase.
        """
        self.phrases = [phrase.strip() for phrase in phrases if phrase.strip()]
        if not self.phrases:
            raise SegmenterError('nothing to find; give phrases, as in --find "red cup; handle"')
        self.granularity = granularity
        self._weights = weights or DEFAULT
        self._device = device
        self._refine = refine
        self._finder: Finder | None = None

    def __call__(self, image: NDArray[np.uint8]) -> sv.Detections:
        """What the phrases describe in an RGB image (H, W, 3); best first, none when nothing fits.

        Raises:
            SegmenterError: no such model.
            MissingDependencyError: torch or transformers is missing.
        """
        finder = self._load()
        hits = finder.find(image, self.phrases, finder.threshold * (1.5 - self.granularity))
        keep = _distinct(hits)
        height, width = image.shape[:2]
        boxes = hits.boxes_xyxy[keep].clip(0, [width, height, width, height])
        wide = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        boxes, keep = boxes[wide], keep[wide]
        mask = None
        if hits.masks is not None and len(keep):
            mask = sv.CompactMask.merge([pack(hits.masks[i], (height, width)) for i in keep])
        elif self._refine is not None and len(keep):
            prompts = [Prompt(box_xyxy=(x1, y1, x2, y2)) for x1, y1, x2, y2 in boxes.tolist()]
            refined = self._refine.session(image).regions(prompts)
            boxes, mask = refined.xyxy, refined.mask
        return make_regions(
            boxes,
            mask=mask,
            confidence=hits.scores[keep],
            source=finder.name,
            role=[self.phrases[i] for i in hits.phrases[keep]],
        )

    def _load(self) -> "Finder":
        if self._finder is None:
            try:
                from som.devices import pick
                from som.segmenters.words.finders import load_finder

                self._finder = load_finder(self._weights, pick(self._device))
            except ImportError as error:
                install = 'pip install "som-agent[sam]"'
                raise MissingDependencyError(f"--find needs {error.name}: {install}") from error
        return self._finder


def _distinct(hits: "Hits") -> NDArray[np.intp]:
    """Rows of the hits that repeat no better one, best first."""
    # Boxes of different phrases are moved apart, so that they do not count as overlapping.
    apart = hits.boxes_xyxy + (hits.phrases * 1e5)[:, None]
    kept = nms(apart, hits.scores, SAME_PHRASE)
    return kept[nms(hits.boxes_xyxy[kept], hits.scores[kept], SAME_THING)]
