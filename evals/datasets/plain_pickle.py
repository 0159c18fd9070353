"""Pickles that hold plain data and nothing else: the reader has no instruction that could run code.

RefCOCO's references are a pickle that Python 2 wrote. A pickle is a program; this machine for it
knows only what builds None, numbers, texts, lists, tuples and dicts. Whatever would look up a name,
call something or set state is refused before anything is built from it.
"""

import io
import pickle
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from som.errors import DataError

# By the names of `pickletools`. Not here: GLOBAL, STACK_GLOBAL, INST, OBJ, NEWOBJ(_EX), REDUCE, BUILD,
# EXT1..4, (BIN)PERSID, and BYTEARRAY8 and buffers, which reserve memory before they read.
_ALLOWED = set(
    """
    MARK STOP POP POP_MARK DUP PROTO FRAME NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1
    LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE
    BINUNICODE8 EMPTY_LIST LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT DICT
    SETITEM SETITEMS PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
    """.split()  # noqa: SIM905 - a table of words reads better than a list of strings
)


class _RefusedError(Exception):
    pass


def _refuse(opcode: str) -> Callable[[Any], None]:
    def stop(unpickler: Any) -> None:
        raise _RefusedError(opcode)

    return stop


# The Python reader, not the one in C: its table can be replaced, and its memo is a dict, while the one
# in C takes gigabytes for a six-byte file that writes to a far slot.
class _PlainUnpickler(pickle._Unpickler):
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        ord(op.code): (
            pickle._Unpickler.dispatch[ord(op.code)] if op.name in _ALLOWED else _refuse(op.name)
        )
        for op in pickletools.opcodes
    }

    def find_class(self, module: str, name: str) -> Any:
        raise _RefusedError(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        raise _RefusedError("PERSID")


def read_pickle(path: Path) -> Any:
    """The plain data in a pickle; Python 2's texts are read as Latin-1.

    Raises:
        DataError: no such file, it asks for more than plain data, or it is broken.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    try:
        return _PlainUnpickler(io.BytesIO(data), encoding="latin1").load()
    except _RefusedError as error:
        raise DataError(
            f"{path} is refused: a pickle of plain data has no {error}; nothing in it was run"
        ) from None
    except Exception as error:
        raise DataError(f"{path} is a broken pickle: {type(error).__name__} {error}"[:300]) from error
