"""`segment_anything` without torchvision: a stand-in for the four functions it imports.

The compiled operators of torchvision must match the build of torch to the digit, and often do not.
Where torchvision is installed it is used. The stand-in is only there while `segment_anything` is
imported, so that nobody else takes it for the real one.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import numpy as np
import torch
from PIL import Image

from som.segmenters.overlap import nms


def import_segment_anything() -> Any:
    """The package `segment_anything`, whether torchvision is there or not.

    Raises:
        ImportError: `segment_anything` is not installed.
    """
    if "segment_anything" in sys.modules or find_spec("torchvision") is not None:
        return import_module("segment_anything")
    ours = _modules(
        {
            "torchvision.ops.boxes": (batched_nms, box_area),
            "torchvision.transforms.functional": (resize, to_pil_image),
        }
    )
    sys.modules.update(ours)
    try:
        return import_module("segment_anything")
    finally:
        for name in ours:
            del sys.modules[name]


def batched_nms(boxes: Any, scores: Any, idxs: Any, iou_threshold: float) -> Any:
    """Non-maximum suppression within each category; indices of what stays, best first."""
    # Categories moved apart cannot overlap.
    apart = boxes + idxs.to(boxes)[:, None] * (boxes.max() + 1 if len(boxes) else 0)
    keep = nms(apart.cpu().numpy(), scores.cpu().numpy(), iou_threshold)
    return torch.as_tensor(keep, device=boxes.device)


def box_area(boxes: Any) -> Any:
    """Areas (n,) of boxes (n, 4) xyxy."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """A PIL image at (height, width), bilinear."""
    return image.resize(size[::-1], Image.Resampling.BILINEAR)


def to_pil_image(image: Any) -> Image.Image:
    """A PIL image of an RGB uint8 array (H, W, 3)."""
    return Image.fromarray(np.asarray(image))


def _modules(contents: dict[str, tuple[Callable[..., Any], ...]]) -> dict[str, ModuleType]:
    """Modules with these functions, and the packages around them."""
    made: dict[str, ModuleType] = {}
    for path, functions in contents.items():
        parts = path.split(".")
        for depth in range(1, len(parts) + 1):
            name = ".".join(parts[:depth])
            made.setdefault(name, ModuleType(name))
        for function in functions:
            setattr(made[path], function.__name__, function)
    return made
