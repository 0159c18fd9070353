"""Renders the pages of `origins` in Chromium and writes what can be pressed on them.

    python -m benchmarks.screens render OUT

For each page OUT gets NAME.png and NAME.json: origin, split, viewport, pixel density, theme, and
targets with their boxes in pixels of the screenshot. Packages are fetched into OUT/.packages.
"""

import base64
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from benchmarks.screens.origins import DARK_EVERY, ORIGINS, VIEWPORTS, Origin
from benchmarks.screens.programs import run_jupyterlab

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]
TARGETS = Path(__file__).with_name("targets.js").read_text("utf-8")
STILL = """
*, *::before, *::after {
  animation: none !important; transition: none !important; caret-color: transparent !important;
}
"""


def render_all(out: Path, only: str | None = None) -> int:
    """Render every page.

    Args:
        out: folder for the pages; those already there are kept.
        only: render this split or this origin.

    Returns:
        How many pages there are now.
    """
    from playwright.sync_api import sync_playwright
    from tqdm import tqdm

    out.mkdir(parents=True, exist_ok=True)
    origins = [o for o in ORIGINS if only in (None, o.split, o.name)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        for origin in origins:
            for i, page in enumerate(tqdm(origin.pages, origin.name, disable=None)):
                name = f"{origin.name}-{Path(page).with_suffix('').as_posix().replace('/', '-')}"
                if (out / f"{name}.json").exists():
                    continue
                with _at(origin, page, out / ".packages") as url:
                    _render(browser, origin, i, url, out / name)
        browser.close()
    return len(list(out.glob("*.json")))


@contextmanager
def _at(origin: Origin, page: str, cache: Path) -> Iterator[str]:
    """The address of one page while it is served."""
    if origin.registry == "program":
        with run_jupyterlab(origin.package.split(), page, cache / origin.name) as url:
            yield url
        return
    with serve(fetch(origin, cache) / origin.root) as address:
        yield f"{address}/{page}"


def chromium() -> str | None:
    """Path of an installed Chromium; None lets playwright use its own."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


def _render(browser: Any, origin: Origin, i: int, url: str, stem: Path) -> None:
    width, height, density = VIEWPORTS[i % len(VIEWPORTS)]
    dark = bool(origin.dark) and i % DARK_EVERY == DARK_EVERY - 1
    themed = dark or url.endswith("Dark")
    page = browser.new_page(
        viewport={"width": width, "height": height},
        device_scale_factor=density,
        reduced_motion="reduce",
    )
    # Nothing outside: what a page wants from elsewhere is missing here, every time alike.
    page.route(
        "**/*",
        lambda route: route.continue_() if "//127.0.0.1" in route.request.url else route.abort(),
    )
    page.route(
        "https://fonts.googleapis.com/icon*",
        lambda route: _icon_font(route, stem.parent / ".packages"),
    )
    page.goto(url, wait_until="load")
    page.add_style_tag(content=STILL)
    for line in (origin.setup, origin.dark if dark else ""):
        page.evaluate(line or "0")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(8000 if origin.registry == "program" else 700)
    targets = page.evaluate(TARGETS)
    page.screenshot(path=str(stem.with_suffix(".png")))
    page.close()
    for target in targets:
        target["box"] = [round(value * density, 2) for value in target["box"]]
    record = {
        "origin": origin.name,
        "split": origin.split,
        "viewport": [width, height],
        "density": density,
        "theme": "dark" if themed else "light",
        "targets": targets,
    }
    stem.with_suffix(".json").write_text(
        json.dumps(record, ensure_ascii=False, indent=1) + "\n", "utf-8"
    )


def _unpack(package: str, folder: Path) -> None:
    """Fetch an npm package and unpack it."""
    subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=2)
    archive = next(folder.glob("*.tgz"))
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    archive.unlink()


def _icon_font(route: Any, cache: Path) -> None:
    """Answer a request for Google's icon font with the same font from a package.

    Without it the icons of a page are drawn as the words they are called by.
    """
    font = Origin("material-icons", "material-icons@1.13.14", "npm", "package/iconfont", (), "tune")
    folder = fetch(font, cache) / font.root
    style = (
        parse_qs(urlsplit(route.request.url).query)
        .get("family", [""])[0]
        .removeprefix("Material Icons")
    )
    name = style.strip().lower().replace(" ", "-") or "filled"
    css = (folder / f"{name}.css").read_text("utf-8")
    for path in folder.glob("*.woff*"):
        data = base64.b64encode(path.read_bytes()).decode()
        css = css.replace(f"./{path.name}", f"data:font/{path.suffix[1:]};base64,{data}")
    route.fulfill(content_type="text/css", body=css, headers={"Access-Control-Allow-Origin": "*"})


def fetch(origin: Origin, cache: Path) -> Path:
    """Download and unpack a package once; gives its folder."""
    folder = cache / origin.name
    if folder.exists():
        return folder
    part = cache / f"{origin.name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    if origin.registry == "npm":
        _unpack(origin.package, part)
        for where, package, inside in origin.plugins:
            with tempfile.TemporaryDirectory(dir=cache) as fresh:
                _unpack(package, Path(fresh))
                shutil.copytree(Path(fresh) / inside, part / origin.root / where)
    else:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(part)]
        subprocess.run([*pip, origin.package], check=True)
        archive = next(part.glob("*.whl"))
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(part)
    part.rename(folder)
    return folder


@contextmanager
def serve(root: Path) -> Iterator[str]:
    """Serve a folder on loopback; gives its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
