"""``som eval``: evaluations, one command each."""

import click

from som.cli_miniwob import miniwob


@click.group("eval")
def evaluate() -> None:
    """Measure models, prompts and the marks themselves."""


evaluate.add_command(miniwob)
