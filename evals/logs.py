"""Logs of evaluations as tables: for the report, for a screen, for a notebook."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any

from som.agents.vlm.cost import price_of
from som.errors import DataError, MissingDependencyError
from som.evals.attribution import Verdict, judge
from som.evals.evidence import ANSWERS, OBJECTS, SCALE, Answer, Evidence
from som.evals.metrics.calibration import calibration
from som.evals.metrics.compare import Comparison, compare
from som.evals.metrics.intervals import Interval, interval
from som.evals.truth import Truth

# What tells samples apart, as far as a data set says it.
GROUPINGS = ("type", "platform", "group", "application", "split", "lang")


@dataclass(frozen=True)
class Answered:
    """One sample of a run, answered or not.

    Attributes:
        id: of the sample, unique in its run together with `epoch`.
        epoch: which repetition.
        question: what was asked.
        image: path of the image.
        groups: type, platform, ... as far as the data set says.
        truth: what is right.
        evidence: what was answered; None where no reply came.
        verdict: how it is judged.
        tokens_in: of its prompts.
        tokens_out: of its replies.
        cost_usd: None where no price is known.
        seconds: that the model took.
        error: why no reply came.
        scale_xy: drawn pixels for each of the image's own.
        answer: which of the sample's answers, "" where it has one.
        kind: of the task: "find", "name" or "track".
        objects: of a video, J and F of each object; with its first answer.
    """

    id: str
    epoch: int
    question: str
    image: str
    groups: Mapping[str, str]
    truth: Truth
    evidence: Evidence | None
    verdict: Verdict
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = None
    seconds: float = 0.0
    error: str = ""
    scale_xy: tuple[float, float] = (1.0, 1.0)
    answer: str = ""
    kind: str = "find"
    objects: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True)
class Run:
    """One log: a data set, a condition and who answered.

    Attributes:
        path: of the log.
        dataset: name of the data set.
        condition: its words.
        by: the model's name, "oracle" or "random".
        seed: of what is random.
        status: "success", "started" (broken off), "error" (some samples have no answer), ...
        planned: how many samples were to be asked.
        samples: those that are in the log.
    """

    path: str
    dataset: str
    condition: str
    by: str
    seed: int
    status: str
    planned: int
    samples: tuple[Answered, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return f"{self.condition} · {self.by}" + (f" · seed {self.seed}" if self.seed else "")


@dataclass(frozen=True)
class Summary:
    """A row of the table.

    Attributes:
        name: of the run.
        accuracy: over the samples with an answer, with its interval over images.
        ceiling: what the best marks reach on the same samples.
        chance: what random answers reach; None where it is not known.
        causes: how many samples for each of `CAUSES`.
        wrong_format: replies that could not be read, whatever else was the matter.
        answered: how many samples have an answer.
        unanswered: how many have none; they are in no share.
        tokens_in: of all prompts.
        tokens_out: of all replies.
        cost_usd: None where no price is known.
        seconds: that the model took for an answer, on average.
        calls: questions to the model.
        calibration_error: expected calibration error; None where the model gave no probabilities.
    """

    name: str
    accuracy: Interval
    ceiling: Interval
    chance: float | None
    causes: Mapping[str, int]
    wrong_format: int
    answered: int
    unanswered: int
    tokens_in: int
    tokens_out: int
    cost_usd: float | None
    seconds: float
    calls: int
    calibration_error: float | None

    def share(self, cause: str) -> float:
        """Of the samples with an answer, the share of a cause."""
        return self.causes.get(cause, 0) / self.answered if self.answered else float("nan")


def read_run(path: str | Path, *, samples: bool = True) -> Run:
    """Read a log of one of this package's tasks.

    Args:
        path: of the log.
        samples: whether to read what was answered, too, and not only what was to be asked.

    Raises:
        DataError: it is no such log.
        MissingDependencyError: inspect_ai is not installed.
    """
    return _run_of(_log(str(path), f"the log {path}", header_only=not samples), str(path))


def read_sent_run(data: bytes, name: str) -> tuple[Run, dict[tuple[str, int], list[bytes]]]:
    """Read a log that somebody sent: nothing that it names on this machine is opened.

    Args:
        data: the file.
        name: what to call it.

    Returns:
        The run, and what the model was shown last for each sample, by id and epoch.

    Raises:
        DataError: it is no such log.
        MissingDependencyError: inspect_ai is not installed.
    """
    log = _log(BytesIO(data), name, resolve_attachments=True)
    images = {(str(one.id), one.epoch): images_in(one) for one in log.samples or ()}
    return _run_of(log, name), images


def _log(source: Any, name: str, **options: Any) -> Any:
    try:
        from inspect_ai.log import read_eval_log
    except ImportError as error:
        raise MissingDependencyError('inspect_ai is missing: pip install "som-agent[eval]"') from error
    try:
        return read_eval_log(source, **options)
    except Exception as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"cannot read {name}: {first}") from error


def _run_of(log: Any, path: str) -> Run:
    metadata = log.eval.metadata or {}
    if "condition" not in metadata or "dataset" not in metadata:
        raise DataError(f"{path} is no log of a grounding evaluation of som")
    by = str(metadata.get("by", "model"))
    try:
        return Run(
            path=path,
            dataset=str(metadata["dataset"]),
            condition=str(metadata["condition"]),
            by=log.eval.model if by == "model" else by,
            seed=int(metadata.get("seed", 0)),
            status=log.status,
            planned=(log.eval.dataset.samples or 0) * (log.eval.config.epochs or 1),
            samples=tuple(one for sample in log.samples or () for one in _answered(sample)),
        )
    except (LookupError, ArithmeticError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} holds a sample that som did not write: {error!r}") from error


def find_logs(places: Iterable[str | Path]) -> list[Path]:
    """Logs named one by one, or all in a folder, the oldest first; of repeated runs the latest.

    Raises:
        DataError: there are none.
    """
    found: list[Path] = []
    for place in map(Path, places):
        found += sorted(place.rglob("*.eval")) if place.is_dir() else [place]
    missing = [path for path in found if not path.is_file()]
    if missing or not found:
        raise DataError(f"no log at {missing[0]}" if missing else "no logs (*.eval) there")
    return found


def read_runs(places: Iterable[str | Path]) -> list[Run]:
    """Read all logs at these places; of several of one task and condition the fullest, then latest.

    Raises:
        DataError: there are none, or one cannot be read.
    """
    best: dict[tuple[str, ...], Run] = {}
    for path in find_logs(places):
        run = read_run(path)
        key = run.dataset, run.condition, run.by, str(run.seed)
        if key not in best or _done(run) >= _done(best[key]):
            best[key] = run
    return list(best.values())


def summarize(run: Run, samples: Sequence[Answered] | None = None) -> Summary:
    """The row of a run, or of some of its samples."""
    samples = run.samples if samples is None else samples
    judged = [one for one in samples if one.verdict.right is not None]
    images = [one.image for one in judged]
    evidence = [one.evidence for one in judged if one.evidence]
    chances = [one.chance for one in evidence if one.chance is not None]
    costs = [one.cost_usd for one in samples if one.cost_usd is not None]
    return Summary(
        name=run.name,
        accuracy=_mean([float(bool(one.verdict.right)) for one in judged], images),
        ceiling=_mean([float(one.verdict.ceiling) for one in judged], images),
        chance=sum(chances) / len(chances) if chances else None,
        causes=Counter(one.verdict.cause for one in samples),
        wrong_format=sum(one.verdict.wrong_format for one in samples),
        answered=len(judged),
        unanswered=len(samples) - len(judged),
        tokens_in=sum(one.tokens_in for one in samples),
        tokens_out=sum(one.tokens_out for one in samples),
        cost_usd=sum(costs) if costs else None,
        seconds=sum(one.seconds for one in judged) / len(judged) if judged else 0.0,
        calls=sum(one.calls for one in evidence),
        calibration_error=_calibration(judged),
    )


def by_group(run: Run) -> dict[str, dict[str, Summary]]:
    """Rows for each value of each grouping that tells samples apart: type, platform, ..."""
    groups: dict[str, dict[str, list[Answered]]] = {}
    for one in run.samples:
        for name, value in one.groups.items():
            groups.setdefault(name, {}).setdefault(value, []).append(one)
    return {
        name: {value: summarize(run, members) for value, members in sorted(values.items())}
        for name, values in groups.items()
        if len(values) > 1
    }


def paired(a: Run, b: Run) -> Comparison | None:
    """Compare two runs on the samples that both have an answer to; None where there are none."""
    others = {_key(one): one for one in b.samples if one.verdict.right is not None}
    pairs = [
        (one, others[_key(one)])
        for one in a.samples
        if one.verdict.right is not None and _key(one) in others
    ]
    if not pairs:
        return None
    first = [float(bool(one.verdict.right)) for one, _ in pairs]
    second = [float(bool(other.verdict.right)) for _, other in pairs]
    return compare(first, second, [one.image for one, _ in pairs])


def reliability(run: Run) -> list[tuple[float, bool]]:
    """Confidence of each answer that has one, and whether it was right."""
    return [
        (one.evidence.confidence, bool(one.verdict.right))
        for one in run.samples
        if one.evidence and one.evidence.confidence is not None and one.verdict.right is not None
    ]


def shown_images(run: Run, sample: Answered) -> list[bytes]:
    """What the model was shown last, as files; empty where the log keeps no images."""
    from inspect_ai.log import read_eval_log_sample

    read = read_eval_log_sample(run.path, sample.id, sample.epoch, resolve_attachments=True)
    return images_in(read)


def images_in(sample: Any) -> list[bytes]:
    """The images in the messages of a sample of a log whose attachments are resolved."""
    import base64

    found = []
    for message in sample.messages:
        content = message.content if isinstance(message.content, list) else []
        for part in content:
            if part.type == "image" and part.image.startswith("data:image/"):
                found.append(base64.b64decode(part.image.partition(",")[2]))
    return found


def _answered(sample: Any) -> Iterator[Answered]:
    """The answers of a sample; what it cost is counted with the first."""
    metadata = sample.metadata
    kept = [] if sample.error else sample.store.get(ANSWERS) or []
    answers = [Answer.from_json(one) for one in kept]
    usage = sample.model_usage.items()
    costs = [cost for model, used in usage if (cost := _cost(model, used)) is not None]
    scale = sample.store.get(SCALE) or (1.0, 1.0)
    whole = Answered(
        id=str(sample.id),
        epoch=sample.epoch,
        question=sample.input if isinstance(sample.input, str) else "",
        image=str(metadata["image"]),
        groups={name: str(metadata[name]) for name in GROUPINGS if metadata.get(name)},
        truth=Truth.from_json(metadata["truth"]),
        evidence=None,
        verdict=judge(Truth.from_json(metadata["truth"]), None),
        tokens_in=sum(_prompt_tokens(used) for _, used in usage),
        tokens_out=sum(used.output_tokens for _, used in usage),
        cost_usd=sum(costs) if costs else None,
        error=(sample.error.message.splitlines() or ["no reason given"])[0] if sample.error else "",
        scale_xy=(float(scale[0]), float(scale[1])),
        kind=str(metadata["kind"]),
        objects=tuple(sample.store.get(OBJECTS) or ()),
    )
    if not answers:
        yield whole
    for number, one in enumerate(answers):
        made = replace(
            whole,
            answer=one.name,
            truth=one.truth,
            evidence=one.evidence,
            verdict=judge(one.truth, one.evidence),
            seconds=one.evidence.seconds,
        )
        yield (
            made if not number else replace(made, tokens_in=0, tokens_out=0, cost_usd=None, objects=())
        )


def _prompt_tokens(used: Any) -> int:
    cached = (used.input_tokens_cache_read or 0) + (used.input_tokens_cache_write or 0)
    return int(used.input_tokens + cached)


def _cost(model: str, used: Any) -> float | None:
    """As the provider says, else by the published price."""
    if used.total_cost is not None:
        return float(used.total_cost)
    price = price_of(model)
    cached = used.input_tokens_cache_read or 0
    return price.of(_prompt_tokens(used), used.output_tokens, cached) if price else None


def _mean(values: list[float], images: list[str]) -> Interval:
    if not values:
        return Interval(float("nan"), float("nan"), float("nan"))
    return interval(values, images)


def _calibration(judged: Sequence[Answered]) -> float | None:
    pairs = [
        (one.evidence.confidence, float(bool(one.verdict.right)))
        for one in judged
        if one.evidence and one.evidence.confidence is not None
    ]
    if not pairs:
        return None
    return calibration([given for given, _ in pairs], [right for _, right in pairs]).ece


def _key(one: Answered) -> tuple[str, int, str]:
    return one.id, one.epoch, one.answer


def _done(run: Run) -> int:
    return sum(one.verdict.right is not None for one in run.samples)
