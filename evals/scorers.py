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
    metric,
    scorer,
)
from inspect_ai.solver import TaskState

from som.evals.attribution import CAUSES, judge
from som.evals.evidence import ANSWERS, OBJECTS, Answer, Named
from som.evals.metrics.intervals import interval
from som.evals.metrics.regions import res_scores

# Of why a score is missing or odd, in the library's words.
_REASONS = {
    "unanswered": "no_response",
    "refused": "refusal",
    "wrong_format": "invalid_response_format",
}
GROUPS = ("type", "platform", "group", "application", "split", "lang")


@metric
def accuracy() -> Metric:
    """Right answers over answers; of samples with one answer, their mean."""

    def compute(scores: list[SampleScore]) -> Value:
        right, answers = _sums(scores)
        return sum(right) / sum(answers) if answers else float("nan")

    return compute


@metric
def bootstrap(level: float = 0.95) -> Metric:
    """Bootstrap interval of the accuracy over images: samples of one image are not independent."""

    def compute(scores: list[SampleScore]) -> Value:
        if not scores:
            return {"low": float("nan"), "high": float("nan")}
        images = [str(_of(score, "image")) for score in scores]
        found = interval(_sums(scores)[0], images, _sums(scores)[1], level=level)
        return {"low": found.low, "high": found.high}

    return compute


@metric
def ceiling() -> Metric:
    """What the oracle reaches: the share of answers for which some drawn mark is right."""

    def compute(scores: list[SampleScore]) -> Value:
        answers = sum(_sums(scores)[1])
        return sum(_number(score, "ceiling") for score in scores) / answers if answers else float("nan")

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
    """How many answers were right, or missed for which cause."""

    def compute(scores: list[SampleScore]) -> Value:
        counts: Counter[str] = Counter()
        for score in scores:
            counts.update((score.score.metadata or {})["causes"])
        return {cause: counts[cause] for cause in CAUSES}

    return compute


@metric
def wrong_format_num() -> Metric:
    """How many replies could not be read as an answer (as ScreenSpot-Pro counts them)."""

    def compute(scores: list[SampleScore]) -> Value:
        return sum(_number(score, "wrong_format") for score in scores)

    return compute


@metric
def by_group() -> Metric:
    """Accuracy for each value of the groupings that a data set has."""

    def compute(scores: list[SampleScore]) -> Value:
        means: dict[str, str | int | float | bool | None] = {}
        for name in GROUPS:
            groups: dict[str, list[SampleScore]] = {}
            for score in scores:
                groups.setdefault(str(_of(score, name) or ""), []).append(score)
            if set(groups) - {""}:
                for key, members in sorted(groups.items()):
                    right, answers = _sums(members)
                    means[f"{name} {key}"] = sum(right) / sum(answers)
        return means

    return compute


@metric
def masks() -> Metric:
    """Of masks (RES): mIoU, oIoU, and precision at 0.5, 0.7, 0.9; no answer has no overlap."""

    def compute(scores: list[SampleScore]) -> Value:
        pixels = [(score.score.metadata or {}).get("pixels") for score in scores]
        if not any(pixels):
            return {}
        areas = [(score.score.metadata or {}).get("area") or 0 for score in scores]
        found = res_scores(
            [one[0] if one else 0 for one in pixels],
            [one[1] if one else area for one, area in zip(pixels, areas, strict=True)],
        )
        return {
            "mIoU": found.miou,
            "oIoU": found.oiou,
            **{f"P@{least}": share for least, share in found.precision.items()},
        }

    return compute


@metric
def video() -> Metric:
    """Of videos: J, F and their mean, over the objects of all sequences."""

    def compute(scores: list[SampleScore]) -> Value:
        objects = [one for score in scores for one in (score.score.metadata or {}).get("objects", ())]
        if not objects:
            return {}
        j, f = fmean(one["j"] for one in objects), fmean(one["f"] for one in objects)
        return {"J": j, "F": f, "J&F": (j + f) / 2}

    return compute


@scorer(
    metrics=[
        accuracy(), bootstrap(), ceiling(), chance(), causes(), wrong_format_num(), by_group(), masks(),
        video(),
    ],
    name="grounding",
)  # fmt: skip
def grounding() -> Scorer:
    """Judge the answers that a solver left; a sample without any is unscored, not wrong."""

    async def score(state: TaskState, target: Target) -> Score:
        answers = [Answer.from_json(one) for one in state.store.get(ANSWERS) or ()]
        verdicts = [judge(answer.truth, answer.evidence) for answer in answers]
        judged = [verdict for verdict in verdicts if verdict.right is not None]
        named = [answer.evidence.named for answer in answers if answer.evidence.named]
        only = answers[0].evidence if len(answers) == 1 else None
        counts = Counter(verdict.cause for verdict in verdicts) or Counter(unanswered=1)
        chances = [one.evidence.chance for one in answers if one.evidence.chance is not None]
        cause = counts.most_common(1)[0][0]
        metadata: dict[str, Any] = {
            "causes": dict(counts),
            "answers": len(judged),
            "right": sum(bool(verdict.right) for verdict in judged),
            "wrong_format": sum(verdict.wrong_format for verdict in verdicts),
            "ceiling": sum(verdict.ceiling for verdict in judged),
            "chance": fmean(chances) if chances else None,
            "confidence": only.confidence if only else None,
            "overlap": only.named.overlap if only and only.named else None,
            "pixels": only.named.pixels if only and only.named else None,
            "area": only and answers[0].truth.area,
            "objects": state.store.get(OBJECTS) or [],
        }
        reason = _REASONS.get(cause)
        if not judged:
            return Score.unscored(reason=reason, explanation=CAUSES[cause], metadata=metadata)
        return Score(
            value=metadata["right"] / len(judged),
            answer=", ".join(_said(one) for one in named) or None,
            explanation=CAUSES[cause] if only else _counted(counts),
            reason=reason,
            metadata=metadata,
        )

    return score


def _said(named: Named) -> str:
    return named.label or ", ".join(f"{value:.0f}" for value in named.point_xy or ())


def _counted(counts: Counter[str]) -> str:
    return "; ".join(f"{count}: {CAUSES[cause]}" for cause, count in counts.most_common())


def _sums(scores: list[SampleScore]) -> tuple[list[float], list[float]]:
    """Right answers, and answers, of each sample."""
    return [_number(one, "right") for one in scores], [_number(one, "answers") for one in scores]


def _number(score: SampleScore, name: str) -> float:
    return float((score.score.metadata or {})[name])


def _of(score: SampleScore, name: str) -> Any:
    return (score.sample_metadata or {}).get(name)
