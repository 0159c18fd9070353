"""What an agent's model is sent: the task, what has happened, and what there is to see now."""

import json
from collections.abc import Sequence

from som.agents.actions import action_prompt
from som.agents.envs.base import Observation
from som.agents.steps import Step
from som.agents.vlm.base import ImagePart, Message, TextPart
from som.prompts import render


def build_messages(
    task: str,
    seen: Observation,
    steps: Sequence[Step] = (),
    *,
    lang: str = "en",
    keep_images: int = 2,
) -> list[Message]:
    """The conversation so far, as the model gets it.

    Args:
        task: in words.
        seen: what there is to see now.
        steps: what has happened.
        lang: of the prompt.
        keep_images: how many observations, this one included, are shown as images.
    """
    system = render("agent_system", lang, actions=action_prompt())
    messages = [Message("system", (TextPart(system),))]
    shown = max(keep_images - 1, 0)
    for i, step in enumerate(steps):
        with_image = i >= len(steps) - shown
        before = steps[i - 1] if i else None
        messages.append(_look(task, step.observation, before, lang, with_image=with_image))
        messages.append(Message("assistant", (TextPart(_said(step)),)))
    before = steps[-1] if steps else None
    messages.append(_look(task, seen, before, lang, with_image=True))
    return messages


def _look(task: str, seen: Observation, before: Step | None, lang: str, *, with_image: bool) -> Message:
    """What was seen at one step, and what the step before it led to."""
    text = render(
        "agent_look",
        lang,
        task=task.strip(),
        happened=_happened(before),
        address=json.dumps(seen.url, ensure_ascii=False),
        title=json.dumps(seen.title, ensure_ascii=False),
        legend=_legend(seen) if with_image else "(left out)",
        notes="\n".join(f"- {json.dumps(note, ensure_ascii=False)}" for note in seen.notes) or "-",
    )
    parts: list[TextPart | ImagePart] = [TextPart(text)]
    if with_image:
        parts.append(ImagePart(seen.marked.drawn))
    return Message("user", tuple(parts), question=task.strip(), marked=(seen.marked,), observation=seen)


def _legend(seen: Observation) -> str:
    lines = []
    for line in seen.marked.legend().splitlines():
        number = line[1 : line.index("]")]
        mark = seen.marked[number]
        state = seen.states.get(mark.id, "")
        new = "new" if mark.id in seen.new_ids else ""
        extra = ", ".join(part for part in (new, state) if part)
        lines.append(f"{line} ({extra})" if extra else line)
    return "\n".join(lines) or "-"


def _happened(before: Step | None) -> str:
    if before is None:
        return "-"
    if before.error:
        return f"that was no action: {before.error}"
    return before.outcome.message if before.outcome else "-"


def _said(step: Step) -> str:
    if step.reply is not None:
        return step.reply.text
    action = step.action.model_dump_json() if step.action else "{}"
    return f'{{"thought": "a person took over", "action": {action}}}'
