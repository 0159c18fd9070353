"""Secrets by name: a model writes ``{{secret:email}}``, the value is typed, and nobody reads it.

A value goes nowhere but into a field of a page on a domain that the secret allows. Everything that is
shown to a model or kept (texts, notes, addresses, traces) goes through `Secrets.mask` first.
"""

import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from som.agents.masking import mask_pattern
from som.agents.network import is_under
from som.errors import SomError

NAMED = re.compile(r"\{\{\s*secret:\s*([^{}\s]*)\s*\}\}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")
SHORTEST = 3
ENV_PREFIX = "SOM_SECRET_"
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class SecretError(SomError):
    """There is no such secret, or it may not be typed here; the message never holds a value."""


@dataclass(frozen=True)
class Secret:
    """One secret.

    Attributes:
        name: what the model calls it.
        value: itself, or what fetches it once: from a keyring, say.
        domains: where it may be typed, with all below them; nowhere else.
    """

    name: str
    value: str | Callable[[], str] = field(repr=False)
    domains: tuple[str, ...]


class Secrets:
    """Values that are typed by name.

    Example:
        >>> secrets = Secrets([Secret("email", "me@example.org", ("shop.example",))])
        >>> secrets.mask("signed in as ME@example.org")
        'signed in as {{secret:email}}'
        >>> secrets.reveal("{{secret:email}}", "https://www.shop.example/login")
        'me@example.org'
    """

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        """Fetch the values.

        Raises:
            SecretError: a name is wrong or there twice, no domain is given, or a value is too short to
                be told from other text.
        """
        self._secrets: dict[str, Secret] = {}
        self._values: dict[str, str] = {}
        for secret in secrets:
            name = secret.name
            if not _NAME.fullmatch(name):
                raise SecretError(f"{name!r} is no name for a secret; use letters, digits, - and _")
            if name in self._secrets:
                raise SecretError(f"there are two secrets {name!r}")
            if not any(domain.strip(" *.") for domain in secret.domains):
                raise SecretError(f"secret {name!r} names no domain where it may be typed")
            value = secret.value if isinstance(secret.value, str) else secret.value()
            if len(value.strip()) < SHORTEST:
                raise SecretError(f"secret {name!r} has less than {SHORTEST} characters")
            self._secrets[name], self._values[name] = secret, value
        self._pattern = mask_pattern(self._values.values(), NAMED.pattern)

    @classmethod
    def from_env(cls, specs: Iterable[str], environ: Mapping[str, str] = os.environ) -> Self:
        """Secrets from environment variables.

        Args:
            specs: for each "name@domain" or "name@domain,domain"; the value of ``email`` is in the
                variable ``SOM_SECRET_EMAIL``.
            environ: where to look.

        Raises:
            SecretError: a variable is not set, or as for the class.
        """
        return cls(_from_spec(spec, environ) for spec in specs)

    @classmethod
    def from_file(cls, path: str | Path, environ: Mapping[str, str] = os.environ) -> Self:
        """Secrets from a TOML file: a table for each, with ``domains`` and ``value`` or ``env``.

        Raises:
            SecretError: the file cannot be read, others may read its values, or it holds something
                else.
        """
        path = Path(path)
        try:
            data = tomllib.loads(path.read_text("utf-8"))
            mode = path.stat().st_mode
        except OSError as error:
            raise SecretError(f"cannot read {path}: {error.strerror}") from error
        except ValueError:
            # What the parser says may quote a value.
            raise SecretError(f"{path} is no TOML") from None
        secrets = [_from_table(name, table, path, environ) for name, table in data.items()]
        holds_values = any(isinstance(t, dict) and "value" in t for t in data.values())
        if os.name == "posix" and holds_values and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SecretError(f"others may read {path}; run: chmod 600 {path}")
        return cls(secrets)

    def __bool__(self) -> bool:
        return bool(self._secrets)

    def __repr__(self) -> str:
        return f"Secrets({', '.join(self._secrets)})"

    @property
    def names(self) -> tuple[str, ...]:
        """What they are called."""
        return tuple(self._secrets)

    def listed(self) -> str:
        """One line for each, for the prompt: its name and where it may be typed."""
        return "\n".join(
            f"- {{{{secret:{name}}}}}: only on {', '.join(secret.domains)}"
            for name, secret in self._secrets.items()
        )

    def reveal(self, text: str, url: str) -> str:
        """What to type for a text that names secrets.

        Args:
            text: as the model wrote it.
            url: of the document whose field it goes into.

        Raises:
            SecretError: there is no such secret, or it may not be typed there.
        """
        return NAMED.sub(lambda match: self._revealed(match[1], url), text)

    def mask(self, text: str) -> str:
        """A text with every value of a secret, however it is written, replaced by its name."""
        return self._pattern.sub(self._name_of, text) if self._values and text else text

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the values of secrets are in a text: beginnings and ends."""
        found = self._pattern.finditer(text) if self._values else ()
        return [match.span() for match in found if match.lastgroup is not None]

    def _name_of(self, match: re.Match[str]) -> str:
        if match.lastgroup is None:  # a name that is there already
            return match[0]
        return f"{{{{secret:{self.names[int(match.lastgroup[1:])]}}}}}"

    def _revealed(self, name: str, url: str) -> str:
        secret = self._secrets.get(name)
        if secret is None:
            there = ", ".join(self._secrets) or "none"
            raise SecretError(f"there is no secret {name[:40]!r}; there are: {there}")
        try:
            parts = urlsplit(url)
            host = (parts.hostname or "").rstrip(".").lower()
        except ValueError:
            host = ""
        if not host or not any(is_under(host, domain) for domain in secret.domains):
            only = ", ".join(secret.domains)
            raise SecretError(
                f"the secret {name!r} may not be typed into {host or 'this page'}, only on {only}"
            )
        if parts.scheme != "https" and host not in _LOOPBACK:
            raise SecretError(
                f"the secret {name!r} is not typed into {host}: its page is not encrypted"
            )
        return self._values[name]


def _from_spec(spec: str, environ: Mapping[str, str]) -> Secret:
    name, at, domains = spec.partition("@")
    if not at:
        raise SecretError(f"write a secret as name@domain, not {spec[:40]!r}")
    variable = ENV_PREFIX + name.upper().replace("-", "_")
    return Secret(name, _from_variable(name, variable, environ), _split(domains))


def _from_table(name: str, table: Any, path: Path, environ: Mapping[str, str]) -> Secret:
    if not isinstance(table, dict) or set(table) - {"domains", "value", "env"}:
        raise SecretError(f"{path}: secret {name!r} has domains and one of value and env, nothing else")
    domains = table.get("domains", [])
    value = table.get("value")
    if value is None and "env" in table:
        value = _from_variable(name, str(table["env"]), environ)
    if not isinstance(value, str) or not isinstance(domains, list):
        raise SecretError(f"{path}: secret {name!r} needs a list of domains and one of value and env")
    return Secret(name, value, tuple(map(str, domains)))


def _from_variable(name: str, variable: str, environ: Mapping[str, str]) -> str:
    value = environ.get(variable)
    if not value:
        raise SecretError(f"secret {name!r} needs its value in the environment variable {variable}")
    return value


def _split(domains: str) -> tuple[str, ...]:
    return tuple(domain.strip() for domain in domains.split(",") if domain.strip())
