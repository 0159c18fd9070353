"""The lines of a trace as typed records; docs/trace.md describes every key.

Records are read leniently: keys they do not know are passed over, so that a trace of a newer version
with more in it still opens.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from som.agents.actions import Action
from som.agents.envs.base import Outcome, Tab
from som.agents.steps import End
from som.agents.vlm.base import Choice, Reply
from som.errors import SomError

FILE, VERSION = "trace.jsonl", 1


class TraceError(SomError):
    """A trace cannot be written or read; one line says why."""


class Record(BaseModel):
    """What all lines have in common."""

    model_config = ConfigDict(frozen=True)


class Header(Record):
    """The first line: what was asked of whom, with what.

    Attributes:
        version: of the format.
        task: in words.
        url: where it began.
        model: who decides.
        lang: of the prompt.
        settings: whatever else the run was started with.
        packages: installed versions that matter.
        started: when, in UTC.
    """

    kind: Literal["header"] = "header"
    version: int = VERSION
    task: str = ""
    url: str = ""
    model: str = ""
    lang: str = "en"
    settings: dict[str, Any] = Field(default_factory=dict)
    packages: dict[str, str] = Field(default_factory=dict)
    started: str = ""


class Resumed(Record):
    """A run went on here, with these settings."""

    kind: Literal["resumed"] = "resumed"
    model: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    packages: dict[str, str] = Field(default_factory=dict)
    started: str = ""


# A trace names files of its own folder and no others, whoever wrote it.
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ImagePath = Annotated[str, Field(pattern=r"^images/[0-9a-f]{64}\.(png|jpg)$")]


class PartRecord(Record):
    """A piece of a message: the SHA-256 of its text, or the path of its image."""

    text: Sha256 | None = None
    image: ImagePath | None = None


class MessageRecord(Record):
    """A message to the model."""

    role: Literal["system", "user", "assistant"]
    parts: tuple[PartRecord, ...] = ()


class SeenRecord(Record):
    """What was seen.

    Attributes:
        image: path of the screenshot in the folder.
        drawn: path of the marked screenshot.
        marks: the mark file of the marked image.
        url: and the others as `Observation` has them.
    """

    image: ImagePath
    drawn: ImagePath
    marks: dict[str, Any]
    url: str = ""
    title: str = ""
    tabs: tuple[Tab, ...] = ()
    notes: tuple[str, ...] = ()
    new_ids: tuple[int, ...] = ()
    states: dict[int, str] = Field(default_factory=dict)
    rest: tuple[float, float] = (0.0, 0.0)


class ChoiceRecord(Record):
    """A choice among marks, as `Choice` has it."""

    probabilities: dict[str, float]
    method: str
    model: str = ""
    tokens_in: int | None = None
    tokens_out: int | None = None
    seconds: float = 0.0
    cost_usd: float | None = None

    def choice(self) -> Choice:
        """The choice of a record."""
        return Choice(**self.model_dump())


class StepRecord(Record):
    """One finished step; fields as `Step` has them.

    Attributes:
        at: when it was done, in UTC.
        url_after: where the environment was then, "" when it did not say.
    """

    kind: Literal["step"] = "step"
    number: int
    at: str = ""
    seen: SeenRecord
    messages: tuple[MessageRecord, ...] = ()
    reply: Reply | None = None
    choice: ChoiceRecord | None = None
    opinions: tuple[ChoiceRecord, ...] = ()
    thought: str = ""
    action: Action | None = None
    by: Literal["model", "person"] = "model"
    error: str = ""
    confirmed: bool | None = None
    outcome: Outcome | None = None
    seconds: dict[str, float] = Field(default_factory=dict)
    end: End | None = None
    url_after: str = ""

    @property
    def tokens(self) -> tuple[int, int]:
        """Tokens in and out, of its reply and its choices, as far as they are known."""
        calls = [call for call in (self.reply, self.choice, *self.opinions) if call is not None]
        return sum(c.tokens_in or 0 for c in calls), sum(c.tokens_out or 0 for c in calls)

    @property
    def cost_usd(self) -> float | None:
        """Its price, None where none is known."""
        calls = (self.reply, self.choice, *self.opinions)
        costs = [call.cost_usd for call in calls if call is not None]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known else None

    @property
    def total_seconds(self) -> float:
        """How long looking, the model and acting took."""
        return sum(self.seconds.get(part, 0.0) for part in ("observe", "model", "opinion", "act"))
