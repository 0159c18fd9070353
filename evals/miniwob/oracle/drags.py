"""Tasks of dragging things."""

from collections.abc import Callable

from som.evals.miniwob.oracle.clicks import SUBMIT
from som.evals.miniwob.oracle.hand import Hand

_ITEMS = "all('#sortable li')"
_WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}


def _into_box(hand: Hand) -> None:
    hand.drag("#draggableSmall", "#draggableLarge")
    hand.click("#subbtn")


def _one_way(hand: Hand) -> None:
    x, y = _WAYS[hand.said("(left|right|up|down) then")[0]]
    hand.drag("#area svg > *", by=(x * 15, y * 15))
    hand.click("#subbtn")


def _item(hand: Hand) -> None:
    """An item of a list or grid to a place that is named, or one further."""
    names = hand.js(f"{_ITEMS}.map(says)")
    at = next(i for i, name in enumerate(names) if f"Drag {name} " in hand.utterance)
    wide = 3 if len(names) == 9 else 1
    words = hand.utterance.split(names[at], 1)[1].replace(".", "").split()
    if "by" in words:
        x, y = _WAYS[words[0]]
        to = at + x + y * wide
    elif words[-1] == "position":
        to = int(words[-2][:-2]) - 1
    elif wide == 1:
        to = 0 if words[-1] == "top" else len(names) - 1
    else:
        row = {"top": 0, "bottom": 2}.get(words[2], 1)
        to = row * 3 + {"left": 0, "right": 2}.get(words[-1], 1)
    _to_place(hand, at, to, wide)


def _to_place(hand: Hand, at: int, to: int, wide: int = 1) -> None:
    # A little beyond the other, so that it makes room.
    if wide == 1:
        beyond = (0, 4 if to > at else -4)
    else:
        same_row = at // wide == to // wide
        beyond = ((4 if to > at else -4), 0 if same_row else (3 if to > at else -3))
    hand.drag(f"={_ITEMS}[{at}]", f"={_ITEMS}[{to}]", by=beyond)


def _sort(hand: Hand) -> None:
    for place in range(4):
        numbers = [int(text) for text in hand.js(f"{_ITEMS}.map(says)")]
        least = numbers.index(min(numbers[place:]), place)
        if least != place:
            _to_place(hand, least, place)
    hand.click("#subbtn")


def _shapes_into(hand: Hand) -> None:
    """Shapes into one box, or some into the left one and the others into the right one."""
    words = hand.said("all (.*?)(?: shapes)? into")[0]
    count = hand.js("all('#area_svg > :not(#shape-container)').length")
    boxes = hand.js("""all("#shape-container").map((e) => {
      const r = e.getBoundingClientRect();
      return [r.left, r.top, r.width, r.height];
    })""")
    places = {0: 0, 1: 0}
    for i in range(count):
        shape = f"all('#area_svg > :not(#shape-container)')[{i}]"
        tag, color, x, y = hand.js(f"""(({{localName}}, r, fill) => [localName, fill,
          r.left + r.width / 2, r.top + r.height / 2])({shape}, {shape}.getBoundingClientRect(),
          {shape}.getAttribute("fill"))""")
        name = {"rect": "rectangles", "circle": "circles", "polygon": "triangles"}[tag]
        side = 0 if words in (name, color) else 1
        if side < len(boxes):
            left, top, width, height = boxes[side]
            to_x = left + width * (0.22 + 0.14 * places[side])
            places[side] += 1
            hand.drag("=" + shape, by=(to_x - x, top + height / 2 - y))
    hand.click("#subbtn")


def _resize(hand: Hand) -> None:
    side, way = hand.said("the (width|height) is (smaller|larger)")
    far = 15 if way == "larger" else -15
    hand.drag(".ui-resizable-se", by=(far, 0) if side == "width" else (0, far))
    hand.click(SUBMIT)


def _event(hand: Hand) -> None:
    length, name, start, end = hand.said(r'Create an? (.*) event named "(.*)", between (\w+) and (\w+)')
    halves = {"0.5 hours": 1, "30 mins": 1, "1 hour": 2, "60 mins": 2, "1.5 hours": 3, "90 mins": 3}[
        length
    ]
    first, last = (_hour(text) * 2 for text in (start, end))
    taken = hand.js("""all(".event").flatMap((e) => {
      const top = parseInt(e.style.top), high = parseInt(e.style.height);
      return all(".half-hour").flatMap((h, i) => {
        const at = i * 20.42 + 4;
        return at + 20 > top + 1 && at < top + high - 1 ? [i] : [];
      });
    })""")
    begin = next(i for i in range(first, last - halves + 1)
                 if not set(range(i, i + halves)) & set(taken))  # fmt: skip
    hand.drag(f"#hh-{begin}", by=(4, 3 + 20.4 * (halves - 1)))
    if hand.js("!document.querySelector('#event-name')"):
        hand.click("#newEvent")
    hand.type("#event-name", name)
    hand.click("#controls .create")


def _hour(text: str) -> int:
    return int(text[:-2]) % 12 + 12 * text.endswith("PM")


def _pie(hand: Hand) -> None:
    (name,) = hand.said('"(.*)"')
    item = "all('#divWheel text').find((e) => e.textContent === arg)"
    hand.click("=all('#divWheel text').find((e) => e.textContent === '+')")
    hand.wait(1)
    hand.click("=" + item, says=name)


TASKS: dict[str, Callable[[Hand], None]] = {
    "drag-box": _into_box,
    **dict.fromkeys(["drag-circle", "drag-single-shape"], _one_way),
    **dict.fromkeys(["drag-items", "drag-items-grid"], _item),
    "drag-sort-numbers": _sort,
    **dict.fromkeys(["drag-shapes", "drag-shapes-2"], _shapes_into),
    "resize-textarea": _resize,
    "daily-calendar": _event,
    **dict.fromkeys(["click-pie", "click-pie-nodelay"], _pie),
}
