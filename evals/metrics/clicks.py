"""Click accuracy: does the predicted point lie in the true box?

As in ScreenSpot (arXiv:2401.10935) and the script of ScreenSpot-Pro (arXiv:2504.07981): all four
edges of the box count as inside, and an answer without a point is "wrong_format", which counts in the
denominator and is reported apart.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from som.evals.datasets.base import Box, Sample

Outcome = Literal["correct", "wrong", "wrong_format"]
# How published tables break the accuracy down.
SCREENSPOT = ("group",)
SCREENSPOT_PRO = ("group", "application")


@dataclass(frozen=True)
class Click:
    """One scored prediction, with what tables group it by.

    Attributes:
        id: of the sample, to pair two logs by.
        outcome: "correct", "wrong" or "wrong_format".
        type: "text" or "icon".
        cluster: the image; samples of one image are resampled together.
    """

    id: str
    outcome: Outcome
    type: str = ""
    group: str = ""
    application: str = ""
    platform: str = ""
    cluster: str = ""

    @classmethod
    def of(cls, sample: Sample, point_xy: Sequence[float] | None) -> "Click":
        """Score a point, in pixels of the sample's image; None where the answer has none."""
        assert sample.box_xyxy is not None
        return cls(
            id=sample.id,
            outcome=click_outcome(point_xy, sample.box_xyxy),
            type=sample.type,
            group=sample.group,
            application=sample.application,
            platform=sample.platform,
            cluster=sample.cluster,
        )


def click_outcome(point_xy: Sequence[float] | None, box_xyxy: Box) -> Outcome:
    """Score one point; None, or not two numbers, is "wrong_format"."""
    if point_xy is None or len(point_xy) != 2:
        return "wrong_format"
    (x, y), (x1, y1, x2, y2) = point_xy, box_xyxy
    return "correct" if x1 <= x <= x2 and y1 <= y <= y2 else "wrong"


@dataclass(frozen=True)
class ClickScores:
    """The row of a table.

    Attributes:
        num_total: samples.
        num_correct_action: of them, correct.
        wrong_format_num: of them, without a point.
        action_acc: share that is correct, 0..1.
        text_acc: likewise, of type "text"; None where there is none.
        icon_acc: likewise, of type "icon".
    """

    num_total: int
    num_correct_action: int
    wrong_format_num: int
    action_acc: float | None
    text_acc: float | None
    icon_acc: float | None

    def to_json(self) -> dict[str, Any]:
        """The row under the names of the official script."""
        return dict(self.__dict__)


def click_scores(clicks: Iterable[Click]) -> ClickScores:
    """The scores of these clicks."""
    counts: Counter[tuple[str, str]] = Counter((click.type, click.outcome) for click in clicks)
    correct, wrong_format = _of(counts, "correct"), _of(counts, "wrong_format")
    total = sum(counts.values())
    return ClickScores(
        num_total=total,
        num_correct_action=correct,
        wrong_format_num=wrong_format,
        action_acc=correct / total if total else None,
        text_acc=_accuracy(counts, "text"),
        icon_acc=_accuracy(counts, "icon"),
    )


def click_table(clicks: Sequence[Click], by: str) -> dict[str, ClickScores]:
    """The scores of each value of one field: "group", "application", "platform" or "type"."""
    found: dict[str, list[Click]] = {}
    for click in clicks:
        found.setdefault(getattr(click, by), []).append(click)
    return {value: click_scores(found[value]) for value in sorted(found)}


def _of(counts: Counter[tuple[str, str]], outcome: str) -> int:
    return sum(count for (_, one), count in counts.items() if one == outcome)


def _accuracy(counts: Counter[tuple[str, str]], kind: str) -> float | None:
    total = sum(count for (one, _), count in counts.items() if one == kind)
    return counts[kind, "correct"] / total if total else None
