"""Every usual kind of image comes out as RGB uint8; every broken one gives one clear line."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from som import load_image
from som.errors import ImageError
from som.image import pixels_sha256, resize

RED = (200, 30, 40)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def red(mode: str = "RGB", size: tuple[int, int] = (6, 4)) -> Image.Image:
    image = Image.new("RGB", size, RED)
    return image.quantize() if mode == "P" else image.convert(mode)


def png_header(width: int, height: int) -> bytes:
    """A PNG that declares this size and holds no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_files_keep_their_pixels(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"red.{kind.lower()}"
    path.write_bytes(encode(red(), kind))
    for source in (path, str(path), path.read_bytes(), path.open("rb"), Image.open(path)):
        image = load_image(source)
        assert image.dtype == np.uint8
        assert image.flags["C_CONTIGUOUS"]
        np.testing.assert_array_equal(image, np.full((4, 6, 3), RED, np.uint8))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "GIF"])
def test_lossy_files_come_close(kind: str) -> None:
    image = load_image(encode(red(size=(32, 32)), kind))
    assert np.abs(image.astype(int) - RED).max() <= 12


@pytest.mark.parametrize("mode", ["RGBA", "P", "CMYK", "YCbCr", "LAB"])
def test_colour_modes(mode: str) -> None:
    if mode == "LAB":
        source: Image.Image | bytes = encode(Image.new("LAB", (6, 4), (50, 128, 128)), "TIFF")
        expected = None
    else:
        source, expected = red(mode), RED
    image = load_image(source)
    assert image.shape == (4, 6, 3)
    if expected:
        assert np.abs(image.astype(int) - expected).max() <= 6


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "I", "F"])
def test_grey_modes_are_white_where_they_are_brightest(mode: str) -> None:
    top = {"1": 1, "L": 255, "LA": (255, 255), "I;16": 65535, "I": 65535, "F": 1.0}[mode]
    assert (load_image(Image.new(mode, (3, 2), top)) == 255).all()
    bottom = (0, 255) if mode == "LA" else 0
    assert (load_image(Image.new(mode, (3, 2), bottom)) == 0).all()


def test_sixteen_bit_png_is_scaled_not_cut_off() -> None:
    values = np.array([[0, 128 * 257, 65535]], np.uint16)
    image = load_image(encode(Image.fromarray(values), "PNG"))
    assert image[0, :, 0].tolist() == [0, 128, 255]


def test_transparency_is_put_on_white() -> None:
    clear = Image.new("RGBA", (2, 2), (0, 0, 0, 0))
    assert (load_image(clear) == 255).all()
    half = Image.new("RGBA", (2, 2), (0, 0, 0, 128))
    assert load_image(half)[0, 0, 0] in (127, 128)
    palette = Image.new("P", (2, 2), 0)
    palette.info["transparency"] = 0
    assert (load_image(palette) == 255).all()


def test_exif_rotation_is_applied() -> None:
    image = Image.new("RGB", (40, 20), "white")
    image.paste((0, 0, 0), (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    turned = load_image(encode(image, "JPEG", exif=exif, quality=95))
    assert turned.shape == (40, 20, 3)
    assert turned[5, 10, 0] < 30
    assert turned[35, 10, 0] > 225


def test_animations_give_their_first_frame() -> None:
    frames = [red(), Image.new("RGB", (6, 4), "blue")]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert np.abs(load_image(data).astype(int) - RED).max() <= 12


@pytest.mark.parametrize(
    "array",
    [
        np.full((4, 6), 255, np.uint8),
        np.full((4, 6, 1), 255, np.uint8),
        np.full((4, 6, 3), 255, np.uint8),
        np.full((4, 6, 4), 255, np.uint8),
        np.full((4, 6), 65535, np.uint16),
        np.full((4, 6, 3), 1.0, np.float32),
        np.full((4, 6), True),
        np.full((4, 6, 3), 255, np.int64),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays(array: np.ndarray) -> None:
    image = load_image(array)
    assert image.shape == (4, 6, 3)
    assert image.dtype == np.uint8
    assert (image == 255).all()


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (30000, 40)])
def test_extreme_shapes_load(size: tuple[int, int]) -> None:
    assert load_image(encode(red(size=size), "PNG")).shape == (size[1], size[0], 3)


def test_broken_files_give_one_line_that_names_them(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    whole = encode(Image.fromarray(noise), "PNG")
    cases = {
        "empty.png": (b"", "is empty"),
        "text.png": (b"hello, I am no image", "not an image"),
        "cut.png": (whole[: len(whole) // 2], "cut off or broken"),
        "cut.jpg": (encode(Image.fromarray(noise), "JPEG")[:900], "cut off or broken"),
        "header.png": (whole[:20], "not an image|broken"),
        "bomb.png": (png_header(60_000, 60_000), "too large"),
        "large.png": (png_header(12_000, 12_000), "12000x12000, limit 100 megapixels"),
        "script.eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
    }
    for name, (data, message) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ImageError, match=message) as caught:
            load_image(tmp_path / name)
        assert "\n" not in str(caught.value)
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nowhere.png", "no such file: nowhere.png"),
        (".", "is a folder"),
        ("https://example.org/a.png", "is a URL"),
        ("nul\0byte.png", "cannot read"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((3, 20, 20), np.uint8), "put channels last"),
        (np.zeros((4, 5, 3, 2), np.uint8), "expected a path"),
        (np.full((4, 5), 7.5), r"must hold 0\.\.1"),
        (np.full((4, 5), np.nan), r"must hold 0\.\.1"),
        (None, "expected a path"),
        (object(), "expected a path"),
    ],
)
def test_what_is_no_image(source: object, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        load_image(source)


def test_a_bomb_is_refused_before_its_pixels_take_memory() -> None:
    tracemalloc.start()
    with pytest.raises(ImageError, match="too large"):
        load_image(png_header(12_000, 12_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_the_limit_is_the_callers_choice() -> None:
    with pytest.raises(ImageError, match="too large"):
        load_image(np.zeros((40, 50), np.uint8), max_pixels=1000)


def test_the_result_is_a_copy() -> None:
    array = np.zeros((4, 6, 3), np.uint8)
    load_image(array)[:] = 255
    assert not array.any()


def test_resize_never_aliases_its_input() -> None:
    image = load_image(red())
    same = resize(image, (6, 4))
    same[:] = 0
    assert image.any()
    assert resize(image, (3, 2)).shape == (2, 3, 3)
    assert resize(image, (12, 8)).shape == (8, 12, 3)


def test_hash_is_of_the_pixels() -> None:
    from_png, from_bmp = (load_image(encode(red(), kind)) for kind in ("PNG", "BMP"))
    assert pixels_sha256(from_png) == pixels_sha256(from_bmp)
    from_png[0, 0, 0] ^= 1
    assert pixels_sha256(from_png) != pixels_sha256(from_bmp)
