"""How probable each of several replies is, for a model in this process."""

import copy
from collections.abc import Sequence
from typing import Any

import torch

# So many options go through the model at once.
BATCH = 32


def log_probabilities(
    model: Any, inputs: dict[str, Any], replies: Sequence[Sequence[int]], *, batch: int = BATCH
) -> list[float]:
    """The log-probability of each reply after a prompt, exactly.

    The prompt goes through the model once; what the model keeps of it (keys and values) is shared by
    the replies, which follow in batches of a few tokens each.

    Args:
        model: of transformers, in evaluation mode.
        inputs: the prompt's, a batch of one.
        replies: the tokens of each.
        batch: how many go at once.
    """
    with torch.inference_mode():
        start = model(**inputs, use_cache=True, logits_to_keep=1)
        first = start.logits[0, -1].float().log_softmax(-1)
        found = [float(first[reply[0]]) for reply in replies]
        longer = [i for i, reply in enumerate(replies) if len(reply) > 1]
        for at in range(0, len(longer), batch):
            rows = longer[at : at + batch]
            rest = _continue(model, inputs, start.past_key_values, [replies[i] for i in rows])
            for i, value in zip(rows, rest, strict=True):
                found[i] += value
    return found


def _continue(
    model: Any, inputs: dict[str, Any], cache: Any, replies: Sequence[Sequence[int]]
) -> list[float]:
    """The log-probability of all but the first token of each reply."""
    prompt = inputs["input_ids"]
    length = max(map(len, replies)) - 1
    # What is filled in behind a shorter reply comes after all that is read of it.
    fed = torch.zeros((len(replies), length), dtype=prompt.dtype)
    wanted = torch.full((len(replies), length), -1)
    for row, reply in enumerate(replies):
        fed[row, : len(reply) - 1] = torch.tensor(reply[:-1])
        wanted[row, : len(reply) - 1] = torch.tensor(reply[1:])
    fed, wanted = fed.to(prompt.device), wanted.to(prompt.device)
    shared = copy.deepcopy(cache)
    shared.batch_repeat_interleave(len(replies))
    logits = model(input_ids=fed, past_key_values=shared, use_cache=True).logits
    values = logits.float().log_softmax(-1).gather(-1, wanted.clamp(min=0)[..., None])[..., 0]
    return [float(value) for value in values.masked_fill(wanted < 0, 0).sum(-1)]
