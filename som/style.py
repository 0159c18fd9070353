"""How marks look: the one place where names and defaults of the visual options live."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from som.errors import SomError

SHAPES = ("box", "outline", "fill", "dot")
LABELS = ("numbers", "letters", "auto")
ORDERS = ("reading", "area")


@dataclass(frozen=True)
class Style:
    """What is drawn for each mark, in any mix.

    Attributes:
        shapes: any of "box", "outline" (the mask's contour; the box if there is no mask), "fill"
            (the mask's pixels tinted) and "dot" (at the anchor); may be empty: labels alone.
        labels: "numbers", "letters", or "auto": letters where the picture itself is full of digits.
        opacity: of the fill, 0..1.
        tags: "auto" puts labels where they hide least; "corner" attaches each to a corner of its
            box, as on dense screens.
        font_px: largest text height of labels, in drawn pixels; None follows the image.
        min_font_px: labels never get smaller than this; those that still do not fit are dropped.

    Raises:
        SomError: a name or number out of range.
    """

    shapes: tuple[str, ...] = ("outline",)
    labels: str = "numbers"
    opacity: float = 0.35
    tags: str = "auto"
    font_px: int | None = None
    min_font_px: int = 9

    def __post_init__(self) -> None:
        unknown = [shape for shape in self.shapes if shape not in SHAPES]
        if unknown:
            raise SomError(f"no mark shape {unknown[0]!r}; choose from: {', '.join(SHAPES)}")
        if self.labels not in LABELS:
            raise SomError(f"no label kind {self.labels!r}; choose one of: {', '.join(LABELS)}")
        if self.tags not in ("auto", "corner"):
            raise SomError(f"no tag placement {self.tags!r}; choose auto or corner")
        if not 0 <= self.opacity <= 1:
            raise SomError(f"opacity must lie in 0..1, got {self.opacity}")

    def to_json(self) -> dict[str, Any]:
        """As plain data, for mark files."""
        return {**asdict(self), "shapes": list(self.shapes)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Style":
        """Read `to_json` back; keys of later versions are passed over."""
        known = {field.name for field in fields(cls)}
        kept = {name: value for name, value in data.items() if name in known}
        return cls(**{**kept, "shapes": tuple(kept.get("shapes", ("outline",)))})
