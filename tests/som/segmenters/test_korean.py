"""Korean on screens: read by Tesseract or rapidocr's Korean weights, and said when by neither."""

import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from som.cli import main
from som.errors import MissingDependencyError
from som.segmenters.screen import ScreenSegmenter
from som.segmenters.screen.korean import WEIGHTS, korean_reader, reads_korean
from som.segmenters.screen.reader import crop_line

FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
KOREAN_FACE = 1


def has_korean_tesseract() -> bool:
    if shutil.which("tesseract") is None:
        return False
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, text=True, check=False)
    return "kor" in listed.stdout.split()


needs_tesseract = pytest.mark.skipif(
    not (has_korean_tesseract() and FONT.is_file()),
    reason="needs tesseract-ocr-kor and fonts-noto-cjk",
)


@pytest.fixture(autouse=True)
def _fresh_reader() -> Iterator[None]:
    korean_reader.cache_clear()
    yield
    korean_reader.cache_clear()


def draw_line(
    draw: ImageDraw.ImageDraw, xy: tuple[int, int], text: str, fill: str, size: int = 16
) -> None:
    draw.text(xy, text, fill=fill, font=ImageFont.truetype(str(FONT), size, index=KOREAN_FACE))


@pytest.fixture
def page() -> NDArray[np.uint8]:
    """A white page with a blue button, a grey one and lines of Korean and English."""
    image = Image.new("RGB", (520, 260), "white")
    draw = ImageDraw.Draw(image)
    draw.rectangle((30, 30, 190, 70), fill="#1a73e8")
    draw_line(draw, (62, 37), "변경 사항 저장", "white")
    draw.rectangle((230, 30, 330, 70), fill="#d0d0d0")
    draw_line(draw, (262, 37), "취소", "black")
    draw_line(draw, (30, 110), "비밀번호를 잊으셨나요?", "#1a0dab")
    draw.line((30, 134, 190, 134), fill="#1a0dab")
    draw_line(draw, (30, 170), "Privacy policy", "black")
    draw_line(draw, (260, 170), "개인정보 처리방침", "black", 15)
    return np.asarray(image)


@needs_tesseract
def test_korean_is_read_with_its_spaces_and_english_stays(page: NDArray[np.uint8]) -> None:
    read = [text for text in ScreenSegmenter(korean=True)(page).data["text"] if text]
    assert {"변경 사항 저장", "비밀번호를 잊으셨나요?", "Privacy policy", "개인정보 처리방침"} <= set(
        read
    )
    without = " ".join(ScreenSegmenter()(page).data["text"])
    assert "저장" not in without
    assert "Privacy policy" in without


@needs_tesseract
def test_a_second_look_reads_nothing_again(
    page: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = ScreenSegmenter(korean=True)
    first = segmenter.segment(page)
    moved = np.roll(page, 12, axis=0)

    def no_more(lines: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("som.segmenters.screen.korean.korean_reader", lambda: no_more)
    again = segmenter.segment(moved, first)
    assert sorted(again.regions.data["text"]) == sorted(first.regions.data["text"])


@needs_tesseract
def test_a_question_in_korean_finds_the_button(
    page: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(page).save("page.png")
    asked = ["ask", "page.png", "변경 사항 저장 버튼", "--model", "offline", "--segmenter", "screen"]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert 'button "변경 사항 저장"' in done.output


def test_without_a_reader_the_install_line_is_said_once_and_english_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    image = Image.new("RGB", (200, 80), "white")
    ImageDraw.Draw(image).rectangle((20, 20, 120, 60), fill="#1a73e8")
    image.save("page.png")
    assert not reads_korean()
    with pytest.raises(MissingDependencyError, match="apt install tesseract-ocr tesseract-ocr-kor"):
        ScreenSegmenter(korean=True)
    asked = ["ask", "page.png", "파란 버튼", "--model", "offline", "--segmenter", "screen"]
    done = CliRunner().invoke(main, asked)
    assert done.exit_code == 0, done.output
    assert done.output.count("tesseract-ocr-kor") == 1
    done = CliRunner().invoke(main, ["mark", "page.png", "--segmenter", "screen", "--ocr", "korean"])
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    done = CliRunner().invoke(main, ["mark", "page.png", "--segmenter", "photo", "--ocr", "korean"])
    assert "--segmenter auto or screen" in done.output


def test_weights_of_the_users_own_are_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The file is a recogniser of rapidocr's form: here the one that it ships."""
    shipped = next(p for p in (files("rapidocr") / "models").iterdir() if "_rec_" in p.name)
    monkeypatch.setenv(WEIGHTS, str(shipped))
    image = Image.new("RGB", (200, 40), "white")
    font = ImageFont.load_default(20)
    ImageDraw.Draw(image).text((10, 8), "Settings", fill="black", font=font)
    line = crop_line(np.asarray(image), np.array([10, 8, 100, 30], np.float32))
    assert korean_reader()([line])[0].text == "Settings"
    korean_reader.cache_clear()
    monkeypatch.setenv(WEIGHTS, str(tmp_path / "none.onnx"))
    with pytest.raises(MissingDependencyError, match=f"{WEIGHTS} names .*none.onnx, which is no file"):
        korean_reader()
