"""From a screenshot and what the page says to a marked image, of all of it or of a part, enlarged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.agents.envs.hidden import GREY
from som.agents.envs.numbers import Numbers
from som.agents.envs.page import Box, PageLook
from som.cutout import LARGEST_SOUGHT
from som.image import resize
from som.marker import Marker
from som.marks import MarkedImage
from som.regions import make_regions, rows, scale_regions, text_of
from som.track import Tracker

# A part is enlarged at most this much, to at most this side.
LARGEST_SCALE, LARGEST_SIDE = 4.0, 1280
# Pixels say nothing new where a mark of the document covers this much of a region.
COVERED = 0.5
PIXELS = "pixels"
# A mark of one of these says nothing of what is in it.
BLIND = ("canvas", "video", "img", "object", "embed")


@dataclass(frozen=True)
class View:
    """Which part of the page an image shows, and how much it was enlarged.

    Attributes:
        box: in CSS pixels.
        scale: image pixels for one screenshot pixel.
    """

    box: Box
    scale: float

    def to_page(self, x: float, y: float, density: float) -> tuple[float, float]:
        """A point of the image in CSS pixels of the page."""
        factor = self.scale * density
        return self.box[0] + x / factor, self.box[1] + y / factor


def mark_view(
    image: NDArray[np.uint8],
    found: PageLook,
    numbers: Numbers,
    tracker: Tracker,
    box: Box | None,
    density: float,
    marks: str,
    marking: dict[str, Any],
    mask: Callable[[str], str],
) -> tuple[MarkedImage, View, dict[int, tuple[float, float]]]:
    """Mark a screenshot.

    Args:
        image: the screenshot, RGB uint8.
        found: what the page says.
        numbers: which mark has which number.
        tracker: which region of pixels is which.
        box: the part to show enlarged, in CSS pixels; None for all.
        density: screenshot pixels for one of CSS.
        marks: "dom", "screen" or "both".
        marking: options of `Marker`.
        mask: takes the values of secrets out of what pixels say; these are painted over.

    Returns:
        The marked image, the view, and where to press marks that come from pixels (CSS pixels).
    """
    height, width = image.shape[:2]
    whole: Box = (0, 0, width / density, height / density)
    view = View(whole, 1.0)
    if box is not None:
        view = _enlarged(box, whole, density)
        x1, y1, x2, y2 = (round(value * density) for value in view.box)
        part = image[y1:y2, x1:x2]
        image = resize(part, (round(part.shape[1] * view.scale), round(part.shape[0] * view.scale)))
    factor = density * view.scale
    origin = np.tile(view.box[:2], 2)
    boxes = (np.array([mark.box for mark in found.marks]).reshape(-1, 4) - origin) * factor
    pixels = _from_pixels(image, boxes, found, view, factor, marks, closer=box is not None)
    image = _without_secrets(image, pixels, mask)
    keys = [mark.key for mark in found.marks]
    # Pixels have no identity; what they say and where they are is the best that can be had.
    said = {name: text_of(pixels, name) for name in ("source", "text", "role")}
    on_page = make_regions(pixels.xyxy / factor + origin, text=said["text"])
    pixel_keys = [(PIXELS, int(number)) for number in tracker.update(on_page)]
    ids = np.array(numbers.update([*keys, *pixel_keys]), int)
    both = make_regions(
        np.concatenate([boxes, pixels.xyxy]),
        source=["dom"] * len(boxes) + said["source"],
        text=[mark.text for mark in found.marks] + said["text"],
        role=[mark.role for mark in found.marks] + said["role"],
        interactive=True,
    )
    both.tracker_id = ids
    middle = (pixels.xyxy[:, :2] + pixels.xyxy[:, 2:]) / 2
    points = {
        int(number): view.to_page(float(x), float(y), density)
        for number, (x, y) in zip(ids[len(boxes) :], middle, strict=True)
    }
    return Marker.from_detections(image, both, **marking), view, points


def _without_secrets(
    image: NDArray[np.uint8], pixels: sv.Detections, mask: Callable[[str], str]
) -> NDArray[np.uint8]:
    """The image with what its pixels say of secrets painted over, and the regions' texts masked."""
    texts = text_of(pixels, "text")
    masked = [mask(text) for text in texts]
    shown = [i for i, text in enumerate(texts) if text != masked[i]]
    if not shown:
        return image
    image = image.copy()
    for x1, y1, x2, y2 in pixels.xyxy[shown].round().astype(int).tolist():
        image[y1:y2, x1:x2] = GREY
    pixels.data["text"] = np.array(masked, dtype=object)
    return image


