"""The Evaluations tab: logs as tables, their samples one by one, and what visitors cannot reach."""

import base64
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from som import segmenters
from som.cli import main
from som.errors import DataError, MissingDependencyError
from som.evals.evidence import SCALE
from som.evals.logs import paired, read_run, summarize
from som.evals.report import pair_cells
from som.evals.table import HEADS, cells
from som.ui.app import serve
from som.ui.config import Config
from som.ui.eval_logs import Shelf, receive
from som.ui.eval_report import names_of, numbers, style
from som.ui.eval_tab import _picture
from tests.evals.conftest import Buttons, write_screens
from tests.ui.conftest import Open
from tests.ui.test_safe_to_share import event

pytestmark = pytest.mark.browser
EVIL = 'press Help <img src=x onerror="window.hacked=1"> now'


def aside(function: Callable[..., Any], *given: Any) -> Any:
    """Calls it in a thread of its own: in the tests' own runs the loop of playwright."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *given).result()


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of logs of two conditions and the oracle, and a link that leads out of it."""
    from som.segmenters import base

    folder, known = tmp_path_factory.mktemp("evaluated"), dict(base._REGISTRY)
    segmenters.register("buttons", lambda **_: Buttons())
    screens = write_screens(folder / "screens")
    listed = screens / "screenspot_desktop.json"
    rows = json.loads(listed.read_text())
    rows[2]["instruction"] = EVIL
    for row in rows[3:]:
        row["data_source"] = "<i>web</i>"
    listed.write_text(json.dumps(rows))
    command = ["eval", "screenspot", "--data", str(screens), "--segmenter", "buttons"]
    command += ["--grid", "marks+boxes,marks+choose", "--model", "offline,oracle"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INSPECT_CACHE_DIR", str(folder / "cache"))
        patch.setenv("SOM_MARKS_CACHE", str(folder / "marks"))
        done = aside(CliRunner().invoke, main, [*command, "--log-dir", str(folder / "logs")])
    assert done.exit_code == 0, done.output
    base._REGISTRY.clear()
    base._REGISTRY.update(known)
    inside = sorted((folder / "logs").rglob("*.eval"))
    (folder / "outside").mkdir()
    inside[0].rename(folder / "outside" / "secret.eval")
    (folder / "logs" / "link.eval").symlink_to(folder / "outside" / "secret.eval")
    return folder / "logs"


@pytest.fixture(scope="module")
def app(logs: Path) -> Iterator[Any]:
    demo, url = serve(Config(port=0, logs=logs, agent=False), block=False)
    demo.url = url
    yield demo
    demo.close(verbose=False)


def inside(logs: Path) -> list[Path]:
    return [path for path in sorted(logs.rglob("*.eval")) if not path.is_symlink()]


def a_log_with_images(logs: Path) -> Path:
    return next(path for path in inside(logs) if "offline" in aside(read_run, path).by)


def data_url(raw: bytes) -> str:
    return f"data:application/octet-stream;base64,{base64.b64encode(raw).decode()}"


def open_tab(page: Any) -> None:
    page.get_by_role("tab", name="Evaluations").click()


def test_logs_are_tables_and_samples_that_can_be_opened(visit: Open, logs: Path) -> None:
    page = visit()
    open_tab(page)
    page.wait_for_selector(".som-eval-logs li >> nth=2")
    assert page.locator(".som-eval-logs li").count() == 3
    page.get_by_role("button", name="All", exact=True).click()
    # What is shown is what the evaluation's own table says.
    table = page.locator("section", has=page.get_by_role("heading", name="All numbers"))
    table.wait_for()
    found = [row.split("\t") for row in table.locator("tbody").inner_text().split("\n") if row.strip()]
    runs = [aside(read_run, path) for path in inside(logs)]
    assert sorted(map(tuple, found)) == sorted(cells(summarize(run)) for run in runs)
    assert tuple(cell.lower() for cell in table.locator("th[scope=col]").all_inner_texts()) == tuple(
        head.lower() for head in HEADS
    )
    papers = page.locator("section", has=page.get_by_role("heading", name="As published"))
    assert papers.locator("th[scope=col]").all_inner_texts()[1:] == ["wrong format"]
    by_name = {run.name: run for run in runs}
    a, b = (
        page.get_by_label(name, exact=True).evaluate("box => box.selectedOptions[0].textContent")
        for name in ("First", "Second")
    )
    compared = paired(by_name[a], by_name[b])
    assert compared is not None
    assert tuple(page.locator(".som-eval-compare td").all_inner_texts()) == pair_cells(compared)
    # From a kind of miss to its samples, by keys.
    name = next(name for name in by_name if "offline" in name)
    shares = page.locator("section", has=page.get_by_role("heading", name="Whose fault"))
    bar = shares.locator(".bar", has=page.get_by_text(name, exact=True))
    bar.get_by_role("button", name="not marked 33.3 %").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".som-eval-show[data-show=not_marked][aria-pressed=true]")
    page.wait_for_function("document.querySelectorAll('.som-eval-row').length === 2")
    page.focus(".som-eval-row >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_selector(".som-eval-card article img")
    card = page.locator(".som-eval-card article")
    assert "no mark could have been right" in card.inner_text()
    width = card.locator("img").evaluate(
        "async image => { await image.decode(); return image.naturalWidth; }"
    )
    assert width == 300
    # Texts of the data are texts, in the sample and in the tables.
    assert card.locator(".question").inner_text() == EVIL
    assert "<i>web</i>" in page.locator(".som-eval-numbers").text_content()
    assert page.evaluate("window.hacked") is None
    assert page.locator(".som-evals img[src=x], .som-evals td i").count() == 0
    page.get_by_role("button", name="Next", exact=True).click()
    page.wait_for_selector(".som-eval-steps:has-text('2 of 2')")
    page.get_by_label("Log", exact=True).select_option(index=2)
    page.locator(".som-eval-show[data-show=right]").click()
    page.wait_for_selector(".som-eval-show[data-show=right][aria-pressed=true]")
    page.wait_for_function("document.querySelectorAll('.som-eval-row').length === 4")
    page.locator(".som-eval-show[data-show=wrong]").click()
    page.locator(".som-eval-row >> nth=1").click()
    page.wait_for_selector(".som-eval-steps:has-text('2 of 2')")
    # The same in Korean, and the sample stays open.
    page.click("#language label:has-text('한국어')")
    page.wait_for_selector(".som-eval-steps:has-text('2개 중 2번째')")
    assert "어떤 마크로도 맞을 수 없었습니다" in card.inner_text()


def test_a_log_that_is_sent_is_read_and_forgotten(visit: Open, logs: Path) -> None:
    page = visit(size=(390, 844))
    open_tab(page)
    page.wait_for_selector(".som-eval-logs li >> nth=2")
    for given in (b"no log", a_log_with_images(logs).read_bytes()):
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Add a log").click()
        chooser.value.set_files({"name": "mine.eval", "mimeType": "", "buffer": given})
        page.wait_for_selector(".som-evals .som-error:text('no log'), .som-evals .cards")
    page.get_by_role("tab", name="Samples").click()
    page.locator(".som-eval-show[data-show=right]").click()
    page.locator(".som-eval-row").first.click()
    page.wait_for_selector(".som-eval-card article img")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Forget mine.eval").click()
    page.wait_for_selector(".som-eval-hello", state="visible")


def test_only_logs_of_the_folder_can_be_named(url: str, logs: Path) -> None:
    names = ["../outside/secret.eval", "/etc/passwd", str(inside(logs)[0]), inside(logs)[0].name]
    names += ["link.eval", str(logs / "link.eval")]
    listed = json.dumps(event(url, "one-who-looks", "evals", {"kind": "look"}))
    for name in names:
        said = json.dumps(event(url, "one-who-looks", "evals", {"kind": "pick", "keys": [name]}))
        assert "there is no such log" in said
        assert "root:" not in said
        listed += said
    assert str(logs.parent) not in listed
    odd: list[dict[str, Any]] = [
        {"kind": "open", "number": 10**9}, {"kind": "open", "number": "0"},
        {"kind": "filter", "run": "x", "show": "__class__"}, {"kind": "pair", "a": [], "b": {}},
        {"kind": "pick", "keys": 7}, {"kind": "send", "data": {"path": "/etc/passwd"}},
        {"kind": "send", "data": "/etc/passwd"}, {"kind": "__init__"},
    ]  # fmt: skip
    for data in odd:
        said = json.dumps(event(url, "one-who-looks", "evals", data))
        assert "root:" not in said
        assert "Traceback" not in said


def changed(log: Path, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A log whose samples are not as som wrote them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(log) as old, zipfile.ZipFile(packed, "w") as new:
        for name in old.namelist():
            data = json.loads(old.read(name))
            if name.startswith("samples/"):
                change(data)
            new.writestr(name, json.dumps(data))
    return packed.getvalue()


def test_a_log_that_is_sent_opens_no_picture_of_this_machine(logs: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.fromarray(np.full((400, 400, 3), 7, np.uint8)).save(secret)

    def point_at_it(sample: dict[str, Any]) -> None:
        sample["metadata"]["image"], sample["messages"] = str(secret), []

    raw = changed(a_log_with_images(logs), point_at_it)
    log = aside(receive, data_url(raw), "mine.eval", Config())
    assert log.run.samples[0].image == str(secret)
    assert [_picture(log, one, whole=True) for one in log.run.samples] == [""] * 6


@pytest.mark.parametrize(
    "value", [{"text": 7}, {"seconds": "long"}, {"confidence": -3}, {"named": 1}, {"able": None}]
)
def test_numbers_that_som_never_wrote_are_refused(url: str, logs: Path, value: dict[str, Any]) -> None:
    def write(sample: dict[str, Any]) -> None:
        sample["store"]["answers"][0]["evidence"] |= value

    raw = changed(a_log_with_images(logs), write)
    sent = {"kind": "send", "data": data_url(raw), "title": "odd.eval"}
    said = json.dumps(event(url, f"odd{next(iter(value))}", "evals", sent))
    assert "som did not write" in said


def test_an_error_without_words_is_still_one_and_a_scale_without_numbers_is_none(logs: Path) -> None:
    def fail(sample: dict[str, Any]) -> None:
        sample["error"] = {"message": "", "traceback": "", "traceback_ansi": ""}

    log = aside(receive, data_url(changed(a_log_with_images(logs), fail)), "mine.eval", Config())
    assert {one.error for one in log.run.samples} == {"no reason given"}
    raw = changed(a_log_with_images(logs), lambda sample: sample["store"].update({SCALE: [1]}))
    with pytest.raises(DataError, match="som did not write"):
        aside(receive, data_url(raw), "mine.eval", Config())


def test_what_is_no_log_is_refused_in_one_line(logs: Path) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("header.json", b" " * 30_000_000)
    small = Config(max_upload_mb=1)
    for raw, words in (
        (b"", "no log"), (b"%PDF", "no log"), (b"PK\x03\x04", "broken"), (b"{}", "cannot read"),
        (b"[" * 100_000, "no log"), (b'{"a":' * 100_000, "cannot read"),
        (bomb.getvalue(), "unpacks to"), (b"x" * 2_000_000, "larger than 1 MB"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=words) as said:
            aside(receive, data_url(raw), "a.eval", small)
        assert "\n" not in str(said.value)


def test_without_inspect_ai_the_tab_says_how_to_install_it(
    logs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = a_log_with_images(logs).read_bytes()
    for name in ("inspect_ai", "inspect_ai.log"):
        monkeypatch.setitem(sys.modules, name, None)
    for act in (Shelf(logs).listed, lambda: receive(data_url(raw), "a.eval", Config())):
        with pytest.raises(MissingDependencyError, match=re.escape('pip install "som-agent[eval]"')):
            act()


def test_names_and_looks_beside_each_other(logs: Path) -> None:
    run = aside(read_run, a_log_with_images(logs))
    assert names_of([run, run]) == [f"{run.name} #1", f"{run.name} #2"]
    assert "<i>web</i>" not in numbers([run], "ko")
    assert "모든 수치" in numbers([run], "ko")
    # The page's own switch, not the system's, decides between light and dark.
    assert "prefers-color-scheme" not in style()
    assert style().count("{") == style().count("}")
