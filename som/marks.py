"""`Mark` and `MarkedImage`: what marking an image gives, and the mark file on disk."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from PIL import Image

from som import markfile
from som.colors import text_color
from som.cover import paint_values
from som.draw import draw
from som.errors import MarkError
from som.image import resize
from som.layout import Layout
from som.legend import LegendStyle, write_legend
from som.place import Kind
from som.quality import Quality, measure
from som.regions import crop_of, crops_of, scale_regions, text_of


@dataclass(frozen=True)
class Mark:
    """One numbered mark. All coordinates are pixels of the original image.

    Attributes:
        id: >= 1, unique in its image; what answers and actions refer to.
        label: what is drawn for it, "7" or "g".
        region: its row in `MarkedImage.regions`.
        box_xyxy: the region's box, right and bottom exclusive.
        anchor_xy: a pixel inside the region that a click would hit.
        label_box_xyxy: where the label is drawn.
        color_rgb: the mark's colour, 0..255 each.
        text: what can be read in the region, "" when nothing.
        role: "button", "link", ... or the class a detector gave, "" when unknown.
        source: what found the region: "ocr", "shape", "photo", "dom", "sam", ...
    """

    id: int
    label: str
    region: int
    box_xyxy: tuple[float, float, float, float]
    anchor_xy: tuple[int, int]
    label_box_xyxy: tuple[float, float, float, float]
    color_rgb: tuple[int, int, int]
    text: str = ""
    role: str = ""
    source: str = ""


@dataclass(frozen=True, eq=False)
class MarkedImage:
    """An image, its regions and the marks that name them.

    Attributes:
        image: uint8 RGB (H, W, 3), untouched.
        regions: `supervision.Detections` in pixels of `image`, in the order of the marks.
        ids: int (n,) mark id of each region.
        layout: labels, colours, placement and style.
        segmenter: name of what found the regions.
        seconds: time of each stage: segment, select, place, draw.
        path: the file that the image came from, if any.
        window_xyxy: for an enlarged cut-out, the part of the larger image that it shows, in its pixels.
    """

    image: NDArray[np.uint8]
    regions: sv.Detections
    ids: NDArray[np.int64]
    layout: Layout
    segmenter: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    path: str | None = None
    window_xyxy: tuple[float, float, float, float] | None = None

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height of the original image in pixels."""
        return self.image.shape[1], self.image.shape[0]

    @cached_property
    def drawn(self) -> NDArray[np.uint8]:
        """The marked image, uint8 RGB (h, w, 3), at the size that the VLM will see."""
        return self._draw(np.arange(len(self.regions)), resize(self.image, self.layout.size_wh))

    @cached_property
    def marks(self) -> tuple[Mark, ...]:
        """The marks that are drawn, in order; regions without room for a label are in `dropped`."""
        scale_x, scale_y = self.scale_xy
        layout, placement = self.layout, self.layout.placement
        to_original = np.array([scale_x, scale_y, scale_x, scale_y])
        labels = placement.label_xyxy / to_original
        anchors = self.anchors_xy()
        data = {name: text_of(self.regions, name) for name in ("text", "role", "source")}
        return tuple(
            Mark(
                id=int(self.ids[i]),
                label=layout.labels[i],
                region=i,
                box_xyxy=_four(self.regions.xyxy[i]),
                anchor_xy=(int(anchors[i, 0]), int(anchors[i, 1])),
                label_box_xyxy=_four(labels[i]),
                color_rgb=_three(layout.colors_rgb[i]),
                **{name: column[i] for name, column in data.items()},
            )
            for i in range(len(self.regions))
            if placement.kind[i] != Kind.DROPPED
        )

    @property
    def dropped(self) -> tuple[int, ...]:
        """Ids of regions whose label did not fit anywhere, even at the smallest size."""
        lost = self.layout.placement.kind == Kind.DROPPED
        return tuple(int(i) for i in self.ids[lost])

    def __len__(self) -> int:
        return len(self.marks)

    def __iter__(self) -> Iterator[Mark]:
        return iter(self.marks)

    def __getitem__(self, key: int | str) -> Mark:
        """The mark with this id (an int) or this label (a string).

        Raises:
            MarkError: there is none; the message says which there are.
        """
        for mark in self.marks:
            if key == (mark.id if isinstance(key, int) else mark.label):
                return mark
        raise MarkError(f"no mark {key!r} on this image; it has {self.label_range()}")

    def at(self, x: float, y: float) -> Mark | None:
        """The mark whose region holds this pixel of the original image; the smallest of several.

        Returns:
            None where no region is.
        """
        px, py = int(np.floor(x)), int(np.floor(y))
        areas = self.regions.area
        found: Mark | None = None
        for mark in self.marks:
            x1, y1, x2, y2 = mark.box_xyxy
            if not (x1 <= x < x2 and y1 <= y < y2):
                continue
            if (found is None or areas[mark.region] < areas[found.region]) and self._holds(
                mark.region, px, py
            ):
                found = mark
        return found

    def legend(self, style: LegendStyle | bool = "full", notes: Mapping[int, str] | None = None) -> str:
        """What can be read at the marks, for a model; see `som.legend.write_legend`.

        In full, one line for each mark that has text or a role: ``[7] button "Sign in"``. Text found in
        the image is quoted as JSON strings on one line, so that nothing in it can pass for a line of
        its own. "compact" says the same in fewer tokens.
        """
        return write_legend(self.marks, style, notes)

    def highlight(self, ids: Iterable[int]) -> NDArray[np.uint8]:
        """The image with only these marks, all else dimmed.

        Args:
            ids: mark ids.

        Returns:
            uint8 RGB of the drawn size.

        Raises:
            MarkError: an id that is not on this image.
        """
        rows = np.array([self[int(i)].region for i in ids], dtype=np.intp)
        canvas = resize(self.image, self.layout.size_wh)
        if not len(rows):
            return canvas
        dimmed = (canvas.astype(np.uint16) * 2 // 5).astype(np.uint8)
        scaled = self._on_canvas(rows)
        named = np.zeros(canvas.shape[:2], np.uint8)
        paint_values(named, np.ones(len(rows), np.uint8), scaled, crops=crops_of(scaled))
        np.copyto(dimmed, canvas, where=named[..., None] > 0)
        return self._draw(rows, dimmed)

    def quality(self) -> Quality:
        """How legible the marks are; see `som.quality`."""
        layout = self.layout
        return measure(
            self._on_canvas(np.arange(len(self.regions))),
            layout.placement.label_xyxy,
            text_color(layout.colors_rgb),
            layout.colors_rgb,
            layout.placement.font_px,
        )

    def save(self, path: str | Path) -> Path:
        """Write the marked image; the suffix says the format.

        Raises:
            MarkError: the suffix names no image format, or the folder is missing.
        """
        path = Path(path)
        try:
            Image.fromarray(self.drawn).save(path)
        except (ValueError, OSError) as error:
            raise MarkError(
                f"cannot write {path}: {getattr(error, 'strerror', None) or error}"
            ) from error
        return path

    def to_json(self) -> dict[str, Any]:
        """The mark file as plain data; `som.markfile` says what is in it."""
        return markfile.to_dict(self)

    def save_json(self, path: str | Path) -> Path:
        """Write the mark file.

        Raises:
            MarkError: the file cannot be written.
        """
        path = Path(path)
        try:
            path.write_text(json.dumps(self.to_json(), ensure_ascii=False, indent=1) + "\n", "utf-8")
        except OSError as error:
            raise MarkError(
                f"cannot write {path}: {getattr(error, 'strerror', None) or error}"
            ) from error
        return path

    @classmethod
    def from_json(cls, source: str | Path | Mapping[str, Any], image: Any | None = None) -> Self:
        """Read a mark file back; the drawn image comes out the same, pixel for pixel.

        Args:
            source: path of a mark file, or what `to_json` gave.
            image: the image, anything `load_image` takes; by default the file's own image path,
                sought from here and beside the mark file.

        Raises:
            MarkError: not a mark file of this version, its image is missing or is another image.
        """
        return cls(**markfile.read(source, image))

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(self.drawn).save(buffer, "png")
        return buffer.getvalue()

    def __repr__(self) -> str:
        width, height = self.size_wh
        return f"<MarkedImage {width}x{height}, {len(self.marks)} marks from {self.segmenter!r}>"

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Drawn pixels for each original pixel, across and down."""
        return self.layout.size_wh[0] / self.size_wh[0], self.layout.size_wh[1] / self.size_wh[1]

    def anchors_xy(self) -> NDArray[np.int64]:
        """Anchors (n, 2) in original pixels.

        The centre of the drawn pixel that was chosen; where the image is drawn smaller, that can lie
        beside a tiny region, and the region's own nearest pixel is taken.
        """
        anchors = ((self.layout.placement.anchor_xy + 0.5) / self.scale_xy).astype(np.int64)
        low = np.floor(self.regions.xyxy[:, :2]).astype(np.int64)
        high = np.ceil(self.regions.xyxy[:, 2:]).astype(np.int64) - 1
        anchors = np.clip(anchors, low, np.maximum(low, high))
        if self.layout.size_wh != self.size_wh:
            for i, (x, y) in enumerate(anchors):
                if not self._holds(i, x, y):
                    anchors[i] = self._nearest(i, x, y)
        return anchors

    def _holds(self, row: int, x: int, y: int) -> bool:
        if self.regions.mask is None:
            return True
        mask, left, top = crop_of(self.regions, row)
        inside = 0 <= y - top < mask.shape[0] and 0 <= x - left < mask.shape[1]
        return bool(inside and mask[y - top, x - left])

    def _nearest(self, row: int, x: int, y: int) -> tuple[int, int]:
        mask, left, top = crop_of(self.regions, row)
        ys, xs = np.nonzero(mask)
        if not len(ys):
            return x, y
        best = np.argmin((xs + left - x) ** 2 + (ys + top - y) ** 2)
        return int(xs[best]) + left, int(ys[best]) + top

    def _on_canvas(self, rows: NDArray[np.intp]) -> sv.Detections:
        picked = self.regions[rows]
        assert isinstance(picked, sv.Detections)
        return scale_regions(picked, self.size_wh, self.layout.size_wh)

    def _draw(self, rows: NDArray[np.intp], canvas: NDArray[np.uint8]) -> NDArray[np.uint8]:
        layout = self.layout
        return draw(
            canvas,
            self._on_canvas(rows),
            layout.placement[rows],
            [layout.labels[i] for i in rows],
            style=layout.style,
            colors_rgb=layout.colors_rgb[rows],
        )

    def label_range(self) -> str:
        """The first and the last label in words, for messages."""
        labels = [mark.label for mark in self.marks]
        return f"{labels[0]} to {labels[-1]}" if labels else "no marks"


def _four(values: NDArray[np.generic]) -> tuple[float, float, float, float]:
    a, b, c, d = (float(value) for value in values)
    return a, b, c, d


def _three(values: NDArray[np.generic]) -> tuple[int, int, int]:
    a, b, c = (int(value) for value in values)
    return a, b, c
