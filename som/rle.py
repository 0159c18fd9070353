"""Masks as COCO run-length encoding, the way mark files store them.

Format: column-major runs over the whole image, background first, the counts compressed to text as
in the COCO API (github.com/cocodataset/cocoapi, ``maskApi.c``). Reading is
`supervision.CompactMask.from_coco_rle`.
"""

from typing import TypedDict

import numpy as np

from som.errors import DataError
from som.regions import Crop


class CocoRLE(TypedDict):
    """One mask: `size` is (H, W) of the image, `counts` the compressed run lengths."""

    size: list[int]
    counts: str


def encode_crop(crop: Crop, size_hw: tuple[int, int]) -> CocoRLE:
    """Encode a mask given by its crop, without ever building the full-image mask.

    Args:
        crop: the mask inside its box, and where that lies.
        size_hw: height and width of the image.

    Returns:
        The full-image encoding.
    """
    height, width = size_hw
    # A row of background above and below ends every run at its column's edge.
    columns = np.pad(crop.mask.T.astype(np.int8), ((0, 0), (1, 1)))
    column, row = np.nonzero(np.diff(columns, axis=1))
    edges = (column + crop.left) * height + row + crop.top
    if crop.mask.shape[0] == height:  # runs that fill a column go on in the next one
        joined = np.flatnonzero(edges[1:-1:2] == edges[2::2]) * 2 + 1
        edges = np.delete(edges, np.concatenate((joined, joined + 1)))
    counts = np.diff(edges, prepend=0, append=height * width)
    if not len(counts) or (counts[-1] == 0 and len(counts) > 1):
        counts = counts[:-1]
    return {"size": [height, width], "counts": _compress(counts.tolist())}


def mask_area(counts: str) -> int:
    """Pixels of an encoded mask, which is never built.

    Raises:
        DataError: these are no run lengths.
    """
    runs: list[int] = []
    value = shift = 0
    for char in counts:
        bits = ord(char) - 48
        if not 0 <= bits < 64 or shift > 30:
            raise DataError("a mask's run lengths cannot be read")
        value |= (bits & 0x1F) << shift
        shift += 5
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return sum(runs[1::2])


def _compress(counts: list[int]) -> str:
    """Delta to the count two places back, then 5 bits a character, lowest first."""
    chars: list[str] = []
    for i, count in enumerate(counts):
        value = count - counts[i - 2] if i > 2 else count
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != (-1 if bits & 0x10 else 0)
            chars.append(chr((bits | 0x20 if more else bits) + 48))
    return "".join(chars)
