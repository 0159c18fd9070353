"""Numbers of logs as HTML in a visitor's language, from the tables and plots of the report.

Everything in it that comes from a log is escaped, here or where it is drawn.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from html import escape
from importlib.resources import files

from som.evals.attribution import CAUSES
from som.evals.logs import GROUPINGS, Run, Summary, paired, reliability, summarize
from som.evals.published import published_table
from som.evals.report import BOUNDS, charts, group_tables, pair_cells, table
from som.evals.table import cells, percent
from som.ui.words import word

_HEADS = (
    "run", "accuracy", "ceiling", "chance", "not_marked", "unreadable", "wrong_choice",
    "wrong_format", "refused", "answers", "unanswered", "tokens_in", "tokens_out", "usd", "seconds",
    "ece",
)  # fmt: skip
_IN_WORDS = ("wrong format", "precision", "recall")
_PAIR_HEADS = ("run", "pair_samples", "pair_better", "pair_a", "pair_b", "p_bootstrap", "p_mcnemar")


def style() -> str:
    """The report's style sheet for the tab alone, dark where the page is dark."""
    css = files("som.evals.report").joinpath("report.css").read_text("utf-8")
    css = css.replace("@media (prefers-color-scheme: dark)", ".dark &").replace(":root", "&")
    return f".som-evals {{\n{css.replace('color-scheme: light dark;', '')}\n}}"


def names_of(runs: Sequence[Run]) -> list[str]:
    """What runs are called beside each other; no two alike."""
    several = len({run.dataset for run in runs}) > 1
    plain = [f"{run.dataset} · {run.name}" if several else run.name for run in runs]
    often, seen, names = Counter(plain), Counter[str](), []
    for name in plain:
        seen[name] += 1
        names.append(f"{name} #{seen[name]}" if often[name] > 1 else name)
    return names


def drawn(runs: Sequence[Run]) -> list[int]:
    """Which of these runs the plots show, in their order.

    Every run has its bounds beside it; the bounds' own runs are drawn where there is nothing else.
    """
    models = [i for i, run in enumerate(runs) if run.by not in BOUNDS]
    return models or list(range(len(runs)))


def numbers(runs: Sequence[Run], lang: str) -> str:
    """All about these runs, side by side."""
    names = names_of(runs)
    rows = [
        (name, run, replace(summarize(run), name=name)) for name, run in zip(names, runs, strict=True)
    ]
    models = [rows[i] for i in drawn(runs)]
    shown = [summary for _, _, summary in models]
    short = {cause: word(f"eval.cause.{cause}", lang) for cause in CAUSES}
    long = {cause: word(f"eval.why.{cause}", lang) for cause in CAUSES}
    # The chart fills these in itself.
    apart = word("eval.apart", lang, count="{count}", asked="{asked}")
    heads = [word(f"eval.head.{name}", lang) for name in _HEADS]
    parts = [
        _glance(models, runs, lang),
        _section("accuracy", _key(lang) + charts.accuracies(shown), lang),
        _section(
            "fault",
            _note("fault", lang) + charts.legend(long) + charts.shares(shown, short, apart),
            lang,
        ),
        _section(
            "all", _note("all", lang) + table(heads, [cells(summary) for _, _, summary in rows]), lang
        ),
        _published(rows, lang),
        _groups(models, lang),
        _reliabilities(models, lang),
    ]
    return "".join(parts)


def comparison(a: Run, b: Run, lang: str) -> str:
    """Two runs on the samples that both have an answer to."""
    found = paired(a, b)
    if found is None:
        return f'<p class="note">{escape(word("eval.no_pair", lang))}</p>'
    first, second = names_of([a, b])
    heads = [word(f"eval.head.{name}", lang) for name in _PAIR_HEADS]
    return table(heads, [(f"{first} − {second}", *pair_cells(found))])


def _glance(rows: Sequence[tuple[str, Run, Summary]], runs: Sequence[Run], lang: str) -> str:
    facts = [
        word(
            "eval.facts", lang, datasets=", ".join(sorted({run.dataset for run in runs})),
            samples=max(len(run.samples) for run in runs), runs=len(runs),
            images=len({one.image for run in runs for one in run.samples}),
        )
    ]  # fmt: skip
    broken = [
        f"{name} ({len({(one.id, one.epoch) for one in run.samples})} / {run.planned})"
        for name, run, _ in rows
        if run.status != "success"
    ]
    if broken:
        facts.append(word("eval.broken", lang, runs=", ".join(broken)))
    cards = ""
    asked = [row for row in rows if row[2].answered]
    if asked:
        name, _, best = max(asked, key=lambda row: row[2].accuracy.value)
        marks = best.causes.get("not_marked", 0) + best.causes.get("unreadable", 0)
        missed = best.answered - best.causes.get("right", 0)
        cards = "".join(
            f"<div class='card'><b>{escape(value)}</b><span>{escape(said)}</span></div>"
            for value, said in (
                (f"{percent(best.accuracy.value)} %", word("eval.card.best", lang, name=name)),
                (f"{percent(best.ceiling.value)} %", word("eval.card.ceiling", lang)),
                (f"{percent(best.chance)} %", word("eval.card.chance", lang)),
                (f"{marks} / {missed}", word("eval.card.marks", lang)),
            )
        )
    lines = "".join(f'<p class="fact">{escape(fact)}</p>' for fact in facts)
    return f'<header>{lines}<div class="cards">{cards}</div></header>'


def _published(rows: Sequence[tuple[str, Run, Summary]], lang: str) -> str:
    measures, lines = published_table([(name, run) for name, run, _ in rows])
    if not lines:
        return ""
    # Measures that have a name in their papers keep it.
    heads = [word(f"eval.measure.{name}", lang) if name in _IN_WORDS else name for name in measures]
    return _section("published", _note("published", lang) + table(("", *heads), lines), lang)


def _groups(rows: Sequence[tuple[str, Run, Summary]], lang: str) -> str:
    parts = "".join(
        f"<h3>{escape(word('eval.by', lang, name=grouping(name, lang)))}</h3>" + table(heads, lines)
        for name, heads, lines in group_tables([(name, run) for name, run, _ in rows])
    )
    return _section("groups", _note("groups", lang) + parts, lang) if parts else ""


def grouping(name: str, lang: str) -> str:
    """A grouping of samples in the visitor's language."""
    return word(f"eval.group.{name}", lang) if name in GROUPINGS else name


def _reliabilities(rows: Sequence[tuple[str, Run, Summary]], lang: str) -> str:
    axes = word("eval.confidence", lang), word("eval.right_share", lang)
    plots = "".join(
        f"<figure>{charts.reliability(pairs, axes)}<figcaption>{escape(name)}</figcaption></figure>"
        for name, run, _ in rows
        if (pairs := reliability(run))
    )
    if not plots:
        return ""
    return _section(
        "reliability", f'{_note("reliability", lang)}<div class="plots">{plots}</div>', lang
    )


def _key(lang: str) -> str:
    return (
        f'<p class="key"><span><i class="dot"></i>{escape(word("eval.key.accuracy", lang))}</span>'
        f'<span><i class="tick"></i>{escape(word("eval.key.ceiling", lang))}</span>'
        f'<span><i class="tick low"></i>{escape(word("eval.key.chance", lang))}</span></p>'
    )


def _note(name: str, lang: str) -> str:
    return f'<p class="note">{escape(word(f"eval.note.{name}", lang))}</p>'


def _section(name: str, body: str, lang: str) -> str:
    return f"<section><h2>{escape(word(f'eval.section.{name}', lang))}</h2>{body}</section>"
