"""A click chosen beside a click written, on the same steps: ``python -m benchmarks.choose_steps``.

Each step is a page of links, buttons, fields and checkboxes, and a task that names one of them. The
model is asked both ways: `VLM.choose` among the marks and none, and `VLM.complete` held to the schema
of actions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean
from urllib.parse import quote

import click

from benchmarks.page_marks import page
from som.agents.actions import action_schema, marks_of
from som.agents.conversation import build_messages
from som.agents.envs.base import Observation
from som.agents.envs.browser import BrowserEnv
from som.agents.replies import ActionError, parse_action
from som.agents.vlm import get_vlm
from som.agents.vlm.base import NONE, VLM
from som.agents.vlm.cost import Metered
from som.errors import VLMError

SIZES = (8, 24, 72)
NAMED = ("Link", "Button")


@dataclass(frozen=True)
class Asked:
    """One step, asked one way: whether the right mark came back, and what it took."""

    way: str
    right: bool
    tokens_in: int
    tokens_out: int
    seconds: float
    method: str


def steps(sizes: Sequence[int], most: int) -> Iterator[tuple[str, Observation, int]]:
    """Tasks, what there is to see, and the mark that is meant."""
    with BrowserEnv(marks="dom", viewport_wh=(960, 640)) as env:
        for size in sizes:
            env.open("data:text/html," + quote(page(size)))
            seen = env.observe()
            named = [mark for mark in seen.marked if mark.text.startswith(NAMED)]
            for mark in named[:: max(1, len(named) // most)][:most]:
                yield f"Click {mark.text}", seen, mark.id


def ask_both_ways(vlm: VLM, task: str, seen: Observation, target: int) -> Iterator[Asked]:
    """The same step, chosen and written; the budget's meter counts what servers do not tell."""
    labels = {mark.label: mark.id for mark in seen.marked}
    metered = Metered(vlm)
    choice = metered.choose(build_messages(task, seen, form="choose"), [*labels, NONE])
    spent = metered.spent
    right = labels.get(choice.best) == target
    yield Asked("choose", right, spent.tokens_in, spent.tokens_out, spent.seconds, choice.method)
    metered = Metered(vlm)
    schema = action_schema(list(labels.values()))
    reply = metered.complete(build_messages(task, seen), schema=schema)
    spent = metered.spent
    try:
        right = target in marks_of(parse_action(reply.text, list(labels.values())))
    except ActionError:
        right = False
    method = reply.constrained or "asked"
    yield Asked("write", right, spent.tokens_in, spent.tokens_out, spent.seconds, method)


@click.command()
@click.option("--model", default="offline", show_default=True)
@click.option("--base-url")
@click.option("--size", "sizes", multiple=True, type=int, default=SIZES, help="Things on a page.")
@click.option("--most", default=4, show_default=True, help="Steps of each page.")
@click.option("--max-tokens", type=int, help="Of a reply; models that never stop need it.")
def main(
    model: str, base_url: str | None, sizes: tuple[int, ...], most: int, max_tokens: int | None
) -> None:
    """Print what both ways took, and the ratio; the first step is asked before, to load the model."""
    options = {"max_tokens": max_tokens} if max_tokens else {}
    vlm, _ = get_vlm(model, base_url=base_url, **options)
    found: list[Asked] = []
    for i, (task, seen, target) in enumerate(steps(sizes, most)):
        try:
            if i == 0:
                list(ask_both_ways(vlm, task, seen, target))
            found += ask_both_ways(vlm, task, seen, target)
        except VLMError as error:
            print(f"{task}: {error}")
    by_way = {way: [one for one in found if one.way == way] for way in ("choose", "write")}
    print(f"{vlm.name}: {len(by_way['write'])} steps")
    print(f"{'':8} {'method':>10} {'right':>7} {'tokens in':>10} {'out':>6} {'seconds':>8}")
    for way, asked in by_way.items():
        if asked:
            right, tokens_in, tokens_out, seconds = (
                mean(getattr(one, name) for one in asked)
                for name in ("right", "tokens_in", "tokens_out", "seconds")
            )
            print(
                f"{way:8} {asked[0].method:>10} {right:>7.0%} {tokens_in:>10.0f} {tokens_out:>6.1f} "
                f"{seconds:>8.3f}"
            )
    if all(by_way.values()):
        took = [sum(one.seconds for one in asked) for asked in by_way.values()]
        told = [sum(one.tokens_in + one.tokens_out for one in asked) for asked in by_way.values()]
        ratios = [a / b if b else float("nan") for a, b in (took, told)]
        print(f"choosing takes {ratios[0]:.2f} of the seconds and {ratios[1]:.2f} of the tokens")


if __name__ == "__main__":
    main()
