"""``som eval``: evaluations. Each of its commands has a file of its own, named here."""

import click

from som.cli_eval_run import NAMES
from som.cli_group import LazyGroup

COMMANDS = {
    **{name: f"som.cli_eval_run:{name.replace('-', '_')}" for name in NAMES},
    "miniwob": "som.cli_miniwob:miniwob",
    "report": "som.cli_eval_report:report",
    "score": "som.cli_eval_score:score",
}


@click.group(name="eval", cls=LazyGroup, elsewhere=COMMANDS)
def evaluate() -> None:
    """Measure models, prompts and the marks themselves."""
