"""How a solver shows and asks: what all kinds of tasks share."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How a solver shows and asks.

    Attributes:
        condition: words joined by ``+``; see `som.evals.conditions`.
        segmenter: what finds regions to mark.
        granularity: 0 coarse .. 1 fine.
        max_side: longest side of what the model sees, in pixels; None: what its family sees.
        prompt: its language, en or ko.
        convention: how the model writes coordinates, see `som.evals.points`; None: as its family does.
        seed: of what is random.
    """

    condition: str = "marks+boxes"
    segmenter: str = "auto"
    granularity: float = 0.5
    max_side: int | None = None
    prompt: str = "en"
    convention: str | None = None
    seed: int = 0
