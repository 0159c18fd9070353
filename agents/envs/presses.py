"""How each action is carried out in a browser."""

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from som.agents import actions
from som.agents.actions import BaseAction

if TYPE_CHECKING:
    from som.agents.envs.browser import BrowserEnv

# Longer texts are put in at once: nobody waits for ten thousand key strokes.
TYPED_CHARS = 300
HOVER_MS = 40
FILLED_TYPES = ("date", "time", "month", "week", "datetime-local", "color", "range")
_COPYING = re.compile(
    r"^(Control|Meta|ControlOrMeta)\+(Shift\+)?(KeyC|KeyX|c|x|Insert)$|^Shift\+Delete$", re.I
)
_EDITABLE = """e => e.isContentEditable || e.localName === "textarea" ||
  (e.localName === "input" && !["checkbox", "radio", "button", "submit", "reset", "file",
    "image"].includes(e.type))"""

# Where a text begins and ends in an element: just inside its first and last letter. White space may
# differ; the first place that is on screen counts.
_TEXT_ENDS = """([root, text]) => {
  const walker = document.createTreeWalker(root ?? document.body, NodeFilter.SHOW_TEXT);
  const letters = [];
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    for (let i = 0; i < node.data.length; i++) if (node.data[i].trim()) letters.push([node, i]);
  }
  const said = letters.map(([node, i]) => node.data[i]).join("");
  const wanted = text.replace(/\\s/g, "");
  const box = ([node, i]) => {
    const range = document.createRange();
    range.setStart(node, i);
    range.setEnd(node, i + 1);
    return range.getBoundingClientRect();
  };
  for (let at = said.indexOf(wanted); wanted && at >= 0; at = said.indexOf(wanted, at + 1)) {
    const first = box(letters[at]), last = box(letters[at + wanted.length - 1]);
    const inside = (b) => b.width > 0 && b.top >= 0 && b.left >= 0 && b.bottom <= innerHeight &&
      b.right <= innerWidth;
    if (inside(first) && inside(last)) {
      return [[first.left + 0.1, (first.top + first.bottom) / 2],
        [last.right - 0.1, (last.top + last.bottom) / 2]];
    }
  }
  return null;
}"""


class PressError(Exception):
    """An action cannot be carried out; the message is for the model."""


def carry_out(action: BaseAction, env: "BrowserEnv") -> str:
    """Carry out an action.

    Returns:
        What was done, for the model.

    Raises:
        PressError: it cannot be done, and why.
    """
    do = _HOW.get(action.action)  # type: ignore[attr-defined]
    if do is None:
        raise PressError(f"{action.action} is nothing that a browser does")  # type: ignore[attr-defined]
    return do(action, env)


def _quoted(text: str) -> str:
    """Text of a page as a JSON string on one line: nothing in it can pass for ours."""
    return json.dumps(" ".join(text.split())[:200], ensure_ascii=False)


def _reach(mark: int, env: "BrowserEnv") -> tuple[float, float]:
    """Put the pointer on a mark, as a person does before a press, and let what that moves settle."""
    point = env.locate(mark)
    env.page.mouse.move(*point)
    env.page.wait_for_timeout(HOVER_MS)
    try:
        return env.locate(mark)
    except PressError:  # only a hint that the pointer brought up lies over it
        return point


def _click(action: actions.Click, env: "BrowserEnv") -> str:
    env.page.mouse.click(*_reach(action.mark, env))
    return f"clicked [{action.mark}]"


def _double_click(action: actions.DoubleClick, env: "BrowserEnv") -> str:
    if action.text:
        return _select_text(action, env)
    assert action.mark is not None
    env.page.mouse.dblclick(*_reach(action.mark, env))
    return f"double-clicked [{action.mark}]"


def _select_text(action: actions.DoubleClick, env: "BrowserEnv") -> str:
    """Select a text as a person does: press before its first letter, let go behind its last."""
    where = "the page" if action.mark is None else f"[{action.mark}]"
    found = None
    if action.mark is None:
        found = env.page.evaluate(_TEXT_ENDS, [None, action.text])
    else:
        env.locate(action.mark)
        element = env.element(action.mark)
        if element is not None:
            found = element.evaluate("(e, text) => (" + _TEXT_ENDS + ")([e, text])", action.text)
    if found is None:
        raise PressError(f'"{action.text}" is not written in {where}')
    (x1, y1), (x2, y2) = found
    mouse = env.page.mouse
    mouse.move(x1, y1)
    mouse.down()
    mouse.move((x1 + x2) / 2, (y1 + y2) / 2, steps=2)
    mouse.move(x2, y2, steps=2)
    mouse.up()
    return f'selected "{action.text}" in {where}'


