"""Real programs that serve their own pages: installed into an environment of their own and started."""

import json
import os
import socket
import subprocess
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

_WAIT_S = 60


@contextmanager
def run_jupyterlab(packages: list[str], setting: str, folder: Path) -> Iterator[str]:
    """Start JupyterLab on loopback; gives its address.

    Args:
        packages: to install, once.
        setting: locale and theme, "ko_KR-Dark".
        folder: for the environment, the settings and an empty working folder.

    Raises:
        TimeoutError: it does not answer.
    """
    python = folder / "env" / "bin" / "python"
    if not python.exists():
        venv.create(folder / "env", with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=True)
    locale, theme = setting.split("-")
    settings = folder / setting
    for name, values in {
        "translation-extension/plugin": {"locale": locale},
        "apputils-extension/themes": {"theme": f"JupyterLab {theme}"},
    }.items():
        path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    work = folder / "work"
    work.mkdir(exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=", f"--ServerApp.root_dir={work}"]
    environment = {
        **os.environ,
        "JUPYTERLAB_SETTINGS_DIR": str(settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(settings / "workspaces"),
    }
    log = subprocess.DEVNULL
    program = subprocess.Popen([str(c) for c in command], env=environment, stdout=log, stderr=log)
    try:
        _wait(f"http://127.0.0.1:{port}/api")
        yield f"http://127.0.0.1:{port}/lab?reset&page={setting}"
    finally:
        program.terminate()
        program.wait(20)


def _wait(url: str) -> None:
    until = time.monotonic() + _WAIT_S
    while time.monotonic() < until:
        try:
            urlopen(url, timeout=5).close()
        except (URLError, OSError):
            time.sleep(0.3)
        else:
            return
    raise TimeoutError(f"{url} did not answer for {_WAIT_S} s")
