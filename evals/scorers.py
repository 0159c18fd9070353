"""The scorer: right or wrong, and whose fault; metrics with their ceiling, chance and intervals."""

from collections import Counter
from statistics import fmean
from typing import Any

from inspect_ai.scorer import (
    Metric,
    SampleScore,
    Score,
    Scorer,
    Target,
    Value,
    accuracy,
    metric,
    scorer,
)
from inspect_ai.solver import TaskState

from som.evals.attribution import CAUSES, judge
from som.evals.evidence import EVIDENCE, Evidence
from som.evals.metrics.intervals import interval
from som.evals.truth import Truth

# Of why a score is missing or odd, in the library's words.
_REASONS = {
    "unanswered": "no_response",
    "refused": "refusal",
    "wrong_format": "invalid_response_format",
}
GROUPS = ("type", "platform", "group", "application", "split", "lang")


@metric
def bootstrap(level: float = 0.95) -> Metric:
    """Bootstrap interval of the accuracy over images: samples of one image are not independent."""

    def compute(scores: list[SampleScore]) -> Value:
        values = [score.score.as_float() for score in scores]
        found = interval(values, [str(_of(score, "image")) for score in scores], level=level)
        return {"low": found.low, "high": found.high}

    return compute


@metric
def ceiling() -> Metric:
    """What the oracle reaches: the share of samples in which some drawn mark is right."""

    def compute(scores: list[SampleScore]) -> Value:
        return fmean(bool((score.score.metadata or {})["ceiling"]) for score in scores)

    return compute


@metric
def chance() -> Metric:
    """What random marks reach, where that is known."""

    def compute(scores: list[SampleScore]) -> Value:
        known = [score.score.metadata["chance"] for score in scores if score.score.metadata]
        kept = [value for value in known if value is not None]
        return fmean(kept) if kept else float("nan")

    return compute


@metric
def causes() -> Metric:
    """How many samples were right, or missed for which cause."""

    def compute(scores: list[SampleScore]) -> Value:
        counts = Counter(str((score.score.metadata or {})["cause"]) for score in scores)
        return {cause: counts[cause] for cause in CAUSES if cause != "unanswered"}

    return compute


@metric
def wrong_format_num() -> Metric:
    """How many replies could not be read as an answer (as ScreenSpot-Pro counts them)."""

    def compute(scores: list[SampleScore]) -> Value:
        return sum(bool((score.score.metadata or {})["wrong_format"]) for score in scores)

    return compute


@metric
def by_group() -> Metric:
    """Accuracy for each value of the groupings that a data set has."""

    def compute(scores: list[SampleScore]) -> Value:
        means: dict[str, str | int | float | bool | None] = {}
        for name in GROUPS:
            groups: dict[str, list[float]] = {}
            for score in scores:
                groups.setdefault(str(_of(score, name) or ""), []).append(score.score.as_float())
            if set(groups) - {""}:
                means.update({f"{name} {key}": fmean(group) for key, group in sorted(groups.items())})
        return means

    return compute


@scorer(
    metrics=[accuracy(), bootstrap(), ceiling(), chance(), causes(), wrong_format_num(), by_group()],
    name="grounding",
)
def grounding() -> Scorer:
    """Judge the evidence that a solver left; a sample without an answer is unscored, not wrong."""

    async def score(state: TaskState, target: Target) -> Score:
        truth = Truth.from_json(state.metadata["truth"])
        kept = state.store.get(EVIDENCE)
        evidence = Evidence.from_json(kept) if kept else None
        verdict = judge(truth, evidence)
        metadata: dict[str, Any] = {
            "cause": verdict.cause,
            "wrong_format": verdict.wrong_format,
            "ceiling": verdict.ceiling,
            "chance": evidence.chance if evidence else None,
            "confidence": evidence.confidence if evidence else None,
            "overlap": evidence.named.overlap if evidence and evidence.named else None,
        }
        named = evidence.named if evidence else None
        reason = _REASONS.get(verdict.cause)
        if verdict.right is None:
            return Score.unscored(reason=reason, explanation=CAUSES[verdict.cause], metadata=metadata)
        answer = None
        if named is not None:
            answer = named.label or ", ".join(f"{value:.0f}" for value in named.point_xy or ())
        return Score(
            value=float(verdict.right),
            answer=answer,
            explanation=CAUSES[verdict.cause],
            reason=reason,
            metadata=metadata,
        )

    return score


def _of(score: SampleScore, name: str) -> Any:
    return (score.sample_metadata or {}).get(name)
