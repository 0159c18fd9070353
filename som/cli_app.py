"""``som app``: the web app."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import click


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0 lets others in.")
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, help="0: any.")
@click.option(
    "--password", envvar="SOM_APP_PASSWORD", metavar="TEXT",
    help="Ask visitors for it, with the name som. Better given as SOM_APP_PASSWORD.",
)  # fmt: skip
@click.option("--model", metavar="NAME", help="Answers visitors who set none. Default: offline.")
@click.option("--base-url", metavar="URL", help="Of that model's server.")
@click.option(
    "--allow-server", "allow_servers", multiple=True, metavar="URL",
    help="A model server that visitors may name when others than you can reach the app.",
)  # fmt: skip
@click.option(
    "--segmenter", "segmenters", multiple=True, metavar="NAME",
    help="Offer this one, too: sam2, omniparser, ...",
)  # fmt: skip
@click.option("--max-upload", type=click.IntRange(1), default=20, show_default=True, help="MB.")
@click.option("--max-megapixels", type=click.IntRange(1), default=40, show_default=True)
@click.option("--agent/--no-agent", default=True, help="Whether visitors may start browsers here.")
@click.option("--max-runs", type=click.IntRange(1), default=4, show_default=True, help="At once.")
@click.option(
    "--runs", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="FOLDER",
    help="Saved runs that visitors can replay.",
)  # fmt: skip
@click.option(
    "--logs", type=click.Path(path_type=Path, file_okay=False, exists=True), metavar="FOLDER",
    help="Logs of evaluations that visitors can look at. Default: logs/, for you alone.",
)  # fmt: skip
@click.option("--open/--no-open", "browse", default=True, help="Show it in a browser.")
def app(
    host: str,
    port: int,
    password: str | None,
    model: str | None,
    base_url: str | None,
    allow_servers: tuple[str, ...],
    segmenters: tuple[str, ...],
    max_upload: int,
    max_megapixels: int,
    agent: bool,
    max_runs: int,
    runs: Path | None,
    logs: Path | None,
    browse: bool,
) -> None:
    """Open the web app: mark pictures, ask about them, watch an agent work, read evaluations.

    Only this machine can reach it unless --host says otherwise; then give a --password, too.
    """
    from som.ui.app import serve
    from som.ui.config import SEGMENTERS, Config

    config = Config(
        host=host,
        port=port,
        password=password,
        model=model,
        base_url=base_url,
        allow_servers=allow_servers,
        segmenters=tuple(dict.fromkeys((*SEGMENTERS, *segmenters))),
        max_upload_mb=max_upload,
        max_megapixels=max_megapixels,
        agent=agent,
        max_runs=max_runs,
        runs=runs,
        logs=logs,
    )
    if logs is None and config.private and Path("logs").is_dir():
        config = replace(config, logs=Path("logs"))
    if not config.private and password is None:
        click.echo("Anyone who can reach this address can use the app; give a --password", err=True)
    demo, url = serve(config, block=False)
    click.echo(f"The app is at {url} (Ctrl+C stops it)")
    if browse and config.private and _has_screen():
        click.launch(url)
    try:
        demo.block_thread()
    finally:
        demo.close(verbose=False)


def _has_screen() -> bool:
    """Whether a browser could show anything; on a server, looking for one only prints errors."""
    return sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
