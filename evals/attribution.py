"""Whose fault a miss is: the marks', the model's, or nobody's."""

from dataclasses import dataclass

from som.evals.evidence import Evidence
from som.evals.truth import Truth

# In the order in which a table reads: right, the marks' fault, the model's, nobody's.
CAUSES = {
    "right": "right",
    "not_marked": "no mark could have been right",
    "unreadable": "the label of the right mark was missing or hard to read",
    "wrong_choice": "the right mark was there and readable, and another was chosen",
    "wrong_format": "the reply names no mark and no point",
    "refused": "the model declined to answer",
    "unanswered": "no reply came: not counted as wrong",
}
# Labels below this legibility (see `som.quality`) count as unreadable.
READABLE = 0.5


@dataclass(frozen=True)
class Verdict:
    """How an answer is judged.

    Attributes:
        right: None where there is no answer to judge.
        cause: one of `CAUSES`.
        wrong_format: the reply could not be read as an answer, whatever else was the matter; benchmarks
            count these apart.
        ceiling: whether the best mark that was drawn would have been right.
    """

    right: bool | None
    cause: str
    wrong_format: bool
    ceiling: bool


def judge(truth: Truth, evidence: Evidence | None) -> Verdict:
    """Judge an answer.

    The marks' faults are looked for first: no reply could have made those samples right.

    Args:
        truth: what is right.
        evidence: what was answered; None where no reply came.
    """
    if evidence is None:
        return Verdict(None, "unanswered", wrong_format=False, ceiling=False)
    ceiling = evidence.best is not None and evidence.best.right(truth)
    if evidence.problem == "empty":
        return Verdict(None, "unanswered", wrong_format=False, ceiling=ceiling)
    wrong_format = evidence.problem == "format"
    if evidence.named is not None and evidence.named.right(truth):
        return Verdict(True, "right", wrong_format=False, ceiling=True)
    return Verdict(False, _cause(evidence, ceiling), wrong_format, ceiling)


def _cause(evidence: Evidence, ceiling: bool) -> str:
    marks = evidence.marks > 0 or evidence.problem == "unmarked"
    if marks and not ceiling and not evidence.able:
        return "not_marked"
    if (
        marks
        and evidence.able
        and max(named.legibility * named.drawn for named in evidence.able) < READABLE
    ):
        return "unreadable"
    if evidence.problem in ("refused", "format"):
        return "refused" if evidence.problem == "refused" else "wrong_format"
    return "wrong_choice"
