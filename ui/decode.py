"""Pictures as visitors send them: inside the request, as base64; never a path, never an address."""

import base64
import binascii
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from som.errors import ImageError
from som.image import load_image
from som.ui.config import Config

_DATA_URL = re.compile(r"data:[\w.+/-]*(?:;[\w.=+-]+)*;base64,")
LONGEST_TITLE = 80


def decode_picture(data: Any, config: Config) -> NDArray[np.uint8]:
    """The pixels of a picture.

    Args:
        data: a ``data:`` URL, or the base64 of an image file.
        config: has the limits.

    Raises:
        ImageError: it is something else, broken, or too large.
    """
    if not isinstance(data, str):
        raise ImageError("send a picture as base64 text or a data: URL")
    if len(data) * 3 / 4 > config.max_upload_mb * 1e6 + 1000:
        raise ImageError(f"the picture is larger than {config.max_upload_mb} MB; make it smaller first")
    head = _DATA_URL.match(data[:200])
    try:
        raw = base64.b64decode(data[head.end() if head else 0 :], validate=True)
    except (binascii.Error, ValueError):
        raise ImageError(
            "that is no picture; send the base64 of an image file, or a data: URL (no path, no address)"
        ) from None
    if not raw:
        raise ImageError("the picture is empty")
    return load_image(raw, max_pixels=config.max_megapixels * 10**6)


def clean_title(title: Any) -> str:
    """A file's name without folders and control characters, of a decent length."""
    name = re.split(r"[/\\]", str(title or ""))[-1]
    name = "".join(char for char in name if char.isprintable()).strip()
    if len(name) > LONGEST_TITLE:
        stem, dot, suffix = name.rpartition(".")
        name = f"{(stem or suffix)[: LONGEST_TITLE - 8]}{dot}{suffix[:7] if stem else ''}"
    return name or "picture.png"
