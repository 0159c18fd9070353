"""What an agent's model is sent: the task, what has happened, and what there is to see now.

The last few observations go as images with the list of their marks. Older ones stay as short texts:
where the agent was, what it did and what that led to. What comes from a page stands in JSON strings, so
that nothing in it can pass for a line of ours.
"""

import json
from collections.abc import Sequence
from typing import Literal

from som.agents.actions import BaseAction, action_prompt, marks_of
from som.agents.envs.base import Observation
from som.agents.replies import Form, write_action
from som.agents.steps import Step
from som.agents.vlm.base import ImagePart, Message, TextPart
from som.legend import LegendStyle
from som.marks import MarkedImage
from som.prompts import load, phrase, render

# Longest thought, and longest reply without an action, that is kept of an old step.
LONGEST_THOUGHT, LONGEST_REPLY = 300, 500
# Of what a page gives for them: an address may hold a whole document.
LONGEST_ADDRESS, LONGEST_TITLE = 300, 120
LEAST_REST = 0.05
# How a model writes points: pixels of the image it sees, or shares of its width and height.
Points = Literal["absolute", "percent", "thousand"]
POINT_FIELDS = ("x", "y", "x1", "y1", "x2", "y2")


def build_messages(
    task: str,
    seen: Observation,
    steps: Sequence[Step] = (),
    *,
    lang: str = "en",
    keep_images: int = 2,
    form: Form | Literal["choose"] = "json",
    actions: Sequence[str] | None = None,
    secrets: str = "",
    points: Points = "absolute",
    warning: str = "",
    legend: LegendStyle = "full",
) -> list[Message]:
    """The conversation so far, as the model gets it.

    Args:
        task: in words.
        seen: what there is to see now.
        steps: what has happened.
        lang: of the prompt.
        keep_images: how many observations, this one included, are shown as images.
        form: how the model is to write; "choose" asks only which mark is to be clicked.
        actions: names of those that it may take; all when not given.
        secrets: that it may have typed: a line for each.
        points: how it writes them; see `to_drawn`.
        warning: a line for the model about how the run goes.
        legend: how marks are listed.
    """
    pointing = actions is None or bool({"click_at", "mark_region"} & set(actions))
    unit = points if pointing and form != "choose" else None
    messages = [Message("system", (TextPart(_system(lang, form, actions, secrets)),))]
    written: Form = "text" if form == "text" else "json"
    shown = max(keep_images - 1, 0)
    before = None
    for i, step in enumerate(steps):
        if i >= len(steps) - shown:
            messages.append(_look(task, step.observation, before, lang, unit, legend=legend))
        else:
            messages.append(_past(task, step.observation, before, lang))
        messages.append(Message("assistant", (TextPart(_said(step, written, lang, points)),)))
        before = step
    messages.append(_look(task, seen, before, lang, unit, warning, legend))
    return messages


def mark_name(seen: Observation, mark_id: int, lang: str = "en") -> str:
    """A mark in words: its role, its name as a JSON string and its state; "" when it is not there."""
    mark = next((mark for mark in seen.marked if mark.id == mark_id), None)
    if mark is None:
        return ""
    text = " ".join(mark.text.split())
    quoted = json.dumps(text[:80], ensure_ascii=False) if text else ""
    state = f"({_line(seen.states[mark_id])})" if mark_id in seen.states else ""
    named = " ".join(part for part in (mark.role, quoted, state) if part)
    return named or phrase("nameless", lang)


def to_drawn(action: BaseAction, marked: MarkedImage, points: Points) -> BaseAction:
    """An action with its points as a model writes them, with points in pixels of the drawn image."""
    unit_x, unit_y = _unit(marked, points)
    return _scaled(action, unit_x, unit_y)


def to_original(action: BaseAction, marked: MarkedImage) -> BaseAction:
    """An action with points in pixels of the drawn image, with points in pixels of the original."""
    scale_x, scale_y = marked.scale_xy
    return _scaled(action, 1 / scale_x, 1 / scale_y)


def _unit(marked: MarkedImage, points: Points) -> tuple[float, float]:
    """One unit of a model's points across and down, in pixels of the drawn image."""
    parts = {"absolute": None, "percent": 100, "thousand": 1000}[points]
    width, height = marked.layout.size_wh
    return (1, 1) if parts is None else (width / parts, height / parts)


def _scaled(action: BaseAction, x: float, y: float) -> BaseAction:
    factors = {key: x if key.startswith("x") else y for key in POINT_FIELDS if hasattr(action, key)}
    if not factors or (x, y) == (1, 1):
        return action
    return action.model_copy(
        update={key: round(getattr(action, key) * factor) for key, factor in factors.items()}
    )


def _system(lang: str, form: str, actions: Sequence[str] | None, secrets: str) -> str:
    if form == "choose":
        return load("agent_choose", lang)
    return render(
        "agent_system",
        lang,
        how=load(f"agent_how_{form}", lang),
        actions=action_prompt(actions, lang),
        secrets=f"\n{phrase('secrets', lang)}\n{secrets}\n" if secrets else "",
    )


