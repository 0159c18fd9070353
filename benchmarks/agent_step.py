"""What one step of an agent costs, part by part: ``python -m benchmarks.agent_step``.

A page of 300 things in a 1920x1080 viewport. The model costs nothing here: what is left is ours, the
looking (settle, marks, screenshot, draw), the prompt, the reading of the reply, the judging, the press.
"""

from time import perf_counter
from urllib.parse import quote

from benchmarks.page_marks import page
from som.agents.actions import Click
from som.agents.conversation import build_messages
from som.agents.envs.browser import BrowserEnv
from som.agents.loop import run
from som.agents.replies import parse_action, write_action
from som.agents.vlm.cost import estimate
from som.agents.vlm.replay import Replay

STEPS = 8
PARTS = ("settle", "marks", "screenshot", "draw", "observe", "act", "prompt", "encode", "parse", "rest")


def main(count: int = 300, models: tuple[str, ...] = ("gpt-6-luna", "claude-sonnet-4-5")) -> None:
    """Print the least of several steps, in milliseconds, and what a step's prompt is in tokens."""
    address = "data:text/html," + quote(page(count))
    with BrowserEnv(address, viewport_wh=(1920, 1080), marks="dom") as env:
        seen = env.observe()
        buttons = [mark.id for mark in seen.marked if mark.role == "button"]
        replies = [write_action(Click(mark=buttons[i]), "json") for i in range(STEPS)]
        rows: list[dict[str, float]] = []
        steps = []
        work = run("press", env, Replay(replies), max_steps=STEPS, keep_images=2)
        start = perf_counter()
        for step in work:
            taken = perf_counter() - start
            steps.append(step)
            rows.append({**step.seconds, "step": taken, **_ours(steps, replies)})
            rows[-1]["rest"] = taken - step.seconds["observe"] - step.seconds["act"]
            start = perf_counter()
    print(f"{len(seen.marked)} of {count} things marked; the least of {STEPS - 1} steps")
    for part in (*PARTS, "step"):
        print(f"{part:>12} {min(row[part] for row in rows[1:]) * 1000:7.0f} ms")
    for model in models:
        told = estimate(steps[-1].messages, model)
        print(f"{model}: {told.tokens_in:,} tokens a prompt, {told.image_tokens:,} of them for images")


def _ours(steps: list, replies: list[str]) -> dict[str, float]:  # type: ignore[type-arg]
    """The parts of a step that its own clock has in one."""
    seen = steps[-1].observation
    start = perf_counter()
    messages = build_messages("press", seen, steps[:-1])
    built = perf_counter()
    for part in messages[-1].parts:
        if hasattr(part, "encoded"):
            part.encoded()
    encoded = perf_counter()
    parse_action(replies[0], [mark.id for mark in seen.marked])
    return {
        "prompt": built - start,
        "encode": encoded - built,
        "parse": perf_counter() - encoded,
    }


if __name__ == "__main__":
    main()
