"""Reading one line of text at a time, with the recognition weights that rapidocr ships.

Only the recogniser (PP-OCRv6, https://github.com/PaddlePaddle/PaddleOCR) is used: where text stands
is found from the pixels (`lines`), which is exact on screens and costs a tenth of the detector.
"""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from som.errors import MissingDependencyError

INPUT_HEIGHT = 48
LEAST_WIDTH = 32
GREATEST_WIDTH = 1600
MARGIN = 0.2


class Reading(NamedTuple):
    """What a line says.

    Attributes:
        text: "" when nothing could be read.
        score: mean probability of its characters, 0..1.
    """

    text: str
    score: float


class Recognizer:
    """The network and its alphabet."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._input = session.get_inputs()[0].name
        alphabet = session.get_modelmeta().custom_metadata_map["character"].splitlines()
        # Class 0 is the blank of CTC; the space is the last.
        self._alphabet = ["", *alphabet, " "]

    def read(self, line: NDArray[np.uint8]) -> Reading:
        """Read an RGB uint8 crop (h, w, 3) that holds one line."""
        height, width = line.shape[:2]
        target = round(INPUT_HEIGHT * width / height)
        target = min(max(target, LEAST_WIDTH), GREATEST_WIDTH)
        resized = cv2.resize(line, (target, INPUT_HEIGHT), interpolation=cv2.INTER_LINEAR)
        batch = (resized[None, :, :, ::-1].transpose(0, 3, 1, 2) / 127.5 - 1).astype(np.float32)
        probabilities = self._session.run(None, {self._input: batch})[0][0]
        classes = probabilities.argmax(axis=1)
        scores = probabilities[np.arange(len(classes)), classes]
        # CTC: repeats are one character, blanks are none.
        kept = (classes != 0) & (np.diff(classes, prepend=-1) != 0)
        if not kept.any():
            return Reading("", 0.0)
        text = "".join(self._alphabet[index] for index in classes[kept]).strip()
        return Reading(text, float(scores[kept].mean()) if text else 0.0)


@lru_cache(maxsize=1)
def recognizer() -> Recognizer:
    """The recogniser, loaded once.

    Raises:
        MissingDependencyError: rapidocr or onnxruntime is not installed, or its weights are not
            where this version expects them.
    """
    try:
        import onnxruntime  # noqa: F401  so that either missing package is one line

        folder = files("rapidocr") / "models"
    except ImportError as error:
        raise MissingDependencyError(
            f"reading screens needs {error.name}; pip install rapidocr onnxruntime"
        ) from error
    weights = sorted(str(path) for path in folder.iterdir() if path.name.endswith(".onnx"))
    weights = [path for path in weights if "_rec_" in path]
    if not weights:
        raise MissingDependencyError(
            "rapidocr has no recognition weights in its package; pip install 'rapidocr>=3.10,<4'"
        )
    return load_recognizer(weights[-1])


def load_recognizer(path: str) -> Recognizer:
    """A recogniser from its ONNX file, which holds its alphabet."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Lines are short: one thread a line, several lines at once, is faster than threads in a line.
    options.intra_op_num_threads = 1
    return Recognizer(onnxruntime.InferenceSession(path, options))


@lru_cache(maxsize=1)
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=min(os.cpu_count() or 1, 8))


def crop_line(image: NDArray[np.uint8], box_xyxy: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A line and a little of what is around it."""
    x1, y1, x2, y2 = box_xyxy
    margin = max(2.0, MARGIN * float(y2 - y1))
    height, width = image.shape[:2]
    return np.ascontiguousarray(
        image[
            max(int(y1 - margin), 0) : min(int(np.ceil(y2 + margin)), height),
            max(int(x1 - margin), 0) : min(int(np.ceil(x2 + margin)), width),
        ]
    )


def digest(line: NDArray[np.uint8]) -> bytes:
    """Names a crop by its shape and pixels."""
    shape = f"{line.shape[0]}x{line.shape[1]}:".encode()
    return hashlib.blake2b(shape + line.tobytes(), digest_size=16).digest()


def read_lines(
    lines: Sequence[NDArray[np.uint8]], known: dict[bytes, Reading], *, korean: bool = False
) -> tuple[list[Reading], dict[bytes, Reading]]:
    """Read lines, each different one once, and those already known not at all.

    Args:
        lines: RGB uint8 crops.
        known: readings by digest; not changed.
        korean: read Korean too, by what there is for it on this machine.

    Returns:
        One reading for each line, and all of them by digest.

    Raises:
        MissingDependencyError: there is nothing to read with.
    """
    keys = [digest(line) for line in lines]
    readings = {key: known[key] for key in keys if key in known}
    missing = {key: line for key, line in zip(keys, lines, strict=True) if key not in readings}
    if missing:
        # Longest first, so that no worker is left alone with a long one at the end.
        order = sorted(missing, key=lambda key: -missing[key].shape[1] / missing[key].shape[0])
        read = recognizer().read
        for key, reading in zip(
            order, _workers().map(lambda key: read(missing[key]), order), strict=True
        ):
            readings[key] = reading
        if korean:
            from som.segmenters.screen.korean import better, korean_reader

            again = korean_reader()([missing[key] for key in order])
            for key, reading in zip(order, again, strict=True):
                readings[key] = better(readings[key], reading)
    return [readings[key] for key in keys], readings