def _right_click(action: actions.RightClick, env: "BrowserEnv") -> str:
    env.page.mouse.click(*_reach(action.mark, env), button="right")
    return f"right-clicked [{action.mark}]"


def _hover(action: actions.Hover, env: "BrowserEnv") -> str:
    x, y = env.locate(action.mark)
    env.page.mouse.move(x - 2, y)  # a pointer that is there already would enter nothing
    env.page.mouse.move(x, y, steps=2)
    return f"moved the pointer over [{action.mark}]"


def _click_at(action: actions.ClickAt, env: "BrowserEnv") -> str:
    x, y = env.to_page(action.x, action.y)
    if not (0 <= x < env.viewport_wh[0] and 0 <= y < env.viewport_wh[1]):
        raise PressError(f"point {action.x}, {action.y} is not on the image")
    env.page.mouse.click(x, y)
    return f"clicked at {action.x}, {action.y}"


def _type(action: actions.Type, env: "BrowserEnv") -> str:
    point = env.locate(action.mark)
    element = env.element(action.mark)
    if element is not None and element.evaluate("e => e.localName === 'select'"):
        raise PressError(f"[{action.mark}] is a drop-down; use select_option")
    if element is not None and not element.evaluate(_EDITABLE):
        inner = element.query_selector("input, textarea, [contenteditable=true]")
        if inner is None:  # an editor that keeps its field elsewhere gives it the focus
            env.page.mouse.click(*point)
            inner = element.evaluate_handle("() => document.activeElement").as_element()
            if inner is None or not inner.evaluate(_EDITABLE):
                raise PressError(f"[{action.mark}] takes no text")
        element = inner
    text = env.reveal(action.text, element)
    hidden = text != action.text
    if element is not None and (hidden or element.evaluate("e => e.type") in FILLED_TYPES):
        # Keys go wherever a page moves the focus; a secret goes into this element and no other.
        before = "" if action.clear or not hidden else element.evaluate("e => e.value ?? e.innerText")
        element.fill(before + _as_field_wants(text, element.evaluate("e => e.type")))
        element.focus()
    else:
        env.page.mouse.click(*point)
        if element is not None:
            element.focus()
        keyboard = env.page.keyboard
        if action.clear:
            keyboard.press("Control+a")
            keyboard.press("Delete")
        if len(text) > TYPED_CHARS:
            keyboard.insert_text(text)
        else:
            keyboard.type(text)
    if action.submit:
        env.page.keyboard.press("Enter")
    return f"typed into [{action.mark}]" + (" and pressed Enter" if action.submit else "")


def _as_field_wants(text: str, kind: str) -> str:
    """A date or time as people write it, in the form that fields of that type take."""
    date = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text.strip())
    if kind == "date" and date:
        return f"{date[3]}-{int(date[1]):02}-{int(date[2]):02}"
    time = re.fullmatch(r"(?i)(\d{1,2}):(\d\d)\s*([ap])\.?m\.?", text.strip())
    if kind == "time" and time:
        return f"{int(time[1]) % 12 + 12 * (time[3].lower() == 'p'):02}:{time[2]}"
    return text


def _press(action: actions.Press, env: "BrowserEnv") -> str:
    if env.secrets and _COPYING.search(action.keys):
        raise PressError("copying and cutting are off while there are secrets")
    for _ in range(action.times):
        env.page.keyboard.press(action.keys)
    return f"pressed {action.keys}" + (f" {action.times} times" if action.times > 1 else "")


def _select_option(action: actions.SelectOption, env: "BrowserEnv") -> str:
    env.locate(action.mark)
    element = env.element(action.mark)
    if element is None or not element.evaluate("e => e.localName === 'select'"):
        raise PressError(
            f"[{action.mark}] is no native drop-down; click it and then the option that appears"
        )
    labels: list[str] = element.evaluate("e => [...e.options].map((o) => o.label.trim())")
    wanted = action.option.strip().casefold()
    folded = [label.casefold() for label in labels]
    exact = [i for i, label in enumerate(folded) if label == wanted]
    partly = [i for i, label in enumerate(folded) if wanted and wanted in label]
    chosen = exact or partly
    if not chosen or (not exact and len(partly) > 1):
        listed = ", ".join(map(_quoted, labels[:40]))
        raise PressError(
            f"no single option {_quoted(action.option)} in [{action.mark}]; there are: {listed}"
        )
    label = labels[chosen[0]]
    if not element.evaluate("e => e.multiple"):
        element.select_option(index=chosen[0])
        return f"chose {_quoted(label)} in [{action.mark}]"
    before: list[int] = element.evaluate("e => [...e.options].flatMap((o, i) => o.selected ? [i] : [])")
    element.select_option(index=sorted(set(before) ^ {chosen[0]}))
    done = "took away" if chosen[0] in before else "added"
    return f"{done} {_quoted(label)} in [{action.mark}]"


