"""Mark and ask, as a visitor does it in a real browser."""

import base64
import json
import runpy
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from som import load_image
from tests.ui.conftest import IMAGES, Open
from tests.ui.pictures import small_png

pytestmark = pytest.mark.browser
QUESTION = "#question textarea"


@pytest.fixture
def screen(visit: Open) -> Any:
    """A visitor who looks at a small screenshot: a heading, a red button and a field."""
    page = visit()
    give(page, small_png())
    return page


def give(page: Any, data: bytes, name: str = "small.png") -> None:
    """Hand a picture over by the file chooser, and wait for its marks."""
    before = marks_version(page)
    with page.expect_file_chooser() as chosen:
        page.click("#view [aria-label='Add a picture']" if before else "#view .som-primary")
    chosen.value.set_files({"name": name, "mimeType": "image/png", "buffer": data})
    marked_again(page, before)


def marks_version(page: Any) -> str:
    return str(page.evaluate("window.som.views.main.scene.key || ''"))


def marked_again(page: Any, before: str) -> None:
    page.wait_for_function(
        """before => {
            const scene = window.som.views.main.scene;
            return scene.key && scene.key !== before && !scene.busy;
        }""",
        arg=before,
    )


def ask(page: Any, question: str) -> str:
    page.fill(QUESTION, question)
    page.press(QUESTION, "Enter")
    page.wait_for_selector("#chat .som-message:last-child .som-meta, #chat .som-failed")
    return str(page.inner_text("#chat .som-message:last-child .som-body"))


def click_mark(page: Any, index: int) -> None:
    """Click the picture where a mark would be hit."""
    page.evaluate(
        """index => {
            const view = window.som.views.main, [x1, y1, x2, y2] = view.scene.marks[index].box;
            const box = view.canvas.getBoundingClientRect();
            window.spot = [box.left + (x1 + x2) / 2 / view.scene.width * box.width,
                           box.top + (y1 + y2) / 2 / view.scene.height * box.height];
        }""",
        index,
    )
    page.mouse.click(*page.evaluate("window.spot"))


def exported(page: Any, kind: str) -> Path:
    """The file behind one of the export buttons; texts are shown first."""
    button = f"#exports button:text-is('{kind}')"
    text = kind in ("Prompt", "Python")
    if text:
        page.click(button)
    with page.expect_download() as download:
        page.click("#exports dialog button:text-is('Save')" if text else button)
    path = Path(download.value.path())
    if text:
        page.click("#exports dialog button:text-is('Close')")
    return path


def test_a_click_on_a_region_puts_its_mark_into_the_question_and_says_what_it_is(screen: Any) -> None:
    click_mark(screen, 1)
    assert screen.input_value(QUESTION).strip() == "[2]"
    assert screen.inner_text("#view .som-info").split("\n")[:3] == ["2", "button", "Delete"]
    assert "found by" in screen.inner_text("#view .som-info")
    screen.fill(QUESTION, "what is left of ?")
    screen.evaluate("document.querySelector('#question textarea').setSelectionRange(16, 16)")
    click_mark(screen, 2)
    assert screen.input_value(QUESTION) == "what is left of [3]?"


def test_an_answer_highlights_what_it_names_and_its_chips_do_so_again(screen: Any) -> None:
    said = ask(screen, "the red button")
    assert said.startswith("2")
    assert screen.locator("#view .som-glow").count() == 1
    assert "offline grounder" in screen.inner_text("#chat .som-meta")
    screen.press("#view .som-layer", "Escape")
    assert screen.locator("#view .som-glow").count() == 0
    screen.click("#chat .som-model .som-chip")
    glow = screen.get_attribute("#view .som-glow", "d")
    assert glow == screen.evaluate("window.som.views.main.scene.marks[1].path")


def test_marks_are_reached_by_keys_alone(screen: Any) -> None:
    screen.focus("#view .som-layer")
    screen.keyboard.press("Home")
    chosen = "document.activeElement.getAttribute('aria-activedescendant')"
    first = screen.evaluate(chosen)
    screen.keyboard.press("ArrowDown")
    assert screen.evaluate(chosen) != first
    screen.keyboard.press("Enter")
    assert screen.input_value(QUESTION).strip() == "[2]"
    screen.keyboard.press("+")
    assert screen.evaluate("window.som.views.main.zoom") == 1.5


def test_a_new_style_redraws_without_finding_regions_again(screen: Any, app: Any) -> None:
    session = next(reversed(app.som_sessions._known.values()))[1]
    assert session.regions.found == 1
    before = marks_version(screen)
    screen.get_by_label("Fill", exact=True).check()
    marked_again(screen, before)
    assert session.marking.style.shapes == ("outline", "fill")
    assert session.regions.found == 1
    before = marks_version(screen)
    screen.fill("#granularity input[type=number]", "0.9")
    screen.press("#granularity input[type=number]", "Tab")
    marked_again(screen, before)
    assert session.regions.found == 2


