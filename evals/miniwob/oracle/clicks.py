"""Tasks of clicking what the words of the task name."""

from collections.abc import Callable

from som.evals.miniwob.oracle.hand import Hand, Stuck

SUBMIT = "=all('#area button, #area .final, #area .ui-submit').filter(shown).at(-1)"
# The shapes of a grid that fit words such as "small red digit".
_SHAPES = """=((words) => all("#area_svg > *").filter((e) => {
  const text = e.localName === "text";
  const kind = text ? (/[0-9]/.test(e.textContent) ? "digit" : "letter") : "shape";
  const names = {rect: "rectangle", polygon: "triangle"};
  const name = text ? e.textContent : names[e.localName] ?? e.localName;
  const size = text ? parseFloat(e.getAttribute("font-size")) : e.getBBox().width;
  const is = [kind, name, e.getAttribute("fill"), size > 15 ? "large" : "small", "item"];
  return words.every((word) => is.includes(word));
}))(arg)"""


def _named_button(hand: Hand) -> None:
    hand.click("#area button", says=hand.said('"(.*)"')[0])


def _submit(hand: Hand) -> None:
    hand.click("#subbtn")


def _two_buttons(hand: Hand) -> None:
    hand.click("#subbtn", "#subbtn2")


def _delayed(hand: Hand) -> None:
    hand.click("#subbtn")
    # Waiting, looking and the way to the other button take about this long themselves.
    left = float(hand.said(r"wait (\d)")[0]) - hand.js("new Date() - currentTime") / 1000 - 0.7
    if left > 0:
        hand.wait(left)
    hand.click("#subbtn2")


def _link(hand: Hand) -> None:
    """A link that lies in the page, in a tab or in a closed section."""
    name = hand.said('"(.*)"')[0]
    link = "=all('.alink').find((e) => e.textContent === arg)"
    # Some are made only when their tab is opened.
    for i in range(hand.js("all('[role=tab]').length")):
        if not hand.js(f"Boolean({link[1:]})", name):
            hand.click(f"=all('[role=tab]')[{i}]")
    opener = """(() => {
      const panel = all(".alink").find((e) => e.textContent === arg)?.closest("[role=tabpanel]");
      const opener = document.getElementById(panel?.getAttribute("aria-labelledby"));
      return !panel || shown(panel) ? null : opener;
    })()"""
    if hand.js(f"Boolean({opener})", name):
        hand.click("=" + opener, says=name)
    hand.click(link, says=name)


def _tab(hand: Hand) -> None:
    hand.click("#area a", says=hand.said(r"on (Tab #\d)")[0])


def _section(hand: Hand) -> None:
    hand.click("#area h3", "#subbtn")


def _dialog(hand: Hand) -> None:
    (name,) = hand.said('"(.*)"')
    if name == "x":
        hand.click(".ui-dialog-titlebar button")
    else:
        hand.click(".ui-dialog-buttonset button", says=name)


def _menu(hand: Hand) -> None:
    *above, last = hand.said("Select (.*)")[0].split(">")
    for name in above:
        hand.hover("#menu div", name)
    hand.click("#menu div", says=last)


def _icon_menu(hand: Hand) -> None:
    hand.click("#open-menu")
    item = """all("#menu li:not(:has(ul))").find((li) => {
      const icon = document.querySelector("#query .ui-icon");
      return icon ? li.querySelector("." + icon.classList[1]) : li.textContent.trim() === arg;
    })"""
    name = hand.utterance.split('"')[-2] if hand.utterance.count('"') == 4 else ""
    if not hand.js(f"shown({item})", name):
        hand.hover(f"={item}.parentElement.closest('li')", name)
    hand.click("=" + item, says=name)


def _boxes(hand: Hand) -> None:
    for name in hand.said("Select (.*) and click")[0].split(", "):
        if name != "nothing":
            hand.click("=all('#area label').find((e) => says(e) === arg).control", says=name)
    hand.click("#subbtn")


