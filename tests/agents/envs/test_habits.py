"""What pages of the real web do to whoever acts on them: one browser, one local page for each habit."""

import shutil
from collections.abc import Callable, Iterator
from threading import Event

import pytest

from som.agents import actions as do
from som.agents.envs.base import Observation
from som.agents.envs.browser import BrowserEnv
from som.agents.network import NetworkPolicy
from som.agents.safety import SafetyPolicy
from som.errors import SomError
from tests.agents.envs.site import Site, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="needs Chromium"
    ),
]
Show = Callable[..., BrowserEnv]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving({"/": "", "/two": "<title>Two</title><button>There</button>"}) as served:
        yield served


@pytest.fixture(scope="module")
def browser(site: Site) -> Iterator[BrowserEnv]:
    policy = NetworkPolicy(allow_private=True)
    with BrowserEnv(site.url, marks="dom", policy=policy, timeout_s=3) as env:
        yield env


@pytest.fixture
def show(browser: BrowserEnv, site: Site) -> Show:
    """Shows a page in the browser of this module."""

    def shown(html: str, **pages: str) -> BrowserEnv:
        site.pages.update({f"/{name}": page for name, page in pages.items()})
        site.pages["/page"] = f"<!doctype html><title>Page</title>{html}"
        browser.restart(f"{site.url}/page")
        return browser

    return shown


def ids(seen: Observation) -> dict[str, int]:
    return {mark.text: mark.id for mark in seen.marked.marks}


def click(env: BrowserEnv, text: str) -> str:
    return env.act(do.Click(mark=ids(env.observe())[text])).message


def test_a_cookie_banner_is_in_the_way_until_it_is_answered(show: Show) -> None:
    env = show(
        "<a href='/two'>Article</a><div id=banner style='position:fixed;inset:0;background:#0008'>"
        "<div style='background:#fff;margin:90px;padding:30px'>We value your privacy "
        "<button onclick='banner.remove()'>Accept all cookies</button>"
        "<button>Settings</button></div></div>"
    )
    seen = env.observe()
    assert set(ids(seen)) == {"Accept all cookies", "Settings"}
    accept = do.Click(mark=ids(seen)["Accept all cookies"])
    assert SafetyPolicy().judge(accept, env, seen).verdict == "allow"
    assert env.act(accept).changed
    assert set(ids(env.observe())) == {"Article"}


def test_a_banner_that_comes_late_says_that_it_covers(show: Show) -> None:
    env = show(
        "<button>Go</button><script>late = () => document.body.insertAdjacentHTML('beforeend',"
        "'<div style=\"position:fixed;inset:0;background:#fff\"><button>No thanks</button></div>')"
        "</script>"
    )
    mark = ids(env.observe())["Go"]
    env.page.evaluate("late()")
    assert "something lies over it" in env.act(do.Click(mark=mark)).message
    assert set(ids(env.observe())) == {"No thanks"}


def test_dialogs_one_after_the_other_and_while_loading(show: Show) -> None:
    env = show(
        "<script>alert('Welcome'); </script><button onclick=\"for (let i = 0; i < 4; i++) alert(i);"
        "document.title = prompt('Your name?', 'x') + '/' + confirm('Sure?')\">Ask</button>"
        "<button onclick=\"setTimeout(() => alert('later'), 50)\">Later</button>"
    )
    env.act(do.Wait(seconds=0.1))
    assert "clicked" in click(env, "Ask")
    notes = " ".join(env.observe().notes)
    for said in ('alert "0"', 'alert "3"', 'prompt "Your name?"; it was dismissed', 'confirm "Sure?"'):
        assert said in notes
    assert env.page.title() == "null/false"
    click(env, "Later")
    env.act(do.Wait(seconds=0.2))
    assert any('alert "later"' in note for note in env.observe().notes)


