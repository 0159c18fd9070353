"""One episode: a task's page, started by a seed and played by a policy; the page says how it went."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, Protocol

from som.agents.envs.browser import BrowserEnv
from som.agents.network import NetworkPolicy
from som.agents.vlm.cost import BudgetError
from som.evals.miniwob.pages import serving

# What the pages are made for, in CSS pixels, and how much finer it is drawn: labels must be readable.
PAGE_WH = (160, 210)
DENSITY = 3
# The pages give 10 seconds, which is for reflexes; a model on a slow machine needs minutes.
LONGEST_S = 1800
MAX_STEPS = 30
_START = """([seed, longest]) => {
  core.EPISODE_MAX_TIME = longest * 1000;
  const style = document.createElement("style");
  style.textContent = "#reward-display, #click-canvas { display: none !important; }";
  document.head.append(style);
  Math.seedrandom(seed);
  core.startEpisodeReal();
  const said = core.getUtterance();
  return typeof said === "string" ? said : said.utterance;
}"""
_END = """() => ({done: WOB_DONE_GLOBAL, reward: WOB_REWARD_GLOBAL, raw: WOB_RAW_REWARD_GLOBAL})"""


@dataclass(frozen=True)
class Played:
    """What a policy says of its play.

    Attributes:
        status: as `som.agents.steps.End` has it, or "done" where the page ended the episode.
        steps: actions taken.
        message: why it stopped.
    """

    status: str
    steps: int
    message: str = ""


@dataclass(frozen=True)
class Result:
    """How one episode went.

    Attributes:
        task: name of the page.
        seed: that started it.
        policy: who played.
        success: the page's raw reward, without its discount for time, is above 0.
        raw: that reward, -1 to 1; 0 where the episode did not end.
        done: the page ended the episode.
        utterance: the task in words.
        status: and
        steps: and
        message: as in `Played`; "failed" and why where the episode broke.
        seconds: it took.
    """

    task: str
    seed: int
    policy: str
    success: bool
    raw: float
    done: bool
    utterance: str
    status: str
    steps: int
    message: str
    seconds: float

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=False)


class Policy(Protocol):
    """Who plays."""

    name: str

    def play(
        self, env: BrowserEnv, task: str, utterance: str, done: Callable[[], bool], max_steps: int
    ) -> Played:
        """Play an episode that has begun.

        Args:
            env: the browser, at the task's page.
            task: its name. Agents may not use it.
            utterance: the task in words.
            done: whether the page has ended the episode.
            max_steps: stop after so many actions.
        """
        ...


class Room:
    """A browser and a server of pages, for one episode after the other."""

    def __init__(self, env: BrowserEnv, address: str) -> None:
        self.env, self._address = env, address

    def play(self, task: str, seed: int, policy: Policy, max_steps: int = MAX_STEPS) -> Result:
        """Play one episode; what breaks it is said in the result.

        Raises:
            BudgetError: there is no money left to play it.
        """
        start = perf_counter()
        utterance, played, end = "", Played("failed", 0), {"done": False, "raw": 0.0}
        try:
            utterance = self.begin(task, seed)
            played = policy.play(self.env, task, utterance, self.done, max_steps)
            end = self.env.page.evaluate(_END)
        except BudgetError:
            raise
        except Exception as error:  # one broken episode must not end a run of a thousand
            said = str(error).partition("\n")[0]
            played = Played("failed", played.steps, f"{type(error).__name__}: {said}")
        return Result(
            task=task,
            seed=seed,
            policy=policy.name,
            success=bool(end["done"]) and end["raw"] > 0,
            raw=float(end["raw"]),
            done=bool(end["done"]),
            utterance=utterance,
            status="done" if end["done"] else played.status,
            steps=played.steps,
            message=played.message,
            seconds=round(perf_counter() - start, 2),
        )

    def begin(self, task: str, seed: int) -> str:
        """Open a task's page and start its episode; gives the task in words."""
        self.env.restart(f"{self._address}{task}.html")
        page = self.env.page
        page.wait_for_function("() => window.core?.cover_div")
        said: str = page.evaluate(_START, [seed, LONGEST_S])
        return said

    def done(self) -> bool:
        """Whether the page has ended the episode."""
        ended: dict[str, Any] = self.env.page.evaluate(_END)
        return bool(ended["done"])


@contextmanager
def room(**options: Any) -> Iterator[Room]:
    """Open a browser that can reach the pages of MiniWoB++ and nothing else."""
    with ExitStack() as stack:
        address = stack.enter_context(serving())
        policy = NetworkPolicy(allowed=("127.0.0.1",), allow_private=True)
        options = {"viewport_wh": PAGE_WH, "density": DENSITY, "marks": "both", **options}
        yield Room(stack.enter_context(BrowserEnv(policy=policy, **options)), address)
