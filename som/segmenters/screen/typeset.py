"""From the ink of a line to the box that its layout gives it.

A link's box is as high as its font, whatever letters it happens to have: "menu" has less ink than
"Help", but the same box. Proportions are those of common sans-serif fonts, in em.
"""

import unicodedata

import numpy as np
from numpy.typing import NDArray

CAP_HEIGHT, X_HEIGHT, DESCENT = 0.73, 0.54, 0.21
LINE_ASCENT, LINE_DESCENT = 0.94, 0.24
_LOW = set("acegmnopqrsuvwxyz.,:;_-–—~+=<>·•…")
_DEEP = set("gjpqy,;()[]{}|/\\Q@_$")


def is_wide(text: str) -> bool:
    """Whether a line is mostly Chinese, Japanese or Korean."""
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return wide * 2 > len(text)


def line_box(ink_xyxy: NDArray[np.float32], text: str) -> NDArray[np.float32]:
    """The box of a line of text in its layout.

    Args:
        ink_xyxy: (4,) tight box of what is drawn.
        text: what it says.

    Returns:
        (4,) box from the font's ascent to its descent.
    """
    x1, y1, x2, y2 = (float(value) for value in ink_xyxy)
    if is_wide(text):
        pad = 0.16 * (y2 - y1)
        return np.array([x1 - 1, y1 - pad, x2 + 1, y2 + pad], np.float32)
    letters = [character for character in text if not character.isspace()]
    above = X_HEIGHT if all(character in _LOW for character in letters) else CAP_HEIGHT
    below = DESCENT if any(character in _DEEP for character in letters) else 0.0
    em = (y2 - y1) / (above + below)
    baseline = y2 - below * em
    return np.array(
        [x1 - 1, baseline - LINE_ASCENT * em, x2 + 1, baseline + LINE_DESCENT * em], np.float32
    )
