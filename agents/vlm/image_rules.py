"""What becomes of an image on its way into a model: the size it is seen at, and its tokens.

Each rule is one way that providers and processors publish. `fit` is the size after their resizing, the
frame in which a model that answers with pixels means them; `tokens` is what the image costs. Sizes are
(width, height) in pixels.
"""

from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import Any, Protocol

Size = tuple[int, int]


class ImageRule(Protocol):
    """One way of resizing and counting."""

    def fit(self, size_wh: Size) -> Size:
        """The size that the model sees."""
        ...

    def tokens(self, size_wh: Size) -> int:
        """What an image of this size costs."""
        ...


def _scaled(size_wh: Size, factor: float) -> Size:
    return max(1, round(size_wh[0] * factor)), max(1, round(size_wh[1] * factor))


def _within(size_wh: Size, max_side: int) -> Size:
    return _scaled(size_wh, min(1.0, max_side / max(size_wh)))


@dataclass(frozen=True)
class Tiles:
    """Scaled into a box, then until the short side fits, and cut into tiles (GPT-4o, GPT-5, Gemini 2).

    Attributes:
        tile: side of a tile in pixels.
        per_tile: tokens of a tile.
        base: tokens of the image itself.
        max_side: longest side.
        short_side: the short side is at most this; 0 leaves it.
        single: images that are no larger than this are one tile.
    """

    tile: int
    per_tile: int
    base: int = 0
    max_side: int = 2048
    short_side: int = 0
    single: int = 0

    def fit(self, size_wh: Size) -> Size:
        """Into the box, then the short side; never larger than it is."""
        width, height = _within(size_wh, self.max_side)
        if self.short_side:
            factor = min(1.0, self.short_side / min(width, height))
            width, height = _scaled((width, height), factor)
        return width, height

    def tokens(self, size_wh: Size) -> int:
        """The base, and each tile that the fitted image touches."""
        width, height = self.fit(size_wh)
        tiles = ceil(width / self.tile) * ceil(height / self.tile)
        if max(width, height) <= self.single:
            tiles = 1
        return self.base + tiles * self.per_tile


@dataclass(frozen=True)
class Patches:
    """A patch is a token, up to a budget of patches (OpenAI's newer models, Claude, Pixtral).

    Attributes:
        patch: side of a patch in pixels.
        max_patches: the budget; a larger image is scaled down into it.
        max_side: longest side.
        factor: tokens that a patch is billed as.
        base: tokens on top.
        snap: scale down as OpenAI does, until one side is whole patches; else to the largest size of
            the same shape that fits.
        breaks: each row of patches ends with a token of its own (Pixtral).
    """

    patch: int
    max_patches: int
    max_side: int = 1_000_000
    factor: float = 1.0
    base: int = 0
    snap: bool = False
    breaks: bool = False

    def _grid(self, size_wh: Size) -> Size:
        return ceil(size_wh[0] / self.patch), ceil(size_wh[1] / self.patch)

    def _fits(self, size_wh: Size) -> bool:
        across, down = self._grid(size_wh)
        return across * down <= self.max_patches

    def fit(self, size_wh: Size) -> Size:
        """Into the longest side and the budget; never larger than it is."""
        width, height = _within(size_wh, self.max_side)
        if self._fits((width, height)):
            return width, height
        return self._snapped(width, height) if self.snap else self._largest(width, height)

    def _snapped(self, width: int, height: int) -> Size:
        factor = sqrt(self.max_patches * self.patch**2 / (width * height))
        across, down = width * factor / self.patch, height * factor / self.patch
        factor *= min(max(1, floor(across)) / across, max(1, floor(down)) / down)
        return max(1, floor(width * factor + 1e-6)), max(1, floor(height * factor + 1e-6))

    def _largest(self, width: int, height: int) -> Size:
        low, high = 1, max(width, height)
        while low < high:
            middle = (low + high + 1) // 2
            if self._fits(_scaled((width, height), middle / max(width, height))):
                low = middle
            else:
                high = middle - 1
        return _scaled((width, height), low / max(width, height))

    def tokens(self, size_wh: Size) -> int:
        """The patches that cover the fitted image, times the factor, rounded up."""
        across, down = self._grid(self.fit(size_wh))
        return self.base + ceil(across * down * self.factor - 1e-9) + (down if self.breaks else 0)


@dataclass(frozen=True)
class Merged:
    """Both sides become multiples of a merged patch, within bounds of pixels (Qwen2-VL and later).

    Attributes:
        patch: side of a merged patch in pixels: 28 (Qwen2-VL, Qwen2.5-VL), 32 (Qwen3-VL).
        min_pixels: smaller images are scaled up to it.
        max_pixels: larger ones are scaled down to it.
    """

    patch: int
    min_pixels: int
    max_pixels: int

    def fit(self, size_wh: Size) -> Size:
        """As `smart_resize` of the models' own processor does it."""
        width, height = size_wh
        patch = self.patch
        across = max(patch, round(width / patch) * patch)
        down = max(patch, round(height / patch) * patch)
        if across * down > self.max_pixels:
            shrink = sqrt(width * height / self.max_pixels)
            across = max(patch, floor(width / shrink / patch) * patch)
            down = max(patch, floor(height / shrink / patch) * patch)
        elif across * down < self.min_pixels:
            grow = sqrt(self.min_pixels / (width * height))
            across, down = ceil(width * grow / patch) * patch, ceil(height * grow / patch) * patch
        return across, down

    def tokens(self, size_wh: Size) -> int:
        """One a merged patch, and two around the image."""
        width, height = self.fit(size_wh)
        return width // self.patch * (height // self.patch) + 2


