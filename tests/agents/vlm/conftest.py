"""Servers on loopback for the tests of this folder; none may have got a request it did not like."""

from collections.abc import Callable, Iterator

import pytest

from tests.agents.vlm.loopback import Server


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*args: object, **kwargs: object) -> Server:
        servers.append(Server(*args, **kwargs))  # type: ignore[arg-type]
        return servers[-1]

    yield start
    for server in servers:
        server.close()
    assert [text for server in servers for text in server.complaints] == []


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "SOM_MODELS"):
        monkeypatch.delenv(name, raising=False)
