"""Files that survive a process that is killed, and are held by one process at a time."""

import json
import os
from pathlib import Path
from typing import IO


class HeldError(Exception):
    """Another process holds the file."""


def whole_lines(data: bytes) -> list[bytes]:
    """The lines that were written to their end: JSON that a line break follows."""
    lines = data.split(b"\n")[:-1]
    if lines and not _is_json(lines[-1]):
        lines.pop()
    return lines


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line.decode())
    except ValueError:
        return False
    return True


def store(path: Path, data: bytes) -> None:
    """Write a file named by its content, so that it is there whole or not at all."""
    if path.exists():
        return
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make sure that what was added to a folder stays there after a power cut."""
    if os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def lock(path: Path) -> IO[bytes]:
    """An open file that no other process holds; the system lets go of it when the process ends.

    Raises:
        HeldError: another process holds it.
    """
    file = path.open("a+b")
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise HeldError from None
    return file