def test_the_exported_program_draws_what_is_on_screen(
    visit: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    page = visit()
    page.click("#view .som-example >> nth=0")
    marked_again(page, "")
    page.get_by_label("Dot", exact=True).check()
    page.wait_for_function("window.som.views.main.scene.key.endsWith('.2')")
    ask(page, "the white cup")
    shutil.copy(IMAGES / "coffee.jpg", tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = load_image(exported(page, "Marked image"))
    runpy.run_path(str(exported(page, "Python")))
    assert np.array_equal(load_image("coffee.marked.png"), shown)
    assert "white" in capsys.readouterr().out
    marks = json.loads(exported(page, "Marks (JSON)").read_text("utf-8"))
    assert marks["version"] == 1
    assert len(marks["marks"]) > 5
    prompt = exported(page, "Prompt").read_text("utf-8")
    assert prompt.startswith("--- system\n")
    assert "the white cup" in prompt


def drawn_by(page: Any, tool: str, path: list[tuple[float, float]]) -> None:
    """Draw on the picture; points are shares of its width and height."""
    before = marks_version(page)
    page.click(f"#view .som-tool-{tool}")
    box = page.locator("#view .som-canvas").bounding_box()
    spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in path]
    page.mouse.move(*spots[0])
    page.mouse.down()
    for spot in spots[1:]:
        page.mouse.move(*spot, steps=6)
    page.mouse.up()
    marked_again(page, before)


def test_what_is_drawn_is_marked_alone_and_the_program_draws_it_again(
    visit: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = visit()
    page.click("#view .som-example >> nth=0")
    marked_again(page, "")
    for tool, path in (
        ("point", [(0.5, 0.45)]),
        ("box", [(0.55, 0.55), (0.75, 0.85)]),
        ("stroke", [(0.25, 0.6), (0.35, 0.75), (0.5, 0.85)]),
    ):
        drawn_by(page, tool, path)
    assert page.evaluate("window.som.views.main.scene.marks.map(mark => mark.source)") == ["drawn"] * 3
    shutil.copy(IMAGES / "coffee.jpg", tmp_path)
    monkeypatch.chdir(tmp_path)
    shown = load_image(exported(page, "Marked image"))
    runpy.run_path(str(exported(page, "Python")))
    assert np.array_equal(load_image("coffee.marked.png"), shown)
    before = marks_version(page)
    page.click("#view [aria-label^='Take back']")
    marked_again(page, before)
    assert page.evaluate("window.som.views.main.scene.marks.length") == 2


def test_several_pictures_are_one_chat(screen: Any) -> None:
    give(screen, small_png((20, 150, 60), "Add"), "second.png")
    assert screen.locator("#view .som-picture").all_inner_texts() == ["A", "B"]
    click_mark(screen, 0)
    assert screen.input_value(QUESTION).strip() == "[B1]"
    said = ask(screen, "the red button")
    assert said.startswith("A2")
    # The answer is about the other picture, which is shown now.
    screen.wait_for_selector("#view .som-picture[aria-pressed=true]:text-is('A')")
    screen.wait_for_selector("#view .som-glow", state="attached")


def test_pasted_pictures_and_photos_of_the_camera_are_taken(visit: Open) -> None:
    page = visit()
    page.evaluate(
        """base64 => {
            const bytes = Uint8Array.from(atob(base64), char => char.charCodeAt(0));
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([bytes], 'pasted.png', { type: 'image/png' }));
            document.dispatchEvent(new ClipboardEvent('paste', { clipboardData }));
        }""",
        base64.b64encode(small_png()).decode(),
    )
    marked_again(page, "")
    page.click("#view [aria-label='Remove this picture']")
    page.click("#view button:text-is('Camera')")
    page.click(".som-camera button:text-is('Take the photo')")
    page.wait_for_function("window.som.views.main.scene.title === 'photo.jpg'")


def test_mistakes_are_one_line_in_the_page(screen: Any) -> None:
    assert "99" in ask(screen, "what is left of [99]?")
    assert screen.locator("#chat .som-failed").count() == 1
    with screen.expect_file_chooser() as chosen:
        screen.click("#view [aria-label='Add a picture']")
    broken = {"name": "broken.png", "mimeType": "image/png", "buffer": b"\x89PNG no more"}
    chosen.value.set_files(broken)
    error = screen.wait_for_selector("#view .som-error").inner_text()
    assert "not an image" in error
    assert "Traceback" not in screen.content()


def test_korean_browsers_get_korean_and_it_can_be_switched(visit: Open) -> None:
    page = visit(locale="ko-KR")
    page.wait_for_selector("button:text-is('묻기')")
    page.wait_for_selector("#view .som-primary:text-is('파일 선택')")
    page.click("#view .som-example >> nth=0")
    marked_again(page, "")
    page.fill(QUESTION, "하얀 컵")
    page.press(QUESTION, "Enter")
    page.wait_for_selector("#chat .som-meta:has-text('오프라인')")
    page.click("#language label:has-text('English')")
    page.wait_for_selector("button:text-is('Ask')")
    assert page.get_by_role("tab", name="Mark and ask").count() == 1
    assert page.evaluate("window.som.views.main.scene.marks.length") > 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_page_does_not_scroll_sideways(visit: Open, scheme: str) -> None:
    page = visit(size=(390, 844), color_scheme=scheme)
    page.evaluate(
        """() => {
            window.jumps = 0;
            new PerformanceObserver((list) => {
                const jumps = list.getEntries().filter((entry) => !entry.hadRecentInput);
                window.jumps += jumps.reduce((sum, entry) => sum + entry.value, 0);
            }).observe({ type: "layout-shift" });
        }"""
    )
    page.click("#view .som-example >> nth=0")
    marked_again(page, "")
    ask(page, "something white")
    # What browsers call a good page has shifts of less than 0.1.
    assert page.evaluate("window.jumps") < 0.1
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    dark = page.evaluate("document.body.classList.contains('dark')")
    assert dark == (scheme == "dark")
    assert page.get_attribute("#view .som-image", "alt").startswith("coffee.jpg with ")