def _scroll(action: actions.Scroll, env: "BrowserEnv") -> str:
    width, height = env.viewport_wh
    point = (width / 2, height / 2)
    if action.mark is not None:
        point = env.locate(action.mark, even_disabled=True)
    x, y = {"up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)}[action.direction]
    env.page.mouse.move(*point)
    env.page.mouse.wheel(x * action.amount * width, y * action.amount * height)
    env.page.wait_for_timeout(100)
    where = f"[{action.mark}]" if action.mark is not None else "the page"
    return f"scrolled {where} {action.direction}"


def _drag(action: actions.Drag, env: "BrowserEnv") -> str:
    start = env.locate(action.mark)
    x, y = start if action.to is None else env.locate(action.to)
    (left, top), (right, bottom) = env.to_page(0, 0), env.to_page(action.dx, action.dy)
    mouse = env.page.mouse
    mouse.move(*start)
    mouse.down()
    mouse.move(x + right - left, y + bottom - top, steps=8)
    mouse.up()
    off = f" by {action.dx}, {action.dy}" if action.dx or action.dy else ""
    return f"dragged [{action.mark}]" + off + (f" onto [{action.to}]" if action.to is not None else "")


def _wait(action: actions.Wait, env: "BrowserEnv") -> str:
    env.page.wait_for_timeout(action.seconds * 1000)
    return f"waited {action.seconds:g} s"


def _go_back(action: actions.GoBack, env: "BrowserEnv") -> str:
    if env.page.go_back(wait_until="domcontentloaded") is None and env.page.url == "about:blank":
        raise PressError("there is no page before this one")
    return "went back"


def _go_forward(action: actions.GoForward, env: "BrowserEnv") -> str:
    env.page.go_forward(wait_until="domcontentloaded")
    return "went forward"


def _goto(action: actions.Goto, env: "BrowserEnv") -> str:
    env.open(action.url)
    return f"opened {action.url}"


def _new_tab(action: actions.NewTab, env: "BrowserEnv") -> str:
    reason = env.policy.check(action.url)
    if reason:
        raise PressError(f"{action.url} was not opened: {reason}")
    env.new_tab()
    env.open(action.url)
    return f"opened {action.url} in a new tab"


def _switch_tab(action: actions.SwitchTab, env: "BrowserEnv") -> str:
    env.switch(action.tab)
    return f"went to tab {action.tab}"


def _close_tab(action: actions.CloseTab, env: "BrowserEnv") -> str:
    env.page.close(run_before_unload=False)
    return "closed the tab"


def _zoom(action: actions.Zoom, env: "BrowserEnv") -> str:
    env.look_closer(env.box_of(action.mark))
    return f"the next image shows [{action.mark}] larger"


def _mark_region(action: actions.MarkRegion, env: "BrowserEnv") -> str:
    x1, y1 = env.to_page(action.x1, action.y1)
    x2, y2 = env.to_page(action.x2, action.y2)
    if x1 >= env.viewport_wh[0] or y1 >= env.viewport_wh[1]:
        raise PressError(f"the part from {action.x1}, {action.y1} on is not on the image")
    env.look_closer((x1, y1, x2, y2))
    return "the next image shows that part, marked again"


_HOW: dict[str, Callable[[Any, "BrowserEnv"], str]] = {
    "click": _click,
    "double_click": _double_click,
    "right_click": _right_click,
    "hover": _hover,
    "type": _type,
    "press": _press,
    "select_option": _select_option,
    "scroll": _scroll,
    "drag": _drag,
    "wait": _wait,
    "go_back": _go_back,
    "go_forward": _go_forward,
    "goto": _goto,
    "new_tab": _new_tab,
    "switch_tab": _switch_tab,
    "close_tab": _close_tab,
    "zoom": _zoom,
    "click_at": _click_at,
    "mark_region": _mark_region,
}