def test_windows_that_open_and_close_by_themselves(show: Show) -> None:
    env = show(
        "<button onclick=\"window.open('/two')\">Open</button>"
        "<button onclick=\"window.open('/closing')\">Flash</button>",
        closing="<script>window.close()</script>",
    )
    click(env, "Open")
    seen = env.observe()
    assert (seen.title, len(seen.tabs)) == ("Two", 2)
    env.act(do.CloseTab())
    assert env.observe().title == "Page"
    click(env, "Flash")
    env.act(do.Wait(seconds=0.3))
    seen = env.observe()
    assert (seen.title, len(seen.tabs)) == ("Page", 1)
    assert any("closed" in note for note in seen.notes)


def test_what_loads_late_is_there_when_it_is_waited_for(show: Show) -> None:
    env = show(
        "<button onclick=\"setTimeout(() => this.textContent = 'Loaded', 400)\">Load</button>"
        "<div style='height:3000px'></div><div id=lazy style='height:40px'></div><script>"
        "new IntersectionObserver(([e]) => { if (e.isIntersecting) setTimeout(() => lazy.innerHTML ="
        "'<button>Lazy</button>', 60) }).observe(lazy)</script>"
    )
    click(env, "Load")
    env.act(do.Wait(seconds=0.6))
    assert "Loaded" in ids(env.observe())
    env.act(do.Scroll(amount=10))
    assert "Lazy" in ids(env.observe())


def test_a_sticky_header_over_a_target_is_scrolled_away_from(show: Show) -> None:
    env = show(
        "<style>body{margin:0}header{position:fixed;top:0;left:0;right:0;background:#eee;height:120px}"
        "</style><header><button>Menu</button></header><div style='height:900px'></div>"
        "<button id=b onclick=\"document.title = 'Pressed'\">Target</button>"
        "<div style='height:2000px'></div>"
    )
    env.page.evaluate("b.scrollIntoView({block: 'center'})")
    mark = ids(env.observe())["Target"]
    env.page.evaluate("b.scrollIntoView({block: 'start'})")
    assert "Target" not in ids(env.observe())
    env.page.evaluate("b.scrollIntoView({block: 'center'})")
    assert ids(env.observe())["Target"] == mark
    env.page.evaluate("b.scrollIntoView({block: 'start'})")
    assert env.act(do.Click(mark=mark)).ok
    assert env.page.title() == "Pressed"


def test_a_disabled_button_says_so_until_it_is_not(show: Show) -> None:
    env = show(
        "<input aria-label=Name oninput='b.disabled = !this.value'>"
        "<button id=b disabled onclick=\"document.title = 'Sent'\">Go on</button>"
        "<button aria-disabled=true>Never</button>"
    )
    seen = env.observe()
    for name in ("Go on", "Never"):
        assert "is disabled" in env.act(do.Click(mark=ids(seen)[name])).message
    env.act(do.Type(mark=ids(seen)["Name"], text="x"))
    click(env, "Go on")
    assert env.page.title() == "Sent"


def test_a_page_that_never_ends_loading_is_used_as_far_as_it_is(show: Show) -> None:
    env = show(
        "<button onclick=\"document.title = 'Pressed'\">Ready</button><img src='/slow'>",
        slow="slow:x",
    )
    click(env, "Ready")
    assert env.observe().title == "Pressed"


def test_a_page_that_never_rests_is_looked_at_all_the_same(show: Show) -> None:
    env = show(
        "<button>Still</button><p id=p></p><script>"
        "(function tick() { p.textContent = performance.now();"
        "requestAnimationFrame(tick) })()</script>"
    )
    assert "Still" in ids(env.observe())


def test_a_page_that_goes_elsewhere_in_the_middle_of_a_step(show: Show) -> None:
    env = show(
        "<input aria-label=Code oninput=\"if (this.value.length > 2) location = '/two'\">"
        "<button onclick=\"setTimeout(() => location = '/two', 20)\">Leave</button>"
    )
    old = ids(env.observe())
    outcome = env.act(do.Type(mark=old["Code"], text="123456789"))
    assert env.observe().title == "Two", outcome
    assert "there is no mark" in env.act(do.Click(mark=old["Leave"])).message
    env = show("<button onclick=\"setTimeout(() => location = '/two', 20)\">Leave</button>")
    click(env, "Leave")
    env.act(do.Wait(seconds=0.2))
    assert set(ids(env.observe())) == {"There"}


