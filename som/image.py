"""Any image a user has, as RGB uint8 (H, W, 3), without surprises and under a memory bound."""

import hashlib
import io
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from som.errors import ImageError

# 100 megapixels are 300 MB as RGB; a 30,000 x 3,000 page still fits.
MAX_PIXELS = 100_000_000

# What is tried on a file. The rest of what Pillow reads is left out on purpose: EPS, for one, hands
# the file to an external interpreter.
FORMATS = (
    "PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO",
)  # fmt: skip
SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".avif",
)  # fmt: skip


def load_image(source: Any, *, max_pixels: int = MAX_PIXELS) -> NDArray[np.uint8]:
    """Read an image of any usual kind.

    Rotates by the EXIF tag, puts transparency on white, scales 16-bit values to 8, and takes the
    first frame of an animation.

    Args:
        source: a path, the bytes of a file, an open binary file, a `PIL.Image.Image`, or an array:
            (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA; uint8, uint16, bool, or float 0..1.
        max_pixels: refuse larger images before decoding them.

    Returns:
        uint8 RGB (H, W, 3), contiguous, a copy of its own.

    Raises:
        ImageError: one line that says what is wrong with it and what to do.
    """
    if isinstance(source, Image.Image):
        return _from_pil(source, "the image", max_pixels)
    if isinstance(source, str | Path):
        return _from_file(Path(source), max_pixels)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), "the image data", max_pixels)
    if hasattr(source, "read"):
        return _from_bytes(source.read(), "the image file", max_pixels)
    return _from_array(source, max_pixels)


def resize(image: NDArray[np.uint8], size_wh: tuple[int, int]) -> NDArray[np.uint8]:
    """A copy of the image at this size: area averaging down, cubic up."""
    height, width = image.shape[:2]
    if size_wh == (width, height):
        return image.copy()
    shrinks = size_wh[0] * size_wh[1] < width * height
    resized = cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    return np.asarray(resized, dtype=np.uint8)


def pixels_sha256(image: NDArray[np.uint8]) -> str:
    """SHA-256 of the RGB bytes: the same for a file, a lossless copy of it and an array."""
    return hashlib.sha256(image.tobytes()).hexdigest()


def _from_file(path: Path, max_pixels: int) -> NDArray[np.uint8]:
    if str(path).startswith(("http:", "https:", "data:")):
        raise ImageError(f"{path} is a URL; download it and pass the file")
    if path.is_dir():
        raise ImageError(f"{path} is a folder, not an image")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"no such file: {path}") from None
    except (OSError, ValueError) as error:
        raise ImageError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from error
    return _from_bytes(data, str(path), max_pixels)


def _from_bytes(data: bytes, name: str, max_pixels: int) -> NDArray[np.uint8]:
    if not data:
        raise ImageError(f"{name} is empty")
    try:
        with warnings.catch_warnings():
            # The size is checked below, before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not an image that can be read (PNG, JPEG, WebP, ...)") from None
    except Image.DecompressionBombError:
        raise ImageError(_too_large(name, max_pixels)) from None
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(f"{name} is a broken image: {error}") from error
    return _from_pil(image, name, max_pixels)


def _from_pil(image: Image.Image, name: str, max_pixels: int) -> NDArray[np.uint8]:
    width, height = image.size
    if not width or not height:
        raise ImageError(f"{name} has no pixels ({width}x{height})")
    if width * height > max_pixels:
        raise ImageError(_too_large(name, max_pixels, f"{width}x{height}, "))
    try:
        image = ImageOps.exif_transpose(image)
        return _to_rgb(image)
    except Image.DecompressionBombError:
        raise ImageError(_too_large(name, max_pixels)) from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError) as error:
        reason = str(error).split("\n")[0]
        raise ImageError(f"{name} is cut off or broken: {reason}; save it again") from error


def _to_rgb(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.asarray(image, dtype=np.float64)
        top = 65535.0 if image.mode != "F" else max(float(values.max()), 1.0)
        grey = np.clip(values / top * 255 + 0.5, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return np.array(Image.alpha_composite(white, rgba).convert("RGB"))
    return np.array(image.convert("RGB"))


def _from_array(source: Any, max_pixels: int) -> NDArray[np.uint8]:
    array = np.asarray(source)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.dtype == object:
        raise ImageError(
            "expected a path, bytes, a PIL image or an array (H, W), (H, W, 3) or (H, W, 4); "
            f"got {type(source).__name__} of shape {array.shape}"
        )
    if array.shape[2] not in (1, 3, 4):
        hint = "; put channels last" if array.shape[0] in (1, 3, 4) else ""
        raise ImageError(f"an array image has 1, 3 or 4 channels, got shape {array.shape}{hint}")
    height, width = array.shape[:2]
    if not height or not width:
        raise ImageError(f"the array has no pixels ({width}x{height})")
    if width * height > max_pixels:
        raise ImageError(_too_large("the array", max_pixels, f"{width}x{height}, "))
    eight_bit = _to_eight_bit(array)
    if eight_bit.shape[2] == 4:
        return _to_rgb(Image.fromarray(eight_bit))
    if eight_bit.shape[2] == 1:
        eight_bit = np.repeat(eight_bit, 3, axis=2)
    return np.array(eight_bit, order="C")


def _to_eight_bit(array: NDArray[Any]) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if array.dtype == np.uint16:
        return ((array.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
    low, high = float(array.min()), float(array.max())
    if np.issubdtype(array.dtype, np.floating) and low >= 0 and high <= 1:
        return (array * 255 + 0.5).astype(np.uint8)
    if np.issubdtype(array.dtype, np.integer) and low >= 0 and high <= 255:
        return array.astype(np.uint8)
    raise ImageError(
        f"an array of {array.dtype} must hold 0..1 (float) or 0..255 (integer); "
        f"this one holds {low:g}..{high:g}"
    )


def _too_large(name: str, max_pixels: int, size: str = "") -> str:
    return f"{name} is too large ({size}limit {max_pixels // 10**6} megapixels); make it smaller first"
