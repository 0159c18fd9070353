"""Marks that keep their number while what they name is there."""

Key = tuple[str, int]
# A document that was not seen for so many looks is gone, and its numbers are free again.
FORGOTTEN_AFTER = 3


class Numbers:
    """Gives each thing the lowest free number, and the same one the next time.

    A thing is a pair of its document and a number there; a document's numbers are kept as long as the
    document is looked at, also those of things that are off the screen.
    """

    def __init__(self) -> None:
        """Begin with no numbers given."""
        self._ids: dict[Key, int] = {}
        self._last_seen: dict[str, int] = {}
        self._shown: set[Key] = set()
        self._new: set[int] = set()
        self._looks = 0

    def update(self, keys: list[Key]) -> list[int]:
        """The numbers of what is seen now."""
        self._looks += 1
        for document, _ in keys:
            self._last_seen[document] = self._looks
        old = {d for d, seen in self._last_seen.items() if self._looks - seen >= FORGOTTEN_AFTER}
        for document in old:
            del self._last_seen[document]
        self._ids = {key: number for key, number in self._ids.items() if key[0] not in old}
        used = set(self._ids.values())
        free = (number for number in range(1, len(used) + len(keys) + 1) if number not in used)
        for key in keys:
            if key not in self._ids:
                self._ids[key] = next(free)
        self._new = {self._ids[key] for key in keys if key not in self._shown}
        self._shown = set(keys)
        return [self._ids[key] for key in keys]

    def of(self, key: Key) -> int:
        """The number of a thing that has one."""
        return self._ids[key]

    def new(self) -> frozenset[int]:
        """Numbers of what was not there at the look before the last."""
        return frozenset(self._new)
