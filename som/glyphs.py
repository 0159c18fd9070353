"""Label text as pixels: one bold sans-serif face, each label rendered once and kept.

The face is DejaVu Sans Bold, which ships inside matplotlib (a dependency of supervision), so that
no system font is needed and the same label gives the same bytes everywhere.
"""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont


def label_size(label: str, font_px: int) -> tuple[int, int]:
    """Width and height in pixels of a label's box, padding included.

    Args:
        label: "7", "G", ...
        font_px: em size of the text.
    """
    coverage = label_sprite(label, font_px)
    return coverage.shape[1], coverage.shape[0]


@lru_cache(maxsize=8192)
def label_sprite(label: str, font_px: int) -> NDArray[np.uint8]:
    """How much of each pixel of the label's box the text covers.

    All labels of one size have one height, and at least the width of a digit, whatever they say.

    Returns:
        uint8 (h, w), 0 background .. 255 text; read-only.
    """
    font = _font(font_px)
    pad_x, pad_y = padding(font_px)
    _, top, _, bottom = font.getbbox("0", anchor="ls")
    left, _, right, _ = font.getbbox(label, anchor="ls")
    text_height = int(bottom - top)
    width = max(int(np.ceil(right - left)), text_height * 2 // 3) + 2 * pad_x
    image = Image.new("L", (width, text_height + 2 * pad_y), 0)
    # Anchored by its ink, not by its advance width: digits sit in the middle of their box.
    x = (width - (right - left)) / 2 - left
    ImageDraw.Draw(image).text((round(x), pad_y - top), label, fill=255, font=font, anchor="ls")
    coverage = np.array(image)
    coverage.flags.writeable = False
    return coverage


def padding(font_px: int) -> tuple[int, int]:
    """Pixels between a label's text and the sides of its box, and its top and bottom, rim included.

    On two real screens an OCR that has to find labels first read 88% of them with 0.2 em on all
    sides and 96% with these; still more room, or larger text, gains nothing.
    """
    return max(2, round(font_px * 0.4)), max(2, round(font_px * 0.28))


@lru_cache(maxsize=64)
def _font(font_px: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(_font_file(), font_px, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=1)
def _font_file() -> str:
    # Found, not imported: importing matplotlib takes longer than marking an image.
    spec = find_spec("matplotlib")
    assert spec is not None
    assert spec.submodule_search_locations
    root = Path(spec.submodule_search_locations[0])
    return str(root / "mpl-data" / "fonts" / "ttf" / "DejaVuSans-Bold.ttf")
