"""Set-of-Mark visual prompting: readable numbered marks on any image.

``from som import Marker; marked = Marker("screen")(image)`` is the front door. Everything here is
loaded when first used, so importing ``som`` costs milliseconds and pulls in no heavy package.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from som.errors import SomError
    from som.image import load_image
    from som.marker import Marker
    from som.marks import Mark, MarkedImage
    from som.style import Style

__version__ = "0.1.0"
__all__ = ["Mark", "MarkedImage", "Marker", "SomError", "Style", "load_image"]

_HOME = {
    "Mark": "som.marks",
    "MarkedImage": "som.marks",
    "Marker": "som.marker",
    "SomError": "som.errors",
    "Style": "som.style",
    "load_image": "som.image",
}

# `som.agents` and its kin are links in a checkout (see docs/layout.md). Git writes plain files
# instead of links on systems without them; then the folders beside som/ are searched directly.
if (Path(__file__).parent / "agents").is_file():
    __path__.append(str(Path(__file__).resolve().parent.parent))


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'som' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