def _look(
    task: str,
    seen: Observation,
    before: Step | None,
    lang: str,
    unit: Points | None,
    warning: str = "",
    legend: LegendStyle = "full",
) -> Message:
    """What was seen at one step, its image and marks included."""
    text = render(
        "agent_look",
        lang,
        task=task.strip(),
        happened=_happened(before, seen, lang) + (f"{warning}\n" if warning else ""),
        address=_quoted(_short(seen.url, LONGEST_ADDRESS)),
        title=_quoted(_short(seen.title, LONGEST_TITLE)),
        tabs=_rest(seen, lang) + _tabs(seen, lang) + _points(seen, unit, lang),
        notes=_notes(seen, lang),
        legend=_legend(seen, lang, legend),
    )
    parts = (TextPart(text), ImagePart(seen.marked.drawn))
    return Message("user", parts, question=task.strip(), marked=(seen.marked,), observation=seen)


def _past(task: str, seen: Observation, before: Step | None, lang: str) -> Message:
    """What was seen at an old step, without its image."""
    text = render(
        "agent_past",
        lang,
        happened=_happened(before, seen, lang),
        address=_quoted(_short(seen.url, LONGEST_ADDRESS)),
        title=_quoted(_short(seen.title, LONGEST_TITLE)),
        notes=_notes(seen, lang),
    )
    return Message(
        "user", (TextPart(text),), question=task.strip(), marked=(seen.marked,), observation=seen
    )


def _happened(before: Step | None, seen: Observation, lang: str) -> str:
    """What the step before led to, and what is true now of what it was about."""
    if before is None:
        return ""
    if before.error:
        said = [phrase("no_action", lang, error=before.error)]
    else:
        said = [before.outcome.message] if before.outcome else []
    done = before.outcome is not None and before.outcome.ok and before.outcome.changed is not False
    for mark in marks_of(before.action) if before.action else ():
        was = mark_name(before.observation, mark, lang)
        now = mark_name(seen, mark, lang)
        if was:
            said.append(phrase("was", lang, mark=str(mark), what=was))
        if not done and not now:
            said.append(phrase("not_now", lang, mark=str(mark)))
        elif now and now != was:
            said.append(phrase("is_now", lang, mark=str(mark), what=now))
    if before.observation.url != seen.url:
        said.append(phrase("page_now", lang, address=_quoted(_short(seen.url, LONGEST_ADDRESS))))
    return phrase("happened", lang, text=_line("; ".join(said))) + "\n" if said else ""


def _tabs(seen: Observation, lang: str) -> str:
    if len(seen.tabs) < 2:
        return ""
    here = f" ({phrase('this_tab', lang)})"
    tabs = (
        f"{i} {_quoted(_short(tab.title or tab.url, LONGEST_TITLE))}{here if tab.active else ''}"
        for i, tab in enumerate(seen.tabs, 1)
    )
    return phrase("tabs", lang, tabs=", ".join(tabs)) + "\n"


def _points(seen: Observation, unit: Points | None, lang: str) -> str:
    if unit is None:
        return ""
    width, height = (str(value) for value in seen.marked.layout.size_wh)
    said = render(f"unit_{unit}", lang, width=width, height=height)
    return phrase("points", lang, unit=said) + "\n"


def _rest(seen: Observation, lang: str) -> str:
    """How much of the page is not on the screen, where that is worth a line."""
    above, below = seen.rest
    if max(above, below) < LEAST_REST:
        return ""
    return phrase("rest", lang, above=f"{above:.1f}", below=f"{below:.1f}") + "\n"


def _notes(seen: Observation, lang: str) -> str:
    if not seen.notes:
        return ""
    return "\n".join([phrase("notes", lang), *(f"- {_quoted(note)}" for note in seen.notes)]) + "\n"


def _legend(seen: Observation, lang: str, style: LegendStyle) -> str:
    ids = [mark.id for mark in seen.marked]
    # Where all is new, saying so says nothing.
    new_ids = seen.new_ids if len(seen.new_ids) < len(ids) else frozenset()
    notes = {}
    for number in ids:
        new = phrase("new", lang) if number in new_ids else ""
        notes[number] = ", ".join(part for part in (new, _line(seen.states.get(number, ""))) if part)
    return seen.marked.legend(style, notes) or phrase("no_marks", lang)


def _said(step: Step, form: Form, lang: str, points: Points) -> str:
    """What was said at a step, in the form that the model is to write in, and short."""
    if step.action is None:
        return _short(step.reply.text, LONGEST_REPLY) if step.reply else "-"
    thought = phrase("person_acted", lang) if step.by == "person" else step.thought
    thought = _short(thought, LONGEST_THOUGHT)
    marked = step.observation.marked
    units = zip(marked.scale_xy, _unit(marked, points), strict=True)
    action = _scaled(step.action, *(scale / unit for scale, unit in units))
    if form == "text":
        return f"{thought}\n{write_action(action)}".strip()
    return f'{{"thought": {_quoted(thought)}, "action": {write_action(action, "json")}}}'


def _short(text: str, longest: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _quoted(text: str) -> str:
    return json.dumps(_line(text), ensure_ascii=False)


def _line(text: str) -> str:
    """A text on one line: JSON leaves some of what breaks lines as it is."""
    return " ".join(text.split())
