"""Tasks of filling fields, choosing from lists, and setting sliders."""

import re
from collections.abc import Callable

from som.evals.miniwob.oracle.clicks import SUBMIT
from som.evals.miniwob.oracle.hand import Hand, Stuck

_FIELDS = "all('#area input')"


def _quoted_text(hand: Hand) -> None:
    (text,) = hand.said('"(.*?)"')
    if "lower case" in hand.utterance:
        text = text.lower()
    elif "upper case" in hand.utterance:
        text = text.upper()
    for i in range(hand.js("all('#area input').length")):
        hand.type(f"={_FIELDS}[{i}]", text)
    hand.click("#subbtn")


def _login(hand: Hand) -> None:
    user, password = hand.said('"(.*?)".*"(.*?)"')
    for field, text in (("#username", user), ("#password", password)):
        if hand.js("document.activeElement") is not None:
            hand.click(field)
        if hand.js("Boolean(document.querySelector('#popup'))"):
            hand.click("#popup-cancel")
        hand.type(field, text)
    hand.click("#subbtn")


def _focus(hand: Hand) -> None:
    found = re.search(r"(\d)(?:st|nd|rd)", hand.utterance)
    hand.click(f"={_FIELDS}[{int(found[1]) - 1 if found else 0}]")


def _date(hand: Hand) -> None:
    month, day, year = hand.said(r"(\d+)/(\d+)/(\d+)")
    hand.type("#tt", f"{year}-{month}-{day}")
    hand.click("#subbtn")


def _time(hand: Hand) -> None:
    hour, minute, half = hand.said(r"(\d+):(\d+).(AM|PM)")
    hand.type("#tt", f"{int(hour) % 12 + 12 * (half == 'PM'):02}:{minute}")
    hand.click("#subbtn")


def _pick_date(hand: Hand, numbers: tuple[str, ...], field: str = "#datepicker") -> None:
    month, day, year = map(int, numbers)
    hand.click(field)
    for _ in range(hand.left):
        shown = hand.js("""(() => { const cell = document.querySelector("td[data-month]");
          return [+cell.dataset.year, +cell.dataset.month + 1]; })()""")
        if shown == [year, month]:
            break
        hand.click(".ui-datepicker-prev" if shown > [year, month] else ".ui-datepicker-next")
    hand.click("td[data-month] a", says=str(day))


def _choose_date(hand: Hand) -> None:
    _pick_date(hand, hand.said(r"(\d+)/(\d+)/(\d+)"))
    hand.click("#subbtn")


def _flight(hand: Hand) -> None:
    wish, start, end = hand.said(r"the (\w+) one-way flight from: (.*) to: (.*) on")
    for field, place in (("#flight-from", start), ("#flight-to", end)):
        hand.type(field, place)
        hand.click("=all('.ui-menu-item-wrapper, .ui-menu-item').find((e) => shown(e) && "
                   "says(e).includes(arg))", says=place)  # fmt: skip
    _pick_date(hand, hand.said(r"on (\d+)/(\d+)/(\d+)"))
    hand.click("#search")
    key = "price" if wish == "cheapest" else "duration"
    hand.click(f"""=all(".flight").sort((a, b) =>
      a.querySelector("[data-{key}]").dataset.{key} - b.querySelector("[data-{key}]").dataset.{key}
    )[0].querySelector("button")""")


def _list(hand: Hand) -> None:
    for name in hand.said("Select (.*) from the")[0].split(", "):
        hand.select("#options", name)
    hand.click(SUBMIT)


def _word(hand: Hand) -> None:
    place = int(hand.said(r"(\d+)\w\w word")[0])
    words = re.findall(r"[\w']+", hand.js("says(all('#area p').find(shown))"))
    hand.type("#area input", words[place - 1])
    hand.click("#subbtn")


def _copy(hand: Hand) -> None:
    found = re.search(r"(\d)(?:st|nd|rd) text", hand.utterance)
    text = hand.js(f"all('#area textarea')[{int(found[1]) - 1 if found else 0}].value")
    hand.type("#answer-input", text)
    hand.click("#subbtn")


def _last_word(hand: Hand) -> None:
    text = hand.js("document.querySelector('#text-area').value")
    hand.type("#answer-input", re.findall(r"\w+", text)[-1])
    hand.click("#subbtn")


def _table(hand: Hand) -> None:
    labels = hand.js("all('#form label').map((e) => says(e).replace(':', ''))")
    labels = labels or [hand.said("value of (.*) into")[0]]
    for i, label in enumerate(labels):
        value = hand.js("says(all('#tab tr').find((e) => says(e.cells[0]) === arg).cells[1])", label)
        hand.type(f"={_FIELDS}[{i}]", value)
    hand.click("#subbtn")


