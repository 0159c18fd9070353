"""Regions by a YOLO-type detector in ONNX format, and with OCR beside it as OmniParser does.

Layouts of the output are told apart by shape (n boxes, k classes):
(1, 4 + k, n) of YOLOv8 and later, centres and sizes; (1, n, 5 + k) of YOLOv5 and YOLOv7, with an
objectness; (1, n, 6) of models that end in their own suppression: corners, score, class.
"""

import ast
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import supervision as sv
from numpy.typing import NDArray

from som.errors import MissingDependencyError, SegmenterError
from som.regions import make_regions, rows
from som.segmenters.overlap import nms

Boxes = NDArray[Any]
# What the models were trained to see where an image leaves their input empty.
GREY = 114
USUAL_SIDE = 640
# Score needed at granularity 0, 0.5 and 1.
SCORES = (0.5, 0.25, 0.05)
MAX_OVERLAP = 0.7
# Share of its area from which a box counts as inside another.
INSIDE = 0.8
# Grids give thousands of boxes; models that suppress doubles themselves give a few hundred.
FEWEST_GRID_BOXES = 1000


class Raw(NamedTuple):
    """Boxes (n, 4) xyxy in pixels of the model's input, scores (n,) and classes (n,)."""

    xyxy: Boxes
    scores: NDArray[np.float32]
    classes: NDArray[np.intp]


