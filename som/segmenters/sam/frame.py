"""How an image lies in a model's input, and how the model's small masks come back to full size."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import cv2
import numpy as np
from numpy.typing import NDArray

from som.masks import bounds, cropped
from som.regions import Crop

Logits = NDArray[np.float32]
# Above this share of the image one plain resize is faster than two products with the weights.
WHOLE_SHARE = 0.1


@dataclass(frozen=True)
class Frame:
    """Geometry of one image inside a model.

    Attributes:
        image_hw: height and width of the image in pixels.
        input_hw: what it is resized to; the rest of the model's input is padding on the right and
            at the bottom.
        side_hw: the model's whole input.
        low_hw: the masks that the model gives, which cover the whole input.
        through_input: whether masks are enlarged to the input's size first, as SAM does, or at once.
    """

    image_hw: tuple[int, int]
    input_hw: tuple[int, int]
    side_hw: tuple[int, int]
    low_hw: tuple[int, int]
    through_input: bool

    @classmethod
    def padded(cls, image_hw: tuple[int, int], side: int, low: int) -> Self:
        """The longest side fills the input (SAM, SAM-HQ)."""
        scale = side / max(image_hw)
        height, width = (max(1, int(edge * scale + 0.5)) for edge in image_hw)
        return cls(image_hw, (height, width), (side, side), (low, low), True)

    @classmethod
    def stretched(cls, image_hw: tuple[int, int], side: int, low: int) -> Self:
        """The image fills the input whatever its shape (SAM 2, SAM 3, EdgeTAM)."""
        return cls(image_hw, (side, side), (side, side), (low, low), False)

    @property
    def seen(self) -> tuple[slice, slice]:
        """The rows and columns of the model's masks that lie on the image, not on the padding."""
        rows, columns = (
            slice(0, -(-used * low // side))
            for used, low, side in zip(self.input_hw, self.low_hw, self.side_hw, strict=True)
        )
        return rows, columns

    def to_input(self, xy: NDArray[np.generic]) -> NDArray[np.float32]:
        """Image pixels to pixels of the model's input; (..., 2)."""
        scale = np.array([self.input_hw[1] / self.image_hw[1], self.input_hw[0] / self.image_hw[0]])
        scaled: NDArray[np.float32] = (np.asarray(xy, np.float64) * scale).astype(np.float32)
        return scaled

    def to_low(self, mask: NDArray[np.bool_]) -> Logits:
        """Share of each cell of the model's masks that a mask of the image covers; (h, w), 0..1."""
        height, width = self.input_hw
        filled = np.zeros(self.side_hw, np.float32)
        filled[:height, :width] = cv2.resize(
            mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA
        )
        low = cv2.resize(filled, self.low_hw[::-1], interpolation=cv2.INTER_AREA)
        return np.asarray(low, np.float32)


class Upsampler:
    """Brings one small mask at a time to full size, computing only the part that it covers.

    The models' own code enlarges every mask to the whole image, bilinearly, in one step or two.
    Bilinear steps are linear and separable, so their result inside any window is a product of the
    small mask with one matrix a side. A pixel is a mean of small ones: where none around it is above
    the threshold, it is not either, and need not be computed.
    """

    def __init__(self, frame: Frame) -> None:
        """Prepare for images that lie in `frame`."""
        self.frame = frame
        self._rows = _Axis(frame, 0)
        self._columns = _Axis(frame, 1)

    def mask(
        self, logits: Logits, threshold: float = 0, offset: float = 1
    ) -> tuple[Crop | None, float]:
        """One mask at full size, and how stable it is.

        Args:
            logits: float32 (h, w) of `frame.low_hw`.
            threshold: pixels above it belong to the mask.
            offset: the stability score compares the areas above `threshold` plus and minus it.

        Returns:
            The mask inside its box, None where it is empty, and its stability score 0..1.
        """
        loose = bounds(logits > threshold - offset)
        if loose is None:
            return None, 0.0
        left, top, right, bottom = loose
        top, bottom = self._rows.reach(top, bottom)
        left, right = self._columns.reach(left, right)
        values = self._window(logits, (top, bottom), (left, right))
        above = int(np.count_nonzero(values > threshold - offset))
        stability = np.count_nonzero(values > threshold + offset) / above if above else 0.0
        inside = values > threshold
        return cropped(inside, left, top), stability

    def _window(self, logits: Logits, rows: tuple[int, int], columns: tuple[int, int]) -> Logits:
        height, width = self.frame.image_hw
        area = (rows[1] - rows[0]) * (columns[1] - columns[0])
        if area > WHOLE_SHARE * height * width:
            return self._whole(logits)[slice(*rows), slice(*columns)]
        down, source_rows = self._rows.weights(*rows)
        across, source_columns = self._columns.weights(*columns)
        values: NDArray[Any] = down @ logits[source_rows, source_columns] @ across.T
        return values.astype(np.float32, copy=False)

    def _whole(self, logits: Logits) -> Logits:
        frame = self.frame
        if frame.through_input:
            logits = _resize(logits, frame.side_hw)[: frame.input_hw[0], : frame.input_hw[1]]
        return _resize(logits, frame.image_hw)


class _Axis:
    """Enlarging along one axis, as the rows of a matrix of which only a band is not zero."""

    def __init__(self, frame: Frame, axis: int) -> None:
        self.low = frame.low_hw[axis]
        full = frame.image_hw[axis]
        if frame.through_input:
            to_input = _linear(self.low, frame.side_hw[axis])[: frame.input_hw[axis]]
            matrix = _linear(frame.input_hw[axis], full) @ to_input
        else:
            matrix = _linear(self.low, full)
        self.matrix: Logits = matrix.astype(np.float32)

    @cached_property
    def _spans(self) -> NDArray[np.intp]:
        """(outputs, 2) first and one past the last low index that each output depends on."""
        used = self.matrix > 0
        first = used.argmax(axis=1)
        return np.stack([first, self.low - used[:, ::-1].argmax(axis=1)], axis=1)

    def reach(self, first: int, stop: int) -> tuple[int, int]:
        """The outputs that depend on low indices first..stop-1, as a half-open range."""
        touched = np.flatnonzero((self._spans[:, 0] < stop) & (self._spans[:, 1] > first))
        if not len(touched):  # all of it lies in the padding
            return 0, 1
        return int(touched[0]), int(touched[-1]) + 1

    def weights(self, first: int, stop: int) -> tuple[Logits, slice]:
        """The matrix for outputs first..stop-1, and the low indices that it is for."""
        spans = self._spans[first:stop]
        source = slice(int(spans[:, 0].min()), int(spans[:, 1].max()))
        return self.matrix[first:stop, source], source


def _linear(size_in: int, size_out: int) -> NDArray[np.float64]:
    """(out, in) weights of bilinear interpolation with aligned pixel edges, as torch computes it."""
    centres = np.maximum((np.arange(size_out) + 0.5) * size_in / size_out - 0.5, 0)
    low = np.minimum(centres.astype(int), size_in - 1)
    high = np.minimum(low + 1, size_in - 1)
    share = centres - low
    weights = np.zeros((size_out, size_in))
    np.add.at(weights, (np.arange(size_out), low), 1 - share)
    np.add.at(weights, (np.arange(size_out), high), share)
    return weights


def _resize(values: Logits, size_hw: tuple[int, int]) -> Logits:
    resized = cv2.resize(values, size_hw[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)
