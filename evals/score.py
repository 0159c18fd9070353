"""Scores of prediction logs that others published, from the predicted points and the true boxes alone.

A format is a function from a file to `Click` values; `register_format` adds one.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from som.errors import DataError, MissingDependencyError
from som.evals.datasets.files import Row, as_numbers, read_json, read_lines
from som.evals.metrics.clicks import (
    SCREENSPOT,
    SCREENSPOT_PRO,
    Click,
    ClickScores,
    Outcome,
    click_outcome,
    click_scores,
    click_table,
)
from som.evals.metrics.compare import Comparison, compare
from som.evals.metrics.intervals import DRAWS, Interval, intervals

Reader = Callable[[Path], list[Click]]
_TYPES = ("", "text", "icon")
_SOURCES = {
    "mobile": ("ios", "android"),
    "desktop": ("macos", "windows"),
    "web": ("gitlab", "shop", "forum", "tool"),
}


@dataclass(frozen=True)
class LogFormat:
    """One format of logs.

    Attributes:
        reader: "module:function", or the function: path -> clicks.
        by: the fields that its tables group by.
    """

    reader: str | Reader
    by: tuple[str, ...]

    def read(self, path: Path) -> list[Click]:
        """The clicks of a log.

        Raises:
            DataError: a row that breaks the format, by its line.
        """
        reader = self.reader
        if isinstance(reader, str):
            module, attribute = reader.split(":")
            reader = getattr(import_module(module), attribute)
        clicks: list[Click] = reader(path)
        if not clicks:
            raise DataError(f"{path} holds no predictions")
        return clicks


_FORMATS: dict[str, LogFormat] = {
    "screenspot-pro": LogFormat(f"{__name__}:read_screenspot_pro", SCREENSPOT_PRO),
    "screenspot": LogFormat(f"{__name__}:read_screenspot", SCREENSPOT),
    "som": LogFormat(f"{__name__}:read_own", SCREENSPOT_PRO),
}


def formats() -> list[str]:
    """Names that `get_format` accepts."""
    return list(_FORMATS)


def register_format(name: str, log_format: LogFormat) -> None:
    """Add a format under `name`."""
    _FORMATS[name] = log_format


def get_format(name: str) -> LogFormat:
    """The format called `name`.

    Raises:
        DataError: there is none; the message lists them.
    """
    if name not in _FORMATS:
        raise DataError(f"no log format {name!r}; choose one of: {', '.join(formats())}")
    return _FORMATS[name]


def read_screenspot_pro(path: Path) -> list[Click]:
    """A log of ScreenSpot-Pro's script, one JSON object a line, or its report with "details".

    Only `pred` and `bbox` say what is right; the log's own "correctness" is not looked at.
    """
    clicks = []
    for row in _rows(path):
        if row.data.get("gt_type", "positive") != "positive":
            raise row.wrong("gt_type", '"positive": only those have a box to score')
        image = row.text("img_path")
        clicks.append(
            Click(
                id=_key(row, image, "task_filename", "lang", "instruction_style"),
                outcome=click_outcome(_point(row), row.box_xyxy()),
                type=row.one_of("ui_type", _TYPES[1:]),
                group=row.text("group"),
                application=row.text("application"),
                platform=row.text("platform"),
                cluster=_short(image),
            )
        )
    return _numbered(clicks)


def read_screenspot(path: Path) -> list[Click]:
    """A log of SeeClick's script for ScreenSpot: `img_path`, `text`, `bbox` (corners), `pred`, ...

    Point and box are in one unit, pixels or shares of the image.
    """
    clicks = []
    for row in _rows(path):
        image = row.text(row.first_of("img_path", "img_filename"))
        source = row.text(row.first_of("source", "data_source")).lower()
        clicks.append(
            Click(
                id=_key(row, image),
                outcome=click_outcome(_point(row), row.box_xyxy()),
                type=row.one_of(row.first_of("type", "data_type"), _TYPES[1:]),
                group=next((split for split, names in _SOURCES.items() if source in names), source),
                platform=source,
                cluster=_short(image),
            )
        )
    return _numbered(clicks)


def read_own(path: Path) -> list[Click]:
    """A log of ``som eval``, as it judges answers; samples without a reply are left out."""
    try:
        from som.evals.logs import read_run

        run = read_run(path)
    except ImportError as error:
        raise MissingDependencyError(
            f'{error.name} is missing: pip install "som-agent[eval]"'
        ) from error
    clicks = []
    for one in run.samples:
        if one.verdict.right is None:
            continue
        missed: Outcome = "wrong_format" if one.verdict.wrong_format else "wrong"
        fields = ("type", "group", "application", "platform")
        clicks.append(
            Click(
                id=f"{one.id}|{one.epoch}",
                outcome="correct" if one.verdict.right else missed,
                cluster=one.image,
                **{field: one.groups.get(field, "") for field in fields},
            )
        )
    return clicks


def _rows(path: Path) -> Iterator[Row]:
    """The rows of a JSON Lines file; of a .json file, those of its list, or of its "details"."""
    if path.suffix.lower() != ".json":
        yield from read_lines(path)
        return
    data = read_json(path)
    rows = Row(data, str(path)).items("details") if not isinstance(data, list) else data
    for number, one in enumerate(rows, 1):
        yield Row(one, f"{path}, row {number}")


def _point(row: Row) -> tuple[float, ...] | None:
    """The predicted point; None where the model gave none (null, nothing, or words)."""
    value = row.data.get("pred", row)
    if value is None or value == [] or isinstance(value, str):
        return None
    found = as_numbers(value, 2)
    if found is None:
        raise row.wrong("pred", "2 numbers [x, y], or null where there is no answer")
    return found


def _key(row: Row, image: str, *fields: str) -> str:
    """What the sample is called in every log of it: two machines keep images in other folders."""
    prompt = row.data.get(row.first_of("prompt_to_evaluate", "text", "instruction"), "")
    named = [str(row.data.get(field, "")) for field in fields]
    return "|".join([_short(image), str(prompt), str(row.data["bbox"]), *named])


def _short(image: str) -> str:
    return "/".join(PurePosixPath(image.replace("\\", "/")).parts[-2:])


def _numbered(clicks: list[Click]) -> list[Click]:
    """The same clicks; where one sample comes several times, each time is a sample of its own."""
    seen: Counter[str] = Counter()
    result = []
    for click in clicks:
        seen[click.id] += 1
        times = seen[click.id]
        result.append(click if times == 1 else Click(**{**click.__dict__, "id": f"{click.id}#{times}"}))
    return result


@dataclass(frozen=True)
class Line:
    """One line of a table.

    Attributes:
        by: "overall", or the field that it groups by.
        value: of that field, "" overall.
        scores: counts and accuracies.
        intervals: of action_acc, text_acc, icon_acc.
    """

    by: str
    value: str
    scores: ClickScores
    intervals: tuple[Interval, ...]

    def to_json(self) -> dict[str, Any]:
        """Counts and accuracies under the names of the official script, and the intervals."""
        names = ("action_acc", "text_acc", "icon_acc")
        bounds = {
            f"{name}_ci": None if np.isnan(found.low) else [found.low, found.high]
            for name, found in zip(names, self.intervals, strict=True)
        }
        return {"by": self.by, "value": self.value, **self.scores.to_json(), **bounds}


def score(
    clicks: Sequence[Click], by: Sequence[str] = (), *, draws: int = DRAWS, seed: int = 0
) -> list[Line]:
    """The tables of a log: overall, then one line for each value of each field in `by`.

    Args:
        clicks: the scored predictions.
        by: fields to group by: "group", "application", "platform".
        draws: of the bootstrap over images.
        seed: of the draws.
    """
    heads = [("overall", "", click_scores(clicks))]
    for field in by:
        table = click_table(clicks, field)
        heads += [(field, value, scores) for value, scores in table.items() if value]
    correct = np.array([click.outcome == "correct" for click in clicks])
    kinds = np.array([click.type for click in clicks])
    members = []
    for field, value, _ in heads:
        values = np.array(["" if field == "overall" else getattr(click, field) for click in clicks])
        members += [(values == value) & ((kinds == kind) | (kind == "")) for kind in _TYPES]
    under = np.stack(members, axis=1).astype(np.float64)
    clusters = [click.cluster for click in clicks]
    bounds = intervals(under * correct[:, None], under, clusters, draws=draws, seed=seed)
    return [
        Line(field, value, scores, tuple(bounds[3 * i : 3 * i + 3]))
        for i, (field, value, scores) in enumerate(heads)
    ]


def compare_logs(
    a: Sequence[Click], b: Sequence[Click], *, draws: int = DRAWS, seed: int = 0
) -> Comparison:
    """Two logs on the samples that both have.

    Raises:
        DataError: they share none.
    """
    other = {click.id: click for click in b}
    pairs = [(click, other[click.id]) for click in a if click.id in other]
    if not pairs:
        raise DataError("the two logs share no sample (image, instruction and box)")
    return compare(
        [one.outcome == "correct" for one, _ in pairs],
        [two.outcome == "correct" for _, two in pairs],
        [one.cluster for one, _ in pairs],
        draws=draws,
        seed=seed,
    )