def test_permissions_and_files_are_given_to_no_page(show: Show) -> None:
    env = show(
        "<script>got = []; got.push('asked')</script>"
        '<button onclick="Notification.requestPermission((p) => got.push(p))">Notify</button>'
        "<button onclick=\"navigator.geolocation.getCurrentPosition(() => got.push('here'),"
        "() => got.push('nowhere'))\">Where</button><label>File <input type=file></label>"
    )
    click(env, "Notify")
    click(env, "Where")
    env.act(do.Wait(seconds=0.1))
    got = env.page.evaluate("got")
    assert "nowhere" in got
    assert not {"granted", "here"} & set(got)
    seen = env.observe()
    pick = do.Click(mark=next(mark.id for mark in seen.marked if mark.text == "File"))
    assert SafetyPolicy().judge(pick, env, seen).kind == "upload"
    assert env.act(pick).ok
    assert "File" in ids(env.observe())


def test_an_action_on_a_crashed_tab_is_an_outcome(show: Show) -> None:
    env = show("<button>Here</button>")
    mark = ids(env.observe())["Here"]
    with pytest.raises(Exception, match="crash"):
        env.page.goto("chrome://crash")
    outcome = env.act(do.Click(mark=mark))
    assert not outcome.ok
    seen = env.observe()
    assert any("crashed" in note for note in seen.notes)
    assert "Here" in ids(seen)


def test_a_page_without_a_document_has_no_marks(show: Show) -> None:
    env = show("<script>document.documentElement.remove()</script>")
    assert ids(env.observe()) == {}


def test_a_frame_that_breaks_what_it_is_asked_with_loses_only_its_marks(show: Show) -> None:
    env = show(
        "<button>Fine</button><iframe srcdoc='<button>Broken</button><script>"
        "Element.prototype.getClientRects = () => { throw 1 }</script>'></iframe>"
    )
    assert set(ids(env.observe())) == {"Fine"}


@pytest.mark.parametrize(
    "habit", ["Array.prototype.toJSON = () => 'list'", "JSON.stringify = () => 'no JSON'"]
)
def test_a_page_with_a_json_of_its_own_is_looked_at_all_the_same(show: Show, habit: str) -> None:
    env = show(f"<button disabled>Fine</button><script>{habit}</script>")
    seen = env.observe()
    assert seen.states == {ids(seen)["Fine"]: "disabled"}


def test_a_name_that_is_cut_within_an_emoji_can_be_written(show: Show) -> None:
    env = show(
        f"<button>{'a' * 199}\N{TEACUP WITHOUT HANDLE}\N{GRINNING FACE}</button>"
        f"<button>{'b' * 199}\N{GRINNING FACE}</button>"
    )
    for name in ids(env.observe()):
        name.encode()


@pytest.mark.slow
def test_a_page_that_hangs_is_ended(show: Show) -> None:
    env = show("<button onclick='while (1);'>Hang</button>")
    assert "the page stopped answering and was closed" in click(env, "Hang")
    seen = env.observe()
    assert any("crashed" in note for note in seen.notes)
    assert "Hang" in ids(seen)
    env.page.evaluate("setTimeout(() => { while (1); }, 50)")
    seen = env.observe()
    assert "Hang" in ids(seen)
    env.page.evaluate("setTimeout(() => { while (1); }, 50)")
    Event().wait(0.3)  # it hangs now, and is asked what a mark stands for
    found = env.describe(ids(seen)["Hang"])
    assert found is not None
    assert found.text == "Hang"
    assert env.describe_focused() is None
    assert "Hang" in ids(env.observe())


@pytest.mark.slow
def test_a_call_that_outlives_its_page_ends_with_the_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    from playwright.sync_api import Error

    monkeypatch.setattr("som.agents.envs.watchdog.LAST_S", 0.3)
    with BrowserEnv("data:text/html,<button>Here</button>") as env:
        with pytest.raises(Error, match="closed"), env._watchdog.watching(0.3):
            env.page.context.wait_for_event("page", timeout=0)
        with pytest.raises(SomError, match="browser was closed"):
            env.observe()
