"""The visible map: which region each pixel shows, once smaller regions lie on top of larger ones.

The Set-of-Mark paper (Yang et al., 2023, arXiv:2310.11441, algorithm 1) walks the regions by area
and takes the pixels of smaller ones away from larger ones. Painting all of them once into one map,
the largest first, gives the same at a cost that does not grow with the number of regions times the
size of the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.regions import Crop

NOTHING = -1

# A mask with x down and y across, uint8, and its window in a grid that lies the same way.
Layer = tuple[NDArray[np.uint8], slice, slice]


@dataclass(frozen=True)
class Cover:
    """The visible map of some regions, on a grid of `step` x `step` pixels a cell.

    Attributes:
        owner: int32 (h, w), the smallest region at each cell, or `NOTHING`.
        step: pixels of the canvas a cell is wide and high.
    """

    owner: NDArray[np.int32]
    step: int

    def depth(self) -> NDArray[np.float32]:
        """Distance in cells from each cell to the nearest one that shows something else.

        One distance transform for all regions; the edge of the image counts as something else.

        Returns:
            float32 (h, w), 0 at the rim of what is visible of a region.
        """
        owner = self.owner
        inner = np.ones(owner.shape, np.uint8)
        across, down = owner[:, 1:] != owner[:, :-1], owner[1:] != owner[:-1]
        for sides in (inner[:, 1:], inner[:, :-1]):
            sides[across] = 0
        for sides in (inner[1:], inner[:-1]):
            sides[down] = 0
        padded = cv2.copyMakeBorder(inner, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=0)
        return np.asarray(cv2.distanceTransform(padded, cv2.DIST_L2, 3)[1:-1, 1:-1])


def paint(
    regions: sv.Detections,
    size_wh: tuple[int, int],
    *,
    step: int = 1,
    crops: list[Crop] | None = None,
) -> Cover:
    """Paint the visible map.

    Args:
        regions: on a canvas of this size.
        size_wh: width and height of the canvas in pixels.
        step: pixels a cell.
        crops: the regions' masks as `som.regions.crops_of` gives them; None fills their boxes.
    """
    owner = np.full(grid_shape(size_wh, step), NOTHING, np.int32)
    paint_values(owner, np.arange(len(regions)), regions, step=step, crops=crops)
    return Cover(owner, step)


def paint_values(
    grid: NDArray[Any],
    values: NDArray[Any],
    regions: sv.Detections,
    *,
    step: int = 1,
    crops: list[Crop] | None = None,
) -> None:
    """Write each region's value into the cells of `grid` where it is visible."""
    areas = np.asarray(regions.area, dtype=np.float64)
    # A later region of the same size lies on top, as its label would.
    by_area = np.argsort(-areas, kind="stable")
    if crops is None:
        for row in by_area:
            grid[_box_window(regions.xyxy[row], grid.shape, step)] = values[row]
        return
    turned = np.asarray(cv2.transpose(grid))
    paint_layers(turned, [turned_layer(crops[row], step) for row in by_area], values[by_area])
    cv2.transpose(turned, dst=grid)


def paint_layers(turned: NDArray[Any], layers: Sequence[Layer], values: NDArray[Any]) -> None:
    """Write the value of each layer into a turned grid; later layers lie on top.

    Args:
        turned: a grid with x down and y across; written.
        layers: n of them.
        values: (n,)
    """
    for (mask, columns, rows), value in zip(layers, values.astype(turned.dtype), strict=True):
        # Much faster than `turned[columns, rows][mask] = value`, which walks pixel by pixel.
        cv2.copyTo(np.full(mask.shape, value), mask, turned[columns, rows])


def turned_layer(crop: Crop, step: int = 1) -> Layer:
    """A mask as a layer, sampled at the first pixel of each cell of `step` x `step` pixels.

    Decoded masks lie in memory column by column, so that a step of 1 copies nothing. A mask
    that has none of the sampled pixels gets the cell of its first one, or it would be lost.
    """
    mask, x, y = crop
    mask = np.ascontiguousarray(mask.T[-x % step :: step, -y % step :: step])
    left, top = -(-x // step), -(-y // step)
    if step > 1 and not mask.any():
        xs, ys = np.nonzero(crop.mask.T)
        left, top = ((x + int(xs[0])) // step, (y + int(ys[0])) // step) if len(xs) else (0, 0)
        mask = np.full((1, 1), len(xs) > 0)
    return mask.view(np.uint8), slice(left, left + mask.shape[0]), slice(top, top + mask.shape[1])


def grid_shape(size_wh: tuple[int, int], step: int) -> tuple[int, int]:
    """Rows and columns of a map over a canvas."""
    return -(-size_wh[1] // step), -(-size_wh[0] // step)


def _box_window(xyxy: NDArray[np.float32], shape: tuple[int, ...], step: int) -> tuple[slice, slice]:
    """The cells of a box: whole ones, but never none, or the region would be lost."""
    x1, y1, x2, y2 = (int(v) for v in np.floor(xyxy / step + 0.5))
    left, top = min(max(x1, 0), shape[1] - 1), min(max(y1, 0), shape[0] - 1)
    return slice(top, max(y2, top + 1)), slice(left, max(x2, left + 1))
