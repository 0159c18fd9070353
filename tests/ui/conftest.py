"""A running app, and pages of a real Chromium that visit it."""

import base64
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from som.ui.app import serve
from som.ui.config import Config

IMAGES = Path(__file__).parent.parent.parent / "examples" / "images"
Open = Callable[..., Any]


def picture_base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


@pytest.fixture(scope="module")
def app() -> Iterator[Any]:
    demo, url = serve(Config(port=0), block=False)
    demo.url = url
    yield demo
    demo.close(verbose=False)


@pytest.fixture(scope="module")
def url(app: Any) -> str:
    return str(app.url)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    from som.agents.envs.chromium import shared

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with shared(sync_playwright) as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--disable-gpu", *root, *camera]
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(chromium: Any, url: str) -> Iterator[Open]:
    """Opens the app as a new visitor; fails the test if its page has errors."""
    contexts: list[Any] = []
    errors: list[str] = []

    def open_page(path: str = "", *, size: tuple[int, int] = (1440, 900), **options: Any) -> Any:
        context = chromium.new_context(viewport={"width": size[0], "height": size[1]}, **options)
        context.set_default_timeout(20_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
        page.goto(path or url)
        page.wait_for_selector("#view .som-example, #view .som-has-image")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not errors
