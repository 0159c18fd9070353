"""Regions of several trees -> one list, each region adding the most to those before it.

A good short list holds, for whatever a person may mean, something close to it. What that is, nobody
knows, so every node of the trees stands for it, with a weight that falls with its rank in its tree
and grows with the clearness of its outline; closeness is intersection over union. Choosing the list
is then a facility location problem. The greedy choice is within 1 - 1/e of the best (Nemhauser,
Wolsey and Fisher, 1978) and nests: a longer list starts with the shorter one.
"""

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from som.segmenters._hierarchy import Tree
from som.segmenters._superpixels import Superpixels

Float = NDArray[np.float32]

# Candidates below this share of the image are specks; above, the image itself.
MIN_AREA_SHARE, MAX_AREA_SHARE = 0.004, 0.97
# Mean boundary strength along the outline of a region: less, and part of it is imagined, as where a
# clear sky is cut in two.
MIN_OUTLINE = 1.0
# Two regions closer than this (intersection over union) would be one mark drawn twice.
NEAR_DUPLICATE = 0.9
# Most candidates of one tree.
CANDIDATES = 300
# Regions that the first tree alone provides; they never overlap without one being inside the other.
FROM_FIRST_TREE = 40


def rank(trees: Sequence[Tree], parts: Superpixels, count: int) -> NDArray[np.bool_]:
    """Choose regions, the best first.

    Args:
        trees: over the same n superpixels; the first is trusted most.
        parts: those superpixels.
        count: how many regions at most. A smaller count gives a prefix of the same list.

    Returns:
        bool (r, n), r <= count: the superpixels of each region.
    """
    candidates = [_candidates(tree, parts) for tree in trees]
    members = np.concatenate([nodes for nodes, _ in candidates])
    weight = np.concatenate([weights for _, weights in candidates])
    _, first = np.unique(np.packbits(members, axis=1), axis=0, return_index=True)
    first = np.sort(first)
    members, weight = members[first], weight[first]
    closeness = _pairwise_iou(members, parts.area)
    main = int(np.searchsorted(first, len(candidates[0][0])))
    chosen = _greedy(closeness[:main, :main], weight[:main], [], min(count, FROM_FIRST_TREE))
    return members[_greedy(closeness, weight, chosen, count)]


def _candidates(tree: Tree, parts: Superpixels) -> tuple[NDArray[np.bool_], Float]:
    """Nodes (k, n) worth a mark, those that merge last first, and their weights (k,)."""
    share = tree.area / tree.area[-1]
    worth = (
        (share >= MIN_AREA_SHARE)
        & (share <= MAX_AREA_SHARE)
        & (tree.contrast >= tree.least_contrast)
        & np.isfinite(tree.died)
    )
    nodes = np.flatnonzero(worth)
    nodes = nodes[np.argsort(-tree.died[nodes], kind="stable")]
    members = tree.members[nodes[:CANDIDATES]]
    outline = _outline_strength(members, parts)
    weight: Float = (outline**2 / np.arange(1, len(members) + 1)).astype(np.float32)
    clear = outline >= MIN_OUTLINE
    return members[clear], weight[clear]


def _outline_strength(members: NDArray[np.bool_], parts: Superpixels) -> Float:
    """Mean boundary strength (k,) along each region's outline, the image's frame left out."""
    first, second = parts.pairs.T
    cut = (members[:, first] != members[:, second]).astype(np.float32)
    total = cut @ (parts.border * parts.strength).astype(np.float32)
    mean: Float = total / np.maximum(cut @ parts.border.astype(np.float32), 1)
    return mean


def _pairwise_iou(members: NDArray[np.bool_], area: NDArray[np.intp]) -> Float:
    inside = members.astype(np.float32)
    common = (inside * area.astype(np.float32)) @ inside.T
    own = np.diag(common)
    iou: Float = common / (own[:, None] + own - common)
    return iou


def _greedy(closeness: Float, weight: Float, chosen: list[int], count: int) -> list[int]:
    """Extend `chosen` to at most `count` rows, each covering most of what is not covered yet."""
    chosen = list(chosen)
    covered = closeness[chosen].max(axis=0, initial=0)
    # Gains only fall as the list grows, so an old gain is a bound (Minoux, 1978): only candidates
    # that still look best are looked at again.
    bounds = [(-gain, k) for k, gain in enumerate((closeness @ weight).tolist())]
    heapq.heapify(bounds)
    while bounds and len(chosen) < count:
        _, k = heapq.heappop(bounds)
        if covered[k] > NEAR_DUPLICATE:
            continue
        gain = float(np.maximum(closeness[k] - covered, 0) @ weight)
        if bounds and (-gain, k) > bounds[0]:
            heapq.heappush(bounds, (-gain, k))
        else:
            chosen.append(k)
            covered = np.maximum(covered, closeness[k])
    return chosen