def _captcha(hand: Hand) -> None:
    hand.type("#tt", hand.js("document.querySelector('#captcha').textContent"))
    hand.click("#subbtn")


def _arithmetic(hand: Hand) -> None:
    left, sign, right = re.findall(
        r"\d+|[-+x×*]", hand.js("says(document.querySelector('#math-problem'))")
    )[:3]
    a, b = int(left), int(right)
    hand.type("#math-answer", {"+": a + b, "-": a - b}.get(sign, a * b))
    hand.click("#subbtn")


def _algebra(hand: Hand) -> None:
    left, sign, right, result = re.findall(
        r"-?\d+|x|(?<= )[-+](?= )", hand.js("says(document.querySelector('#math-problem'))")
    )
    known, total = int(right if left == "x" else left), int(result)
    x = total - known if sign == "+" else total + known if left == "x" else known - total
    hand.type("#math-answer", x)
    hand.click("#subbtn")


def _blocks(hand: Hand) -> None:
    number = hand.js("all('.addition-block').length || all('#area svg rect').length")
    hand.type("#area input", number)
    hand.click("#area button")


def _guess(hand: Hand) -> None:
    low, high = 0, 9
    while low <= high:
        guess = (low + high) // 2
        hand.type("#tt", guess)
        hand.click("#subbtn")
        if hand.js("shown(document.querySelector('#lower'))"):
            high = guess - 1
        else:
            low = guess + 1


def _movie(hand: Hand) -> None:
    genre, name, year = hand.said("for (.*) movies directed by (.*) from year (.*)[.]")
    for label, text in (("Genre", genre), ("Director", name), ("Year|Date", year)):
        hand.type(
            "=all('#area input').find((e) => new RegExp(arg).test(says(e.closest("
            "'p, .row, tr, .field, .ui-entry'))))",
            text,
            label,
        )
    hand.click(SUBMIT)


def _agreement(hand: Hand) -> None:
    if "cancel button" in hand.utterance:
        hand.click("#cancel")
    for _ in range(12):
        if hand.js("!document.querySelector('#name').disabled"):
            break
        hand.scroll("down", "#text-area", 4)
    hand.type("#name", hand.said('name "(.*?)"')[0])
    hand.click("#agree" if '"Agree"' in hand.utterance else "#cancel")


def _scroll_text(hand: Hand) -> None:
    way = hand.said("to the (top|bottom)")[0]
    hand.scroll("up" if way == "top" else "down", "#text-area", 20)
    hand.click("#subbtn")


def _autocomplete(hand: Hand) -> None:
    found = re.findall('"(.*?)"', hand.utterance)
    start, end = found[0], found[1] if len(found) > 1 else ""
    name = hand.js("ITEMS.find((e) => e.startsWith(arg[0]) && e.endsWith(arg[1]))", [start, end])
    hand.type("#tags", name)
    hand.wait(0.7)
    if hand.js("all('.ui-menu-item').some(shown)"):
        hand.click(".ui-menu-item-wrapper, .ui-menu-item", says=name)
    hand.click("#subbtn")


def _color(hand: Hand) -> None:
    color = hand.js("""(() => {
      const shownColor = document.querySelector("#query .cc")?.style.backgroundColor;
      const rgb = (shownColor ?? "").match(/\\d+/g);
      return rgb ? rgb.map((v) => (+v).toString(16).padStart(2, "0")).join("") : "";
    })()""")
    color = color or hand.js("ui_utils.colorNameToHex(arg)", hand.said("Select (.*) with")[0])
    hand.type("#col", color.strip("#"))
    hand.click_at(80, 46)  # beside the picker, which covers the button
    hand.click("#subbtn")


def _slide(hand: Hand, slider: str, to: int) -> None:
    now = hand.js(f"$({slider!r}).slider('value')")
    handle = f"{slider} .ui-slider-handle"
    if now != to:
        hand.click(handle)
        now = hand.js(f"$({slider!r}).slider('value')")
        hand.press("ArrowRight" if to > now else "ArrowLeft", abs(to - now))


def _slider(hand: Hand) -> None:
    _slide(hand, "#slider", int(hand.said(r"Select (-?\d+)")[0]))
    hand.click("#subbtn")


def _sliders(hand: Hand) -> None:
    for i, to in enumerate(hand.said(r"\[(\d+),(\d+),(\d+)\]"), 1):
        _slide(hand, f"#slider-{i}", int(to))
    hand.click(SUBMIT)


def _spinner(hand: Hand) -> None:
    # Its page takes no typing, only arrows.
    to = int(hand.said(r"Select (-?\d+)")[0])
    hand.click("#spinner")
    hand.press("ArrowUp" if to > 0 else "ArrowDown", abs(to))
    hand.click("#subbtn")


