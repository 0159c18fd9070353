"""Zero-shot names for regions (Radford et al., 2021; Zhai et al., 2023; Tschannen et al., 2025)."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.errors import MissingDependencyError, SomError
from som.masks import dense
from som.naming.vocabulary import read_vocabulary
from som.regions import text_of

if TYPE_CHECKING:
    from som.marks import MarkedImage
    from som.naming.index import WordIndex

DEFAULT = "google/siglip2-base-patch16-224"
# A region is seen with so much of its surroundings on each side, as a share of its size.
CONTEXT = 0.15
# Surroundings are blurred by this share of the crop's side: there, but out of focus
# (Yang et al., 2023, "Fine-grained visual prompting", find this the best of many ways).
BLUR = 0.06
# Competing words share one probability; those beyond the nearest have next to none of it.
COMPETING = 1000


class Name(NamedTuple):
    """A word for a region, and how likely it fits: 0..1."""

    word: str
    score: float


class Namer:
    """Names regions from a vocabulary.

    Scores are the model's own calibration. SigLIP gives each word the probability that it describes
    the region, whatever the other words are. CLIP gives shares that sum to 1 over the vocabulary, so
    a word's score falls when a better one joins it.

    Example:
        >>> names = Namer(["cup", "saucer", "spoon"])(image, regions)  # doctest: +SKIP
    """

    def __init__(
        self,
        vocabulary: Sequence[str] | str | Path = "en",
        *,
        model: str = DEFAULT,
        device: str = "auto",
        cache: Path | None = None,
    ) -> None:
        """Choose words and a model; both are loaded at the first image.

        Args:
            vocabulary: words, a file with one a line, or the shipped list "en" or "ko".
            model: CLIP, SigLIP or SigLIP 2 by name on the model hub, or a folder.
            device: "auto", "cuda", "mps" or "cpu".
            cache: where the words' vectors are kept.

        Raises:
            SomError: no such file, or no word.
        """
        given = not isinstance(vocabulary, str | Path)
        self.words = list(vocabulary) if given else read_vocabulary(vocabulary)  # type: ignore[arg-type]
        if not self.words:
            raise SomError("the vocabulary is empty; give some words")
        self._model = model
        self._device = device
        self._cache = cache
        self._loaded: tuple[Any, WordIndex] | None = None

    def __call__(
        self, image: NDArray[np.uint8], regions: sv.Detections, k: int = 3
    ) -> list[tuple[Name, ...]]:
        """The k most likely names of each region, best first.

        Args:
            image: RGB uint8 (H, W, 3).
            regions: on it.
            k: names for each.

        Raises:
            SomError: the model cannot be loaded.
        """
        encoder, index = self._load()
        if not len(regions):
            return []
        vectors = encoder.images([focus(image, regions, row) for row in range(len(regions))])
        nearest = max(k, COMPETING) if encoder.exclusive else k
        cosines, numbers = index.nearest(vectors, nearest)
        logits = encoder.scale * cosines.astype(np.float64) + encoder.bias
        if encoder.exclusive:
            likely = np.exp(logits - logits.max(axis=1, keepdims=True))
            likely /= likely.sum(axis=1, keepdims=True)
        else:
            likely = 1 / (1 + np.exp(-logits))
        return [
            tuple(Name(index.words[i], float(p)) for i, p in zip(row[:k], scores[:k], strict=True))
            for row, scores in zip(numbers, likely, strict=True)
        ]

    def _load(self) -> tuple[Any, "WordIndex"]:
        if self._loaded is None:
            try:
                from som.devices import pick
                from som.naming.encoders import Encoder
                from som.naming.index import build_index
            except ImportError as error:
                install = 'pip install "som-agent[sam]"'
                raise MissingDependencyError(f"names need {error.name}: {install}") from error
            encoder = Encoder(self._model, pick(self._device))
            self._loaded = encoder, build_index(self.words, encoder, self._cache)
        return self._loaded


def with_names(
    marked: "MarkedImage", names: Sequence[Sequence[Name]], least: float = 0
) -> "MarkedImage":
    """The marks with their names as roles, in the legend and in the mark file.

    Args:
        marked: whose regions were named.
        names: of each region, best first.
        least: score below which a region stays without a name.

    Returns:
        A copy; roles that were known already stay.
    """
    from dataclasses import replace

    roles = [
        role or (found[0].word if found and found[0].score >= least else "")
        for role, found in zip(text_of(marked.regions, "role"), names, strict=True)
    ]
    regions = marked.regions[np.arange(len(marked.regions))]
    assert isinstance(regions, sv.Detections)
    regions.data = {**regions.data, "role": np.array(roles, dtype=str)}
    return replace(marked, regions=regions)


def focus(image: NDArray[np.uint8], regions: sv.Detections, row: int) -> NDArray[np.uint8]:
    """A square view of one region, its surroundings out of focus."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = regions.xyxy[row]
    side = max(x2 - x1, y2 - y1, 2) * (1 + 2 * CONTEXT)
    left, top = (x1 + x2 - side) / 2, (y1 + y2 - side) / 2
    box = (
        int(np.clip(left, 0, width - 1)),
        int(np.clip(top, 0, height - 1)),
        int(np.ceil(np.clip(left + side, 1, width))),
        int(np.ceil(np.clip(top + side, 1, height))),
    )
    crop = image[box[1] : box[3], box[0] : box[2]]
    mask = dense(regions, row, (height, width))[box[1] : box[3], box[0] : box[2]]
    blurred = cv2.GaussianBlur(crop, (0, 0), max(1.0, BLUR * side))
    view = np.where(mask[..., None], crop, blurred)
    # At the edge of the image the view is cut; models want squares.
    high, wide = view.shape[:2]
    edge = max(high, wide)
    above, before = (edge - high) // 2, (edge - wide) // 2
    square = cv2.copyMakeBorder(
        view, above, edge - high - above, before, edge - wide - before, cv2.BORDER_REPLICATE
    )
    return np.asarray(square, np.uint8)
