"""Reading Korean: the recognition weights that rapidocr ships have no Hangul.

Two readers know it: rapidocr's Korean recogniser, a file that it fetches or that the user has, and
Tesseract with its Korean data, in one process for all lines of a screen.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from som.errors import MissingDependencyError
from som.segmenters.screen.reader import Reading, load_recognizer

WEIGHTS = "SOM_KOREAN_OCR"
INSTALL = (
    "Korean is not read here: sudo apt install tesseract-ocr tesseract-ocr-kor (macOS: brew install "
    f"tesseract-lang), or set {WEIGHTS} to rapidocr's korean ...rec... .onnx"
)
HANGUL = re.compile(r"[가-힣]")
# A line with Hangul is taken from this mean probability of its words on.
LEAST_SCORE = 0.6
# Tesseract reads dark letters of about this height on light ground, with room around.
LINE_PX, ROOM_PX = 40, 10
# It puts spaces between syllables: what shows fewer blank columns than this is none.
LEAST_SPACE_PX = 6
# How far about the end of a word, as it gives it, blank columns are sought.
AROUND_PX = 14
# Darker than the ground by this is ink.
INK = 60
# Rows with more of it are lines, not letters.
MOST_INK = 0.6
LINES_A_PROCESS = 24
TIMEOUT_S = 60
Line = NDArray[np.uint8]
ReadLines = Callable[[Sequence[Line]], list[Reading]]


@lru_cache(maxsize=1)
def korean_reader() -> ReadLines:
    """What reads Korean on this machine.

    Raises:
        MissingDependencyError: nothing does; the message says what to install.
    """
    weights = _weights()
    if weights is not None:
        read = load_recognizer(str(weights)).read
        return lambda lines: [read(line) for line in lines]
    path = shutil.which("tesseract")
    if path is None or "kor" not in _languages(path):
        raise MissingDependencyError(INSTALL)
    return lambda lines: _by_tesseract(path, lines)


def reads_korean() -> bool:
    """Whether `korean_reader` finds one."""
    try:
        korean_reader()
    except MissingDependencyError:
        return False
    return True


def better(first: Reading, korean: Reading) -> Reading:
    """Of two readings of a line the Korean one where it is sure of Hangul."""
    sure = HANGUL.search(korean.text) and korean.score >= LEAST_SCORE
    return korean if sure else first


def _weights() -> Path | None:
    """The Korean recogniser of rapidocr: the user's file, or one beside those that it ships."""
    from importlib.util import find_spec

    named = os.environ.get(WEIGHTS)
    if named:
        if not Path(named).is_file():
            raise MissingDependencyError(f"{WEIGHTS} names {named}, which is no file")
        return Path(named)
    spec = find_spec("rapidocr")
    if spec is None or spec.origin is None:
        return None
    found = sorted((Path(spec.origin).parent / "models").glob("korean*rec*.onnx"))
    return found[-1] if found else None


def _languages(tesseract: str) -> list[str]:
    done = subprocess.run(  # noqa: S603  found on the PATH, fixed arguments
        [tesseract, "--list-langs"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    return done.stdout.split()


def _by_tesseract(tesseract: str, lines: Sequence[Line]) -> list[Reading]:
    """Read lines in as few processes as keep every core busy."""
    from concurrent.futures import ThreadPoolExecutor

    groups = [lines[i : i + LINES_A_PROCESS] for i in range(0, len(lines), LINES_A_PROCESS)]
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return [r for group in pool.map(lambda g: _one_process(tesseract, g), groups) for r in group]


def _one_process(tesseract: str, lines: Sequence[Line]) -> list[Reading]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, f"{i}.png") for i in range(len(lines))]
        images = [_prepared(line) for line in lines]
        for path, image in zip(paths, images, strict=True):
            cv2.imwrite(path, image)
        listed = os.path.join(folder, "lines.txt")
        Path(listed).write_text("\n".join(paths) + "\n", "utf-8")
        done = subprocess.run(  # noqa: S603  found on the PATH, files of our own
            [tesseract, listed, "stdout", "-l", "kor+eng", "--psm", "7", "tsv"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
            check=False,
        )
    readings = [Reading("", 0.0)] * len(lines)
    if done.returncode:
        return readings
    for page, words in _words(done.stdout).items():
        if page < len(readings):
            readings[page] = _joined(words, images[page])
    return readings


def _prepared(line: Line) -> NDArray[np.uint8]:
    """Dark on light, of a height that is read well, with room around."""
    grey = cv2.cvtColor(line, cv2.COLOR_RGB2GRAY)
    if np.median(grey) < 128:
        grey = np.asarray(255 - grey, np.uint8)
    scale = max(1.0, LINE_PX / grey.shape[0])
    grey = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    room = np.pad(grey, ROOM_PX, constant_values=int(np.median(grey)))
    return np.asarray(room, np.uint8)


class _Word:
    """A word of Tesseract's table, with where it begins and ends, pixels."""

    def __init__(self, fields: list[str]) -> None:
        self.left, self.right = int(fields[6]), int(fields[6]) + int(fields[8])
        self.score, self.text = float(fields[10]) / 100, fields[11].strip()


def _words(table: str) -> dict[int, list[_Word]]:
    """Words of each line, from Tesseract's table; a line of ours is a page there."""
    words: dict[int, list[_Word]] = {}
    for row in table.splitlines()[1:]:
        fields = row.split("\t")
        if len(fields) == 12 and fields[0] == "5" and fields[11].strip():
            words.setdefault(int(fields[1]) - 1, []).append(_Word(fields))
    return words


def _joined(words: list[_Word], image: NDArray[np.uint8]) -> Reading:
    """The words as a line, with spaces where the image has them."""
    ink = image < int(image.max()) - INK
    # Underlines and frames run through spaces.
    blank = ~ink[ink.mean(axis=1) < MOST_INK].any(axis=0)
    text = words[0].text
    for before, word in pairwise(words):
        middle = (before.right + word.left) // 2
        around = blank[max(middle - AROUND_PX, 0) : middle + AROUND_PX]
        text += (" " if _longest_run(around) >= LEAST_SPACE_PX else "") + word.text
    letters = np.array([len(word.text) for word in words])
    return Reading(text, float(np.average([word.score for word in words], weights=letters)))


def _longest_run(flags: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.view(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))
