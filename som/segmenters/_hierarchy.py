"""Boundary strength -> superpixels -> a binary tree of regions.

The tree is an ultrametric contour map (Arbelaez, 2006): the two neighbours with the weakest mean
boundary between them merge first. Here the cost also grows with the size of the smaller one, so
that specks are swallowed before objects are joined.
"""

import heapq
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

# Strength is rounded to this step before the watershed, so that rounding noise makes no basins.
STRENGTH_STEP = 1 / 256


@dataclass(frozen=True)
class Neighbours:
    """The region adjacency graph of a label map: m pairs of touching superpixels.

    Attributes:
        pairs: int (m, 2), the smaller label first.
        length: (m,) pixels of common border.
        strength: (m,) boundary strength summed over that border.
    """

    pairs: NDArray[np.intp]
    length: NDArray[np.float64]
    strength: NDArray[np.float64]


@dataclass(frozen=True)
class Tree:
    """A binary tree over n superpixels. Node k < n is superpixel k; node n + i is made by merge i.

    Attributes:
        members: bool (n + m, n), the superpixels of each node.
        born: (n + m,) cost of the merge that made the node, 0 for a superpixel.
        died: (n + m,) cost of the merge that the node went into, inf for a root.
    """

    members: NDArray[np.bool_]
    born: NDArray[np.float64]
    died: NDArray[np.float64]


def watershed(strength: NDArray[np.float32]) -> NDArray[np.intp]:
    """Label the catchment basins of a boundary map by letting every pixel run downhill.

    Args:
        strength: float32 (h, w).

    Returns:
        int (h, w), labels 0..n-1. Each basin is connected.
    """
    height, width = strength.shape
    smooth = cv2.GaussianBlur(strength, (0, 0), 1.0)
    level = np.round(smooth / STRENGTH_STEP).astype(np.int64)
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


def neighbours(labels: NDArray[np.intp], strength: NDArray[np.float32]) -> Neighbours:
    """Build the region adjacency graph of `labels` (h, w) with the boundary strength (h, w)."""
    n = int(labels.max()) + 1
    first = np.concatenate([labels[:, :-1].ravel(), labels[:-1].ravel()])
    second = np.concatenate([labels[:, 1:].ravel(), labels[1:].ravel()])
    across = first != second
    first, second = first[across], second[across]
    value = np.concatenate(
        [
            np.maximum(strength[:, :-1], strength[:, 1:]).ravel(),
            np.maximum(strength[:-1], strength[1:]).ravel(),
        ]
    )[across]
    keys, which = np.unique(
        np.minimum(first, second) * n + np.maximum(first, second), return_inverse=True
    )
    return Neighbours(
        pairs=np.stack([keys // n, keys % n], axis=1),
        length=np.bincount(which, minlength=len(keys)).astype(np.float64),
        strength=np.bincount(which, value, minlength=len(keys)).astype(np.float64),
    )


def merge(graph: Neighbours, area: NDArray[np.intp], *, size_exponent: float) -> Tree:
    """Merge neighbours, cheapest first, until none are left.

    Args:
        graph: of n superpixels.
        area: (n,) in pixels.
        size_exponent: a merge costs its mean boundary strength times the smaller part's share of
            the image to this power.
    """
    n = len(area)
    share = [*(area / area.sum()).tolist(), *[0.0] * (n - 1)]
    # Dictionaries of plain floats: this loop runs once a merge, where array calls would dominate.
    links: list[dict[int, tuple[float, float]]] = [{} for _ in range(2 * n - 1)]
    queue: list[tuple[float, int, int]] = []

    def cost(length: float, strength: float, a: int, b: int) -> float:
        return float(strength / length * min(share[a], share[b]) ** size_exponent)

    for (a, b), length, strength in zip(
        graph.pairs.tolist(), graph.length.tolist(), graph.strength.tolist(), strict=True
    ):
        links[a][b] = links[b][a] = (length, strength)
        queue.append((cost(length, strength, a, b), a, b))
    heapq.heapify(queue)
    merges: list[tuple[int, int, float]] = []
    gone = [False] * (2 * n - 1)
    while queue:
        height, a, b = heapq.heappop(queue)
        if gone[a] or gone[b]:
            continue
        new = n + len(merges)
        merges.append((a, b, height))
        gone[a] = gone[b] = True
        share[new] = share[a] + share[b]
        other, joined = sorted((links[a], links[b]), key=len)
        for k, (length, strength) in other.items():
            more_length, more_strength = joined.get(k, (0.0, 0.0))
            joined[k] = (length + more_length, strength + more_strength)
        del joined[a], joined[b]
        links[new] = joined
        for k, (length, strength) in joined.items():
            links[k].pop(a, None)
            links[k].pop(b, None)
            links[k][new] = (length, strength)
            heapq.heappush(queue, (cost(length, strength, k, new), k, new))
    return _tree(n, merges)


def _tree(n: int, merges: list[tuple[int, int, float]]) -> Tree:
    members = np.zeros((n + len(merges), n), bool)
    members[np.arange(n), np.arange(n)] = True
    born = np.zeros(len(members))
    died = np.full(len(members), np.inf)
    for k, (a, b, height) in enumerate(merges, start=n):
        members[k] = members[a] | members[b]
        # Costs are not monotone in the order of merging; heights of a tree are.
        born[k] = max(height, born[a], born[b])
        died[a] = died[b] = born[k]
    return Tree(members, born, died)
