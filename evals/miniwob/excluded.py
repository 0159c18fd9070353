"""Tasks that marks and actions are not made for, and why; the oracle does not play them."""

_DRAWING = "drawing"
_FREE_HAND = "pointing by free hand, at places where nothing is"
_REFLEXES = "timing reflexes: it goes on by itself while one looks"

EXCLUDED: dict[str, str] = {
    "draw-circle": _DRAWING,
    "draw-line": _DRAWING,
    "bisect-angle": _FREE_HAND,
    "right-angle": _FREE_HAND,
    "find-midpoint": _FREE_HAND,
    "hot-cold": _FREE_HAND,
    "drag-cube": "turning a body by free hand, with a swing of its own",
    "chase-circle": _REFLEXES,
    "hover-shape": _REFLEXES,
    "moving-items": _REFLEXES,
    "simon-says": _REFLEXES,
    "stock-market": _REFLEXES,
}
