"""The Evaluations tab: logs as tables with their ceilings, and their samples one by one."""

import re
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import cv2

from som.errors import DataError, SomError
from som.evals.attribution import CAUSES
from som.evals.evidence import Named
from som.evals.logs import Answered, Run
from som.evals.report import BOUNDS
from som.evals.report.pictures import draw, webp_url
from som.ui.config import Config
from som.ui.eval_logs import Log, Shelf, receive
from som.ui.eval_report import comparison, drawn, grouping, names_of, numbers
from som.ui.sessions import Session, Sessions
from som.ui.texts import Texts
from som.ui.widgets import listener, widget
from som.ui.words import word

PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
MOST_CHOSEN, MOST_SENT, PAGE = 24, 6, 60
LONGEST_TEXT = 4000
SHOWS = ("all", "right", "wrong", *(cause for cause in CAUSES if cause != "right"))
_PATH = re.compile(r"(?:[A-Za-z]:)?(?:[/\\][^\s/\\:'\"]+)+[/\\](?=[^\s/\\])")


@dataclass
class Looking:
    """What a visitor looks at in the tab.

    Attributes:
        sent: logs that they sent, by key.
        listed: what they can choose from.
        chosen: logs that are shown.
        run: key of the log whose samples are listed.
        show: which of them, one of `SHOWS`.
        count: how many are listed.
        open: number of the sample that is open, None for none.
        whole: whether all of its image is shown.
        pair: keys of the two logs that are compared.
        made: HTML by what it is made of.
    """

    sent: OrderedDict[str, Log] = field(default_factory=OrderedDict)
    listed: list[Log] = field(default_factory=list)
    chosen: list[Log] = field(default_factory=list)
    run: str = ""
    show: str = "all"
    count: int = PAGE
    open: int | None = None
    whole: bool = False
    pair: tuple[str, str] = ("", "")
    made: dict[tuple[str, ...], str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of the images of logs that were sent."""
        return sum(log.nbytes for log in self.sent.values())


class EvalTab:
    """The tab, and what happens when a visitor does something in it."""

    def __init__(self, config: Config, sessions: Sessions, texts: Texts) -> None:
        """Build it inside the current Gradio context."""
        self.config, self.sessions, self.texts = config, sessions, texts
        self.shelf = Shelf(config.logs)
        self.view = widget("evals", self.value(Session()), elem_id="evals")
        # Reading logs and drawing intervals is what costs: a few at a time.
        slow: dict[str, Any] = {**PRIVATE, "concurrency_limit": 2, "concurrency_id": "evals"}
        slow["trigger_mode"] = "multiple"
        self.view.event(listener(self.on_event), None, self.view, **slow)

    # What the page is sent.

    def value(self, session: Session, *, busy: str = "", error: str = "") -> dict[str, Any]:
        """What the widget shows."""
        lang, looking = session.lang, looking_of(session)
        known = [*looking.sent.values(), *looking.listed]
        value: dict[str, Any] = {
            "lang": lang,
            # Answers can overtake each other: the page keeps the one that was made last.
            "made": time.time_ns() // 1000,
            "busy": busy,
            "error": error,
            "limit_mb": self.config.max_upload_mb,
            "folder": self.config.logs is not None,
            "logs": [_log_value(log) for log in known],
            "chosen": [log.key for log in looking.chosen],
        }
        if not looking.chosen:
            return value
        names = names_of([log.run for log in looking.chosen])
        value["runs"] = [
            {"key": log.key, "name": name} for log, name in zip(looking.chosen, names, strict=True)
        ]
        value["drawn"] = [looking.chosen[i].key for i in drawn([log.run for log in looking.chosen])]
        value["report"] = _made(
            looking,
            ("numbers", lang, *(log.key for log in looking.chosen)),
            lambda: numbers([log.run for log in looking.chosen], lang),
        )
        pair = [log for key in looking.pair for log in looking.chosen if log.key == key]
        if len(pair) == 2:
            value["pair"] = {
                "keys": looking.pair,
                "html": _made(
                    looking,
                    ("pair", lang, *looking.pair),
                    lambda: comparison(pair[0].run, pair[1].run, lang),
                ),
            }
        value["samples"] = self._samples(looking, lang)
        return value

    def _samples(self, looking: Looking, lang: str) -> dict[str, Any]:
        log = next(log for log in looking.chosen if log.key == looking.run)
        samples = log.run.samples
        counts = Counter(one.verdict.cause for one in samples)
        counts["all"] = len(samples)
        counts["wrong"] = sum(one.verdict.right is False for one in samples)
        numbers = [i for i, one in enumerate(samples) if _shown(one, looking.show)]
        found: dict[str, Any] = {
            "run": log.key,
            "show": looking.show,
            "shows": [
                {"name": show, "label": word(f"eval.show.{show}", lang), "count": counts[show]}
                for show in SHOWS
                if counts[show] or show in ("all", "right", "wrong", looking.show)
            ],
            "total": len(numbers),
            "rows": [
                {
                    "number": i,
                    "question": samples[i].question[:200] or samples[i].id[:200],
                    "answer": samples[i].answer[:80],
                    "cause": samples[i].verdict.cause,
                    "label": word(f"eval.cause.{samples[i].verdict.cause}", lang),
                }
                for i in numbers[: looking.count]
            ],
            "open": looking.open,
        }
        if looking.open is not None:
            at = numbers.index(looking.open) if looking.open in numbers else -1
            found["sample"] = {
                **_sample_value(samples[looking.open], lang),
                "image": _picture(log, samples[looking.open], whole=looking.whole),
                "whole": looking.whole,
                "number": looking.open,
                "place": word("eval.place", lang, at=at + 1, total=len(numbers)) if at >= 0 else "",
                "before": numbers[at - 1] if at > 0 else None,
                "after": numbers[at + 1] if 0 <= at < len(numbers) - 1 else None,
            }
        return found

    # What visitors do.

    def on_event(self, request: Any, event: Any) -> Iterator[Any]:
        """Something happened in the widget."""
        session, data = self.sessions.of(request), dict(event._data or {})
        kind = data.get("kind")
        act = {
            "look": self._look, "pick": self._pick, "send": self._receive, "forget": self._forget,
            "filter": self._filter, "open": self._open, "pair": self._pair,
        }.get(str(kind))  # fmt: skip
        if act is None:
            yield self.value(session)
            return
        if kind in ("look", "pick", "send", "pair"):
            yield self.value(session, busy=word("eval.busy", session.lang))
        try:
            with session.lock:
                act(session, data)
            yield self.value(session)
        except SomError as error:
            yield self.value(session, error=str(error))

    def _look(self, session: Session, _: dict[str, Any]) -> None:
        """Read again what there is."""
        looking_of(session).listed = sorted(self.shelf.listed(), key=lambda log: _order(log.run))

    def _pick(self, session: Session, data: dict[str, Any]) -> None:
        """Show these logs."""
        looking, keys = looking_of(session), data.get("keys")
        wanted = list(dict.fromkeys(key for key in keys if isinstance(key, str))) if keys else []
        if len(wanted) > MOST_CHOSEN:
            raise SomError(word("error.many_logs", session.lang, count=MOST_CHOSEN))
        chosen = [looking.sent.get(key) or self.shelf.log(key) for key in wanted]
        chosen.sort(key=lambda log: _order(log.run))
        _show(looking, chosen)

    def _receive(self, session: Session, data: dict[str, Any]) -> None:
        """Take a log that the visitor sends, and show it."""
        looking = looking_of(session)
        if len(looking.sent) >= MOST_SENT:
            raise SomError(word("error.many_logs", session.lang, count=MOST_SENT))
        log = receive(data.get("data"), data.get("title"), self.config)
        try:  # what som never wrote shows before the page is made of it
            numbers([log.run], session.lang)
            for one in log.run.samples:
                _sample_value(one, session.lang)
        except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
            raise DataError(f"{log.title} holds numbers that som did not write") from error
        looking.sent[log.key] = log
        _show(looking, [*(each for each in looking.chosen if each.key != log.key), log])
        self.sessions.make_room(session)

    def _forget(self, session: Session, data: dict[str, Any]) -> None:
        """Forget a log that the visitor sent."""
        looking = looking_of(session)
        if looking.sent.pop(str(data.get("key")), None) is not None:
            _show(looking, [log for log in looking.chosen if log.key != data.get("key")])

    def _filter(self, session: Session, data: dict[str, Any]) -> None:
        """List other samples, or more of them."""
        looking, run, show = looking_of(session), data.get("run"), data.get("show")
        if run in [log.key for log in looking.chosen] and run != looking.run:
            looking.run, looking.open, looking.count = str(run), None, PAGE
        if show in SHOWS and show != looking.show:
            looking.show, looking.open, looking.count = str(show), None, PAGE
        if data.get("more") is True:
            looking.count += PAGE

    def _open(self, session: Session, data: dict[str, Any]) -> None:
        """Look at a sample."""
        looking, number = looking_of(session), data.get("number")
        log = next((log for log in looking.chosen if log.key == looking.run), None)
        if log is None or type(number) is not int or not 0 <= number < len(log.run.samples):
            raise SomError(word("error.no_sample", session.lang))
        looking.open, looking.whole = number, data.get("whole") is True

    def _pair(self, session: Session, data: dict[str, Any]) -> None:
        """Compare two of the logs."""
        looking = looking_of(session)
        keys, known = (data.get("a"), data.get("b")), [log.key for log in looking.chosen]
        if keys[0] in known and keys[1] in known and keys[0] != keys[1]:
            looking.pair = str(keys[0]), str(keys[1])


def looking_of(session: Session) -> Looking:
    """What this visitor looks at."""
    if session.evals is None:
        session.evals = Looking()
    found: Looking = session.evals
    return found


def _order(run: Run) -> tuple[Any, ...]:
    """Models first, then what bounds them."""
    return run.dataset, run.by in BOUNDS, run.by, run.condition, run.seed


def _show(looking: Looking, chosen: list[Log]) -> None:
    keys = [log.key for log in chosen]
    looking.chosen, looking.made = chosen, {}
    if looking.run not in keys:
        looking.run, looking.open, looking.count = keys[0] if keys else "", None, PAGE
    if looking.pair[0] not in keys or looking.pair[1] not in keys:
        looking.pair = (keys[0], keys[1]) if len(keys) > 1 else ("", "")


def _made(looking: Looking, key: tuple[str, ...], make: Any) -> str:
    if key not in looking.made:
        looking.made[key] = make()
    return looking.made[key]


def _shown(one: Answered, show: str) -> bool:
    if show == "all":
        return True
    if show in ("right", "wrong"):
        return one.verdict.right is (show == "right")
    return one.verdict.cause == show


def _log_value(log: Log) -> dict[str, Any]:
    run = log.run
    return {
        "key": log.key,
        "dataset": run.dataset,
        "name": run.name,
        "samples": run.planned,
        "complete": run.status == "success",
        "sent": log.title,
    }


def _sample_value(one: Answered, lang: str) -> dict[str, Any]:
    """A sample as its card shows it; every text of it is shown as text."""
    evidence, verdict = one.evidence, one.verdict
    facts = []
    if one.truth.box_xyxy:
        facts.append(("truth", _box(one.truth.box_xyxy)))
    elif one.truth.labels:
        facts.append(("truth", ", ".join(f"[{label}]" for label in one.truth.labels)))
    if evidence is not None:
        facts.append(("chosen", _named(evidence.named) or word("eval.nothing", lang)))
        if verdict.right is False and evidence.best is not None and verdict.ceiling:
            facts.append(("best", _named(evidence.best)))
        if evidence.confidence is not None:
            facts.append(("confidence", f"{100 * evidence.confidence:.0f} %"))
        facts.append(("marks", str(evidence.marks)))
        facts.append(("seconds", f"{one.seconds:.2f}"))
    if one.tokens_in or one.tokens_out:
        facts.append(("tokens", f"{one.tokens_in:,} + {one.tokens_out:,}"))
    facts.append(("id", f"{one.id} · {one.answer}" if one.answer else one.id))
    named = [(word(f"eval.fact.{name}", lang), value) for name, value in facts]
    named += [(grouping(name, lang), value) for name, value in one.groups.items()]
    return {
        "question": one.question[:LONGEST_TEXT],
        "cause": verdict.cause,
        "label": word(f"eval.cause.{verdict.cause}", lang),
        "why": word(f"eval.why.{verdict.cause}", lang),
        "reply": evidence.text.strip()[:LONGEST_TEXT] if evidence else "",
        "error": _PATH.sub("…/", one.error)[:LONGEST_TEXT],
        "facts": [{"name": name, "value": value} for name, value in named],
    }


def _picture(log: Log, one: Answered, *, whole: bool) -> str:
    """What the model saw with truth and choice, as a `data:` URL; "" where it cannot be had."""
    sent = None if log.images is None else log.images.get((one.id, one.epoch), [])
    try:
        image = draw(log.run, one, sent, whole=whole)
    except (ValueError, OverflowError, TypeError, cv2.error):  # numbers that som never wrote
        return ""
    return "" if image is None else webp_url(image)


def _named(named: Named | None) -> str:
    if named is None:
        return ""
    if named.label:
        return f"[{named.label}]"
    return f"({named.point_xy[0]:.0f}, {named.point_xy[1]:.0f})" if named.point_xy else ""


def _box(box: tuple[float, float, float, float]) -> str:
    x1, y1, x2, y2 = box
    return f"({x1:.0f}, {y1:.0f}) – ({x2:.0f}, {y2:.0f})"
