"""Granularity: one dial from a few whole objects to everything a model can tell apart.

Every mask that a model gives has an *entry*: the setting of the dial from which on it is shown. It is
the largest of three things: where the grid of points that found it comes in, how far down it lies
among the masks of its point (whole, part, part of a part), and how sure the model is of it. Masks are
taken in the order of their entry, and one that repeats a mask taken before is left out. What a
setting shows is a beginning of that one list, so a finer setting shows all that a coarser one does.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from som.segmenters.sam.automatic import (
    Found,
    OnProgress,
    Pass,
    candidates,
    crop_boxes,
    without_overlaps,
)
from som.segmenters.sam.families import Family
from som.segmenters.sam.model import PromptModel

# Entry of each grid: the coarse ones cost next to nothing beside the finest that is asked for.
GRIDS = ((0.0, Pass(8)), (0.2, Pass(16)), (0.4, Pass(32)), (0.85, Pass(16, layer=1)))
# Entry of the largest, second and third mask of a point.
RANKS = (0.0, 0.3, 0.6)
# What a mask must reach at 0 and at 1, relative to the family's thresholds, which hold at 0.5.
STRICTER = 0.04
MAX_OVERLAP = 0.7
# Semantic-SAM (Li et al., 2023) speaks of six levels.
LEVELS = 6


def granularity_of_level(level: int) -> float:
    """The setting that corresponds to a level of Semantic-SAM: 1 coarse .. 6 fine.

    Raises:
        ValueError: there is no such level.
    """
    if not 1 <= level <= LEVELS:
        raise ValueError(f"level is {level}; Semantic-SAM has levels 1 to {LEVELS}")
    return (level - 1) / (LEVELS - 1)


@dataclass(frozen=True)
class Dial:
    """Granularity for one family of models.

    Attributes:
        family: whose thresholds hold at 0.5.
        granularity: 0 coarse .. 1 fine.
    """

    family: Family
    granularity: float

    @property
    def passes(self) -> list[Pass]:
        """The grids that this setting needs."""
        return [grid for entry, grid in GRIDS if entry <= self.granularity]

    def points(self, size_hw: tuple[int, ...]) -> int:
        """How many points the grids have in all."""
        return sum(
            len(crop_boxes(size_hw, grid.layer)) * grid.points_per_side**2 for grid in self.passes
        )

    def thresholds(self) -> tuple[float, float]:
        """Predicted IoU and stability that a mask needs here."""
        looser = 2 * STRICTER * (self.granularity - 0.5)
        return self.family.score - looser, self.family.stability - looser

    def entry(self, mask: Found) -> float:
        """The setting from which on a mask is shown; above 1 for those that never are."""
        grid = next(entry for entry, grid in GRIDS if grid == mask.grid)
        worst = min(mask.score - self.family.score, mask.stability - self.family.stability)
        sure = 0.5 - worst / (2 * STRICTER)
        return max(grid, RANKS[min(mask.rank, len(RANKS) - 1)], sure)

    def masks(
        self, model: PromptModel, image: NDArray[np.uint8], on_points: OnProgress | None = None
    ) -> list[Found]:
        """The masks that this setting shows, those first that a coarser one shows too.

        Args:
            model: of the family.
            image: RGB uint8 (H, W, 3).
            on_points: called with how many points have been answered since the last call.
        """
        score, stability = self.thresholds()
        found = candidates(
            model, image, self.passes, min_score=score, min_stability=stability, on_points=on_points
        )
        entered = [(self.entry(mask), -mask.score, mask) for mask in found]
        entered = sorted(
            (one for one in entered if one[0] <= self.granularity), key=lambda one: one[:2]
        )
        shown = [mask for _, _, mask in entered]
        return without_overlaps(shown, [-float(i) for i in range(len(shown))], MAX_OVERLAP)