@dataclass(frozen=True)
class Grid:
    """Stretched onto the grid of square tiles that has its shape (InternVL).

    Attributes:
        tile: side of a tile in pixels.
        per_tile: tokens of a tile.
        max_tiles: most tiles of a grid; an overview tile comes on top when there are several.
    """

    tile: int
    per_tile: int
    max_tiles: int

    def _grid(self, size_wh: Size) -> Size:
        width, height = size_wh
        grids = sorted(
            {
                (across, down)
                for across in range(1, self.max_tiles + 1)
                for down in range(1, self.max_tiles + 1)
                if across * down <= self.max_tiles
            },
            key=lambda grid: grid[0] * grid[1],
        )
        best, best_gap = (1, 1), float("inf")
        for across, down in grids:
            gap = abs(width / height - across / down)
            larger = width * height > 0.5 * self.tile**2 * across * down
            if gap < best_gap or (gap == best_gap and larger):
                best, best_gap = (across, down), gap
        return best

    def fit(self, size_wh: Size) -> Size:
        """The size of the grid; small images become larger."""
        across, down = self._grid(size_wh)
        return across * self.tile, down * self.tile

    def tokens(self, size_wh: Size) -> int:
        """Of the tiles and the overview."""
        across, down = self._grid(size_wh)
        tiles = across * down
        return (tiles + (tiles > 1)) * self.per_tile


@dataclass(frozen=True)
class Split:
    """Scaled to a fixed longest side and cut into tiles, with an overview (SmolVLM, Idefics 3).

    Attributes:
        side: longest side in pixels, up or down to it.
        tile: side of a tile in pixels.
        per_tile: tokens of a tile.
    """

    side: int
    tile: int
    per_tile: int

    def fit(self, size_wh: Size) -> Size:
        """The longest side becomes `side`, the other one a whole number of tiles."""
        width, height = _scaled(size_wh, self.side / max(size_wh))
        return (
            ceil(width / self.tile) * self.tile,
            ceil(height / self.tile) * self.tile,
        )

    def tokens(self, size_wh: Size) -> int:
        """Of the tiles and the overview, with the two tokens around each."""
        width, height = self.fit(size_wh)
        tiles = width // self.tile * (height // self.tile)
        return (tiles + 1) * (self.per_tile + 2)


@dataclass(frozen=True)
class AnyRes:
    """Scaled into the best of some grids of tiles, keeping its shape, with an overview (LLaVA-NeXT on).

    Attributes:
        tile: side of a tile in pixels.
        per_tile: tokens of a tile.
        grids: (across, down) tiles that there are.
        max_tiles: longer images are pooled to the tokens of so many tiles; 0 for no such limit.
        unpad: the padding of a tile costs nothing, and each row ends with a token of its own.
    """

    tile: int
    per_tile: int
    grids: tuple[Size, ...]
    max_tiles: int = 0
    unpad: bool = True

    def _grid(self, size_wh: Size) -> Size:
        """Most of the image's pixels kept; of equals, least of the grid wasted."""
        width, height = size_wh

        def merit(grid: Size) -> tuple[int, int]:
            across, down = grid[0] * self.tile, grid[1] * self.tile
            factor = min(across / width, down / height)
            kept = min(int(width * factor) * int(height * factor), width * height)
            return kept, -(across * down - kept)

        return max(self.grids, key=merit)

    def fit(self, size_wh: Size) -> Size:
        """Scaled into the grid, up or down; the rest of the grid is padding."""
        across, down = self._grid(size_wh)
        factor = min(across * self.tile / size_wh[0], down * self.tile / size_wh[1])
        return _scaled(size_wh, factor)

    def tokens(self, size_wh: Size) -> int:
        """Of the image within the grid and the overview."""
        across, down = self._grid(size_wh)
        if not self.unpad:
            return (across * down + 1) * self.per_tile
        side = int(sqrt(self.per_tile))
        columns, rows = across * side, down * side
        width, height = size_wh
        if width / height > columns / rows:
            rows -= (rows - int(round(height * columns / width, 7))) // 2 * 2
        else:
            columns -= (columns - int(round(width * rows / height, 7))) // 2 * 2
        ratio = sqrt(columns * rows / (self.max_tiles * self.per_tile)) if self.max_tiles else 1.0
        if ratio > 1.1:
            columns, rows = int(columns // ratio), int(rows // ratio)
        return self.per_tile + columns * rows + rows


@dataclass(frozen=True)
class Fixed:
    """Every image costs the same (LLaVA 1.5, Gemma 3, Moondream, Gemini 3).

    Attributes:
        per_image: tokens of an image.
        max_side: longest side that is seen, in pixels.
    """

    per_image: int
    max_side: int

    def fit(self, size_wh: Size) -> Size:
        """Into the longest side; never larger than it is."""
        return _within(size_wh, self.max_side)

    def tokens(self, size_wh: Size) -> int:
        """The same for all."""
        return self.per_image


RULES: dict[str, type[Any]] = {
    "tiles": Tiles,
    "patches": Patches,
    "merged": Merged,
    "grid": Grid,
    "split": Split,
    "anyres": AnyRes,
    "fixed": Fixed,
}


def make_rule(table: dict[str, Any]) -> ImageRule:
    """The rule that a table of `profiles.toml` describes.

    Raises:
        TypeError: a key that the rule has not, or one that it lacks.
        KeyError: no such rule.
    """
    table = dict(table)
    kind = RULES[table.pop("rule")]
    if "grids" in table:
        table["grids"] = tuple((int(across), int(down)) for across, down in table["grids"])
    rule: ImageRule = kind(**table)
    return rule
