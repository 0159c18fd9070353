"""What placement must know of an image, as maps that answer for any box in constant time."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.cover import NOTHING, Cover
from som.regions import Crop

# A step in grey that counts as print: faint hairlines do not, light grey text does.
_INK_STEP = 14


@dataclass(frozen=True)
class Scene:
    """Regions of a canvas and the maps over it; rows are regions, maps have cells of `cover.step`.

    Attributes:
        size_wh: of the canvas in pixels.
        xyxy: float32 (n, 4) boxes.
        masked: whether regions have masks: photos rather than pages.
        cover: the visible map.
        anchors_xy: int32 (n, 2) deepest visible point of each region, in pixels.
        depth_px: float32 (n,) its distance to anything else.
        tips_xy: int32 (n, 4, 2) topmost, bottommost, leftmost and rightmost pixel of each region.
        ink: float64 (h + 1, w + 1) integral of print, 1 a cell.
        weight: float64 (h + 1, w + 1) integral of a map in which each region weighs 1 in all.
        importance: float64 (n,), who chooses first when room is short.
    """

    size_wh: tuple[int, int]
    xyxy: NDArray[np.float32]
    masked: bool
    cover: Cover
    anchors_xy: NDArray[np.int32]
    depth_px: NDArray[np.float32]
    tips_xy: NDArray[np.int32]
    ink: NDArray[np.float64]
    weight: NDArray[np.float64]
    importance: NDArray[np.float64]

    @classmethod
    def build(
        cls,
        regions: sv.Detections,
        cover: Cover,
        size_wh: tuple[int, int],
        image: NDArray[np.uint8] | None,
        crops: list[Crop] | None = None,
    ) -> "Scene":
        """Compute the maps.

        Args:
            regions: n regions on the canvas.
            cover: their visible map.
            size_wh: of the canvas.
            image: the canvas, or None: then only text that regions carry counts as print.
            crops: the regions' masks, or None.
        """
        xyxy = np.asarray(regions.xyxy, dtype=np.float32)
        anchors, depth = _deepest(regions, cover)
        areas = np.asarray(regions.area, dtype=np.float64)
        confidence = np.ones(len(regions)) if regions.confidence is None else regions.confidence
        return cls(
            size_wh=size_wh,
            xyxy=xyxy,
            masked=regions.mask is not None,
            cover=cover,
            anchors_xy=anchors,
            depth_px=depth,
            tips_xy=_tips(xyxy, crops),
            ink=_integral(_ink(regions, cover, image)),
            weight=_integral(_weight(xyxy, cover)),
            importance=confidence + areas / (1.0 + areas.max()),
        )


def box_sums(
    integral: NDArray[np.float64], boxes: NDArray[np.int32], step: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of a map over each box, and how many cells that was.

    Args:
        integral: (h + 1, w + 1).
        boxes: (..., 4) in pixels.
        step: pixels a cell.
    """
    height, width = integral.shape[0] - 1, integral.shape[1] - 1
    x1 = np.clip(boxes[..., 0] // step, 0, width)
    y1 = np.clip(boxes[..., 1] // step, 0, height)
    x2 = np.clip(-(-boxes[..., 2] // step), 0, width)
    y2 = np.clip(-(-boxes[..., 3] // step), 0, height)
    total = integral[y2, x2] - integral[y1, x2] - integral[y2, x1] + integral[y1, x1]
    return total, np.maximum((x2 - x1) * (y2 - y1), 1).astype(np.float64)


def _tips(xyxy: NDArray[np.float32], crops: list[Crop] | None) -> NDArray[np.int32]:
    """The outermost pixels of each region: of its mask, or the middles of the sides of its box."""
    low, high = np.floor(xyxy[:, :2]), np.ceil(xyxy[:, 2:]) - 1
    x, y = ((low + high) / 2).T
    tips = np.stack((x, low[:, 1], x, high[:, 1], low[:, 0], y, high[:, 0], y), axis=1)
    tips = tips.reshape(-1, 4, 2).astype(np.int32)
    for row, (mask, left, top) in enumerate(crops or ()):
        height, width = mask.shape
        sides = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
        for i, side in enumerate(sides):
            on = side.nonzero()[0]
            if len(on):  # a crop is tight, unless somebody made it wider
                at = int(on[len(on) // 2])
                tips[row, i] = (
                    (left + at, top + (height - 1) * i)
                    if i < 2
                    else (left + (width - 1) * (i - 2), top + at)
                )
    return tips


def _deepest(regions: sv.Detections, cover: Cover) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The most natural of the deep visible points: the one nearest to the middle of the box."""
    n, step = len(regions), cover.step
    depth, owner = cover.depth(), cover.owner
    middle = (regions.xyxy[:, :2] + regions.xyxy[:, 2:]) / 2
    anchors, found = middle.astype(np.int32), np.zeros(n, np.float32)
    # Ridges of the depth map: a few points of each region instead of all its cells.
    ridge = (depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8))) & (owner != NOTHING)
    ys, xs = np.nonzero(ridge)
    rows, depths = owner[ys, xs], depth[ys, xs]
    np.maximum.at(found, rows, depths)
    deep = depths >= 0.8 * found[rows]
    ys, xs, rows = ys[deep], xs[deep], rows[deep]
    # The first pixel of a cell is the one that the map was sampled at: it surely lies in the mask.
    points = np.stack((xs, ys), axis=1) * step
    distance = np.abs(points - middle[rows]).sum(axis=1)
    order = np.lexsort((distance, rows))
    first = order[np.unique(rows[order], return_index=True)[1]]
    anchors[rows[first]] = points[first]
    return anchors, found * step


def _ink(regions: sv.Detections, cover: Cover, image: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """1 where something is printed: steps in grey, and the text that regions carry."""
    height, width = cover.owner.shape
    ink = np.zeros((height, width), np.uint8)
    if image is not None:
        small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)
        step = cv2.morphologyEx(grey, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
        return np.asarray(step > _INK_STEP, dtype=np.uint8)
    texts = regions.data.get("text", [""] * len(regions))
    for text, box in zip(texts, regions.xyxy / cover.step, strict=True):
        if text:
            x1, y1, x2, y2 = np.round(box).astype(int)
            ink[max(0, y1) : y2, max(0, x1) : x2] = 1
    return ink


def _weight(xyxy: NDArray[np.float32], cover: Cover) -> NDArray[np.float64]:
    """Each region spreads a weight of 1 over its box: small targets are dear, large ones cheap."""
    height, width = cover.owner.shape
    cells = np.floor(xyxy / cover.step + 0.5).astype(np.intp)
    x1, y1 = np.clip(cells[:, 0], 0, width - 1), np.clip(cells[:, 1], 0, height - 1)
    x2 = np.clip(np.maximum(cells[:, 2], x1 + 1), 0, width)
    y2 = np.clip(np.maximum(cells[:, 3], y1 + 1), 0, height)
    each = 1.0 / ((x2 - x1) * (y2 - y1))
    corners = np.zeros((height + 1, width + 1))
    for y, x, sign in ((y1, x1, 1), (y1, x2, -1), (y2, x1, -1), (y2, x2, 1)):
        np.add.at(corners, (y, x), sign * each)
    return _integral(corners)[1:-1, 1:-1]


def _integral(values: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(cv2.integral(values, sdepth=cv2.CV_64F), dtype=np.float64)
