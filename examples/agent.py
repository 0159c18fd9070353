"""An agent in a browser: ``python examples/agent.py``.

It works on a page that this script serves, by the offline grounder: no key, no network. With
SOM_MODEL (and SOM_BASE_URL for a server of your own) a real model acts.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from som.agents.envs.browser import BrowserEnv
from som.agents.loop import run
from som.agents.network import NetworkPolicy
from som.agents.report import end_line, step_line
from som.agents.vlm import get_vlm
from som.agents.vlm.cost import Budget

PAGES = Path(__file__).parent / "pages"
TASK = 'Tick "Gift wrap", then click "Add Assam"'


def main() -> None:
    """Do the task, and say what each step did."""
    vlm, notice = get_vlm(os.environ.get("SOM_MODEL"), base_url=os.environ.get("SOM_BASE_URL"))
    print(notice or vlm.name)
    with serving() as url, BrowserEnv(url, policy=NetworkPolicy(allow_private=True)) as env:
        steps = []
        for step in run(TASK, env, vlm, max_steps=10, budget=Budget(tokens=100_000)):
            steps.append(step)
            print(step_line(step))
        print(end_line(steps))


@contextmanager
def serving() -> Iterator[str]:
    """The address of the shop on this machine, for as long as the context lasts."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(PAGES))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/shop.html"
        server.shutdown()


if __name__ == "__main__":
    main()
