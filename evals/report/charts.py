"""Plots as inline SVG; words stay outside of it, so that they keep their size on a small screen."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from som.evals.attribution import CAUSES
from som.evals.logs import Summary
from som.evals.metrics.calibration import calibration
from som.evals.table import percent, with_interval

# In the order in which a bar is stacked.
PARTS = ("right", "wrong_choice", "wrong_format", "refused", "unreadable", "not_marked")
NAMES = {cause: cause.replace("_", " ") for cause in CAUSES}


def accuracies(summaries: Sequence[Summary]) -> str:
    """A line for each run: a dot with its interval, ticks for ceiling and chance."""
    rows = ""
    for summary in summaries:
        found = summary.accuracy
        parts = '<line class="axis" x1="0" x2="100%" y1="11" y2="11"/>'
        if not math.isnan(found.low):
            low, high = 100 * found.low, 100 * found.high
            parts += f'<line class="range" x1="{low:.1f}%" x2="{high:.1f}%" y1="11" y2="11"/>'
        for value, style in ((summary.ceiling.value, "ceiling"), (summary.chance, "chance")):
            if value is not None and not math.isnan(value):
                at = 100 * value
                parts += f'<line class="{style}" x1="{at:.1f}%" x2="{at:.1f}%" y1="3" y2="19"/>'
        if not math.isnan(found.value):
            parts += f'<circle cx="{100 * found.value:.1f}%" cy="11" r="6"/>'
        rows += _row(summary, parts, f"{with_interval(found)} %")
    scale = "".join(f"<span>{step}</span>" for step in (0, 25, 50, 75, 100))
    return f'<div class="bars">{rows}<div class="scale"><div>{scale}</div></div></div>'


def shares(
    summaries: Sequence[Summary],
    names: Mapping[str, str] = NAMES,
    apart: str = "{count} of {asked} unanswered",
) -> str:
    """A stacked bar for each run: what became of its samples.

    Args:
        summaries: of the runs.
        names: of the causes, in the reader's language.
        apart: says how many samples have no answer.
    """
    rows = ""
    for summary in summaries:
        left, parts, said = 0.0, "", []
        for cause in PARTS:
            share = summary.share(cause)
            if math.isnan(share) or share <= 0:
                continue
            width = 100 * share
            said.append(f"{names[cause]} {percent(share)} %")
            parts += (
                f'<rect class="{cause}" x="{left:.2f}%" y="2" width="{width:.2f}%" height="18">'
                f"<title>{escape(said[-1])}</title></rect>"
            )
            left += width
        asked = summary.answered + summary.unanswered
        lost = apart.format(count=summary.unanswered, asked=asked) if summary.unanswered else ""
        rows += _row(summary, parts, lost, ", ".join(said))
    return f'<div class="bars">{rows}</div>'


def legend(meanings: Mapping[str, str] = CAUSES) -> str:
    """What the colours of `shares` mean."""
    keys = "".join(
        f'<li><span class="swatch {cause}"></span>{escape(meanings[cause])}</li>' for cause in PARTS
    )
    return f'<ul class="legend">{keys}</ul>'


def reliability(
    pairs: Sequence[tuple[float, bool]], axes: tuple[str, str] = ("confidence, %", "right, %")
) -> str:
    """Accuracy by confidence, in as many steps as the calibration error has."""
    dots = ""
    for one in calibration([given for given, _ in pairs], [right for _, right in pairs]).bins:
        if one.confidence is None or one.accuracy is None:
            continue
        x, y = 100 * one.confidence, 100 - 100 * one.accuracy
        radius = 1.5 + 5 * math.sqrt(one.count / len(pairs))
        words = f"n = {one.count}: {axes[0]} {x:.0f}, {axes[1]} {100 - y:.0f}"
        dots += f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"><title>{words}</title></circle>'
    grid = "".join(
        f'<line class="axis" x1="{at}" x2="{at}" y1="0" y2="100"/>'
        f'<line class="axis" x1="0" x2="100" y1="{at}" y2="{at}"/>'
        for at in (0, 25, 50, 75, 100)
    )
    words = (
        f'<text x="50" y="116" text-anchor="middle">{escape(axes[0])}</text>'
        '<text x="-11" y="50" text-anchor="middle" transform="rotate(-90 -11 50)">'
        f"{escape(axes[1])}</text>"
        '<text x="0" y="107" text-anchor="middle">0</text>'
        '<text x="100" y="107" text-anchor="middle">100</text>'
        '<text x="-3" y="3" text-anchor="end">100</text>'
    )
    return (
        f'<svg class="reliability" viewBox="-18 -4 124 124" role="img" aria-label="Reliability">{grid}'
        f'<line class="ideal" x1="0" y1="100" x2="100" y2="0"/>{dots}{words}</svg>'
    )


def _row(summary: Summary, parts: str, words: str, label: str = "") -> str:
    return (
        f'<div class="bar"><span class="name">{escape(summary.name)}</span>'
        f'<svg role="img" aria-label="{escape(label or words, quote=True)}">{parts}</svg>'
        f'<span class="value">{escape(words)}</span></div>'
    )