class DetectorSegmenter:
    """Boxes of a YOLO-type detector; `role` is the class that it names.

    Example:
        >>> icons = DetectorSegmenter(weights="icon_detect.onnx")(image)  # doctest: +SKIP
    """

    name = "detector"

    def __init__(
        self, *, weights: str | Path | None = None, granularity: float = 0.5, device: str = "auto"
    ) -> None:
        """Choose a model.

        Args:
            weights: the ``.onnx`` file.
            granularity: how sure the model must be: 0.5 of a box at 0, 0.25 at 0.5, 0.05 at 1.
            device: "cuda" where onnxruntime has it, else "cpu"; "auto" takes the fastest there is.

        Raises:
            SegmenterError: no file is given, or it is not there.
        """
        if weights is None:
            raise SegmenterError("the detector needs a model: --weights PATH.onnx")
        self._path = Path(weights).expanduser()
        if not self._path.is_file():
            raise SegmenterError(f"no model {weights}; give a detector's .onnx file")
        self.granularity = granularity
        self._device = device

    def __call__(self, image: NDArray[np.uint8]) -> sv.Detections:
        """What the model finds in an RGB image (H, W, 3), best first.

        Raises:
            SegmenterError: not an ONNX model, or none of a detector.
        """
        side_hw = self._side_hw(image)
        pixels, scale = letterbox(image, side_hw)
        output = self._session.run(None, {self._input.name: self._typed(pixels)})[0]
        raw = read_output(np.asarray(output, np.float32), len(self._names))
        keep = raw.scores >= np.interp(self.granularity, (0, 0.5, 1), SCORES)
        raw = Raw(raw.xyxy[keep], raw.scores[keep], raw.classes[keep])
        size_wh = np.tile([image.shape[1], image.shape[0]], 2)
        boxes = (raw.xyxy / scale).clip(0, size_wh)
        kept = nms(boxes, raw.scores, MAX_OVERLAP)
        kept = kept[((boxes[kept, 2:] - boxes[kept, :2]) >= 1).all(axis=1)]
        return make_regions(
            boxes[kept],
            confidence=raw.scores[kept].clip(0, 1),
            source="detector",
            role=[self._names.get(int(label), "") for label in raw.classes[kept]],
            interactive=True,
        )

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingDependencyError("the detector needs: pip install onnxruntime") from error
        there = onnxruntime.get_available_providers()
        wanted = {"cuda": ["CUDAExecutionProvider"], "cpu": ["CPUExecutionProvider"]}.get(
            self._device, ["CUDAExecutionProvider", "CPUExecutionProvider"]
        )
        providers = [name for name in wanted if name in there]
        if not providers:
            raise SegmenterError(f"onnxruntime has no {self._device} here; use --device cpu")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(str(self._path), options, providers=providers)
        except Exception as error:  # onnxruntime's errors share no base class
            raise SegmenterError(f"{self._path} is no ONNX model that can be read") from error
        shape = session.get_inputs()[0].shape
        if len(session.get_inputs()) != 1 or len(shape) != 4 or shape[1] not in (3, "3"):
            raise SegmenterError(f"{self._path} is no detector: it takes no image of 1x3xHxW")
        return session

    @property
    def _input(self) -> Any:
        return self._session.get_inputs()[0]

    @cached_property
    def _names(self) -> dict[int, str]:
        """Class names, from the model's own metadata; data, never run."""
        text = self._session.get_modelmeta().custom_metadata_map.get("names", "")
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return {}
        pairs = found.items() if isinstance(found, dict) else enumerate(found)
        return {int(number): str(name) for number, name in pairs}

    def _side_hw(self, image: NDArray[np.uint8]) -> tuple[int, int]:
        """Size of the model's input; models that take any size get the image's shape."""
        height, width = self._input.shape[2:]
        if isinstance(height, int) and isinstance(width, int):
            return height, width
        usual = self._session.get_modelmeta().custom_metadata_map.get("imgsz", "")
        digits = "".join(char if char.isdigit() else " " for char in usual).split()
        side = int(digits[0]) if digits else USUAL_SIDE
        scale = side / max(image.shape[:2])
        # Grids of these models are multiples of 32.
        high, wide = (max(32, -(-round(edge * scale) // 32) * 32) for edge in image.shape[:2])
        return high, wide

    def _typed(self, pixels: NDArray[np.float32]) -> NDArray[Any]:
        return pixels.astype(np.float16) if "float16" in self._input.type else pixels


class OmniParserSegmenter:
    """A detector of icons and OCR, merged as OmniParser merges them (Lu et al., 2024).

    Text inside an icon becomes the icon's; an icon inside a line of text goes; of two icons one of
    which holds the other, the smaller stays.
    """

    name = "omniparser"

    def __init__(self, **options: Any) -> None:
        """Take the options of `DetectorSegmenter`."""
        from som.segmenters.screen.segmenter import ScreenSegmenter

        self._icons = DetectorSegmenter(**options)
        self._screen = ScreenSegmenter(granularity=1)

    def __call__(self, image: NDArray[np.uint8]) -> sv.Detections:
        """Icons and texts of a screenshot, RGB (H, W, 3)."""
        icons = self._icons(image)
        found = self._screen(image)
        texts = rows(found, np.flatnonzero(found.data["source"] == "ocr"))
        return merge(icons, texts)


def merge(icons: sv.Detections, texts: sv.Detections) -> sv.Detections:
    """Icons and lines of text as one set of regions; see `OmniParserSegmenter`."""
    share_of_icon, share_of_text = _shares(icons.xyxy, texts.xyxy)
    in_text = (share_of_icon > INSIDE).any(axis=1) if len(texts) else np.zeros(len(icons), bool)
    # An icon as large as its text is the text's button, not a part of it.
    in_text &= ~(share_of_text > INSIDE).any(axis=1) if len(texts) else True
    of_pair, _ = _shares(icons.xyxy, icons.xyxy)
    np.fill_diagonal(of_pair, 0)
    area = (icons.xyxy[:, 2:] - icons.xyxy[:, :2]).prod(axis=1)
    holds = ((of_pair.T > INSIDE) & (area[:, None] > area[None])).any(axis=1)
    kept = np.flatnonzero(~in_text & ~holds)
    own = share_of_text[kept] > INSIDE
    words = [
        " ".join(
            texts.data["text"][i] for i in np.lexsort((texts.xyxy[:, 0], texts.xyxy[:, 1])) if line[i]
        )
        for line in own
    ]
    free = np.flatnonzero(~own.any(axis=0)) if len(kept) else np.arange(len(texts))
    return make_regions(
        np.concatenate([icons.xyxy[kept], texts.xyxy[free]]),
        confidence=np.concatenate([_scores(icons)[kept], _scores(texts)[free]]),
        source=["detector"] * len(kept) + ["ocr"] * len(free),
        text=[*words, *texts.data["text"][free].tolist()],
        role=[*icons.data["role"][kept].tolist(), *[""] * len(free)],
        interactive=[True] * len(kept) + [False] * len(free),
    )


def letterbox(image: NDArray[np.uint8], size_hw: tuple[int, int]) -> tuple[NDArray[np.float32], float]:
    """An image in the upper left of a model's input, the rest grey.

    Returns:
        float32 (1, 3, h, w) in 0..1, and the scale: input pixels for one of the image.
    """
    scale = min(size_hw[0] / image.shape[0], size_hw[1] / image.shape[1])
    height, width = (max(1, round(edge * scale)) for edge in image.shape[:2])
    canvas = np.full((*size_hw, 3), GREY, np.uint8)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    canvas[:height, :width] = cv2.resize(image, (width, height), interpolation=how)
    pixels: NDArray[np.float32] = canvas.transpose(2, 0, 1)[None].astype(np.float32) / np.float32(255)
    return pixels, scale


def read_output(output: NDArray[np.float32], named: int) -> Raw:
    """Boxes of a detector's output, in whichever layout it is.

    Args:
        output: (1, a, b).
        named: how many classes the model's metadata names, 0 when none.

    Raises:
        SegmenterError: it is none of the layouts in this module's description.
    """
    if output.ndim != 3 or output.shape[0] != 1 or max(output.shape[1:]) < 5:
        raise SegmenterError(f"the model's output {output.shape} is none of a YOLO-type detector")
    table = output[0]
    if table.shape[0] < table.shape[1] and not _ends_in_suppression(table):
        table = table.T
        return _scored(table[:, :4], table[:, 4:])
    if _ends_in_suppression(table) and (named != 1 or len(table) < FEWEST_GRID_BOXES):
        return Raw(table[:, :4], table[:, 4], table[:, 5].astype(np.intp))
    return _scored(table[:, :4], table[:, 5:] * table[:, 4:5])


def _ends_in_suppression(table: NDArray[np.float32]) -> bool:
    if table.shape[1] != 6:
        return False
    whole = np.equal(np.mod(table[:, 5], 1), 0).all()
    return bool(whole and (table[:, 2:4] >= table[:, :2]).all())


def _scored(centres: NDArray[np.float32], classes: NDArray[np.float32]) -> Raw:
    half = centres[:, 2:] / 2
    xyxy = np.concatenate([centres[:, :2] - half, centres[:, :2] + half], axis=1)
    best = classes.argmax(axis=1)
    return Raw(xyxy, classes[np.arange(len(classes)), best], best)


def _shares(a: Boxes, b: Boxes) -> tuple[Boxes, Boxes]:
    """(n, m) how much of each a lies in each b, and how much of each b in each a."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    of_a = np.maximum((a[:, 2:] - a[:, :2]).prod(axis=1), 1e-9)
    of_b = np.maximum((b[:, 2:] - b[:, :2]).prod(axis=1), 1e-9)
    return shared / of_a[:, None], shared / of_b[None]


def _scores(regions: sv.Detections) -> NDArray[np.float32]:
    scores = regions.confidence
    return np.ones(len(regions), np.float32) if scores is None else scores.astype(np.float32)
