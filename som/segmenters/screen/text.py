"""Text on a screen, by rapidocr: its weights ship inside its package, so nothing is fetched."""

import threading
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

# Detection works on images of at most this many pixels a side; text on larger ones is large enough.
_DETECT_SIDE = 1600
# Taller or wider images are read in pieces of this size, which overlap by more than a line of text.
_TILE, _OVERLAP = 2400, 120
_LEAST_SCORE = 0.5
# Words farther apart than this many line heights are different things (two links of a menu bar).
_WORD_GAP = 0.75
_lock = threading.Lock()


@dataclass(frozen=True)
class TextLine:
    """A piece of text: `box_xyxy` in pixels, right and bottom exclusive; `score` 0..1."""

    box_xyxy: tuple[float, float, float, float]
    text: str
    score: float


def read_lines(image: NDArray[np.uint8]) -> list[TextLine]:
    """Read an image.

    Args:
        image: uint8 RGB (H, W, 3).

    Returns:
        Lines, split where their words stand far apart; empty where there is no text.
    """
    lines: list[TextLine] = []
    height, width = image.shape[:2]
    for top in _starts(height):
        for left in _starts(width):
            tile = image[top : top + _TILE, left : left + _TILE]
            for line in _read_tile(tile):
                x1, y1, x2, y2 = line.box_xyxy
                box = (x1 + left, y1 + top, x2 + left, y2 + top)
                if not any(_same(box, known.box_xyxy) for known in lines):
                    lines.append(TextLine(box, line.text, line.score))
    return lines


def _starts(length: int) -> list[int]:
    if length <= _TILE:
        return [0]
    return list(range(0, length - _OVERLAP, _TILE - _OVERLAP))


def _same(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    """Whether two boxes are one line, read in two tiles."""
    over = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return over > 0.5 * min((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1]))


def _read_tile(tile: NDArray[np.uint8]) -> list[TextLine]:
    if min(tile.shape[:2]) < 8:
        return []
    with _lock:
        result = _engine()(cv2.cvtColor(tile, cv2.COLOR_RGB2BGR), return_word_box=True)
    if result.boxes is None or not len(result.boxes):
        return []
    lines: list[TextLine] = []
    for words in result.word_results:
        lines += _split([word for word in words if word[0].strip() and word[2] is not None])
    return [line for line in lines if line.score >= _LEAST_SCORE]


def _split(words: list[Any]) -> list[TextLine]:
    """Lines from the words of one: (text, score, four corners) each."""
    groups: list[list[tuple[str, float, NDArray[np.float64]]]] = []
    for text, score, corners in words:
        points = np.asarray(corners, dtype=np.float64)
        box = np.concatenate((points.min(axis=0), points.max(axis=0)))
        before = groups[-1][-1] if groups else None
        near = before is not None and box[0] - before[2][2] < _WORD_GAP * (box[3] - box[1])
        # What stands at the start of a line and reads as one strange sign is an icon.
        if before is not None and near and not (len(groups[-1]) == 1 and _is_sign(before[0])):
            groups[-1].append((text, float(score), box))
        else:
            groups.append([(text, float(score), box)])
    lines = []
    for group in groups:
        boxes = np.stack([box for _, _, box in group])
        low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        text = _join([text for text, _, _ in group])
        if not _is_sign(text):
            score = float(np.mean([score for _, score, _ in group]))
            x1, y1, x2, y2 = (float(v) for v in (*low, *high))
            lines.append(TextLine((x1, y1, x2, y2), text, score))
    return lines


def _is_sign(text: str) -> bool:
    """Whether it is one sign that icons are misread as, rather than a letter or a digit."""
    text = text.strip()
    return len(text) == 1 and not (text.isascii() and text.isalnum())


def _join(words: list[str]) -> str:
    """Words with blanks between them, except between signs of scripts that write without."""
    joined = words[0]
    for before, word in pairwise(words):
        wide = ord(before[-1]) > 0x2E80 and ord(word[0]) > 0x2E80
        joined += word if wide else f" {word}"
    return joined.strip()


@lru_cache(maxsize=1)
def _engine() -> Any:
    from rapidocr import RapidOCR

    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.use_cls": False,  # text on screens stands upright
            "Det.limit_type": "max",
            "Det.limit_side_len": _DETECT_SIDE,
            "Rec.rec_batch_num": 1,  # no padding to the longest line of a batch
        }
    )
