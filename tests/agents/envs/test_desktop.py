"""The desktop environment on a real X server with real programs."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from som.agents import actions as do
from som.agents.envs.chromium import FLAGS
from som.agents.envs.desktop import DesktopEnv
from som.agents.trace import read_trace
from som.cli import main
from som.errors import SomError
from tests.agents.envs.site import Site, serving

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    BROWSER is None or any(shutil.which(name) is None for name in ("Xvfb", "xdotool")),
    reason="needs Xvfb, xdotool and Chromium (Debian: xvfb xdotool chromium)",
)
PAGE = """<!doctype html><title>Sign up</title>
<style>
body { font: 18px sans-serif; margin: 40px }
button, input { font: 18px sans-serif; padding: 10px 24px }
</style>
<p>Sign up here</p><input id=name placeholder="Your name" autofocus>
<p><button onclick="fetch('/accept')">Accept</button> <button onclick="fetch('/refuse')">Refuse</button>
<p style="font-size:11px"><a href="#" onclick="fetch('/terms')">Read the terms</a>
<script>document.querySelector("#name").onkeydown = (e) => {
  if (e.key === "Enter") fetch("/name/" + encodeURIComponent(e.target.value));
}</script>"""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A display of its own: the server picks a free number and says which."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as said:
        number = said.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def site(display: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A browser's window that fills the display, and what its page asked of its site."""
    with serving({"/": PAGE, "/accept": "", "/refuse": "", "/terms": ""}) as pages:
        window = subprocess.Popen(
            [str(BROWSER), *FLAGS, "--no-sandbox", f"--app={pages.url}", "--window-position=0,0",
             "--window-size=800,600", f"--user-data-dir={tmp_path_factory.mktemp('profile')}"],
            env={**os.environ, "DISPLAY": display}, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        yield pages
        window.terminate()
        window.wait()


def asked_of(site: Site, path: str) -> bool:
    """Whether the page asks this of its site, now or in a moment."""
    for _ in range(50):
        if any(request.endswith(path) for request in site.asked):
            return True
        time.sleep(0.1)
    return False


def wait_for(env: DesktopEnv, text: str) -> int:
    """The id of the mark that says this, once it is there."""
    for _ in range(20):
        for mark in env.observe().marked:
            if text.casefold() in mark.text.casefold():
                return mark.id
        time.sleep(0.2)
    raise AssertionError(f"nothing says {text!r}")


def test_a_click_on_a_mark_presses_a_real_button(display: str, site: Site) -> None:
    with DesktopEnv(display) as env:
        refuse = wait_for(env, "Refuse")
        again = env.observe()
        assert again.marked[refuse].text.casefold() == "refuse"
        assert refuse not in again.new_ids
        assert env.describe(refuse).text == again.marked[refuse].text
        assert env.describe(9999) is None
        outcome = env.act(do.Click(mark=refuse))
        assert (outcome.ok, outcome.changed) == (True, True)
        assert asked_of(site, "/refuse")
        assert not asked_of(site, "/accept")


def test_secrets_are_typed_and_never_shown(display: str, site: Site) -> None:
    secret = "hunter2"
    with DesktopEnv(
        display,
        reveal=lambda text: text.replace("{{secret:word}}", secret),
        mask=lambda text: text.replace(secret, "{{secret:word}}"),
    ) as env:
        field = wait_for(env, "Your name")
        outcome = env.act(do.Type(mark=field, text="it is {{secret:word}}", submit=True))
        assert outcome.ok
        assert asked_of(site, f"/name/it%20is%20{secret}")
        assert secret not in outcome.message
        seen = env.observe().marked
        assert "{{secret:word}}" in seen.legend()
        assert secret not in seen.legend()
        assert seen[field].text.startswith("it is")  # the same field, whatever is in it


def test_a_part_is_shown_larger_and_a_click_there_lands_where_it_should(
    display: str, site: Site
) -> None:
    with DesktopEnv(display) as env:
        accept = wait_for(env, "Accept")
        x1, y1, x2, y2 = map(int, env.observe().marked[accept].box_xyxy)
        assert env.act(do.MarkRegion(x1=x1 - 20, y1=y1, x2=x2 + 60, y2=y2 + 60)).ok
        closer = env.observe().marked
        assert closer.size_wh != (800, 600)
        terms = next(mark for mark in closer if "terms" in mark.text.casefold())
        assert env.act(do.Click(mark=terms.id)).ok
        assert asked_of(site, "/terms")


def test_what_cannot_be_done_is_an_outcome(display: str) -> None:
    with DesktopEnv(display) as env:
        env.observe()
        for action, reason in [
            (do.Click(mark=77), "no mark 77"),
            (do.Goto(url="https://example.org"), "goto is nothing that a desktop does"),
            (do.ClickAt(x=5000, y=5), "not on the image"),
            (do.MarkRegion(x1=5000, y1=5, x2=5100, y2=50), "not on the image"),
            (do.Press(keys="NoSuchKey"), "no key 'NoSuchKey'"),
        ]:
            outcome = env.act(action)
            assert not outcome.ok
            assert reason in outcome.message
        env.act(do.Press(keys="Shift"))  # the first key shows which element has the focus
        still = env.act(do.Press(keys="Shift"))
        assert still.ok
        assert "nothing changed" in still.message


def test_no_desktop_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(SomError, match="DISPLAY is not set"):
        DesktopEnv()
    with pytest.raises(SomError, match="no desktop answers at display :987"):
        DesktopEnv(":987")


def test_som_act_works_on_the_desktop(
    display: str, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", display)
    with DesktopEnv(display) as env:
        wait_for(env, "Accept")
    asked = ["act", 'click "Accept"', "--desktop", "--model", "offline", "--max-steps", "3"]
    done = CliRunner().invoke(main, [*asked, "--yes", "--trace", str(tmp_path / "run")])
    assert done.exit_code == 0, done.output
    assert asked_of(site, "/accept")
    assert read_trace(tmp_path / "run").end.status == "answered"
    secret = CliRunner().invoke(
        main, [*asked, "--secret", "word@example.org"], env={"SOM_SECRET_WORD": "hunter2"}
    )
    assert "in a browser only" in secret.output
