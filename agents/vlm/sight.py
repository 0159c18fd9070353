"""What the offline grounder sees of a marked image: texts, colours, places and sizes of its marks."""

import cv2
import numpy as np
from numpy.typing import NDArray

from som.image import resize
from som.marks import MarkedImage
from som.regions import crops_of, scale_regions

Fit = NDArray[np.float64]

_NAMES = (
    "black", "grey", "white", "red", "orange", "brown", "yellow", "green", "cyan", "blue", "purple",
    "pink",
)  # fmt: skip
# Colours are counted on a picture of about this many pixels.
_PIXELS = 400_000


class Sight:
    """The marks of one image and how well each fits what is asked.

    Args:
        image: the marked image.
    """

    def __init__(self, image: MarkedImage) -> None:
        self.image = image
        self.marks = image.marks
        self.texts = [mark.text for mark in self.marks]
        self.boxes = np.array([mark.box_xyxy for mark in self.marks], float).reshape(-1, 4)
        self._shares: Fit | None = None

    def row_of(self, label: str) -> int | None:
        """The mark of this label."""
        rows = [row for row, mark in enumerate(self.marks) if mark.label == label]
        return rows[0] if rows else None

    def name(self, row: int) -> str:
        """A mark in words: its text, or its label."""
        mark = self.marks[row]
        return " ".join(mark.text.split())[:40] or mark.label

    def color_share(self, name: str) -> Fit:
        """How much each mark is of a colour, 0..1: a third of its pixels is all of it."""
        if self._shares is None:
            self._shares = self._count_colors()
        return np.minimum(self._shares[:, _NAMES.index(name)] * 3, 1)

    def place_fit(self, x: float | None, y: float | None) -> Fit:
        """How near each mark is to a side, a corner or the middle: 1 there, 0 at the far end."""
        centres = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
        at = centres / np.array(self.image.size_wh) * 2 - 1
        apart = [np.abs(at[:, i] - to) for i, to in enumerate((x, y)) if to is not None]
        return np.asarray(1 - np.mean(apart, axis=0) / 2)

    def size_fit(self, sign: int) -> Fit:
        """1 for the largest (or the smallest) mark, falling with the rank."""
        areas = np.array([self.image.regions.area[mark.region] for mark in self.marks], float)
        rank = np.argsort(np.argsort(-sign * areas, kind="stable"), kind="stable")
        return np.asarray(np.maximum(1 - rank / 4, 0))

    def nearness(self, reference: int, direction: tuple[int, int]) -> Fit:
        """1 for the nearest mark in a direction from another, less for those farther, 0 elsewhere."""
        own, boxes = self.boxes[reference], self.boxes
        gap = np.maximum(boxes[:, :2] - own[2:], own[:2] - boxes[:, 2:])  # below 0 where they overlap
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2 - (own[:2] + own[2:]) / 2
        distance = np.hypot(*np.clip(gap, 0, None).T)
        allowed = np.ones(len(boxes), bool)
        for axis, sign in enumerate(direction):
            if sign:
                allowed &= centre[:, axis] * sign > 0
                # Beside rather than diagonally off: the other axis should overlap.
                distance = distance + 2 * np.clip(gap[:, 1 - axis], 0, None)
                allowed &= gap[:, axis] > -0.5 * (own[2 + axis] - own[axis])
        # What holds the reference, or lies in it, is not beside it.
        holds = (boxes[:, :2] <= own[:2]).all(1) & (boxes[:, 2:] >= own[2:]).all(1)
        within = (boxes[:, :2] >= own[:2]).all(1) & (boxes[:, 2:] <= own[2:]).all(1)
        allowed &= ~holds & ~within
        allowed[reference] = False
        near = 1 / (1 + distance / 100)
        if allowed.any():
            near = near / near[allowed].max()
        return np.where(allowed, near, 0.0)

    def _count_colors(self) -> Fit:
        width, height = self.image.size_wh
        factor = min(1.0, float(np.sqrt(_PIXELS / (width * height))))
        small_wh = max(1, round(width * factor)), max(1, round(height * factor))
        names = name_colors(resize(self.image.image, small_wh))
        regions = scale_regions(self.image.regions, (width, height), small_wh)
        crops = crops_of(regions)
        shares = np.zeros((len(self.marks), len(_NAMES)))
        for row, mark in enumerate(self.marks):
            if crops is None:
                x1, y1, x2, y2 = (int(v) for v in np.floor(regions.xyxy[mark.region]))
                seen = names[y1 : max(y2, y1 + 1), x1 : max(x2, x1 + 1)].ravel()
            else:
                mask, x, y = crops[mark.region]
                seen = names[y : y + mask.shape[0], x : x + mask.shape[1]][mask]
            counts = np.bincount(seen, minlength=len(_NAMES))
            shares[row] = counts / max(counts.sum(), 1)
        return shares


def name_colors(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The everyday name of each pixel's colour, as its number in the list of names.

    Args:
        image: RGB (H, W, 3).

    Returns:
        uint8 (H, W).
    """
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV).astype(np.int16)
    hue, saturation, value = hsv[..., 0] * 2, hsv[..., 1], hsv[..., 2]
    edges = np.array([15, 40, 68, 165, 195, 255, 290, 340])  # degrees, from red onwards
    wheel = np.array([_NAMES.index(n) for n in (
        "red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink", "red")])  # fmt: skip
    names = wheel[np.searchsorted(edges, hue, side="right")]
    orange, red, pink = (_NAMES.index(n) for n in ("orange", "red", "pink"))
    names[(names == orange) & (value < 160)] = _NAMES.index("brown")
    names[(names == red) & (value > 200) & (saturation < 120)] = pink
    pale = saturation < 45
    names[pale] = _NAMES.index("grey")
    names[pale & (value > 205)] = _NAMES.index("white")
    names[(value < 50) | (pale & (value < 75))] = _NAMES.index("black")
    return names.astype(np.uint8)
