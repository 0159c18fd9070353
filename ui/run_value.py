"""What the page is sent about a run: the screen with the acted mark, and its steps in words."""

from collections.abc import Sequence
from typing import Any

from som.agents.actions import BaseAction, marks_of
from som.agents.envs.base import Observation
from som.agents.steps import Step
from som.ui.runs import totals
from som.ui.scene import data_url
from som.ui.scene import marks_of as scene_marks
from som.ui.sessions import Session
from som.ui.words import word


def run_value(session: Session, *, error: str = "") -> dict[str, Any]:
    """What the run's widget shows.

    Args:
        session: whose run it is, and which of its steps they look at.
        error: one line.
    """
    lang, live = session.lang, session.run
    if live is None:
        scene = {"lang": lang, "error": error, "busy": ""}
        return {"lang": lang, "scene": scene, "steps": [], "status": ""}
    steps: Sequence[Step] = list(live.steps)
    shown = session.looking
    step = steps[shown - 1] if shown is not None and 1 <= shown <= len(steps) else None
    acted = step.action if step is not None else live.doing
    seen = step.observation if step is not None else live.seen
    scene = _scene(session, seen, acted, error, newest=step is None)
    question = live.question
    return {
        "lang": lang,
        "scene": scene,
        "steps": [_step_value(each, lang) for each in steps],
        "status": _status(session, live),
        "question": vars(question) if question is not None else None,
        "shown": step.number if step is not None else None,
        "live": live.phase != "ended",
        "can_take": step is None and live.phase in ("paused", "running"),
    }


def _scene(
    session: Session, seen: Observation | None, acted: BaseAction | None, error: str, *,
    newest: bool,
) -> dict[str, Any]:  # fmt: skip
    lang, live = session.lang, session.run
    phases = {"starting": "run.starting", "running": "run.working"}
    wait = word(phases[live.phase], lang) if newest and live.phase in phases else ""
    if live.question is not None:
        wait = ""
    if seen is None:
        return {"lang": lang, "error": error, "busy": wait}
    marked = seen.marked
    marks = scene_marks(marked)
    ids = marks_of(acted) if acted is not None else []
    named = [mark for mark in marks if mark["id"] in ids]
    width, height = marked.size_wh
    return {
        "lang": lang, "error": error, "busy": wait, "picture": "run", "title": seen.title,
        "key": f"{id(seen)}", "keys": [], "width": width, "height": height, "marks": marks,
        "image": data_url(marked.drawn),
        "highlight": [
            {"path": mark["path"], "label_box": mark["label_box"]} for mark in named
        ],
        "note": seen.url,
    }  # fmt: skip


def _status(session: Session, live: Any) -> str:
    lang = session.lang
    into, out, cost, seconds = totals(live.steps)
    parts = [word("run.waiting" if live.question is not None else f"run.{live.phase}", lang)]
    if live.end is not None:
        parts = [word(f"run.end.{live.end.status}", lang), live.end.text]
    parts.append(word("run.totals", lang, steps=len(live.steps), seconds=f"{seconds:.1f}"))
    if into or out:
        parts.append(word("chat.tokens", lang, into=into, out=out))
    if cost is not None:
        parts.append(f"${cost:.4f}")
    return " · ".join(part for part in parts if part)


def _step_value(step: Step, lang: str) -> dict[str, Any]:
    """A step as the timeline shows it."""
    into, out, cost, seconds = totals([step])
    meta = [f"{seconds:.1f} s"]
    if into or out:
        meta.append(word("chat.tokens", lang, into=into, out=out))
    if cost is not None:
        meta.append(f"${cost:.4f}")
    if step.confirmed is not None:
        meta.append(word("run.allowed" if step.confirmed else "run.refused", lang))
    outcome = step.error or (step.outcome.message if step.outcome else "")
    if step.end is not None:
        outcome = step.end.text
    return {
        "number": step.number,
        "thought": step.thought,
        "action": _in_words(step.action) if step.action is not None else word("run.no_action", lang),
        "outcome": outcome[:400],
        "ok": not step.error and (step.outcome is None or step.outcome.ok),
        "meta": " · ".join(meta),
        "by": step.by,
    }


def _in_words(action: BaseAction) -> str:
    """An action as a person reads it: ``click [7]``, ``type [3] "milk"``."""
    given = action.model_dump()
    parts = [str(given.pop("action")).replace("_", " ")]
    for name in ("mark", "to"):
        if given.get(name) is not None:
            parts.append(f"[{given[name]}]")
        given.pop(name, None)
    for name in ("text", "option", "url", "question", "reason", "keys", "direction"):
        if given.get(name):
            parts.append(f'"{str(given[name])[:80]}"')
    return " ".join(parts)
