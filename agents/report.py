"""A run in words: a line for each step, and all of it as plain data."""

from collections.abc import Sequence
from typing import Any

from som.agents.actions import marks_of
from som.agents.conversation import mark_name
from som.agents.replies import write_action
from som.agents.steps import End, Step

LONGEST_THOUGHT, LONGEST_OUTCOME = 100, 160


def step_line(step: Step) -> str:
    """One step on one line: number, thought, action, what it led to, seconds, tokens and cost."""
    parts = [_short(step.thought, LONGEST_THOUGHT), _did(step), _short(_led_to(step), LONGEST_OUTCOME)]
    said = " → ".join(part for part in parts if part)
    return f"{step.number:>3}  {said}  ({_cost(step.total_seconds, step.tokens, step.cost_usd)})"


def end_line(steps: Sequence[Step]) -> str:
    """How a run ended, and what it took."""
    end = steps[-1].end if steps else None
    end = end or End("stopped", "")
    said = ": ".join(part for part in (end.status.replace("_", " "), _one_line(end.text)) if part)
    all_of_it = totals(steps)
    tokens = all_of_it["tokens_in"], all_of_it["tokens_out"]
    count = f"{len(steps)} step{'s' * (len(steps) != 1)}"
    return f"{said}\n({count}, {_cost(all_of_it['seconds'], tokens, all_of_it['cost_usd'])})"


def totals(steps: Sequence[Step]) -> dict[str, Any]:
    """What the steps of a run took together."""
    costs = [step.cost_usd for step in steps if step.cost_usd is not None]
    return {
        "seconds": round(sum(step.total_seconds for step in steps), 3),
        "tokens_in": sum(step.tokens[0] for step in steps),
        "tokens_out": sum(step.tokens[1] for step in steps),
        "cost_usd": round(sum(costs), 6) if costs else None,
    }


def run_json(task: str, model: str, steps: Sequence[Step]) -> dict[str, Any]:
    """A run as plain data, without its images."""
    end = steps[-1].end if steps else None
    return {
        "task": task,
        "model": model,
        "status": end.status if end else "stopped",
        "answer": end.text if end else "",
        "steps": [_step_json(step) for step in steps],
        **totals(steps),
    }


def _step_json(step: Step) -> dict[str, Any]:
    outcome = step.outcome
    return {
        "number": step.number,
        "url": step.observation.url,
        "thought": step.thought,
        "action": step.action.model_dump() if step.action else None,
        "by": step.by,
        "chosen": step.choice[step.choice.best] if step.choice and not step.reply else None,
        "error": step.error,
        "confirmed": step.confirmed,
        "outcome": outcome.message if outcome else "",
        "ok": outcome.ok if outcome else None,
        "changed": outcome.changed if outcome else None,
        **totals([step]),
    }


def _did(step: Step) -> str:
    if step.action is None:
        return "no action" if step.reply or step.error else ""
    names = (mark_name(step.observation, mark) for mark in marks_of(step.action))
    said = " ".join([write_action(step.action), *(name for name in names if name)])
    if step.by == "person":
        return f"{said} (by a person)"
    if step.choice is not None and step.reply is None:
        return f"{said} (chosen, {step.choice[step.choice.best]:.2f})"
    return said


def _led_to(step: Step) -> str:
    if step.error:
        return step.error
    if step.outcome is not None:
        return step.outcome.message
    return step.end.status.replace("_", " ") if step.end is not None else ""


def _cost(seconds: float, tokens: tuple[int, int], usd: float | None) -> str:
    parts = [f"{seconds:.1f} s"]
    parts += [f"{tokens[0]:,}+{tokens[1]:,} tokens"] if any(tokens) else []
    parts += [f"${usd:.4f}"] if usd else []
    return ", ".join(parts)


def _short(text: str, longest: int) -> str:
    text = _one_line(text)
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _one_line(text: str) -> str:
    """On one line, without anything that moves a terminal's cursor."""
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
