"""Superpixels -> a binary tree of regions, by merging the two neighbours that differ least.

The tree is in the manner of ultrametric contour maps (Arbelaez, 2006), with a merging cost that
adds three kinds of evidence: the boundary between two regions, the difference of their appearance,
which becomes surer as regions grow, and the normalised cut of the photo as a whole.
"""

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from som.segmenters._superpixels import Superpixels, appearance, spectral_contrast

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Criterion:
    """What the cost of merging two regions is made of.

    Attributes:
        channels: weights of lightness, green-red, blue-yellow and texture in appearance.
        appearance: weight of the difference of appearance (0..1) beside boundary strength (0..4).
        spectral: weight of the spectral contrast.
        size_exponent: the cost grows with the smaller region's share of the image to this power, so
            that specks are swallowed before objects are joined.
        least_contrast: regions that differ less from what they merge with are no regions; noise
            reaches nearly as much.
    """

    channels: tuple[float, float, float, float] = (0.7, 2.4, 1.8, 2.0)
    appearance: float = 3.5
    spectral: float = 2.0
    size_exponent: float = 0.33
    least_contrast: float = 2.0


@dataclass(frozen=True)
class Tree:
    """A binary tree over n superpixels. Node k < n is superpixel k; node n + i is made by merge i.

    Attributes:
        members: bool (2n - 1, n), the superpixels of each node.
        area: (2n - 1,) pixels.
        contrast: (2n - 1,) how much the node differed from the neighbour it merged with: the cost
            of that merge before the size factor; inf for the root.
        died: (2n - 1,) cost at which the node merged, never below that of its parts; inf for the
            root.
        least_contrast: see `Criterion`.
    """

    members: NDArray[np.bool_]
    area: NDArray[np.intp]
    contrast: Float
    died: Float
    least_contrast: float


def build_tree(parts: Superpixels, criterion: Criterion) -> Tree:
    """Merge superpixels until one region is left.

    Args:
        parts: of one photo.
        criterion: which neighbours to merge first.
    """
    histogram = appearance(parts, criterion.channels)
    root = np.sqrt(histogram / parts.area[:, None])
    unlike = criterion.appearance * _hellinger(root[parts.pairs[:, 0]], root[parts.pairs[:, 1]])
    boundary = parts.strength.copy()
    if criterion.spectral:
        boundary += criterion.spectral * spectral_contrast(parts, parts.strength + unlike)
    return _merge(parts, criterion, histogram, boundary, unlike)


def _merge(
    parts: Superpixels, criterion: Criterion, histogram: Float, boundary: Float, unlike: Float
) -> Tree:
    n = len(parts.area)
    area = [*parts.area.tolist(), *[0] * (n - 1)]
    scale = 1 / parts.labels.size
    histogram = np.concatenate([histogram, np.zeros((n - 1, histogram.shape[1]))])
    root = np.sqrt(histogram[:n] / parts.area[:, None])
    root = np.concatenate([root, np.zeros_like(histogram[n:])])
    # Per region: neighbour -> (border length, boundary strength summed along it). Dictionaries of
    # plain floats, because array calls on half a dozen neighbours cost more than they save.
    links: list[dict[int, tuple[float, float]]] = [{} for _ in range(2 * n - 1)]
    queue: list[tuple[float, int, int, float]] = []

    def push(a: int, b: int, contrast: float) -> None:
        size = (min(area[a], area[b]) * scale) ** criterion.size_exponent
        heapq.heappush(queue, (contrast * size, a, b, contrast))

    for (a, b), length, mean, difference in zip(
        parts.pairs.tolist(), parts.border.tolist(), boundary.tolist(), unlike.tolist(), strict=True
    ):
        links[a][b] = links[b][a] = (length, length * mean)
        push(a, b, mean + difference)
    merges: list[tuple[int, int, float, float]] = []
    gone = [False] * (2 * n - 1)
    while queue:
        cost, a, b, contrast = heapq.heappop(queue)
        if gone[a] or gone[b]:
            continue
        new = n + len(merges)
        merges.append((a, b, cost, contrast))
        gone[a] = gone[b] = True
        area[new] = area[a] + area[b]
        histogram[new] = histogram[a] + histogram[b]
        root[new] = np.sqrt(histogram[new] / area[new])
        links[new] = _join(links, a, b)
        around = list(links[new])
        differences = criterion.appearance * _hellinger(root[around], root[new])
        for k, difference in zip(around, differences.tolist(), strict=True):
            length, total = links[k][new] = links[new][k]
            push(k, new, total / length + difference)
    members, contrasts, died = _heights(n, merges)
    return Tree(members, np.array(area), contrasts, died, criterion.least_contrast)


def _hellinger(first: Float, second: Float) -> Float:
    """Hellinger distance between rows of square-rooted histograms."""
    distance: Float = np.sqrt(np.maximum(1 - (first * second).sum(axis=1), 0))
    return distance


def _join(
    links: list[dict[int, tuple[float, float]]], a: int, b: int
) -> dict[int, tuple[float, float]]:
    """Take the links of `a` and `b` over into one dictionary, and out of their neighbours'."""
    fewer, joined = sorted((links[a], links[b]), key=len)
    for k, (length, total) in fewer.items():
        more_length, more_total = joined.get(k, (0.0, 0.0))
        joined[k] = (length + more_length, total + more_total)
    del joined[a], joined[b]
    for k in joined:
        links[k].pop(a, None)
        links[k].pop(b, None)
    return joined


def _heights(
    n: int, merges: list[tuple[int, int, float, float]]
) -> tuple[NDArray[np.bool_], Float, Float]:
    """`members`, `contrast` and `died` of `Tree`."""
    members = np.zeros((n + len(merges), n), bool)
    members[np.arange(n), np.arange(n)] = True
    contrast = np.full(len(members), np.inf)
    died = np.full(len(members), np.inf)
    born = np.zeros(len(members))
    for k, (a, b, cost, difference) in enumerate(merges, start=n):
        members[k] = members[a] | members[b]
        contrast[a] = contrast[b] = difference
        # A merge may cost less than one before it; the height of a tree never falls.
        died[a] = died[b] = born[k] = max(cost, born[a], born[b])
    return members, contrast, died
