"""Marking on Ray: the processes of this machine, or a cluster by its address.

A worker that dies is started again and its image marked again, by Ray itself; results travel back and
are written in one place, so nothing is lost and nothing doubled.
"""

import logging
import os
from collections.abc import Iterable
from typing import Any

from som.bulk import INSTALL, Item, Result, Results, mark_item
from som.errors import MissingDependencyError, SomError

# An image that ends its worker this often is given up.
RETRIES = 3
# Images under way for each worker: one is marked while the next one travels.
_AHEAD = 2
_STORE_BYTES = 512 * 1024**2


def run_on_ray(
    items: Iterable[Item],
    marking: dict[str, Any],
    *,
    address: str | None = None,
    workers: int | None = None,
    gpus: float = 0,
) -> Results:
    """Mark images on Ray, in the order that they get done.

    Args:
        items: read as workers get free, never all at once.
        marking: the options of `som.cli_marking.make_marker`.
        address: of a cluster, "auto" or "ray://HOST:10001", where this package is installed; None
            starts Ray on this machine and ends it again.
        workers: processes at a time; by default one for each core.
        gpus: of each worker, 0.25 puts four on one.

    Raises:
        MissingDependencyError: Ray is not installed.
        SomError: no cluster at this address.
    """
    ray = _start(address, workers)
    try:
        task = ray.remote(mark_item).options(num_cpus=1, num_gpus=gpus, max_retries=RETRIES)
        options = ray.put(marking)
        running: dict[Any, Item] = {}
        for item in items:
            running[task.remote(item, options)] = item
            if len(running) >= _AHEAD * (workers or _cores(ray)):
                yield _next(ray, running)
        while running:
            yield _next(ray, running)
    finally:
        ray.shutdown()


def _start(address: str | None, workers: int | None) -> Any:
    # Nothing is reported to anyone unless the user says so.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "error")
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError(f"--ray needs Ray: {INSTALL}") from error
    here = {"num_cpus": workers, "include_dashboard": False, "object_store_memory": _STORE_BYTES}
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level=logging.ERROR,
            **({} if address else here),
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if address:
            reason += "; does it run, and ask for a token (RAY_AUTH_MODE=token)?"
        raise SomError(f"no Ray at {address or 'this machine'}: {reason}") from error
    return ray


def _cores(ray: Any) -> int:
    return max(1, int(ray.cluster_resources().get("CPU", 1)))


def _next(ray: Any, running: dict[Any, Item]) -> tuple[Item, Result]:
    """The next image that is done; one whose worker died every time is an error like any other."""
    (ready,), _ = ray.wait(list(running), num_returns=1)
    item = running.pop(ready)
    try:
        result: Result = ray.get(ready)
    except ray.exceptions.RayError as error:
        reason = type(error).__name__
        return item, Result(item.id, error=f"{item.id}: given up, {reason} in {RETRIES + 1} attempts")
    return item, result
