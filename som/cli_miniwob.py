"""``som eval miniwob``: small web tasks that say themselves whether they were done."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from som.evals.miniwob.episode import Result


@click.command()
@click.option("--tasks", default="all", show_default=True, metavar="A,B|all", help="Names of pages.")
@click.option("--seeds", type=click.IntRange(1), default=10, show_default=True, help="Episodes a task.")
@click.option(
    "--policy", default="offline", show_default=True, metavar="NAME",
    help="offline, oracle-marks (knows the answer, acts only on marks), or a model.",
)  # fmt: skip
@click.option("--base-url", metavar="URL", help="Any OpenAI-compatible server.")
@click.option(
    "--max-usd", type=click.FloatRange(0, min_open=True), metavar="USD",
    help="Of all episodes; stop before a call that could go over it.",
)  # fmt: skip
@click.option("--lang", default="en", show_default=True, help="Language of the prompt: en or ko.")
@click.option(
    "--workers", type=click.IntRange(1), default=1, show_default=True, help="Browsers at once."
)
@click.option("--max-steps", type=click.IntRange(1), default=30, show_default=True, help="An episode.")
@click.option(
    "--marks", type=click.Choice(["dom", "screen", "both"]), default="both", show_default=True,
    help="Where marks come from.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FOLDER",
    help="Results; an earlier run there is gone on with. Default: out/miniwob/POLICY.",
)  # fmt: skip
def miniwob(
    tasks: str,
    seeds: int,
    policy: str,
    base_url: str | None,
    max_usd: float | None,
    lang: str,
    workers: int,
    max_steps: int,
    marks: str,
    out: Path | None,
) -> None:
    """Play MiniWoB++, seeds 0, 1, ...; success is the page's own reward.

    Writes episodes.jsonl and table.md. Stop it at any moment, with Ctrl-C or worse, and give the same
    folder again: episodes that are in it are not played again. Times that the pages give are raised
    from 10 seconds to half an hour, so that nothing fails for a slow machine.
    """
    from tqdm import tqdm

    from som.evals.miniwob.pages import choose_tasks
    from som.evals.miniwob.run import Plan, run_all
    from som.evals.miniwob.table import markdown, rows_of, summary

    options = {"lang": lang, **({"base_url": base_url} if base_url else {})}
    plan = Plan(
        choose_tasks(tasks), range(seeds), policy, options, max_steps, {"marks": marks}, max_usd
    )
    out = out or Path("out", "miniwob", re.sub(r"[^\w.-]", "-", policy))
    won = 0
    with tqdm(total=len(plan.tasks) * seeds, unit="episode", disable=None) as bar:

        def count(result: "Result") -> None:
            nonlocal won
            won += result.success
            bar.update()
            bar.set_postfix_str(f"{won} done, last: {result.task}")

        results = run_all(plan, out, workers=workers, on_result=count)
    (out / "table.md").write_text(markdown(results), "utf-8")
    click.echo(summary(rows_of(results)))
    click.echo(f"  -> {out / 'table.md'}")
