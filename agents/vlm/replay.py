"""A model that plays scripted replies: for tests, ours and our users', and for demonstrations."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from som.agents.vlm.base import Choice, Message, OnText, Reply, choose_by_asking
from som.errors import VLMError


class Replay:
    """Gives its replies one after the other, and keeps what it was asked.

    Args:
        replies: the texts to play.

    Example:
        >>> vlm = Replay(["The cup is [3]."])
        >>> vlm.complete([]).text
        'The cup is [3].'
    """

    name = "replay"

    def __init__(self, replies: Iterable[str]) -> None:
        self.replies = list(replies)
        self.asked: list[tuple[Message, ...]] = []

    @classmethod
    def from_file(cls, path: str | Path) -> "Replay":
        """Read replies from a file.

        ``.json`` holds a list of strings, ``.jsonl`` a string or ``{"text": ...}`` a line; any other
        file is one reply.

        Raises:
            VLMError: the file cannot be read, or holds something else.
        """
        path = Path(path)
        try:
            text = path.read_text("utf-8")
            if path.suffix == ".json":
                rows = json.loads(text)
            elif path.suffix == ".jsonl":
                rows = [json.loads(line) for line in text.splitlines() if line.strip()]
            else:
                rows = [text]
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise VLMError(f"cannot read replies from {path}: {reason}") from error
        replies = [row.get("text") if isinstance(row, dict) else row for row in rows]
        texts = [reply for reply in replies if isinstance(reply, str)]
        if len(texts) < len(replies):
            raise VLMError(f"{path} must hold strings, or objects with a 'text'")
        return cls(texts)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        on_text: OnText | None = None,
        schema: dict[str, Any] | None = None,
    ) -> Reply:
        """The next reply.

        Raises:
            VLMError: all have been played.
        """
        if len(self.asked) >= len(self.replies):
            raise VLMError(f"the script has only {len(self.replies)} replies; add one")
        text = self.replies[len(self.asked)]
        self.asked.append(tuple(messages))
        if on_text:
            for piece in text.splitlines(keepends=True):
                on_text(piece)
        return Reply(text, self.name)

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> Choice:
        """All probability on the option that the next reply names."""
        return choose_by_asking(self, messages, options)
