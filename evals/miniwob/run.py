"""Many episodes, in as many browsers as wanted, kept line by line; a run goes on where one stopped."""

import json
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from som.agents.vlm.cost import BudgetError
from som.errors import SomError
from som.evals.miniwob.episode import MAX_STEPS, Result, room
from som.evals.miniwob.policies import get_policy

RESULTS = "episodes.jsonl"
Job = tuple[str, int]


@dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
        tasks: names.
        seeds: of each task.
        policy: its name, for `get_policy`, with its
        options.
        max_steps: of an episode.
        browser: options of `BrowserEnv`.
        max_usd: of all episodes; workers get equal parts of it.
    """

    tasks: Sequence[str]
    seeds: Sequence[int]
    policy: str
    options: dict[str, Any] = field(default_factory=dict)
    max_steps: int = MAX_STEPS
    browser: dict[str, Any] = field(default_factory=dict)
    max_usd: float | None = None


def read_results(path: Path) -> list[Result]:
    """The episodes of a results file; a line that was cut off by a kill is none.

    Raises:
        SomError: a line before the last is no episode.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    names = {one.name for one in fields(Result)}
    results = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            results.append(Result(**{key: json.loads(line)[key] for key in names}))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(lines):
                break
            raise SomError(f"{path}, line {number}, is no episode; give another folder") from error
    return results


def run_all(
    plan: Plan, out: Path, *, workers: int = 1, on_result: Callable[[Result], None] | None = None
) -> list[Result]:
    """Run what the folder does not hold yet.

    Args:
        plan: what to run.
        out: folder of the results file; made where needed.
        workers: browsers at once, each in a process of its own.
        on_result: called with each new episode.

    Returns:
        All episodes of the plan, those of earlier runs included, in the order of the plan.

    Raises:
        SomError: the folder holds episodes of another policy.
        BudgetError: the next call could go over the budget; what was played is kept.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / RESULTS
    results = read_results(path)
    name = get_policy(plan.policy, **plan.options).name
    others = {result.policy for result in results} - {name}
    if others:
        raise SomError(f"{path} holds episodes of {others.pop()}; give another folder")
    known = {(result.task, result.seed): result for result in results}
    jobs = [(task, seed) for task in plan.tasks for seed in plan.seeds]
    left = [job for job in jobs if job not in known]
    _drop_cut_line(path)
    with path.open("ab") as file:
        for result in _episodes(plan, left, min(workers, len(left))):
            known[result.task, result.seed] = result
            file.write(result.line().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
            if on_result:
                on_result(result)
    return [known[job] for job in jobs]


def _drop_cut_line(path: Path) -> None:
    if path.exists():
        with path.open("r+b") as file:
            file.truncate(file.read().rfind(b"\n") + 1)


def _episodes(plan: Plan, jobs: list[Job], workers: int) -> Iterator[Result]:
    if not jobs:
        return
    if workers == 1:
        with room(**plan.browser) as here:
            policy = get_policy(plan.policy, max_usd=plan.max_usd, **plan.options)
            for task, seed in jobs:
                yield here.play(task, seed, policy, plan.max_steps)
        return
    yield from _Workers(plan, jobs, workers).run()


class _Workers:
    """Processes that play one episode after the other; they end when this process does."""

    def __init__(self, plan: Plan, jobs: list[Job], count: int) -> None:
        share = plan.max_usd / count if plan.max_usd else None
        self._plan, self._jobs = replace(plan, max_usd=share), list(reversed(jobs))
        self._playing: dict[Connection, tuple[Any, Job | None]] = {}
        for _ in range(count):
            self._start()

    def run(self) -> Iterator[Result]:
        try:
            while self._playing:
                for connection in wait(list(self._playing)):
                    assert isinstance(connection, Connection)
                    process, job = self._playing.pop(connection)
                    try:
                        found = connection.recv()
                    except EOFError:
                        found = "the process of the browser ended"
                        process.join()
                        connection.close()
                        if self._jobs:
                            self._start()
                    else:
                        self._playing[connection] = (process, None)
                        self._next(connection)
                    if isinstance(found, BudgetError):
                        raise found
                    if isinstance(found, Result):
                        yield found
                    elif isinstance(found, str) and job is not None:
                        yield _broken(self._plan, job, found)
                    elif isinstance(found, str):
                        raise SomError(f"a browser could not be started: {found}")
        finally:
            for connection, (process, _) in self._playing.items():
                connection.close()
                process.join(10)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._plan), daemon=True)
        process.start()
        theirs.close()
        self._playing[ours] = (process, None)

    def _next(self, connection: Connection) -> None:
        """Hand over the next episode, or let the process go."""
        process, _ = self._playing.pop(connection)
        if self._jobs:
            job = self._jobs.pop()
            connection.send(job)
            self._playing[connection] = (process, job)
        else:
            connection.close()
            process.join(20)


def _work(connection: Connection, plan: Plan) -> None:
    """Play what comes until nothing comes, or nobody is there."""
    try:
        policy = get_policy(plan.policy, max_usd=plan.max_usd, **plan.options)
        with room(**plan.browser) as here:
            connection.send(None)
            with suppress(EOFError):
                while True:
                    task, seed = connection.recv()
                    connection.send(here.play(task, seed, policy, plan.max_steps))
    except BudgetError as error:
        connection.send(error)
    except SomError as error:
        connection.send(str(error))
    except (BrokenPipeError, KeyboardInterrupt):
        pass


def _broken(plan: Plan, job: Job, why: str) -> Result:
    name = get_policy(plan.policy, **plan.options).name
    return Result(job[0], job[1], name, False, 0.0, False, "", "failed", 0, why, 0.0)
