"""Where a model runs, in which precision, and what happens when memory is short."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import torch

from som.errors import SomError

LOG = logging.getLogger("som")
DEVICES = ("auto", "cuda", "mps", "cpu")
Result = TypeVar("Result")


def pick(name: str = "auto") -> Any:
    """The torch device called `name`; "auto" takes the fastest there is.

    Raises:
        SomError: this machine, or this build of torch, has no such device.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, found in there.items() if found))
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise SomError(f"no device {name!r}; choose one of: {', '.join(DEVICES)}") from error
    if not there.get(device.type, False):
        usable = ", ".join(kind for kind, found in there.items() if found)
        raise SomError(f"torch finds no {device.type} here; use --device {usable} or auto")
    return device


def precision(device: Any) -> AbstractContextManager[Any]:
    """Reduced precision for an encoder where it pays: bf16 on newer GPUs, fp16 on older ones."""
    if device.type != "cuda":
        return nullcontext()
    kind = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    context: AbstractContextManager[Any] = torch.autocast("cuda", dtype=kind)
    return context


def prompts_at_once(device: Any) -> int:
    """How many prompts a decoder takes at once: GPUs want to be full, processors their caches kept."""
    return 16 if device.type == "cpu" else 64


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of torch means that memory ran out, on whatever device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate" in text)


def in_batches(run: Callable[[slice], Result], count: int, size: int) -> list[Result]:
    """Run over `count` items in batches of `size`, smaller ones once memory has run out.

    Raises:
        SomError: one item alone is too much.
    """
    results: list[Result] = []
    start = 0
    while start < count:
        try:
            results.append(run(slice(start, min(start + size, count))))
            start += size
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            if size == 1:
                raise SomError(TOO_LARGE) from error
            size //= 2
            release()
            LOG.warning("out of memory: going on with %d prompts at a time", size)
    return results


TOO_LARGE = "out of memory even for one prompt; use a smaller model, or --device cpu"


def release() -> None:
    """Give cached GPU memory back."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
