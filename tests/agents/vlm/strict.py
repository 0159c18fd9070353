"""Whether a request is one that the types of an SDK allow: all its keys known, none missing."""

import types
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, Required, Union, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict


def complaint(value: Any, kind: Any, at: str = "body") -> str:
    """What is wrong with a value of a type; "" when nothing is."""
    origin = get_origin(kind)
    if kind is Any or kind is object:
        return ""
    if origin in (Annotated, Required, NotRequired):
        return complaint(value, get_args(kind)[0], at)
    if origin in (Union, types.UnionType):
        found = [complaint(value, part, at) for part in get_args(kind)]
        return "" if "" in found else max(found, key=len)  # the deepest says most
    if origin is Literal:
        return "" if value in get_args(kind) else f"{at}: {value!r} is none of {get_args(kind)}"
    if is_typeddict(kind):
        return _of_keys(value, kind, at)
    if origin in (dict, Mapping) or kind is dict:
        return "" if isinstance(value, dict) else f"{at}: no object"
    if kind is float:
        return "" if isinstance(value, int | float) else f"{at}: no number"
    if isinstance(kind, type):
        return "" if isinstance(value, kind) else f"{at}: {value!r} is no {kind.__name__}"
    if origin is not None and (issubclass(origin, Iterable) or "Sequence" in str(origin)):
        if not isinstance(value, list):
            return f"{at}: no list"
        parts = get_args(kind) or (Any,)
        found = [complaint(each, parts[0], f"{at}[{i}]") for i, each in enumerate(value)]
        return next((text for text in found if text), "")
    return f"{at}: {value!r} is no {kind}"


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _of_keys(value: Any, kind: Any, at: str) -> str:
    if not isinstance(value, dict):
        return f"{at}: no object"
    hints = _hints(kind)
    for key in kind.__required_keys__:
        if key not in value:
            return f"{at}: no {key}"
    for key, each in value.items():
        if key not in hints:
            return f"{at}: unknown {key}"
        found = complaint(each, hints[key], f"{at}.{key}")
        if found:
            return found
    return ""
