"""Superpixels, which of them touch, what each looks like and how each pair differs."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackError, eigsh

from som.segmenters._boundaries import (
    COLOUR_BINS,
    COLOUR_RANGE,
    LIGHTNESS_BINS,
    TEXTONS,
    Cues,
)

Float = NDArray[np.float64]

# Strength is rounded to this step before the watershed, so that rounding noise makes no basins.
STRENGTH_STEP = 1 / 256
# More basins than this are noise: the boundary map is blurred until there are fewer.
MOST_SUPERPIXELS = 2500

# How much of the boundary strength inside two superpixels is taken off that between them: texture and
# slow gradients are as strong inside as between.
USUAL_SHARE = 0.5

EIGENVECTORS = 16
# Below the smallest eigenvalue, 0, so that the shifted matrix can be inverted.
EIGENVALUE_SHIFT = -1e-3


@dataclass(frozen=True)
class Superpixels:
    """A photo cut into n small regions, and the m pairs of them that touch.

    Attributes:
        labels: int (h, w), 0..n-1.
        area: (n,) pixels.
        pairs: int (m, 2), the smaller label first.
        border: (m,) pixel edges that the pair shares.
        strength: (m,) mean boundary strength along that border, above what is usual on either side.
        lightness, green_red, blue_yellow, texture: (n, bins) histograms, in pixels.
    """

    labels: NDArray[np.intp]
    area: NDArray[np.intp]
    pairs: NDArray[np.intp]
    border: Float
    strength: Float
    lightness: Float
    green_red: Float
    blue_yellow: Float
    texture: Float


def superpixels(cues: Cues) -> Superpixels:
    """Cut a photo along its boundaries, finer than any object."""
    labels = _watershed(cues.strength)
    n = int(labels.max()) + 1
    area = np.bincount(labels.ravel())
    pairs, border, ridge = _neighbours(labels, cues.strength)
    inside = np.bincount(labels.ravel(), cues.strength.ravel()) / area
    strength = ridge - USUAL_SHARE * inside[pairs].mean(axis=1)
    colours = [_histogram(labels, cues.lab[..., k], COLOUR_RANGE, COLOUR_BINS) for k in (1, 2)]
    return Superpixels(
        labels=labels,
        area=area,
        pairs=pairs,
        border=border,
        strength=np.maximum(strength, 0),
        lightness=_histogram(labels, cues.lab[..., 0] - 50, 50, LIGHTNESS_BINS),
        green_red=colours[0],
        blue_yellow=colours[1],
        texture=np.bincount((labels * TEXTONS + cues.textons).ravel(), minlength=n * TEXTONS)
        .reshape(n, TEXTONS)
        .astype(np.float64),
    )


def appearance(parts: Superpixels, weights: tuple[float, float, float, float]) -> Float:
    """Histograms of lightness, the two colours and texture, weighted, (n, bins).

    Each row sums to the superpixel's area, so rows add up as regions merge, and the dot product of
    two square-rooted rows is a Bhattacharyya coefficient.
    """
    columns = (parts.lightness, parts.green_red, parts.blue_yellow, parts.texture)
    total = sum(weights)
    return np.concatenate(
        [w / total * column for w, column in zip(weights, columns, strict=True)], axis=1
    )


def spectral_contrast(parts: Superpixels, difference: Float) -> Float:
    """How far apart each touching pair lies in the normalised cut of the whole photo.

    Local evidence has gaps; the leading eigenvectors of the affinity graph change where the photo
    as a whole falls into two (Shi and Malik, PAMI 2000; Arbelaez et al., PAMI 2011).

    Args:
        parts: of the photo.
        difference: (m,) local evidence that the pair belongs to two things.

    Returns:
        (m,) mean absolute step over the leading eigenvectors, each of unit variance.
    """
    n = len(parts.area)
    vectors = min(EIGENVECTORS, n - 2)
    if vectors < 1:
        return np.zeros(len(difference))
    affinity = parts.border * np.exp(-difference)
    first, second = parts.pairs.T
    graph: Any = sp.coo_matrix((affinity, (first, second)), shape=(n, n))
    # The small diagonal keeps a superpixel without affinity from dividing by zero.
    graph = (graph + graph.T + 1e-6 * sp.identity(n)).tocsc()
    degree = np.asarray(graph.sum(axis=1)).ravel()
    scale = sp.diags(1 / np.sqrt(degree))
    laplacian = sp.identity(n) - scale @ graph @ scale
    leading = _smallest_eigenvectors(laplacian.tocsc(), vectors + 1)[:, 1:]
    embedding = leading * np.sqrt(degree.sum() / degree)[:, None]
    steps: Float = np.abs(embedding[first] - embedding[second]).mean(axis=1)
    return steps


def _smallest_eigenvectors(matrix: Any, count: int) -> Float:
    """Eigenvectors (n, count) of a sparse positive semidefinite matrix, by rising eigenvalue."""
    # A seeded start vector: the solver's own differs from run to run.
    start = np.random.default_rng(0).standard_normal(matrix.shape[0])
    try:
        values, vectors = eigsh(matrix, k=count, sigma=EIGENVALUE_SHIFT, v0=start)
    except ArpackError:  # Many equal eigenvalues, as in a regular pattern.
        values, vectors = eigh(matrix.toarray(), subset_by_index=[0, count - 1])
    ordered: Float = vectors[:, np.argsort(values)]
    return ordered


def _watershed(strength: NDArray[Any]) -> NDArray[np.intp]:
    """Catchment basins (h, w) of a boundary map, each connected, at most `MOST_SUPERPIXELS`."""
    sigma = 1.0
    labels = _basins(cv2.GaussianBlur(strength, (0, 0), sigma))
    while labels.max() >= MOST_SUPERPIXELS:
        sigma *= 1.5
        labels = _basins(cv2.GaussianBlur(strength, (0, 0), sigma))
    return labels


def _basins(strength: NDArray[Any]) -> NDArray[np.intp]:
    """Label pixels by where they end up when each runs downhill to its lowest neighbour."""
    height, width = strength.shape
    level = np.round(strength / STRENGTH_STEP).astype(np.int64)
    # Flat ground slopes towards the top left, so that a plateau is one basin and not one a pixel.
    ground = level * level.size + np.arange(level.size).reshape(level.shape)
    walled = np.pad(ground, 1, constant_values=np.iinfo(np.int64).max)
    lowest = ground
    for dy in range(3):
        for dx in range(3):
            lowest = np.minimum(lowest, walled[dy : dy + height, dx : dx + width])
    downhill = (lowest % level.size).ravel()
    while True:
        further = downhill[downhill]
        if np.array_equal(further, downhill):
            break
        downhill = further
    labels: NDArray[np.intp] = np.unique(downhill, return_inverse=True)[1]
    return labels.reshape(height, width)


def _neighbours(
    labels: NDArray[np.intp], strength: NDArray[Any]
) -> tuple[NDArray[np.intp], Float, Float]:
    """Touching pairs (m, 2), the length of their border, the mean strength along it."""
    n = int(labels.max()) + 1
    first = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    second = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    value = np.concatenate(
        [
            np.maximum(strength[:, :-1], strength[:, 1:]).ravel(),
            np.maximum(strength[:-1], strength[1:]).ravel(),
        ]
    )
    across = first != second
    first, second, value = first[across], second[across], value[across]
    keys, which = np.unique(
        np.minimum(first, second) * n + np.maximum(first, second), return_inverse=True
    )
    border = np.bincount(which, minlength=len(keys)).astype(np.float64)
    total = np.bincount(which, value, minlength=len(keys))
    return np.stack([keys // n, keys % n], axis=1), border, total / border


def _histogram(labels: NDArray[np.intp], values: NDArray[Any], reach: float, bins: int) -> Float:
    """Histograms (n, bins) over -reach..reach, a value shared between its two nearest bins."""
    n = int(labels.max()) + 1
    position = (np.clip(values, -reach, reach) + reach) / (2 * reach) * (bins - 1)
    below = np.minimum(position.astype(np.intp), bins - 2)
    above_share = (position - below).ravel()
    slot = (labels * bins + below).ravel()
    counts = np.bincount(slot, 1 - above_share, minlength=n * bins)
    counts += np.bincount(slot + 1, above_share, minlength=n * bins)
    histogram: Float = counts.reshape(n, bins).astype(np.float64)
    return histogram
