"""What is known about a model by its name: what becomes of images, what it can do, how it points.

The facts are data, in `profiles.toml`; a file of the user's own, named by the environment variable
``SOM_MODELS``, goes first.
"""

import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from som.agents.vlm.image_rules import ImageRule, Patches, Size, make_rule
from som.errors import SomError

Coordinates = Literal["none", "absolute", "unit", "percent", "thousand", "thousand_yx"]
Ability = Literal[
    "tools", "json_schema", "decisions", "logprobs", "responses", "temperature", "forced_tool"
]
OWN_FILE = "SOM_MODELS"


@dataclass(frozen=True)
class Profile:
    """A family of models; `profiles.toml` says what each field means.

    Attributes:
        name: of the family.
        pattern: regular expression found in the names of its models.
        example: name of one of its models.
        provider: "openai", "anthropic", "gemini"; "" for open weights on any server.
        image: how an image is resized and counted.
        max_images: most images of one request, None without a limit.
        can: what it is able to.
        coordinates: how it points when it does.
        send_side: longest side worth sending, in pixels, where more would be seen but costs much.
        max_tokens: of a reply, unless told otherwise.
        effort: of reasoning that is asked for, "" for the server's own.
        detail: of images that is asked for, "" for the server's own.
        source: where the facts are from.
    """

    name: str
    pattern: str = ""
    example: str = ""
    provider: str = ""
    image: ImageRule = field(default_factory=lambda: Patches(28, 3136, 1568))
    max_images: int | None = None
    can: frozenset[Ability] = frozenset()
    coordinates: Coordinates = "none"
    send_side: int = 2576
    max_tokens: int = 1024
    effort: str = ""
    detail: str = ""
    source: str = ""

    def fit(self, size_wh: Size) -> Size:
        """The size that the model sees an image of this size at, in pixels."""
        return self.image.fit(size_wh)

    def max_side(self, size_wh: Size) -> int:
        """The longest side to draw an image of this size at, so that nothing scales it down again."""
        return max(1, min(max(size_wh), max(self.fit(size_wh)), self.send_side))

    def image_tokens(self, size_wh: Size) -> int:
        """What an image of this size costs, by the published rule."""
        return self.image.tokens(size_wh)


def profile_of(model: str) -> Profile:
    """The profile of the family that a model's name belongs to.

    Args:
        model: as servers and hubs name it: "gpt-6-luna", "Qwen/Qwen2.5-VL-7B-Instruct",
            "local:HuggingFaceTB/SmolVLM-256M-Instruct", "qwen2_5_vl" (a `model_type`).

    Raises:
        SomError: the user's own file is wrong.
    """
    name = plain_name(model)
    return next(profile for profile in profiles() if re.search(profile.pattern, name))


def profiles() -> tuple[Profile, ...]:
    """All of them, in the order in which they are tried; the last fits every name."""
    own = os.environ.get(OWN_FILE)
    builtin = _read_profiles(Path(__file__).with_name("profiles.toml"))
    return (*_read_profiles(Path(own)), *builtin) if own else builtin


def plain_name(model: str) -> str:
    """A model's name as patterns see it: lower case, no provider or folder before it, "-" for "_"."""
    name = re.sub(r"^(openai|anthropic|computer|gemini|local):", "", model.strip())
    return name.rstrip("/").rsplit("/", 1)[-1].lower().replace("_", "-")


def read_tables(path: Path, key: str) -> list[dict[str, Any]]:
    """The tables ``[[key]]`` of a TOML file.

    Raises:
        SomError: the file cannot be read.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8")).get(key, [])
    except (OSError, ValueError) as error:
        raise SomError(f"cannot read {path} ({OWN_FILE}): {error}") from error
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise SomError(f"{path}: write [[{key}]] above each entry")
    return tables


@lru_cache(maxsize=8)
def _read_profiles(path: Path) -> tuple[Profile, ...]:
    return tuple(_profile(table, path) for table in read_tables(path, "family"))


def _profile(table: dict[str, Any], path: Path) -> Profile:
    name = str(table.get("name", "?"))
    unknown = set(table) - {key.name for key in fields(Profile)}
    if unknown:
        raise SomError(f"{path}: {name}: no key {sorted(unknown)[0]!r} in a family")
    can = frozenset(table.get("can", ()))
    if can - set(get_args(Ability)):
        raise SomError(f"{path}: {name}: can takes any of: {', '.join(get_args(Ability))}")
    if table.get("coordinates", "none") not in get_args(Coordinates):
        raise SomError(f"{path}: {name}: coordinates is one of: {', '.join(get_args(Coordinates))}")
    values = {**table, "name": name, "can": can}
    try:
        re.compile(values.get("pattern", ""))
        if "image" in values:
            values["image"] = make_rule(values["image"])
        return Profile(**values)
    except (TypeError, KeyError, ValueError, re.error) as error:
        raise SomError(f"{path}: {name}: {error}") from error
