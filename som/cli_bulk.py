"""``som mark`` over Parquet files, and on Ray."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import click

from som.errors import SomError


def mark_bulk(
    inputs: Sequence[Path],
    out: Path | None,
    json_out: Path | None,
    marking: dict[str, Any],
    *,
    resume: bool,
    ray: bool,
    address: str | None,
    workers: int | None,
    gpus: float,
) -> bool:
    """Mark many images; those that fail are reported and end nothing.

    Returns:
        Whether all went well.

    Raises:
        SomError: no place for results, files that cannot be read or written, no Ray.
    """
    from tqdm import tqdm

    from som.bulk import Item, Run, Sink, count_items, is_bulk, read_items, run_here
    from som.cli_marking import make_marker

    if any(is_bulk(path) for path in inputs) and out is None and json_out is None:
        raise SomError("say where results of a Parquet file go: --json OUT.parquet, or a folder")
    make_marker(dict(marking))  # what is wrong with the options is said once, and here
    run: Run = run_here
    if ray:
        from som.ray_pool import run_on_ray

        run = partial(run_on_ray, address=address, workers=workers, gpus=gpus)
    total = count_items(inputs)
    sink = Sink(json_out if is_bulk(json_out) else None, resume)
    done = failed = skipped = 0
    with tqdm(total=total, unit="image", disable=True if total < 2 else None) as bar:

        def todo() -> Iterator[Item]:
            nonlocal skipped
            for item in read_items(inputs, out, json_out):
                if sink.has(item):
                    skipped += 1
                    bar.update()
                else:
                    yield item

        with closing(run(todo(), marking)) as results, closing(sink):
            for item, result in results:
                sink.put(item, result)
                done += not result.error
                if result.error:
                    failed += 1
                    bar.write(f"Error: {result.error}", file=sys.stderr)
                bar.update()
    sink.finish()
    before = f", {skipped} done before" if skipped else ""
    click.echo(f"{done} marked{before}, {failed} failed")
    return not failed