def _similar_boxes(hand: Hand) -> None:
    for word in hand.said("similar to (.*) and click")[0].split(", "):
        hand.click(
            """=all('#area label').find((e) => !e.control.checked &&
                 SYNONYMS.some((words) => words.includes(arg) && words.includes(says(e))))?.control""",
            says=word,
        )
    hand.click("#subbtn")


def _color(hand: Hand) -> None:
    hand.click(
        "=document.querySelector(`#area [data-color=${arg}]`)", says=hand.said("the (.*) col")[0]
    )


def _widget(hand: Hand) -> None:
    hand.click(
        "=all('#area [data-type]').find((e) => e.dataset.type === arg)", says=hand.said('"(.*)"')[0]
    )


def _shades(hand: Hand) -> None:
    (name,) = hand.said("shades of (.*) and")
    chosen = "all(`#area [data-color=${arg}]`)"
    for i in range(hand.js(f"{chosen}.length", name)):
        hand.click(f"={chosen}[{i}]", says=name)
    hand.click("#submit")


def _shape(hand: Hand) -> None:
    words = hand.said("Click on an? (.*)")[0].split()
    hand.click(_SHAPES + "[0]", says=words)


def _count(hand: Hand) -> None:
    words = hand.said("How many (.*)s are")[0].split()
    hand.click("#count-buttons button", says=str(hand.js(_SHAPES[1:] + ".length", words)))


def _sides(hand: Hand) -> None:
    """A regular polygon's sides pass nearer to its middle the fewer they are."""
    nearest = hand.js("""(() => {
      const {width, height} = c, data = c.getContext("2d").getImageData(0, 0, width, height).data;
      let least = 1e9;
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++)
        if (data[(y * width + x) * 4 + 3] > 128) least = Math.min(least, Math.hypot(x - 75, y - 50));
      return least;
    })()""")
    near = {3: 16.0, 4: 23.2, 5: 26.8, 6: 28.8, 7: 30.0}
    hand.click("#form button", says=str(min(near, key=lambda n: abs(near[n] - nearest))))


def _coordinate(hand: Hand) -> None:
    hand.click(f'circle[id="{hand.said("(.-?[0-9],-?[0-9].)")[0]}"]')


def _identify(hand: Hand) -> None:
    name = hand.js("""(() => {
      const e = document.querySelector("#area_svg > *");
      const known = {rect: "Rectangle", circle: "Circle", polygon: "Triangle"};
      return known[e.localName] ?? (/[0-9]/.test(e.textContent) ? "Number" : "Letter");
    })()""")
    hand.click("#area-buttons button", says=name)


def _ascending(hand: Hand) -> None:
    hand.click("svg text", says="1")
    while True:
        hand.click("svg rect")


def _parity(hand: Hand) -> None:
    for i in range(hand.js("all('#numbers .row').length")):
        number = int(hand.js(f"says(all('.display-number')[{i}])"))
        hand.click(f"=all('#numbers .row')[{i}].querySelector('{'.odd' if number % 2 else '.even'}')")
    hand.click("#submit")


def _tree(hand: Hand) -> None:
    (name,) = hand.said('"(.*)"')
    target = "all('#tree span').find((e) => e.textContent === arg)"
    while not hand.js(f"shown({target})", name):
        closed = f"""=(() => {{
          const above = [];
          for (let at = {target}; at; at = at.parentElement.closest("li")) above.unshift(at);
          return above.find((li) => li.classList.contains("expandable")).querySelector(".hitarea");
        }})()"""
        hand.click(closed, says=name)
    hand.click("=" + target, says=name)


def _phone_book(hand: Hand) -> None:
    name, field = hand.said(r"Find (\S+) .* their (\w+)")
    for _ in range(5):
        if hand.js("says(document.querySelector('h2.name')) === arg", name):
            hand.click(f"#contact a.{field}")
        hand.click("#pagination .next a")


