"""A data set with truth from the DOM: pages of ours, drawn by Chromium, in ScreenSpot's format.

python -m som.evals.generate FOLDER --samples 60
"""

import json
import random
from itertools import zip_longest
from pathlib import Path
from typing import Any

import click

from som.errors import MissingDependencyError, SomError
from som.evals.pages import page

# ScreenSpot's names for where a page of each kind could be from.
SOURCES = {"mail": "forum", "table": "gitlab", "shop": "shop"}
SIZES = ((1280, 800), (1024, 768), (1440, 900))
# Everything that may be asked for and is in view, on top and large enough to be a target.
_TARGETS = """() => [...document.querySelectorAll('[data-ask]')].map(element => {
  const box = element.getBoundingClientRect();
  const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const seen = top && (element === top || element.contains(top) || top.contains(element));
  return {ask: element.dataset.ask, kind: element.dataset.kind, seen, name: element.innerText.trim(),
          box: [box.x, box.y, box.width, box.height].map(Math.round)};
}).filter(one => one.seen && one.box[2] >= 8 && one.box[3] >= 8 && one.box[0] >= 0 && one.box[1] >= 0
  && one.box[0] + one.box[2] <= innerWidth && one.box[1] + one.box[3] <= innerHeight)"""


def generate(folder: Path, samples: int = 60, *, per_page: int = 5, seed: int = 0) -> int:
    """Write the data set: ``screenspot_web.json`` and ``screenspot_imgs/``.

    Args:
        folder: made if it is missing.
        samples: how many instructions.
        per_page: at most so many of one page.
        seed: the same seed gives the same pages.

    Returns:
        How many were written.

    Raises:
        MissingDependencyError: playwright is missing.
        SomError: no browser can be started, or the folder cannot be written.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise MissingDependencyError(
            'playwright is missing: pip install "som-agent[browser]"'
        ) from error
    from som.agents.envs.chromium import launch

    images = folder / "screenspot_imgs"
    try:
        images.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SomError(f"cannot write {folder}: {error.strerror}") from error
    rows: list[dict[str, Any]] = []
    # A proxy that nothing listens at: the pages hold all they need, and nothing is to be fetched.
    with (
        sync_playwright() as playwright,
        launch(playwright, "http://127.0.0.1:9", True, None) as browser,
    ):
        index = 0
        while len(rows) < samples:
            width, height = SIZES[index % len(SIZES)]
            html, kind, lang = page(index, seed)
            tab = browser.new_page(viewport={"width": width, "height": height})
            tab.set_content(html)
            name = f"{index:03d}_{kind}_{lang}.png"
            tab.screenshot(path=images / name)
            targets = tab.evaluate(_TARGETS)
            tab.close()
            draw = random.Random(f"{seed}/{index}")  # noqa: S311 - not a secret
            draw.shuffle(targets)
            picked = _by_turns(targets, per_page)
            for target in picked[: samples - len(rows)]:
                rows.append(
                    {
                        "img_filename": name,
                        "bbox": target["box"],
                        "instruction": _instruction(target, targets, lang, draw),
                        "data_type": target["kind"],
                        "data_source": SOURCES.get(kind, "tool"),
                    }
                )
            index += 1
    text = json.dumps(rows, ensure_ascii=False, indent=1)
    (folder / "screenspot_web.json").write_text(text + "\n", "utf-8")
    return len(rows)


def _by_turns(targets: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """So many targets, texts and icons by turns, from the top of the page to its end."""
    texts, icons = ([one for one in targets if one["kind"] == kind] for kind in ("text", "icon"))
    mixed = [one for pair in zip_longest(texts, icons) for one in pair if one]
    return sorted(mixed[:count], key=lambda one: (one["box"][1], one["box"][0]))


def _instruction(
    target: dict[str, Any], targets: list[dict[str, Any]], lang: str, draw: random.Random
) -> str:
    """What to do, half of the time by the name that can be read on the target and on nothing else."""
    name = target["name"]
    alone = sum(one["name"] == name for one in targets) == 1
    if name and alone and draw.random() < 0.5:
        return f"'{name}' 누르기" if lang == "ko" else f'click "{name}"'
    return str(target["ask"])


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--samples", type=click.IntRange(1), default=60, show_default=True)
@click.option("--seed", type=int, default=0, show_default=True)
def main(folder: Path, samples: int, seed: int) -> None:
    """Write a small data set of screens with truth from the DOM into FOLDER."""
    try:
        count = generate(folder, samples, seed=seed)
    except SomError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{count} samples -> {folder}")


if __name__ == "__main__":
    main()
