import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage import data

from som.segmenters.auto import AutoSegmenter, is_screenshot


def photo(name: str) -> NDArray[np.uint8]:
    image: NDArray[np.uint8] = getattr(data, name)()
    return np.dstack([image] * 3) if image.ndim == 2 else image


def page(picture: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    image = Image.new("RGB", (800, 600), "#f4f6fa")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, 799, 60), fill="#243447")
    for row in range(5):
        draw.rounded_rectangle(
            (40, 100 + 80 * row, 360, 160 + 80 * row), 8, fill="white", outline="#ccd"
        )
        draw.text((60, 120 + 80 * row), f"Entry number {row}", fill="#223", font_size=18)
    if picture is not None:
        image.paste(Image.fromarray(picture).resize((300, 300)), (450, 150))
    return np.asarray(image)


@pytest.mark.parametrize(
    "name", ["astronaut", "chelsea", "coffee", "camera", "coins", "moon", "clock", "brick"]
)
def test_photos_of_a_camera(name: str) -> None:
    assert not is_screenshot(photo(name))


def test_pages_with_and_without_photos() -> None:
    assert is_screenshot(page())
    assert is_screenshot(page(photo("astronaut")))


def test_very_tall_page() -> None:
    assert is_screenshot(np.vstack([page()] * 20))


def test_delegates_and_says_to_whom() -> None:
    auto = AutoSegmenter(granularity=0.3)
    assert auto.name == "auto"
    regions = auto(page())
    assert len(regions) > 0
    assert regions.metadata["segmenter"] == "screen"
    assert auto.name == "screen"
    auto(photo("chelsea")[:120, :160])
    assert auto.name == "photo"
