"""``som eval NAME``: one command for each grounding data set, all with the same options."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from som.errors import MissingDependencyError, SomError

if TYPE_CHECKING:
    from som.evals.run import Estimate

NAMES = {
    "screenspot": "ScreenSpot: what an instruction names on a screen.",
    "screenspot-v2": "ScreenSpot-v2.",
    "screenspot-pro": "ScreenSpot-Pro: professional programs on large screens.",
    "refcoco": "RefCOCO, RefCOCO+ and RefCOCOg: what an expression refers to in a photo.",
    "flickr30k": "Flickr30k Entities: the phrases of a caption.",
    "open-vocabulary": "COCO and ADE20K: the name of every region.",
    "som-bench": "SoM-Bench: images that came with their marks.",
    "davis": "DAVIS 2017: the objects of a video, frame after frame.",
}
BOUNDS = ("oracle", "random")


def _command(name: str) -> click.Command:
    """The command that runs a data set."""

    def callback(**options: Any) -> None:
        _run(name, **options)

    callback.__doc__ = f"""{NAMES[name]}

    Runs every condition of the grid on every model, with inspect_ai. A log folder is a run: stop it at
    any moment, with Ctrl-C or worse, and give the same command again; what has an answer is not asked
    again. Conditions are words joined by +: raw, marks, boxes, outlines, fill, legend, compact (a
    legend of fewer tokens), letters, area, groupsN (N marks at a time), mostN,
    thinN, zoom, choose.
    """
    command = click.command(name=name)(callback)
    for option in _OPTIONS:
        command = option(command)
    return command


_OPTIONS = [
    click.option(
        "--data", required=True, metavar="DIR",
        type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of the data set.",
    ),
    click.option(
        "--model", "models", default="offline", show_default=True, metavar="A,B",
        help="offline, replay:FILE, local:NAME, oracle, random, or PROVIDER/NAME as inspect_ai has it.",
    ),
    click.option("--base-url", metavar="URL", help="Of the models' server."),
    click.option(
        "--grid", default="marks+boxes", show_default=True, metavar="A,B", help="Conditions."
    ),
    click.option("--seeds", default="0", show_default=True, metavar="A,B", help="Of what is random."),
    click.option("--limit", type=click.IntRange(1), help="Only the first so many samples."),
    click.option("--segmenter", metavar="NAME", help="What finds regions. Default: by data set."),
    click.option(
        "--max-side", type=click.IntRange(16), metavar="PIXELS",
        help="Longest side of what the model sees. Default: what its family sees.",
    ),
    click.option("--prompt", default="en", show_default=True, help="Language of the prompt: en or ko."),
    click.option(
        "-o", "--option", "options", multiple=True, metavar="KEY=VALUE",
        help="Of the data set: split=testA, lang=zh, name=refcoco+, ...",
    ),
    click.option("--epochs", type=click.IntRange(1), help="How often each sample is asked."),
    click.option(
        "--log-dir", type=click.Path(path_type=Path), metavar="DIR",
        help="Where logs go; a run there is gone on with. Default: logs/NAME.",
    ),
    click.option("--cache/--no-cache", default=True, help="Take replies that were given before."),
    click.option(
        "--max-connections", type=click.IntRange(1), help="Calls at once. Default: inspect_ai's."
    ),
    click.option("--max-retries", type=click.IntRange(0), default=5, show_default=True),
    click.option(
        "--log-images/--no-log-images", default=True,
        help="Keep what the model was shown in the log; reports and viewers show it.",
    ),
    click.option(
        "--max-usd", type=click.FloatRange(0, min_open=True), metavar="USD",
        help="Of all models together; stop before a call that could go over it.",
    ),
    click.option("--yes", is_flag=True, help="Do not ask before spending money."),
]  # fmt: skip


def _run(
    name: str,
    data: Path,
    models: str,
    base_url: str | None,
    grid: str,
    seeds: str,
    limit: int | None,
    segmenter: str | None,
    max_side: int | None,
    prompt: str,
    options: tuple[str, ...],
    epochs: int | None,
    log_dir: Path | None,
    cache: bool,
    max_connections: int | None,
    max_retries: int,
    log_images: bool,
    max_usd: float | None,
    yes: bool,
) -> None:
    try:
        import inspect_ai  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError('inspect_ai is missing: pip install "som-agent[eval]"') from error
    from som.agents.vlm.cost import Budget
    from som.evals.conditions import grid as read_grid
    from som.evals.logs import read_runs, summarize
    from som.evals.published import published_table
    from som.evals.run import NO_MODEL, estimate, make_tasks, model_name, run
    from som.evals.table import aligned, as_text

    conditions = read_grid(grid)
    settings: dict[str, Any] = {"prompt": prompt, **_pairs(options)}
    settings |= {
        key: value
        for key, value in (("limit", limit), ("segmenter", segmenter), ("max_side", max_side))
        if value is not None
    }
    log_dir = log_dir or Path("logs", name)
    jobs = []
    for one in (part.strip() for part in models.split(",") if part.strip()):
        by = one if one in BOUNDS else "model"
        model = NO_MODEL if one in BOUNDS else model_name(one)
        blind = one == "offline" or one in BOUNDS
        wanted = [condition.name for condition in conditions if condition.marks or not blind]
        for condition in conditions:
            if condition.name not in wanted:
                click.echo(f"{one} names marks only: {condition.name} is left out for it", err=True)
        tasks = make_tasks(name, data, wanted, by=by, seeds=_numbers(seeds), **settings)
        if tasks:
            jobs.append((one, model, tasks))
    if not jobs:
        raise SomError("nothing to run: no model can do any of these conditions")
    paid = []
    for one, model, tasks in jobs:
        expected = estimate(tasks, model, epochs=epochs or 1, hosted=base_url is None)
        click.echo(f"{one}: {expected}", err=True)
        _ask_to_go_on(expected, yes)
        paid += [] if expected.free else [model]
    budget = Budget(usd=max_usd) if max_usd else None
    shown: Literal["rich", "plain"] = "rich" if sys.stderr.isatty() else "plain"
    complete = True
    for _, model, tasks in jobs:
        complete &= run(
            tasks,
            model,
            log_dir,
            base_url=base_url if model != NO_MODEL else None,
            epochs=epochs,
            cache=cache,
            max_retries=max_retries,
            display=shown,
            log_images=log_images,
            budget=budget if model in paid else None,
            max_connections=max_connections,
        )
    runs = read_runs([log_dir])
    click.echo(as_text([summarize(found) for found in runs]))
    heads, rows = published_table([(found.name, found) for found in runs])
    if rows:
        click.echo("\n" + aligned([("as published", *heads), *rows]))
    click.echo(f"som eval report {log_dir} -o report.html  makes a page of it")
    if not complete:
        raise SomError("some samples have no answer; give the same command again to ask only those")


def _ask_to_go_on(expected: "Estimate", yes: bool) -> None:
    costs = not expected.free and expected.usd != 0
    if costs and not yes:
        click.echo("Models that think or explain write more; --max-usd sets a limit.", err=True)
        click.confirm("Go on?", abort=True, err=True)


def _pairs(options: tuple[str, ...]) -> dict[str, str]:
    pairs = dict(part.partition("=")[::2] for part in options)
    if "" in pairs or "" in pairs.values():
        raise SomError("an option of the data set is KEY=VALUE, for example split=testA")
    return pairs


def _numbers(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise SomError(f"seeds are whole numbers with commas between, got {text!r}") from error


screenspot = _command("screenspot")
screenspot_v2 = _command("screenspot-v2")
screenspot_pro = _command("screenspot-pro")
refcoco = _command("refcoco")
flickr30k = _command("flickr30k")
open_vocabulary = _command("open-vocabulary")
som_bench = _command("som-bench")
davis = _command("davis")
