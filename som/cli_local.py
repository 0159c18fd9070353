"""Options of commands for models that run in this process (``--model local:CHECKPOINT``)."""

from collections.abc import Callable
from typing import Any

import click

LOCAL = ("quantize", "model_device", "allow_remote_code")
_OPTIONS = (
    click.option(
        "--quantize", type=click.Choice(["4bit", "8bit"]),
        help="With local: weights in fewer bits, by bitsandbytes on cuda; elsewhere 8bit, by torchao.",
    ),
    click.option(
        "--model-device", metavar="NAME",
        help="With local: cuda, mps or cpu. Default: the fastest there is.",
    ),
    click.option(
        "--allow-remote-code", is_flag=True,
        help="With local: run code that comes with the checkpoint. Only for authors you trust.",
    ),
)  # fmt: skip


def local_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add them to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def local_settings(
    quantize: str | None, model_device: str | None, allow_remote_code: bool
) -> dict[str, Any]:
    """As `som.agents.vlm.get_vlm` takes them; what was not given is left out."""
    given: dict[str, Any] = {
        "quantize": quantize,
        "device": model_device,
        "remote_code": allow_remote_code or None,
    }
    return {name: value for name, value in given.items() if value is not None}
