"""What marks and actions reach on common pages: listeners, shapes, unlabelled fields, text."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from som.agents import actions as do
from som.agents.envs.base import Observation
from som.agents.envs.browser import BrowserEnv
from som.agents.network import NetworkPolicy
from tests.agents.envs.site import serving

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        not (shutil.which("chromium") or shutil.which("chromium-browser")), reason="needs Chromium"
    ),
]


@contextmanager
def on(html: str, **options: object) -> Iterator[tuple[BrowserEnv, Observation]]:
    with serving({"/": f"<!doctype html><meta charset=utf-8>{html}"}) as site:
        policy = NetworkPolicy(allow_private=True)
        with BrowserEnv(site.url, policy=policy, viewport_wh=(400, 400), marks="dom", **options) as env:
            yield env, env.observe()


def names(seen: Observation) -> list[str]:
    return [mark.text for mark in seen.marked.marks]


def mark(seen: Observation, text: str) -> int:
    return next(one.id for one in seen.marked.marks if one.text == text)


LISTENERS = """<style>
  div, svg { margin: 8px }
  .trash { display: inline-block; width: 20px; height: 20px; background: #ccc }
</style>
<div id=heard>Heard</div> <div id=deaf>Deaf</div> <div id=was>Was heard</div>
<svg width=60 height=30><rect id=shape width=30 height=30 fill=red /></svg>
<div id=list><span class=one>One</span> <span class=two>Two</span></div>
<div id=card>A card <span class=trash id=bin></span></div>
<script>
  const noop = () => {};
  for (const one of [heard, was, shape, list, card, bin, ...list.children])
    one.addEventListener("click", noop);
  was.removeEventListener("click", noop);
</script>"""


def test_what_listens_for_presses_is_marked_and_what_listens_for_others_is_not() -> None:
    """A list that holds two targets and says nothing itself is none; a card with its own words is."""
    with on(LISTENERS) as (_, seen):
        assert sorted(names(seen)) == ["A card", "Heard", "One", "Two", "shape", "trash bin"]
        assert [one.role for one in seen.marked.marks if one.text == "shape"] == ["shape"]


FIELDS = """<p><b>User</b> <input id=a></p> <table><tr><th>Year:<td><input id=b></tr></table>
<div><input type=checkbox> Red <input type=checkbox> Green</div>
<div role=tab tabindex=0 aria-selected=true style="width:80px">
<a href="#x" style="display:block">Tab one</a></div>"""


def test_fields_without_labels_are_called_by_what_stands_beside_them() -> None:
    with on(FIELDS) as (_, seen):
        assert [n for n in names(seen) if n != "Tab one"] == ["User", "Year:", "Red", "Green"]
        tab = seen.marked[str(mark(seen, "Tab one"))]
        assert (tab.role, seen.states[tab.id]) == ("tab", "selected")


def test_boxes_end_where_the_list_around_them_does() -> None:
    rows = "".join(f"<button style='display:block;height:40px'>Row {i}</button>" for i in range(9))
    html = f"<div id=list style='height:100px;overflow:auto'>{rows}</div>"
    with on(html) as (env, seen):
        assert names(seen) == ["Row 0", "Row 1", "Row 2"]
        low = env.page.evaluate("list.getBoundingClientRect().bottom")
        assert max(one.box_xyxy[3] for one in seen.marked.marks) <= low + 1


ACTIONS = """<p id=text style="width:300px">Some words in <b>a</b> paragraph of text.</p>
<select multiple size=4 aria-label=Many><option>Red<option>Blue<option>Green</select>
<input type=range aria-label=Level min=0 max=100 value=10> <input type=date aria-label=Day>
<input type=time aria-label=Hour>
<style>#thing { position: absolute; left: 40px; top: 250px; width: 40px; background: #08f }</style>
<div id=thing>Thing</div>
<script>
  let from = null;
  thing.addEventListener("mousedown", (e) => {
    from = [e.clientX - thing.offsetLeft, e.clientY - thing.offsetTop];
  });
  addEventListener("mouseup", () => from = null);
  addEventListener("mousemove", (e) => {
    if (!from) return;
    thing.style.left = e.clientX - from[0] + "px";
    thing.style.top = e.clientY - from[1] + "px";
  });
</script>"""


def test_actions_reach_text_lists_of_many_sliders_dates_and_places_without_marks() -> None:
    with on(ACTIONS, density=2) as (env, seen):
        page = env.page
        assert env.act(do.DoubleClick(text="words in a paragraph")).ok
        assert page.evaluate("getSelection().toString()") == "words in a paragraph"
        missing = env.act(do.DoubleClick(text="not there"))
        assert not missing.ok
        assert "not written" in missing.message
        for option, chosen in (("Red", ["Red"]), ("Green", ["Red", "Green"]), ("Red", ["Green"])):
            assert env.act(do.SelectOption(mark=mark(seen, "Many"), option=option)).ok
            many = "[...document.querySelector('select').selectedOptions].map((o) => o.label)"
            assert page.evaluate(many) == chosen
        page.focus("[type=range]")
        env.act(do.Press(keys="ArrowRight", times=7))
        assert page.input_value("[type=range]") == "17"
        env.act(do.Type(mark=mark(seen, "Day"), text="3/14/2026"))
        env.act(do.Type(mark=mark(seen, "Hour"), text="8:04 PM"))
        assert page.input_value("[type=date]") == "2026-03-14"
        assert page.input_value("[type=time]") == "20:04"
        assert env.act(do.Drag(mark=mark(seen, "Thing"), dx=100, dy=-60)).ok
        assert page.evaluate("[thing.offsetLeft, thing.offsetTop]") == [90, 220]


def test_a_press_waits_for_what_the_pointer_brings_up() -> None:
    """What moves away when the pointer comes is pressed where it went."""
    html = """<button id=b style="position:absolute;left:50px;top:50px">Run</button><script>
      b.onmouseenter = () => setTimeout(() => b.style.left = "200px", 10);
      b.onclick = () => document.title = "pressed";</script>"""
    with on(html) as (env, seen):
        assert env.act(do.Click(mark=mark(seen, "Run"))).ok
        assert env.page.title() == "pressed"


def test_an_element_knows_its_mark() -> None:
    with on("<label>Agree <input type=checkbox></label><button><b>Go</b></button><p>text</p>") as (
        env,
        seen,
    ):
        page = env.page
        assert env.mark_of(page.query_selector("label")) == mark(seen, "Agree")
        assert env.mark_of(page.query_selector("b")) == mark(seen, "Go")
        assert env.mark_of(page.query_selector("p")) is None


def test_typing_reaches_editors_that_keep_their_field_elsewhere() -> None:
    html = """<div id=screen tabindex=0 style="width:200px;height:80px;border:1px solid">Terminal</div>
      <textarea id=field style="position:absolute;left:-999px"></textarea>
      <script>screen2 = document.getElementById("screen");
      screen2.addEventListener("click", () => field.focus());</script>"""
    with on(html) as (env, seen):
        assert env.act(do.Type(mark=mark(seen, "Terminal"), text="ls")).ok
        assert env.page.input_value("#field") == "ls"
