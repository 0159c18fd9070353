"""The browser environment on local pages in a real Chromium."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import pytest

from som.agents import actions as do
from som.agents.envs.base import Observation
from som.agents.envs.browser import BrowserEnv
from som.agents.envs.chromium import shared
from som.agents.network import NetworkPolicy
from som.agents.secrets import Secret, Secrets
from som.errors import SomError
from tests.agents.envs.site import Site, serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="needs Chromium"
    ),
]
HERE = NetworkPolicy(allow_private=True)
Open = Callable[..., BrowserEnv]


@pytest.fixture(scope="module", autouse=True)
def playwright() -> Iterator[None]:
    """Keeps playwright's driver for all the browsers of this module."""
    from playwright.sync_api import sync_playwright

    with shared(sync_playwright):
        yield


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens a page of a site of its own; `env.site` is that site."""
    with ExitStack() as stack:

        def open_page(html: str, more: dict[str, str] | None = None, **options: object) -> BrowserEnv:
            site = stack.enter_context(serving({"/": f"<!doctype html>{html}", **(more or {})}))
            options.setdefault("policy", HERE)
            env = stack.enter_context(BrowserEnv(site.url, **options))
            env.site = site  # type: ignore[attr-defined]
            return env

        yield open_page


def ids(seen: Observation) -> dict[str, int]:
    return {mark.text: mark.id for mark in seen.marked.marks}


FORM = """<title>Form</title><body style="margin:20px">
<a href="/two">Second</a> <button onclick="this.textContent='Clicked'">Press me</button>
<label><input type=checkbox> Agree</label> <input id=q placeholder="Search">
<select aria-label=Colour><option>Red<option>Dark green</select> <button disabled>Off</button>
<div id=host></div>
<iframe srcdoc="<button onclick='this.textContent=`Done`'>In frame</button>"
  style="border:5px solid red;padding:7px;width:200px;height:60px"></iframe>
