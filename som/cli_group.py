"""A group of commands that live beside what they drive and are imported when they are asked for."""

from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Commands by name: "module:attribute".

    Listing them imports these modules, so they keep heavy imports inside their functions.

    Args:
        elsewhere: command name -> "module:attribute".
    """

    def __init__(self, *args: Any, elsewhere: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.elsewhere = elsewhere or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands defined here, then those elsewhere."""
        return [*super().list_commands(ctx), *self.elsewhere]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """The command, imported if it lives elsewhere."""
        if name not in self.elsewhere:
            return super().get_command(ctx, name)
        module, attribute = self.elsewhere[name].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command
