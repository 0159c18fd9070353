"""A part of an image, enlarged, so that small things in it can be told apart and marked anew."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.image import resize
from som.regions import scale_regions

Box = tuple[float, float, float, float]
# Enlarged at most this much, to at most this side, with a little room around.
LARGEST_SCALE, LARGEST_SIDE = 4.0, 1280
ROOM, LEAST_ROOM_PX = 0.06, 8
# Regions are sought at most so much enlarged: beyond, letters pass for shapes.
LARGEST_SOUGHT = 2.0


@dataclass(frozen=True, eq=False)
class CutOut:
    """A part of an image.

    Attributes:
        image: uint8 RGB, enlarged.
        box_xyxy: of the part, in whole pixels of the image it comes from.
        scale: its pixels for one of that image.
    """

    image: NDArray[np.uint8]
    box_xyxy: tuple[int, int, int, int]
    scale: float
    _part: NDArray[np.uint8] = field(repr=False)

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the enlarged part."""
        return self.image.shape[1], self.image.shape[0]

    def find(self, segment: Callable[[NDArray[np.uint8]], sv.Detections]) -> sv.Detections:
        """The regions of the part, in pixels of the enlarged one."""
        height, width = self._part.shape[:2]
        factor = min(self.scale, LARGEST_SOUGHT)
        sought = max(1, round(width * factor)), max(1, round(height * factor))
        return scale_regions(segment(resize(self._part, sought)), sought, self.size_wh)

    def to_whole(self, x: float, y: float) -> tuple[float, float]:
        """A point of the enlarged part, in pixels of the image it comes from."""
        return self.box_xyxy[0] + x / self.scale, self.box_xyxy[1] + y / self.scale


def cut_out(image: NDArray[np.uint8], box_xyxy: Box) -> CutOut:
    """Cut a box with a little room out of an image, and enlarge it.

    Args:
        image: uint8 RGB (H, W, 3).
        box_xyxy: in its pixels; what lies outside of it is left out.
    """
    height, width = image.shape[:2]
    x1, y1, x2, y2 = box_xyxy
    room = ROOM * max(x2 - x1, y2 - y1) + LEAST_ROOM_PX
    left, top = (int(np.clip(v, 0, most - 1)) for v, most in ((x1 - room, width), (y1 - room, height)))
    right = int(np.clip(np.ceil(x2 + room), left + 1, width))
    bottom = int(np.clip(np.ceil(y2 + room), top + 1, height))
    scale = float(np.clip(LARGEST_SIDE / max(right - left, bottom - top), 1, LARGEST_SCALE))
    part = image[top:bottom, left:right]
    size = round((right - left) * scale), round((bottom - top) * scale)
    return CutOut(resize(part, size), (left, top, right, bottom), scale, part)
