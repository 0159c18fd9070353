"""What the page is sent about a marked image: its pixels, and its regions as outlines to point at."""

import base64
from collections.abc import Container
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from som.agents.vlm.base import ImagePart
from som.marks import Mark, MarkedImage
from som.regions import crop_of

# Outlines are for pointing at, not for measuring: points nearer than this share of the image go.
COARSENESS = 1 / 900
THUMB_SIDE = 240


def data_url(image: NDArray[np.uint8]) -> str:
    """An RGB image as a `data:` URL: it is in the page's answer, and no file of it exists."""
    kind, data = ImagePart(image).encoded()
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def thumb_url(image: NDArray[np.uint8]) -> str:
    """A small JPEG of an image as a `data:` URL."""
    height, width = image.shape[:2]
    scale = min(1.0, THUMB_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return f"data:image/jpeg;base64,{base64.b64encode(data[1].tobytes()).decode()}"


def marks_of(marked: MarkedImage, only: Container[int] | None = None) -> list[dict[str, Any]]:
    """Marks of an image, all or `only` some ids, as the page needs them; in original pixels."""
    areas = marked.regions.area
    return [
        {
            "id": mark.id,
            "label": mark.label,
            "box": [round(value, 1) for value in mark.box_xyxy],
            "label_box": [round(value, 1) for value in mark.label_box_xyxy],
            "color": color_of(mark),
            "text": mark.text,
            "role": mark.role,
            "source": mark.source,
            "area": int(areas[mark.region]),
            "path": _outline(marked, mark),
        }
        for mark in marked
        if only is None or mark.id in only
    ]


def color_of(mark: Mark) -> str:
    """A mark's colour as CSS has it."""
    return "rgb({}, {}, {})".format(*mark.color_rgb)


def _outline(marked: MarkedImage, mark: Mark) -> str:
    """The region's outline as an SVG path: of its mask, else its box."""
    x1, y1, x2, y2 = (round(value, 1) for value in mark.box_xyxy)
    box = f"M{x1} {y1}H{x2}V{y2}H{x1}Z"
    if marked.regions.mask is None:
        return box
    mask, left, top = crop_of(marked.regions, mark.region)
    found, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    pieces = []
    for contour in found:
        line = cv2.approxPolyDP(contour, max(1.0, COARSENESS * max(marked.size_wh)), True)[:, 0]
        if len(line) > 2:
            pieces.append("M" + "L".join(f"{x + left} {y + top}" for x, y in line.tolist()) + "Z")
    return "".join(pieces) or box