def _slider_and_box(hand: Hand) -> None:
    to, box = hand.said(r"Select (-?\d+) with.* (\d)\w\w checkbox")
    _slide(hand, "#slider", int(to))
    hand.click(f"#checkbox-{box}", "#subbtn")


def _radio_and_text(hand: Hand) -> None:
    radio, text, box = hand.said(r'the (\d)\w\w radio .* "(.*?)" into the (\d)')
    hand.click(f"=all('[type=radio]')[{int(radio) - 1}]")
    hand.type(f"#input-{box}", text)
    hand.click("#subbtn")


def _dropdown_and_button(hand: Hand) -> None:
    option, button = hand.said('Choose (.*) from.* "(.*?)"')
    hand.click(".selectric")
    hand.click(".selectric-items li", says=option)
    hand.click("#buttons button", says=button)


def _pattern(hand: Hand) -> None:
    (number,) = hand.said('number "(.)"')
    for i in hand.js("PATTERNS[arg].flat().flatMap((on, i) => on ? [i] : [])", int(number)):
        hand.click(f"=all('#checkboxes input')[{i}]")
    hand.click("#subbtn")


def _terminal(hand: Hand) -> None:
    found = re.search(r"extension (\.\S+)", hand.utterance)
    name = hand.js(
        "currentFiles.find((e) => arg ? e.endsWith(arg) : !e.includes('.'))", found[1] if found else ""
    )
    hand.type("#terminal", "ls", submit=True)
    hand.type("#terminal", f"rm {name}", submit=True)
    raise Stuck("the file is still there")


def _highlight(hand: Hand) -> None:
    found = re.search(r"(\d)(?:st|nd|rd) para", hand.utterance)
    text = hand.js(f"says(all('#randomText p')[{int(found[1]) - 1}])" if found else "says(randomText)")
    hand.highlight(text)
    hand.click("#subbtn")


def _editor(hand: Hand) -> None:
    found = re.search(r"the text (\S+) the", hand.utterance)
    text = found[1] if found else hand.js("says(document.querySelector('.ql-editor'))")
    hand.highlight(text, ".ql-editor")
    style = hand.said(r"(?:style|color) (\w+)")[0]
    if "color" in hand.utterance:
        hand.click(".ql-color .ql-picker-label")
        item = "all('.ql-color .ql-picker-item').find((e) => COLOR_MAP[arg].includes(e.dataset.value))"
        hand.click("=" + item, says=style)
    else:
        hand.click({"bold": ".ql-bold", "italics": ".ql-italic", "underlined": ".ql-underline"}[style])
    hand.click("#subbtn")


TASKS: dict[str, Callable[[Hand], None]] = {
    **dict.fromkeys(
        ["enter-text", "enter-text-2", "enter-text-dynamic", "enter-password"], _quoted_text),
    **dict.fromkeys(["login-user", "login-user-popup"], _login),
    **dict.fromkeys(["focus-text", "focus-text-2"], _focus),
    "enter-date": _date,
    "enter-time": _time,
    **dict.fromkeys(
        ["choose-date", "choose-date-easy", "choose-date-medium", "choose-date-nodelay"], _choose_date),
    **dict.fromkeys(["book-flight", "book-flight-nodelay"], _flight),
    **dict.fromkeys(["choose-list", "click-scroll-list"], _list),
    "find-word": _word,
    **dict.fromkeys(["copy-paste", "copy-paste-2"], _copy),
    "scroll-text": _last_word,
    "scroll-text-2": _scroll_text,
    **dict.fromkeys(["read-table", "read-table-2"], _table),
    "text-transform": _captcha,
    "simple-arithmetic": _arithmetic,
    "simple-algebra": _algebra,
    "visual-addition": _blocks,
    "guess-number": _guess,
    **dict.fromkeys(["multi-layouts", "multi-orderings"], _movie),
    "sign-agreement": _agreement,
    **dict.fromkeys(["use-autocomplete", "use-autocomplete-nodelay"], _autocomplete),
    **dict.fromkeys(["use-colorwheel", "use-colorwheel-2"], _color),
    "use-slider": _slider,
    "use-slider-2": _sliders,
    "use-spinner": _spinner,
    "form-sequence": _slider_and_box,
    "form-sequence-2": _radio_and_text,
    "form-sequence-3": _dropdown_and_button,
    "number-checkboxes": _pattern,
    "terminal": _terminal,
    **dict.fromkeys(["highlight-text", "highlight-text-2"], _highlight),
    "text-editor": _editor,
}  # fmt: skip
