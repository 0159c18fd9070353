"""What a promptable segmentation model is here: it encodes an image once and answers prompts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from som.segmenters.sam.frame import Frame


@dataclass(frozen=True, eq=False)
class Encoded:
    """An image as its model keeps it: features on the model's device, and the geometry."""

    features: Any
    frame: Frame


@dataclass(frozen=True, eq=False)
class Prompts:
    """n prompts about one image, each asking for one region. Pixels of the image.

    Attributes:
        points_xy: float32 (n, k, 2), or None.
        labels: int (n, k): 1 inside the region, 0 outside, -1 for no point, to fill up.
        boxes_xyxy: float32 (n, 4), or None.
        masks: float32 (n, h, w) logits at the size of the model's own masks, or None.
    """

    points_xy: NDArray[np.float32] | None = None
    labels: NDArray[np.int64] | None = None
    boxes_xyxy: NDArray[np.float32] | None = None
    masks: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """How many there are."""
        return next(
            len(part) for part in (self.points_xy, self.boxes_xyxy, self.masks) if part is not None
        )

    def __getitem__(self, rows: slice) -> "Prompts":
        """Some of them."""
        parts = (self.points_xy, self.labels, self.boxes_xyxy, self.masks)
        return Prompts(*(None if part is None else part[rows] for part in parts))  # type: ignore[arg-type]


class Masks(Protocol):
    """What a model answers to n prompts with m masks each.

    `scores` is float32 (n, m): the model's own guess of each mask's IoU with the truth. Masks stay on
    the model's device until asked for, so that those with a low score never cross over.
    """

    scores: NDArray[np.float32]

    def logits(self, rows: Sequence[int] | NDArray[np.intp]) -> NDArray[np.float32]:
        """float32 (len(rows), h, w) of the masks with these numbers, counted through prompts."""
        ...


class PromptModel(Protocol):
    """A promptable segmentation model.

    Attributes:
        name: what it is called in messages.
        points_per_batch: how many prompts it takes at once.
    """

    name: str
    points_per_batch: int

    def encode(self, image: NDArray[np.uint8]) -> Encoded:
        """Encode an RGB image (H, W, 3); the slow part, once an image."""
        ...

    def decode(self, encoded: Encoded, prompts: Prompts, *, multimask: bool) -> Masks:
        """Answer prompts: three masks each (part of a part, part, whole) or the best one."""
        ...