def _search(hand: Hand) -> None:
    word, number = hand.said(r'enter "(.*)" and.* (\d)(?:st|nd|rd|th)')
    index = int(number) - 1
    hand.type("#search-text", word)
    hand.click("#search")
    if index >= 3:
        hand.click("#pagination a", says=str(index // 3 + 1))
    hand.click(f"=all('#page-content a')[{index % 3}]")


def _ticket(hand: Hand) -> None:
    (wish,) = hand.said("with the (.*)[.]")
    key, sign = {
        "cheapest cost": ("price", 1), "most expensive cost": ("price", -1),
        "shortest duration": ("duration", 1), "longest duration": ("duration", -1),
    }[wish]  # fmt: skip
    hand.click(f"""=all(".flight").sort((a, b) => {sign} * (
      a.querySelector("[data-{key}]").dataset.{key} - b.querySelector("[data-{key}]").dataset.{key})
    )[0].querySelector("button")""")


def _food(hand: Hand) -> None:
    item = "=all('.food-item').find((e) => e.dataset.item.trim() === arg.trim()).querySelector('.add')"
    if "one of each" in hand.utterance:
        for name in hand.said("each item: (.*)")[0].split(", "):
            hand.click(item, says=name)
    else:
        number, kind = hand.said(r"Order (\d) items that are (.*)")
        for _ in range(int(number)):
            hand.click(f"=document.querySelector('.food-item img[alt={kind}]').closest('.food-item')"
                       ".querySelector('.add')")  # fmt: skip
    hand.click("#submit-order button")


def _greatest(hand: Hand) -> None:
    hand.click("=all('.card').sort((a, b) => b.textContent - a.textContent)[0]", "#submit")


def _generate(hand: Hand) -> None:
    for _ in range(hand.left):
        hand.click("#generate")
        number = int(hand.js("says(document.querySelector('#display-number'))"))
        words = hand.utterance
        fits = number % 2 == 1 if "odd" in words else number % 2 == 0
        if "than" in words:
            limit = int(hand.said(r"than (\d+)")[0])
            fits = number < limit if "less" in words else number > limit
        if fits:
            hand.click("#submit")
    raise Stuck("no number came that fits")


def _tic_tac_toe(hand: Hand) -> None:
    from som.evals.miniwob.oracle.tic_tac_toe import best_move

    while True:
        board = tuple(hand.js("[...gameState]"))
        hand.click(f"#ttt-{best_move(board)}")


def _circle_center(hand: Hand) -> None:
    x, y, width, height = hand.js("""(({x, y, width, height}) => [x, y, width, height])(
      document.querySelector("svg circle").getBoundingClientRect())""")
    hand.click_at(x + width / 2, y + height / 2)
    hand.click(SUBMIT)


TASKS: dict[str, Callable[[Hand], None]] = {
    **dict.fromkeys(["click-button", "unicode-test"], _named_button),
    **dict.fromkeys(["click-test", "click-test-2", "click-test-transfer"], _submit),
    "click-button-sequence": _two_buttons,
    "button-delay": _delayed,
    **dict.fromkeys(
        ["click-link", "click-tab-2", "click-tab-2-easy", "click-tab-2-medium", "click-tab-2-hard",
         "click-collapsible-2", "click-collapsible-2-nodelay"], _link),
    "click-tab": _tab,
    **dict.fromkeys(["click-collapsible", "click-collapsible-nodelay"], _section),
    **dict.fromkeys(["click-dialog", "click-dialog-2"], _dialog),
    "click-menu": _menu,
    "click-menu-2": _icon_menu,
    **dict.fromkeys(
        ["click-option", "click-checkboxes", "click-checkboxes-large", "click-checkboxes-transfer"],
        _boxes),
    "click-checkboxes-soft": _similar_boxes,
    "click-color": _color,
    "click-widget": _widget,
    "click-shades": _shades,
    "click-shape": _shape,
    "count-shape": _count,
    "count-sides": _sides,
    "grid-coordinate": _coordinate,
    "identify-shape": _identify,
    "ascending-numbers": _ascending,
    "odd-or-even": _parity,
    "navigate-tree": _tree,
    "phone-book": _phone_book,
    "search-engine": _search,
    "buy-ticket": _ticket,
    "order-food": _food,
    "find-greatest": _greatest,
    "generate-number": _generate,
    "tic-tac-toe": _tic_tac_toe,
    "circle-center": _circle_center,
}  # fmt: skip
