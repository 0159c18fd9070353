"""What one look at a page costs, part by part: ``python -m benchmarks.page_marks``.

A page of 300 links, buttons, fields and checkboxes in a 1920x1080 viewport, a tenth of them in a frame.
"""

from urllib.parse import quote

from som.agents.envs.browser import BrowserEnv
from som.agents.network import NetworkPolicy

REPEATS = 5
PARTS = ("settle", "marks", "screenshot", "draw")


def page(count: int) -> str:
    """A page with so many things to act on."""
    kinds = (
        "<a href='#{i}'>Link {i}</a>",
        "<button>Button {i}</button>",
        "<input aria-label='Field {i}' style='width:80px'>",
        "<label><input type=checkbox> Box {i}</label>",
    )
    things = [
        f"<span style='display:inline-block;width:118px;height:40px'>{kinds[i % 4].format(i=i)}</span>"
        for i in range(count)
    ]
    framed = "".join(things[: count // 10]).replace('"', "&quot;")
    frame = f'<iframe srcdoc="{framed}" style="width:1880px;height:130px"></iframe>'
    return "<!doctype html><body>" + frame + "".join(things[count // 10 :])


def main(count: int = 300) -> None:
    """Print the least of several looks, in milliseconds."""
    address = "data:text/html," + quote(page(count))
    with BrowserEnv(address, viewport_wh=(1920, 1080), policy=NetworkPolicy(), marks="dom") as env:
        looks = [env.observe() for _ in range(REPEATS)]
    print(f"{len(looks[0].marked)} of {count} things marked")
    for part in PARTS:
        print(f"{part:>12} {min(look.seconds[part] for look in looks) * 1000:7.0f} ms")


if __name__ == "__main__":
    main()