<script>host.attachShadow({mode: "open"}).innerHTML = "<div id=x></div>";
host.shadowRoot.getElementById("x").attachShadow({mode: "open"}).innerHTML = "<button>Deep</button>";
</script>"""


@pytest.mark.parametrize("density", [1, 2])
def test_marks_come_from_all_frames_and_shadow_roots(opened: Open, density: int) -> None:
    env = opened(FORM, density=density)
    seen = env.observe()
    assert set(ids(seen)) == {
        "Second", "Press me", "Agree", "Search", "Colour", "Off", "Deep", "In frame",
    }  # fmt: skip
    roles = {mark.text: mark.role for mark in seen.marked.marks}
    assert roles["Agree"] == "checkbox"
    assert roles["Second"] == "link"
    assert seen.marked.size_wh == (1280 * density, 800 * density)
    # The framed button is dark on the page's white: its box must hold its edges and little else.
    x1, y1, x2, y2 = (round(v) for v in seen.marked[ids(seen)["In frame"]].box_xyxy)
    inside = seen.marked.image[y1:y2, x1:x2]
    assert (inside[inside.shape[0] // 2, 0] < 200).all()
    assert (seen.marked.image[(y1 + y2) // 2, x1 - 3 * density] == 255).all()
    assert seen.states[ids(seen)["Off"]] == "disabled"
    assert seen.states[ids(seen)["Colour"]] == 'value "Red", options ["Red","Dark green"]'


def test_actions_act_and_say_what_happened(opened: Open) -> None:
    env = opened(FORM)
    marks = ids(env.observe())
    for action, message, changed in (
        (do.Click(mark=marks["Press me"]), "clicked", True),
        (do.Click(mark=marks["Agree"]), "clicked", True),
        (do.Type(mark=marks["Search"], text="hello"), "typed", True),
        (do.SelectOption(mark=marks["Colour"], option="green"), 'chose "Dark green"', True),
        (do.Click(mark=marks["In frame"]), "clicked", True),
        (do.Hover(mark=marks["Second"]), "nothing changed on the page", False),
    ):
        outcome = env.act(action)
        assert outcome.ok, outcome
        assert message in outcome.message
        assert outcome.changed is changed
    seen = env.observe()
    assert ids(seen)["Clicked"] == marks["Press me"]
    assert ids(seen)["Done"] == marks["In frame"]
    assert "checked" in seen.states[marks["Agree"]]
    assert 'value "hello"' in seen.states[marks["Search"]]
    assert seen.new_ids == frozenset()

    env.act(do.Type(mark=marks["Search"], text=" you", clear=False))
    assert 'value "hello you"' in env.observe().states[marks["Search"]]


def test_mistakes_are_outcomes(opened: Open) -> None:
    env = opened(FORM)
    marks = ids(env.observe())
    for action, message in (
        (do.Click(mark=99), "there is no mark [99]"),
        (do.Click(mark=marks["Off"]), "is disabled"),
        (do.Type(mark=marks["Press me"], text="x"), "takes no text"),
        (do.Type(mark=marks["Colour"], text="x"), "use select_option"),
        (do.SelectOption(mark=marks["Colour"], option="blue"), 'there are: "Red", "Dark green"'),
        (do.SelectOption(mark=marks["Second"], option="blue"), "no native drop-down"),
        (do.SwitchTab(tab=5), "there is no tab 5"),
        (do.ClickAt(x=5000, y=1), "is not on the image"),
        (do.Goto(url="gopher://x"), "not open to the agent"),
        (do.Answer(text="x"), "nothing that a browser does"),
    ):
        outcome = env.act(action)
        assert not outcome.ok
        assert message in outcome.message, outcome


def test_an_element_that_is_gone_or_covered_says_so(opened: Open) -> None:
    env = opened(
        "<button id=a>Gone</button><br><button id=b>Covered</button>"
        "<script>go = () => { a.remove(); const d = document.createElement('div');"
        "d.style = 'position:fixed;inset:0;background:#fff'; document.body.append(d); }</script>"
    )
    marks = ids(env.observe())
    env.page.evaluate("go()")
    assert "is gone" in env.act(do.Click(mark=marks["Gone"])).message
    assert "something lies over it" in env.act(do.Click(mark=marks["Covered"])).message
    assert ids(env.observe()) == {}


def test_numbers_stay_with_their_elements(opened: Open) -> None:
    env = opened(
        "<div id=list><button>One</button><button>Two</button></div>"
        "<script>add = () => list.prepend(Object.assign(document.createElement('button'),"
        "{textContent: 'Zero'}))</script>",
        {"/two": "<button>Elsewhere</button>"},
    )
    before = ids(env.observe())
    env.page.evaluate("add()")
    seen = env.observe()
    assert {name: ids(seen)[name] for name in before} == before
    assert seen.new_ids == {ids(seen)["Zero"]}
    assert [mark.label for mark in seen.marked.marks] == [str(mark.id) for mark in seen.marked.marks]
    env.act(do.Goto(url=f"{env.site.url}/two"))  # type: ignore[attr-defined]
    assert env.observe().new_ids


def test_only_what_is_on_screen_and_on_top_is_marked(opened: Open) -> None:
    env = opened(
        "<style>body{margin:0}header{position:sticky;top:0;background:#eee;height:60px;z-index:2}</style>"
        "<header><button>Menu</button></header>"
        + "".join(f"<p style='height:80px'><a href='#{i}'>Link {i}</a></p>" for i in range(40))
        + "<button style='visibility:hidden'>Hidden</button><button style='display:none'>None</button>"
    )
    first = set(ids(env.observe()))
    assert "Menu" in first
    assert "Link 0" in first
    assert not first & {"Link 39", "Hidden", "None"}
    assert env.act(do.Scroll(amount=1)).changed
    later = env.observe()
    assert "Menu" in ids(later)
    assert "Link 0" not in ids(later)
    # What has left the screen can still be pressed: it is scrolled to.
    number = ids(later)["Link 12"]
    env.act(do.Scroll(direction="up", amount=5))
    assert env.act(do.Click(mark=number)).ok
    assert env.observe().url.endswith("#12")


def test_infinite_scrolling_and_lazy_content(opened: Open) -> None:
    env = opened(
        "<div id=list></div><div id=end style='height:10px'></div><script>let n = 0;"
        "new IntersectionObserver((e) => { if (e[0].isIntersecting) for (let i = 0; i < 10; i++) {"
        "const b = document.createElement('button'); b.textContent = 'Item ' + n++;"
        "b.style = 'display:block;height:90px'; list.append(b); } }).observe(end);</script>"
    )
    assert "Item 0" in ids(env.observe())
    for _ in range(3):
        env.act(do.Scroll(amount=2))
    assert max(int(text.split()[1]) for text in ids(env.observe())) > 15


def test_dialogs_are_answered_and_told(opened: Open) -> None:
    html = (
        "<button onclick=\"alert('Saved')\">Alert</button>"
        "<button onclick=\"document.title = confirm('Delete all?')\">Confirm</button>"
    )
    env = opened(html)
    marks = ids(env.observe())
    env.act(do.Click(mark=marks["Alert"]))
    assert 'the page showed alert "Saved"; it was accepted' in env.observe().notes
    env.act(do.Click(mark=marks["Confirm"]))
    assert 'the page showed confirm "Delete all?"; it was dismissed' in env.observe().notes
    assert env.page.title() == "false"
    asked = []

    def agree(kind: str, said: str) -> bool:
        asked.append((kind, said))
        return True

    yes = opened(html, on_dialog=agree)
    yes.act(do.Click(mark=ids(yes.observe())["Confirm"]))
    assert yes.page.title() == "true"
    assert asked == [("confirm", "Delete all?")]


def test_leaving_a_page_that_asks_to_stay(opened: Open) -> None:
    env = opened(
        "<input><script>addEventListener('beforeunload', (e) => e.preventDefault())</script>",
        {"/two": "<title>Two</title>"},
    )
    env.act(do.Type(mark=next(iter(ids(env.observe()).values())), text="x"))
    assert env.act(do.Goto(url=f"{env.site.url}/two")).ok  # type: ignore[attr-defined]
    seen = env.observe()
    assert seen.title == "Two"
    assert any("beforeunload" in note for note in seen.notes)


def test_tabs_open_switch_and_close(opened: Open) -> None:
    env = opened(
        "<title>One</title><a href='/two' target=_blank>Open</a>", {"/two": "<title>Two</title>"}
    )
    env.act(do.Click(mark=ids(env.observe())["Open"]))
    seen = env.observe()
    assert (seen.title, len(seen.tabs)) == ("Two", 2)
    assert "a new tab was opened" in seen.notes
    env.act(do.SwitchTab(tab=1))
    assert env.observe().title == "One"
    env.act(do.SwitchTab(tab=2))
    env.act(do.CloseTab())
    seen = env.observe()
    assert (seen.title, len(seen.tabs)) == ("One", 1)
    env.act(do.NewTab(url=f"{env.site.url}/two"))  # type: ignore[attr-defined]
    assert env.observe().title == "Two"


def test_going_back_and_forward(opened: Open) -> None:
    env = opened("<title>One</title><a href='/two'>Go</a>", {"/two": "slow:<title>Two</title>"})
    env.act(do.Click(mark=ids(env.observe())["Go"]))
    env.act(do.Wait(seconds=1.2))
    assert env.observe().title == "Two"
    env.act(do.GoBack())
    assert env.observe().title == "One"
    env.act(do.GoForward())
    assert env.observe().title == "Two"


def test_a_page_that_goes_elsewhere_while_it_is_looked_at(opened: Open) -> None:
    env = opened(
        "<button>Here</button><script>setTimeout(() => location = '/two', 60)</script>",
        {"/two": "slow:<title>Two</title><button>There</button>"},
    )
    assert env.observe() is not None
    env.act(do.Wait(seconds=1.5))
    assert set(ids(env.observe())) == {"There"}


def test_a_crashed_tab_is_opened_again(opened: Open) -> None:
    env = opened("<title>One</title><button>Here</button>")
    env.observe()
    with pytest.raises(Exception, match="crash"):
        env.page.goto("chrome://crash")
    seen = env.observe()
    assert any("crashed" in note for note in seen.notes)


def test_a_closed_browser_is_one_line(opened: Open) -> None:
    env = opened("<title>One</title>")
    env.page.context.browser.close()
    with pytest.raises(SomError, match="browser was closed"):
        env.observe()
    env.close()
    env.close()


@pytest.mark.parametrize("density", [1, 2])
def test_pixels_are_marked_where_documents_are_blind(opened: Open, density: int) -> None:
    html = (
        "<button>Real</button><br><canvas id=c width=400 height=200></canvas><script>"
        "const x = c.getContext('2d'); x.fillStyle = '#1a73e8'; x.fillRect(240, 130, 140, 44);"
        "x.fillStyle = '#fff'; x.font = '20px sans-serif'; x.fillText('Draw it', 272, 159);"
        "c.onclick = (e) => document.title = e.offsetX + ',' + e.offsetY</script>"
    )
    env = opened(html, density=density)
    seen = env.observe()
    drawn = next(mark for mark in seen.marked.marks if mark.text == "Draw it")
    assert env.act(do.Click(mark=drawn.id)).ok
    x, y = map(int, env.page.title().split(","))
    assert (abs(x - 310) < 30, abs(y - 152) < 12) == (True, True)
    assert "Draw it" not in ids(opened(html, marks="dom").observe())
    by_sight = opened(html, marks="screen").observe()
    assert {mark.source for mark in by_sight.marked.marks} <= {"ocr", "shape"}
    assert {"Real", "Draw it"} <= set(ids(by_sight))


def test_what_is_drawn_keeps_its_number_when_it_moves(opened: Open) -> None:
    env = opened(
        "<button>Real</button><br><canvas id=c width=600 height=400></canvas><script>"
        "const x = c.getContext('2d'); function draw(y) { x.clearRect(0, 0, 600, 400);"
        "['Copy', 'Paste', 'Undo', 'Redo'].forEach((word, i) => { const top = y + 60 * i;"
        "x.fillStyle = '#1a73e8'; x.fillRect(20, top, 140, 44);"
        "x.fillStyle = '#fff'; x.font = '20px sans-serif'; x.fillText(word, 52, top + 29); }); }"
        "draw(90)</script>"
    )
    before = ids(env.observe())
    env.page.evaluate("draw(37)")
    seen = env.observe()
    assert ids(seen) == before
    assert {"Real", "Copy", "Paste", "Undo", "Redo"} <= set(before)
    assert not seen.new_ids


def test_a_closer_look_maps_back_to_the_page(opened: Open) -> None:
    env = opened(
        "<body style='margin:0'><button style='position:absolute;left:600px;top:300px'>Tiny</button>"
        "<script>onclick = (e) => document.title = e.clientX + ',' + e.clientY</script>"
    )
    mark = ids(env.observe())["Tiny"]
    assert env.act(do.Zoom(mark=mark)).ok
    closer = env.observe()
    x1, y1, x2, y2 = closer.marked[mark].box_xyxy
    assert x2 - x1 > 100
    env.act(do.ClickAt(x=round((x1 + x2) / 2), y=round((y1 + y2) / 2)))
    x, y = map(float, env.page.title().split(","))
    left, top, right, bottom = env.page.eval_on_selector(
        "button",
        "e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom] }",
    )
    assert left < x < right
    assert top < y < bottom
    assert env.observe().marked.size_wh == (1280, 800)
    beside = env.act(do.MarkRegion(x1=5000, y1=280, x2=5100, y2=340))
    assert not beside.ok
    assert "not on the image" in beside.message
    env.act(do.MarkRegion(x1=560, y1=280, x2=700, y2=340))
    assert env.observe().marked.size_wh != (1280, 800)


def test_dragging(opened: Open) -> None:
    env = opened(
        "<div draggable=true style='width:90px;height:40px;background:#ccc'>Card</div>"
        "<button id=to style='margin-top:80px;height:60px'>Bin</button><script>"
        "to.ondragover = (e) => e.preventDefault(); to.ondrop = () => to.textContent = 'Full'</script>"
    )
    marks = ids(env.observe())
    assert env.act(do.Drag(mark=marks["Card"], to=marks["Bin"])).changed
    assert ids(env.observe())["Full"] == marks["Bin"]


def test_secrets_are_typed_and_never_shown(opened: Open) -> None:
    env = opened(
        "<input aria-label=Mail><input type=password aria-label=Pass>",
        secrets=Secrets([Secret("mail", "me@example.org", ("127.0.0.1",))]),
    )
    marks = ids(env.observe())
    env.act(do.Type(mark=marks["Mail"], text="{{secret:mail}}"))
    env.act(do.Type(mark=marks["Pass"], text="hunter2"))
    seen = env.observe()
    assert env.page.input_value("input") == "me@example.org"
    assert seen.states[marks["Mail"]] == 'value "{{secret:mail}}"'
    assert "hunter2" not in str(seen.states)
    for name in ("Mail", "Pass"):
        x1, y1, x2, y2 = (int(v) for v in seen.marked[marks[name]].box_xyxy)
        assert np.ptp(seen.marked.image[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1]) == 0, "painted over"


def refused(site: Site) -> list[str]:
    return [asked for asked in site.asked if asked.startswith("localhost")]


@pytest.mark.parametrize(
    "html",
    [
        "<a href='/away'>Go</a>",  # a redirect
        "<a href='{other}/x'>Go</a>",
        "<a href='{other}/x' target=_blank>Go</a>",  # a pop-up
        "<button onclick=\"fetch('{other}/x', {mode: 'no-cors'})\">Go</button>",
        "<button onclick=\"document.body.append(Object.assign(document.createElement('iframe'),"
        "{src: '{other}/x'}))\">Go</button>",
        "<button onclick=\"new WebSocket('{socket}/x')\">Go</button>",
    ],
)
def test_nothing_leads_past_the_allowed_domains(opened: Open, html: str) -> None:
    env = opened("", policy=NetworkPolicy(allowed=("127.0.0.1",), allow_private=True))
    site: Site = env.site  # type: ignore[attr-defined]
    site.pages["/page"] = html.replace("{other}", site.other).replace(
        "{socket}", site.other.replace("http", "ws")
    )
    site.pages["/away"] = f"->{site.other}/x"
    assert env.act(do.Goto(url=f"{site.url}/page")).ok
    env.act(do.Click(mark=ids(env.observe())["Go"]))
    env.act(do.Wait(seconds=0.3))
    notes = " ".join(env.observe().notes)
    assert refused(site) == []
    assert "localhost is not one of the allowed domains" in notes
    assert "localhost is not one of" in env.act(do.Goto(url=f"{site.other}/x")).message


def test_files_and_downloads_are_refused(opened: Open) -> None:
    env = opened(
        "<a href='/data.zip'>Data</a> <iframe src='file:///etc/hostname'></iframe>",
        {"/data.zip": "PK"},
    )
    env.act(do.Click(mark=ids(env.observe())["Data"]))
    env.act(do.Wait(seconds=0.3))
    assert any('download of "data.zip" was refused' in note for note in env.observe().notes)
    assert "files of this machine" in env.act(do.Goto(url="file:///etc/passwd")).message
    with pytest.raises(SomError, match="files of this machine"):
        BrowserEnv("file:///etc/passwd")
    with pytest.raises(SomError, match="private network"):
        BrowserEnv(env.site.url)  # type: ignore[attr-defined]
