"""What the app knows of each visitor, apart from every other, and forgets when they leave."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from som.errors import SomError
from som.ui.marking import Marking, Picture, Regions

# A visitor who does nothing for so long is forgotten; so is the one longest away when there are many.
IDLE_S, MOST = 2 * 3600.0, 200
# All visitors' pictures together; marks and drawn copies come to about as much again.
MOST_BYTES = 2_000_000_000


@dataclass
class ModelSettings:
    """Which model answers a visitor; the key stays in this process's memory."""

    base_url: str = ""
    model: str = ""
    key: str = field(default="", repr=False)


@dataclass(eq=False)
class Session:
    """One visitor: pictures, chat, model and run. Changed only under its lock."""

    lang: str = "en"
    pictures: list[Picture] = field(default_factory=list)
    current: int = 0
    marking: Marking = field(default_factory=Marking)
    regions: Regions = field(default_factory=Regions)
    messages: list[dict[str, Any]] = field(default_factory=list)
    history: list[tuple[str, str]] = field(default_factory=list)
    model: ModelSettings = field(default_factory=ModelSettings)
    run: Any = None
    looking: int | None = None
    """Number of the step of the run that is looked at; the newest screen when None."""
    evals: Any = None
    """Logs of evaluations that are looked at; see `som.ui.eval_tab.Looking`."""
    stop: threading.Event = field(default_factory=threading.Event)
    """Set when the answer that comes is not wanted any more."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    sent: str = ""
    """Key of the drawn picture that the page has."""

    @property
    def picture(self) -> Picture | None:
        """The picture that is looked at."""
        return self.pictures[self.current] if self.pictures else None

    @property
    def size(self) -> int:
        """Bytes of its pictures, those of logs that were sent among them."""
        logs = self.evals.size if self.evals is not None else 0
        return sum(picture.pixels.nbytes for picture in self.pictures) + int(logs)

    def close(self) -> None:
        """Let go of everything, a run's browser included."""
        self.stop.set()
        run, self.run = self.run, None
        if run is not None:
            run.close()
        self.pictures, self.messages, self.history, self.evals = [], [], [], None
        self.model = ModelSettings()


class Sessions:
    """All visitors, by the name that Gradio gives each page."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        """Start with nobody."""
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Session]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, request: Any) -> Session:
        """The visitor whose request this is.

        Raises:
            SomError: the request names no session.
        """
        name = getattr(request, "session_hash", None)
        if not name:
            raise SomError("the page has no session; load it again")
        now = self._clock()
        with self._lock:
            _, session = self._known.get(name) or (now, Session())
            self._known[name] = (now, session)
            self._known.move_to_end(name)
            gone = self._idle(now)
        for other in gone:
            other.close()
        return session

    def make_room(self, session: Session) -> None:
        """Forget those longest away until all pictures together fit into memory again."""
        gone = []
        with self._lock:
            total = sum(each.size for _, each in self._known.values())
            for name, (_, other) in list(self._known.items()):
                if total <= MOST_BYTES:
                    break
                if other is not session and other.size:
                    total -= other.size
                    gone.append(self._known.pop(name)[1])
        for other in gone:
            other.close()

    def forget(self, request: Any) -> None:
        """The visitor left."""
        with self._lock:
            _, session = self._known.pop(getattr(request, "session_hash", ""), (0, None))
        if session is not None:
            session.close()

    def close(self) -> None:
        """Everybody leaves."""
        with self._lock:
            gone = [session for _, session in self._known.values()]
            self._known.clear()
        for session in gone:
            session.close()

    def _idle(self, now: float) -> list[Session]:
        gone = []
        while self._known:
            used, session = next(iter(self._known.values()))
            if len(self._known) <= MOST and now - used <= IDLE_S:
                break
            self._known.popitem(last=False)
            gone.append(session)
        return gone
