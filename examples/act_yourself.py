"""Marks and actions without a model, by rules of your own: ``python examples/act_yourself.py``."""

from pathlib import Path

from som.agents import actions as do
from som.agents.envs.browser import BrowserEnv
from som.agents.network import NetworkPolicy

PAGE = Path(__file__).parent / "pages" / "shop.html"


def main() -> None:
    """Put every tea into the basket, then list the page as a model would read it."""
    with BrowserEnv(PAGE.as_uri(), policy=NetworkPolicy(allow_files=True)) as env:
        for mark in env.observe().marked:
            if mark.text.startswith("Add "):
                print(env.act(do.Click(mark=mark.id)).message)
        print(env.observe().marked.legend())


if __name__ == "__main__":
    main()