def _enlarged(box: Box, whole: Box, density: float) -> View:
    """The view of a box with a little around it."""
    wide, high = box[2] - box[0], box[3] - box[1]
    room = 0.1 * max(wide, high) + 8
    x1, y1 = max(whole[0], box[0] - room), max(whole[1], box[1] - room)
    x2, y2 = min(whole[2], box[2] + room), min(whole[3], box[3] + room)
    side = max(x2 - x1, y2 - y1) * density
    return View((x1, y1, x2, y2), float(np.clip(LARGEST_SIDE / side, 1, LARGEST_SCALE)))


def _from_pixels(
    image: NDArray[np.uint8],
    boxes: NDArray[np.float64],
    found: PageLook,
    view: View,
    factor: float,
    marks: str,
    *,
    closer: bool,
) -> sv.Detections:
    """Regions that only pixels show: everywhere, or where documents are blind."""
    nothing = make_regions(np.zeros((0, 4)))
    if marks == "dom" or (marks == "both" and not found.blind and not closer):
        return nothing
    from som.segmenters.screen import ScreenSegmenter

    # Much enlarged, letters pass for shapes: regions are sought at a moderate size.
    size = image.shape[1], image.shape[0]
    part = min(1.0, LARGEST_SOUGHT / view.scale)
    sought = max(1, round(size[0] * part)), max(1, round(size[1] * part))
    segment = ScreenSegmenter(granularity=0.75 if closer else 0.5)
    seen = scale_regions(segment(resize(image, sought)), sought, size)
    middle = (seen.xyxy[:, :2] + seen.xyxy[:, 2:]) / 2
    keep = np.ones(len(seen), bool)
    if marks == "both" and not closer:
        origin = np.tile(view.box[:2], 2)
        blind = (np.array(found.blind).reshape(-1, 4) - origin) * factor
        keep = _inside(middle, blind)
        # A blind area as a whole is no news.
        areas = (seen.xyxy[:, 2:] - seen.xyxy[:, :2]).prod(axis=1)
        largest = (blind[:, 2:] - blind[:, :2]).prod(axis=1).max(initial=0)
        keep &= areas < 0.7 * largest
    known = np.array([mark.tag not in BLIND for mark in found.marks], bool)
    if known.any():
        keep &= ~_covered(seen.xyxy, boxes[known])
    return rows(seen, np.flatnonzero(keep))


def _inside(points: NDArray[Any], boxes: NDArray[Any]) -> NDArray[np.bool_]:
    low, high = points[:, None] >= boxes[None, :, :2], points[:, None] < boxes[None, :, 2:]
    return np.asarray(np.any(np.all(low & high, axis=2), axis=1), bool)


def _covered(some: NDArray[Any], others: NDArray[Any]) -> NDArray[np.bool_]:
    """Which boxes repeat one of the others: they share half of the larger, or lie in a small one."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    size = (some[:, 2:] - some[:, :2]).prod(axis=1)[:, None]
    other = (others[:, 2:] - others[:, :2]).prod(axis=1)[None]
    small = (shared > COVERED * size) & (other < 20 * size)
    repeated = small | (shared > COVERED * np.maximum(size, other))
    return np.asarray(repeated.any(axis=1), bool)
