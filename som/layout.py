"""`Layout`: everything that drawing needs beside the image and its regions."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from som.place import Placement
from som.style import Style


@dataclass(frozen=True)
class Layout:
    """Where and how marks are drawn; rows belong to the regions, sizes to the drawn image.

    Attributes:
        size_wh: of the drawn image, which may be smaller than the original (see `Marker.max_side`).
        labels: (n,) strings.
        colors_rgb: uint8 (n, 3).
        placement: of the labels, in pixels of the drawn image.
        style: what is drawn.
    """

    size_wh: tuple[int, int]
    labels: list[str]
    colors_rgb: NDArray[np.uint8]
    placement: Placement
    style: Style
