"""`SamSegmenter`: everything in an image, or what a person points at, by a model of the SAM family."""

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from tqdm import tqdm

from som.errors import MissingDependencyError, SegmenterError
from som.image import pixels_sha256
from som.regions import make_regions
from som.segmenters.sam.families import FAMILIES, Family

if TYPE_CHECKING:
    from som.segmenters.sam.model import Encoded, Masks, PromptModel, Prompts
    from som.segmenters.sam.session import SamSession

# Images whose encoding is kept, for prompts that follow.
REMEMBERED = 4
INSTALL = 'pip install "som-agent[sam]"'


class SamSegmenter:
    """Regions by SAM, SAM 2, SAM 3, SAM-HQ, SlimSAM or EdgeTAM.

    `granularity` is one dial for all of them, see `som.segmenters.sam.dial`: a finer setting shows all
    that a coarser one does. The model is loaded at the first image, and an image is encoded once,
    however many prompts follow.

    Example:
        >>> sam = SamSegmenter("sam", weights="sam_vit_b_01ec64.pth")  # doctest: +SKIP
        >>> regions = sam(image)  # doctest: +SKIP
        >>> cup = sam.session(image).regions([Prompt(inside=((120, 80),))])  # doctest: +SKIP
    """

    def __init__(
        self,
        family: str = "sam",
        *,
        weights: str | None = None,
        granularity: float = 0.5,
        device: str = "auto",
        compiled: bool = False,
    ) -> None:
        """Choose a model.

        Args:
            family: one of `som.segmenters.sam.families.FAMILIES`.
            weights: for "sam" vit_b, vit_l or vit_h, fetched once, or a ``.pth`` file of the
                segment-anything package; for all a name on the model hub or a folder in transformers'
                format. The family's default when not given.
            granularity: 0 coarse .. 1 fine.
            device: "auto", "cuda", "mps" or "cpu".
            compiled: whether `torch.compile` prepares the image encoder; slow once, then faster.

        Raises:
            SegmenterError: no such family, or `granularity` is outside 0..1.
        """
        if family not in FAMILIES:
            raise SegmenterError(f"no family {family!r}; choose one of: {', '.join(FAMILIES)}")
        if not 0 <= granularity <= 1:
            raise SegmenterError(f"granularity is {granularity}; give a number from 0 to 1")
        self.name = family
        self.granularity = granularity
        self._family = FAMILIES[family]
        self._weights = weights or self._family.default
        self._device = device
        self._compiled = compiled
        self._model: PromptModel | None = None

    @property
    def model(self) -> "PromptModel":
        """The model; loads it the first time.

        Raises:
            SegmenterError: no such weights, or they belong to another model.
            MissingDependencyError: a package is missing; the message says how to install it.
        """
        if self._model is None:
            self._model = _Remembering(_load(self._family, self._weights, self._device, self._compiled))
        return self._model

    def __call__(self, image: NDArray[np.uint8]) -> sv.Detections:
        """Everything in an image.

        Args:
            image: RGB uint8 (H, W, 3).

        Returns:
            Regions with compact masks, those first that a coarser setting shows too; `confidence` is
            the model's own guess of each mask's IoU.
        """
        model = self.model  # first, since it says which package is missing
        from som.segmenters.sam.dial import Dial

        dial = Dial(self._family, self.granularity)
        with tqdm(
            desc=self.name, total=dial.points(image.shape[:2]), unit="point", leave=False, disable=None
        ) as bar:
            found = dial.masks(model, image, bar.update)
        if not found:
            return make_regions(np.zeros((0, 4)), source="sam")
        return make_regions(
            np.array([mask.box_xyxy for mask in found]),
            mask=sv.CompactMask.merge([mask.mask for mask in found]),
            confidence=np.clip([mask.score for mask in found], 0, 1),
            source="sam",
        )

    def session(self, image: NDArray[np.uint8]) -> "SamSession":
        """Prompts about one image: points, boxes, strokes, painted areas."""
        model = self.model
        from som.segmenters.sam.session import SamSession

        return SamSession(model, image, granularity=self.granularity)


def _load(family: Family, weights: str, device_name: str, compiled: bool) -> "PromptModel":
    try:
        from som import devices
        from som.segmenters.sam import hub, original
    except ImportError as error:
        raise MissingDependencyError(
            f"--segmenter {family.name} needs {error.name}: {INSTALL}"
        ) from error
    from som.segmenters.sam.weights import CHECKPOINTS, fetch

    device = devices.pick(device_name)
    path = Path(weights).expanduser()
    known = CHECKPOINTS.get(weights) if family.name == "sam" else None
    try:
        if known is not None:
            return original.load_original(fetch(known), device, compiled=compiled)
        if path.is_file() or path.suffix in (".pth", ".pt"):
            if family.name != "sam":
                raise SegmenterError(
                    f"--segmenter {family.name} takes a model in transformers' format (a name on the "
                    f"model hub or a folder with config.json), not the file {weights}"
                )
            return original.load_original(path, device, compiled=compiled)
        return hub.load_hub(weights, family, device, compiled=compiled)
    except ImportError as error:
        raise MissingDependencyError(
            f"--segmenter {family.name} needs {error.name}: {INSTALL}"
        ) from error
    except (RuntimeError, MemoryError) as error:
        if not devices.out_of_memory(error):
            raise
        raise SegmenterError(
            f"{weights} does not fit into the memory of {device}; {_SMALLER}"
        ) from error


_SMALLER = "take a smaller model, or --device cpu"


class _Remembering:
    """A model that keeps the encodings of the last images."""

    def __init__(self, model: "PromptModel") -> None:
        self._model = model
        self._kept: OrderedDict[str, Encoded] = OrderedDict()
        self.name = model.name
        self.points_per_batch = model.points_per_batch

    def encode(self, image: NDArray[np.uint8]) -> "Encoded":
        """`PromptModel.encode`."""
        from som import devices

        key = pixels_sha256(image)
        if key not in self._kept:
            try:
                self._kept[key] = self._model.encode(image)
            except (RuntimeError, MemoryError) as error:
                if not devices.out_of_memory(error):
                    raise
                raise SegmenterError(f"out of memory encoding the image; {_SMALLER}") from error
            if len(self._kept) > REMEMBERED:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def decode(self, encoded: "Encoded", prompts: "Prompts", *, multimask: bool) -> "Masks":
        """`PromptModel.decode`."""
        return self._model.decode(encoded, prompts, multimask=multimask)
