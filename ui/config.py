"""What the owner of an app decides: who may reach it, how much they may send, what they may ask."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from som.agents.vlm.server import normalize_url
from som.errors import SomError

# Those that need neither weights nor a download.
SEGMENTERS = ("auto", "screen", "photo")


@dataclass(frozen=True)
class Config:
    """Settings of an app, the same for all its visitors.

    Attributes:
        host: address that it listens on; loopback unless its owner says otherwise.
        port: 0 takes a free one.
        user: name that visitors log in with, and
        password: what they need to know; None lets everybody in who can reach the address.
        max_upload_mb: largest picture file.
        max_megapixels: largest picture once decoded.
        max_pictures: in one chat.
        allow_servers: base URLs that visitors may name as a model's server, where others than the
            owner can reach the app. On loopback every server may be named.
        model: that answers visitors who set none; None is the offline grounder.
        base_url: of its server. Its key comes from the environment and is never shown.
        segmenters: that visitors can choose from; those with weights load them on first use.
        agent: whether there is an Agent tab that starts browsers on this machine.
        max_runs: agents at once; further ones wait.
        runs: folder of saved runs that can be replayed, None for none.
        logs: folder of logs of evaluations that can be looked at, None for none.
    """

    host: str = "127.0.0.1"
    port: int = 7860
    user: str = "som"
    password: str | None = None
    max_upload_mb: int = 20
    max_megapixels: int = 40
    max_pictures: int = 6
    allow_servers: tuple[str, ...] = ()
    model: str | None = None
    base_url: str | None = None
    segmenters: tuple[str, ...] = SEGMENTERS
    agent: bool = True
    max_runs: int = 4
    runs: Path | None = None
    logs: Path | None = None

    def __post_init__(self) -> None:
        if self.password is not None and len(self.password) < 8:
            raise SomError("the password is too short; give at least 8 characters")
        for name in ("max_upload_mb", "max_megapixels", "max_pictures", "max_runs"):
            if getattr(self, name) < 1:
                raise SomError(f"{name} must be at least 1, got {getattr(self, name)}")

    @property
    def private(self) -> bool:
        """Whether only this machine can reach the app."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def check_server(self, url: str) -> str:
        """The base URL of a model's server that a visitor named, as it will be called.

        A shared app that called any address would lend its visitors the owner's network.

        Raises:
            SomError: it is no URL, or not one that the owner allows.
        """
        base = normalize_url(url)
        allowed = [normalize_url(server) for server in self.allow_servers]
        if self.private or base in allowed:
            return base
        listed = ", ".join(allowed) or "none"
        raise SomError(f"this app calls only servers that its owner allows: {listed}")
