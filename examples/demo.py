"""The main job, on a real photo and a real screenshot: mark, ask, get an answer in pixels.

Needs no key, no GPU and no model: the offline grounder answers. Run it with ``make demo``.
"""

import os
from pathlib import Path

from som import Marker, Style
from som.agents.ask import ask
from som.agents.vlm import get_vlm

IMAGES = Path(__file__).parent / "images"
OUT = Path("out")
JOBS = [
    ("coffee.jpg", Style(shapes=("fill", "outline")), "the white cup"),
    ("screen.png", Style(), "the green button that saves my changes"),
]


def main() -> None:
    """Mark both images and ask about them."""
    OUT.mkdir(exist_ok=True)
    vlm, notice = get_vlm(os.environ.get("SOM_MODEL"), base_url=os.environ.get("SOM_BASE_URL"))
    if notice:
        print(notice)
    for name, style, question in JOBS:
        marked = Marker("auto", style=style)(IMAGES / name)
        answer = ask(question, [marked], vlm)
        drawn = marked.save(OUT / f"{Path(name).stem}.marked.png")
        print(f"\n{name}: {len(marked)} marks in {sum(marked.seconds.values()):.1f} s -> {drawn}")
        print(f"  Q: {question}\n  A: {answer.text}")
        for _, mark in answer.marks:
            box = ", ".join(f"{v:.0f}" for v in mark.box_xyxy)
            print(f"  mark {mark.label} is at {box}; a click goes to {mark.anchor_xy}")


if __name__ == "__main__":
    main()
