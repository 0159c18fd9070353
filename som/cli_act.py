"""``som act``: a task, done in a browser."""

import json
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from som.cli_local import LOCAL, local_options, local_settings
from som.cli_resume import settings_of, spent_by
from som.errors import SomError
from som.prompts import load

if TYPE_CHECKING:
    from som.agents.envs.browser import BrowserEnv
    from som.agents.envs.desktop import DesktopEnv
    from som.agents.safety import Confirm, Judgement, SafetyPolicy
    from som.agents.secrets import Secrets
    from som.agents.steps import Step
    from som.agents.trace import TraceWriter
    from som.agents.vlm.base import VLM
    from som.agents.vlm.cost import Budget

    Rules = tuple[SafetyPolicy, Confirm]
    Env = BrowserEnv | DesktopEnv

EXIT = {"answered": 0, "stopped": 130}


def _size(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, int]:
    try:
        width, height = (int(part) for part in value.lower().split("x"))
    except ValueError as error:
        raise click.BadParameter(f"write it as 1280x800, not {value}") from error
    if not (200 <= width <= 8000 and 200 <= height <= 8000):
        raise click.BadParameter(f"sides from 200 to 8000 pixels, not {value}")
    return width, height


@click.command()
@click.argument("task", default="")
@click.option("--url", metavar="URL", help="Where to begin.")
@click.option("--desktop", is_flag=True, help="The desktop at $DISPLAY instead of a browser.")
@click.option("--model", metavar="NAME", help="offline, replay:FILE, or a model on the server.")
@click.option("--base-url", metavar="URL", help="Any OpenAI-compatible server.")
@click.option("--api", type=click.Choice(["chat", "responses"]), help="Default: what the model has.")
@click.option(
    "--timeout",
    type=click.FloatRange(1),
    default=120.0,
    show_default=True,
    help="Longest wait for a reply, in seconds.",
)
@click.option(
    "--marks",
    type=click.Choice(["dom", "screen", "both"]),
    default="both",
    show_default=True,
    help="Marks from the page's documents, from pixels, or pixels where documents are blind.",
)
@click.option("--max-steps", type=click.IntRange(1), default=30, show_default=True)
@click.option("--max-tokens", type=click.IntRange(1), help="Of all prompts and replies together.")
@click.option("--max-usd", type=click.FloatRange(0, min_open=True), help="Needs a known price.")
@click.option("--max-seconds", type=click.FloatRange(0, min_open=True), help="By the clock.")
@local_options
@click.option("--lang", default="en", show_default=True, help="Language of the prompt: en or ko.")
@click.option(
    "--form",
    type=click.Choice(["auto", "json", "text"]),
    default="auto",
    show_default=True,
    help="How the model writes: JSON, or text as click(7) for small ones.",
)
@click.option(
    "--use",
    type=click.Choice(["auto", "write", "choose"]),
    default="auto",
    show_default=True,
    help="Write each action, or choose a mark first where a click will do.",
)
@click.option(
    "--votes",
    type=click.IntRange(2),
    metavar="N",
    help="Choose, by the agreement of so many samples.",
)
@click.option(
    "--legend",
    type=click.Choice(["full", "compact", "none"]),
    default="full",
    show_default=True,
    help="How marks are listed; compact takes fewer tokens.",
)
@click.option(
    "--keep-images",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Of the last steps; texts of all are sent.",
)
@click.option("--headed", is_flag=True, help="Show the browser's window.")
@click.option(
    "--viewport",
    default="1280x800",
    show_default=True,
    metavar="WxH",
    callback=_size,
    help="Of the page, in CSS pixels.",
)
@click.option(
    "--density",
    type=click.FloatRange(0.5, 4),
    default=1.0,
    show_default=True,
    help="Screenshot pixels for one of CSS.",
)
@click.option("--allow", multiple=True, metavar="DOMAIN", help="Go nowhere else; may be repeated.")
@click.option("--block", multiple=True, metavar="DOMAIN", help="Never go there; may be repeated.")
@click.option("--allow-private", is_flag=True, help="Addresses of this machine and private networks.")
@click.option("--allow-files", is_flag=True, help="file:// addresses.")
@click.option("--allow-downloads", is_flag=True, help="Files that pages offer.")
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME@DOMAIN",
    help="May be typed there by its name; its value is in the variable SOM_SECRET_NAME.",
)
@click.option(
    "--secrets", "secrets_file", metavar="TOML", help="File of secrets, readable by you alone."
)
@click.option(
    "--yes/--no",
    "answer",
    default=None,
    help="Answer for you where a risky action needs a yes. Default: you are asked.",
)
@click.option("--safety", metavar="TOML", help="Your rules for what is risky.")
@click.option(
    "--second-opinion",
    is_flag=True,
    help="Ask the model, by one short choice, about what the rules find harmless.",
)
@click.option(
    "--trace",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="What happened, with images. Default: a new folder in runs/.",
)
@click.option(
    "--resume",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Go on with this trace, as it was; what it has spent counts.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the run as JSON and nothing else.")
def act(task: str, **options: Any) -> None:
    """Do TASK in a browser, or on a desktop, that is looked at through marks.

    Each step is printed and kept in a trace. Without a key or a server the offline grounder acts.
    Ctrl-C stops; --resume goes on. Exit status: 0 answered, 1 not, 130 stopped.
    """
    from som.agents.records import Header
    from som.agents.trace import TraceWriter, read_trace
    from som.agents.vlm import get_vlm
    from som.agents.vlm.cost import Budget, Spent

    old = read_trace(options["resume"]) if options["resume"] else None
    if old and old.end and old.end.status in ("answered", "gave_up"):
        raise SomError(f"the run in {old.folder} is over ({old.end.status}); start a new one")
    options = settings_of(old, options) if old else options
    if options["votes"] and options["use"] == "auto":
        options["use"] = "choose"
    task = task or (old.header.task if old else "")
    url = options["url"] or (old.url if old else "")
    if not task.strip():
        raise SomError('say what is to be done: som act "TASK" --url URL')
    if not url and not options["desktop"]:
        raise SomError("say where to begin: --url URL, or --desktop")
    local = local_settings(*(options[name] for name in LOCAL))
    vlm, notice = get_vlm(
        options["model"],
        base_url=options["base_url"],
        api=options["api"],
        votes=options["votes"],
        timeout_s=options["timeout"],
        **local,
    )
    if notice:
        click.echo(notice, err=True)
    load("agent_system", options["lang"])
    header = Header(task=task, url=url, model=vlm.name, lang=options["lang"], settings=_kept(options))
    folder = old.folder if old else options["trace"] or _new_folder()
    budget = Budget(options["max_usd"], options["max_tokens"], options["max_seconds"])
    budget.count(spent_by(old) if old else Spent())
    rules, secrets = _safety(vlm, budget, options), _secrets(options)
    past = old.steps(images=options["keep_images"]) if old else []
    with (
        _environment(url, vlm, rules, secrets, options) as env,
        TraceWriter(folder, header, resume=old is not None, mask=secrets.mask) as trace,
    ):
        steps = _work(task, env, vlm, past, trace, rules, budget, options)
    _finish(task, vlm.name, steps, folder, as_json=options["as_json"])


def _environment(
    url: str, vlm: "VLM", rules: "Rules", secrets: "Secrets", options: dict[str, Any]
) -> "Env":
    from som.agents.vlm.profiles import profile_of

    max_side = None if vlm.name == "offline" else profile_of(vlm.name).max_side
    if options["desktop"]:
        from som.agents.envs.desktop import DesktopEnv

        if secrets:
            raise SomError("secrets are typed on the domains they name, so in a browser only")
        return DesktopEnv(max_side=max_side)
    from som.agents.envs.browser import BrowserEnv
    from som.agents.network import NetworkPolicy
    from som.agents.safety import dialog_answers

    return BrowserEnv(
        _address(url),
        marks=options["marks"],
        viewport_wh=options["viewport"],
        density=options["density"],
        headless=not options["headed"],
        policy=NetworkPolicy(
            allowed=options["allow"],
            blocked=options["block"],
            **{name: options[name] for name in ("allow_files", "allow_private", "allow_downloads")},
        ),
        secrets=secrets,
        on_dialog=dialog_answers(*rules),
        max_side=max_side,
    )


def _secrets(options: dict[str, Any]) -> "Secrets":
    from som.agents.secrets import Secrets

    if options["secrets"] and options["secrets_file"]:
        raise SomError("give --secret or --secrets, not both")
    if options["secrets_file"]:
        return Secrets.from_file(options["secrets_file"])
    return Secrets.from_env(options["secrets"])


def _safety(vlm: "VLM", budget: "Budget", options: dict[str, Any]) -> "Rules":
    from som.agents.safety import SafetyPolicy, confirm_in_terminal

    policy = SafetyPolicy.from_file(options["safety"]) if options["safety"] else SafetyPolicy()
    if options["second_opinion"]:
        from som.agents.gate import ModelGate
        from som.agents.vlm.cost import Metered

        policy = ModelGate(
            policy.rules, policy.domains, policy.words, Metered(vlm, budget), lang=options["lang"]
        )
    answer = options["answer"]

    def confirm(judged: "Judgement") -> bool:
        try:
            return confirm_in_terminal(judged) if answer is None else bool(answer)
        except click.Abort:
            raise KeyboardInterrupt from None

    return policy, confirm


def _work(
    task: str,
    env: "Env",
    vlm: "VLM",
    past: list["Step"],
    trace: "TraceWriter",
    rules: "Rules",
    budget: "Budget",
    options: dict[str, Any],
) -> list["Step"]:
    """Do it; each step is on the disk, then on the screen, before the next begins."""
    from som.agents.loop import run
    from som.agents.report import step_line

    safety, confirm = rules
    steps: list[Step] = []
    work = run(
        task,
        env,
        vlm,
        max_steps=options["max_steps"],
        budget=budget,
        ask_user=_ask_user if sys.stdin.isatty() else None,
        lang=options["lang"],
        keep_images=options["keep_images"],
        form=options["form"],
        use=options["use"],
        safety=safety,
        confirm=confirm,
        past=past,
        legend=options["legend"],
    )
    with suppress(KeyboardInterrupt):  # between two steps; within one it ends the run itself
        for step in work:
            trace.write(step, url_after=_url_after(env, step))
            steps.append(step.light())
            if not options["as_json"]:
                click.echo(step_line(step))
    return steps


def _finish(task: str, model: str, steps: list["Step"], folder: Path, *, as_json: bool) -> None:
    from som.agents.report import end_line, run_json

    if as_json:
        run = {**run_json(task, model, steps), "trace": str(folder)}
        click.echo(json.dumps(run, ensure_ascii=False))
    else:
        click.echo(end_line(steps))
        click.echo(f"-> {folder}")
    end = steps[-1].end if steps else None
    sys.exit(EXIT.get(end.status, 1) if end else EXIT["stopped"])


def _ask_user(question: str) -> str:
    try:
        return str(click.prompt(f"\nThe agent asks: {question}\n", err=True))
    except click.Abort:
        raise KeyboardInterrupt from None


def _address(url: str) -> str:
    """An address as people write it: "example.org" is one of the web, a file of this machine a file."""
    if "://" in url or url.startswith(("about:", "data:")):
        return url
    if Path(url).is_file():
        return Path(url).resolve().as_uri()
    host, page = url.partition("/")[0], url.endswith((".html", ".htm"))
    bare = host != "localhost" and not {".", ":"} & set(host)
    if host in ("", ".", "..") or (page and (host == url or bare)):
        raise SomError(f"no such file: {url} (an address on the web begins with https://)")
    return f"https://{url}"


def _new_folder() -> Path:
    return Path("runs") / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")


def _kept(options: dict[str, Any]) -> dict[str, Any]:
    """The settings that a trace keeps; names of secrets are there, values never were."""
    left_out = ("url", "lang", "trace", "resume", "as_json")
    kept = {name: value for name, value in options.items() if name not in left_out}
    return {name: str(value) if isinstance(value, Path) else value for name, value in kept.items()}


def _url_after(env: "Env", step: "Step") -> str:
    """Where the browser is now; where it was when it is gone. A desktop has no address."""
    try:
        return str(getattr(env, "url", ""))
    except Exception:  # closed: playwright's error, whose class is not imported here
        return step.observation.url
