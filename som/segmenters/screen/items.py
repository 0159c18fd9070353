"""The things seen on a screen, from first sight to region."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Item:
    """Something seen, before or after fusion.

    Attributes:
        box_xyxy: (4,) float32.
        kind: "text", "icon", "panel" or "picture".
        text: what it says.
        score: how sure its reading is, 0..1.
        role: "" until fused.
        interactive: whether a person could act on it.
        confidence: how likely a press on it does something.
        level: least granularity at which it is given.
        has_icon: whether a text's box takes in an icon.
    """

    box_xyxy: NDArray[np.float32]
    kind: str
    text: str = ""
    score: float = 1.0
    role: str = ""
    interactive: bool = False
    confidence: float = 0.5
    level: float = 0.0
    has_icon: bool = False

    @property
    def width(self) -> float:
        """Pixels."""
        return float(self.box_xyxy[2] - self.box_xyxy[0])

    @property
    def height(self) -> float:
        """Pixels."""
        return float(self.box_xyxy[3] - self.box_xyxy[1])
