"""The segmenter protocol, and the registry by name that the command line and `Marker` share."""

import re
from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol, runtime_checkable

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.errors import SegmenterError


@runtime_checkable
class Segmenter(Protocol):
    """A source of regions.

    `name` is what mark files record. Calling it with an RGB uint8 image (H, W, 3) returns
    `supervision.Detections` that keep the conventions of `som.regions`: boxes in pixels of that
    image, right and bottom exclusive. It never changes the image and gives the same regions for the
    same pixels.
    """

    name: str

    def __call__(self, image: NDArray[np.uint8], /) -> sv.Detections:
        """The regions of an image."""
        ...


def _sam(family: str) -> Callable[..., Segmenter]:
    def build(**options: Any) -> Segmenter:
        from som.segmenters.sam.segmenter import SamSegmenter

        return SamSegmenter(family, **options)

    return build


# name -> "module:attribute", so that listing the names loads none of them.
_REGISTRY: dict[str, str | Callable[..., Segmenter]] = {
    "auto": "som.segmenters.auto:AutoSegmenter",
    "screen": "som.segmenters.screen:ScreenSegmenter",
    "photo": "som.segmenters.photo:PhotoSegmenter",
    "detector": "som.segmenters.detector:DetectorSegmenter",
    "omniparser": "som.segmenters.detector:OmniParserSegmenter",
    **{family: _sam(family) for family in ("sam", "sam2", "sam3", "sam-hq", "slimsam", "edgetam")},
}
_SHIPPED = dict(_REGISTRY)


def names() -> list[str]:
    """Names that `get` accepts."""
    return list(_REGISTRY)


def shipped(name: str) -> bool:
    """Whether the segmenter of this name is one of this package's own."""
    return _REGISTRY.get(name) is not None and _REGISTRY[name] is _SHIPPED.get(name)


def register(name: str, factory: str | Callable[..., Segmenter]) -> None:
    """Add a segmenter under `name`.

    Args:
        name: what users write after ``--segmenter``.
        factory: a callable that builds it, or ``"module:attribute"``, imported on first use.
    """
    _REGISTRY[name] = factory


def get(name: str, **options: Any) -> Segmenter:
    """Build the segmenter called `name`.

    Args:
        name: one of `names()`.
        **options: passed to it, for example ``granularity=0.7``.

    Raises:
        SegmenterError: no segmenter of that name, or it has no such option.
    """
    if name not in _REGISTRY:
        raise SegmenterError(f"no segmenter {name!r}; choose one of: {', '.join(names())}")
    factory = _REGISTRY[name]
    if isinstance(factory, str):
        module, attribute = factory.split(":")
        factory = getattr(import_module(module), attribute)
    try:
        built: Segmenter = factory(**options)
    except TypeError as error:
        # Only "unexpected keyword" comes from the caller's options.
        unknown = re.search(r"unexpected keyword argument '(\w+)'", str(error))
        if unknown is None:
            raise
        raise SegmenterError(f"segmenter {name} has no option {unknown[1]}") from error
    return built
