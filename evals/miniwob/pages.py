"""The pages of MiniWoB++, out of the PyPI package ``miniwob``, and a server for them on loopback.

The package is only looked up, never imported: importing it brings gymnasium and selenium.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

from som.errors import MissingDependencyError, SomError


def folder() -> Path:
    """Where the pages are: a folder with ``miniwob/``, ``core/`` and ``common/``.

    Raises:
        MissingDependencyError: the package is not installed.
    """
    spec = find_spec("miniwob")
    places = [Path(place) / "html" for place in (spec.submodule_search_locations or [])] if spec else []
    found = next((place for place in places if (place / "miniwob").is_dir()), None)
    if found is None:
        raise MissingDependencyError('MiniWoB++ needs its pages: pip install "som-agent[eval]"')
    return found


def all_tasks() -> list[str]:
    """The names of all tasks, sorted."""
    return sorted(page.stem for page in (folder() / "miniwob").glob("*.html"))


def choose_tasks(names: str) -> list[str]:
    """The tasks that a user named.

    Args:
        names: "all", or names with commas between them.

    Raises:
        SomError: there is no such task.
    """
    known = all_tasks()
    if names == "all":
        return known
    chosen = list(dict.fromkeys(name.strip() for name in names.split(",") if name.strip()))
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        from rapidfuzz import process

        near = (
            [name for name, *_ in process.extract(unknown[0], known, limit=3)] if unknown else known[:3]
        )
        raise SomError(f"no MiniWoB++ task {(unknown or [names])[0]!r}; near it: {', '.join(near)}")
    return chosen


@contextmanager
def serving() -> Iterator[str]:
    """Serve the pages on loopback; gives the address of the folder with the tasks."""
    handler = partial(_Quiet, directory=str(folder()))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/miniwob/"
        finally:
            server.shutdown()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass
