"""Mark colours: neighbours far apart to the eye, and text on each at least 7:1 in contrast."""

from functools import lru_cache

import cv2
import numpy as np
import supervision as sv
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

# Saturated colours that carry white or black text at 7:1 or more, spread over hue and lightness.
PALETTE_RGB: NDArray[np.uint8] = np.array(
    [
        (176, 0, 32),  # crimson
        (0, 62, 190),  # blue
        (0, 92, 36),  # green
        (255, 196, 0),  # amber
        (122, 0, 158),  # purple
        (0, 224, 230),  # cyan
        (122, 52, 0),  # brown
        (255, 140, 200),  # pink
        (150, 240, 40),  # lime
        (0, 84, 100),  # teal
        (255, 150, 60),  # orange
        (166, 0, 106),  # magenta
        (170, 190, 255),  # periwinkle
        (64, 64, 8),  # olive
        (214, 160, 255),  # lavender
        (110, 245, 180),  # mint
    ],
    np.uint8,
)
PALETTE_RGB.flags.writeable = False

_NEIGHBOURS = 6
# Distance in Oklab beyond which two colours are told apart at a glance.
_ENOUGH_DISTANCE = 0.30
# What WCAG 2.2 (1.4.11) asks of graphics against what lies beside them.
_ENOUGH_CONTRAST = 3.0


def contrast_ratio(rgb_a: ArrayLike, rgb_b: ArrayLike) -> NDArray[np.float64]:
    """Contrast of two colours, 1..21, as WCAG 2.2 defines it.

    Args:
        rgb_a: (..., 3), 0..255.
        rgb_b: likewise; the two broadcast.

    Returns:
        (...) ratios.
    """
    light_a, light_b = _luminance(rgb_a), _luminance(rgb_b)
    high, low = np.maximum(light_a, light_b), np.minimum(light_a, light_b)
    return np.asarray((high + 0.05) / (low + 0.05))


def text_color(fill_rgb: ArrayLike) -> NDArray[np.uint8]:
    """Black or white, whichever stands out more on each fill.

    Args:
        fill_rgb: (n, 3), 0..255.

    Returns:
        uint8 (n, 3).
    """
    fill = np.asarray(fill_rgb).reshape(-1, 3)
    white = contrast_ratio(fill, (255, 255, 255)) >= contrast_ratio(fill, (0, 0, 0))
    return np.repeat(np.where(white, 255, 0).astype(np.uint8)[:, None], 3, axis=1)


def oklab(rgb: ArrayLike) -> NDArray[np.float64]:
    """Colours in Oklab, where distance is close to what the eye sees.

    Source: B. Ottosson, "A perceptual color space for image processing", 2020.

    Args:
        rgb: (..., 3) sRGB, 0..255.

    Returns:
        (..., 3): lightness 0..1 and two opponent axes.
    """
    to_cone = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.asarray(np.cbrt(_linear(rgb) @ to_cone.T) @ to_lab.T)


def assign(regions: sv.Detections, image: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """A palette colour for each region.

    Greedy in the order of the regions: each takes a colour far from those of its nearest neighbours
    that also stands out from the picture along its box, so that no line vanishes into the page.

    Args:
        regions: n regions in pixels of `image`.
        image: uint8 RGB (H, W, 3), or None to look at the neighbours only.

    Returns:
        uint8 (n, 3), deterministic.
    """
    n = len(regions)
    if n == 0:
        return np.zeros((0, 3), np.uint8)
    centres = (regions.xyxy[:, :2] + regions.xyxy[:, 2:]) / 2
    k = min(n, _NEIGHBOURS + 1)
    near = np.asarray(cKDTree(centres).query(centres, k=k)[1]).reshape(n, k)
    apart = _palette_distances()
    # Not the same as a neighbour's; then seen at all; then told apart at a glance; then unused.
    different = np.minimum(apart / _ENOUGH_DISTANCE, 1) - 4 * (apart < 0.1)
    visible = np.zeros((n, len(PALETTE_RGB)))
    if image is not None:
        around = _around(np.asarray(regions.xyxy, dtype=np.float32), image)
        ratios = contrast_ratio(around[:, :, None], PALETTE_RGB[None, None])
        visible = 4 * np.minimum(ratios / _ENOUGH_CONTRAST, 1).mean(axis=1)
    chosen = [-1] * n
    used = np.zeros(len(PALETTE_RGB))
    most = 0.0
    for i, neighbours in enumerate(near.tolist()):
        score = visible[i] - 0.02 / (1 + most) * used
        colours = [chosen[j] for j in neighbours if chosen[j] >= 0]
        if colours:
            score += different[colours].min(axis=0)
        chosen[i] = best = int(score.argmax())
        used[best] += 1
        most = max(most, used[best])
    return np.asarray(PALETTE_RGB[chosen])


@lru_cache(maxsize=1)
def _palette_distances() -> NDArray[np.float64]:
    lab = oklab(PALETTE_RGB)
    return np.asarray(np.linalg.norm(lab[:, None] - lab[None], axis=2))


def _around(xyxy: NDArray[np.float32], image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours of the picture at points along each box's edges, (n, 20, 3)."""
    height, width = image.shape[:2]
    shrink = max(1, min(height, width) // 200)
    small = cv2.resize(
        image,
        (max(1, width // shrink), max(1, height // shrink)),
        interpolation=cv2.INTER_AREA if shrink <= 4 else cv2.INTER_NEAREST,
    )
    rows, columns = small.shape[:2]
    steps = np.linspace(0, 1, 5)
    x = xyxy[:, [0]] + (xyxy[:, [2]] - xyxy[:, [0]]) * steps
    y = xyxy[:, [1]] + (xyxy[:, [3]] - xyxy[:, [1]]) * steps
    left, right = (np.repeat(xyxy[:, [i]], 5, axis=1) for i in (0, 2))
    top, bottom = (np.repeat(xyxy[:, [i]], 5, axis=1) for i in (1, 3))
    xs = np.concatenate((x, x, left, right), axis=1) * columns / width
    ys = np.concatenate((top, bottom, y, y), axis=1) * rows / height
    ys, xs = np.clip(ys.astype(int), 0, rows - 1), np.clip(xs.astype(int), 0, columns - 1)
    return np.asarray(small[ys, xs], dtype=np.uint8)


def _linear(rgb: ArrayLike) -> NDArray[np.float64]:
    value = np.asarray(rgb, dtype=np.float64) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def _luminance(rgb: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(_linear(rgb) @ np.array([0.2126, 0.7152, 0.0722]))
