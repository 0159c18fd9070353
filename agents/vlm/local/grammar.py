"""Holds a model in this process to a JSON schema: only tokens that can still follow it."""

import json
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor

from som.errors import MissingDependencyError, VLMError

# With so few tokens left, whatever can be closed is closed, so that the reply is whole.
HURRY = 96
# In this order: within a string all but the quotation mark are only characters.
_CLOSING = ('"', "}", "]", ",")


class Grammar(LogitsProcessor):  # type: ignore[misc]
    """Masks what the schema does not allow.

    Args:
        schema: JSON schema; llguidance says which of its keywords it knows.
        tokenizer: of the model, a fast one.
        ends: tokens that end a reply.
        prompt: length of the prompt in tokens.
        budget: most tokens of the reply.

    Raises:
        VLMError: the schema holds something that cannot be followed.
        MissingDependencyError: llguidance is missing.
    """

    def __init__(
        self, schema: dict[str, Any], tokenizer: Any, ends: list[int], prompt: int, budget: int
    ) -> None:
        try:
            import llguidance
        except ImportError as error:
            raise MissingDependencyError(
                'following a schema needs llguidance: pip install "som-agent[local]"'
            ) from error
        table = _table(tokenizer, tuple(ends))
        text = llguidance.LLMatcher.grammar_from_json_schema(json.dumps(schema), _SPACING)
        self._matcher = llguidance.LLMatcher(table, text)
        if self._matcher.is_error():
            reason = self._matcher.get_error().partition("\n")[0]
            raise VLMError(f"the schema cannot be followed: {reason}")
        self._closing = [table.tokenize_str(text)[0] for text in _CLOSING]
        self._ends = np.array(ends, dtype=np.int64)
        self._read, self._last = prompt, prompt + budget

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores (1, vocabulary), with -inf where the schema does not go."""
        for token in input_ids[0, self._read :].tolist():
            if not self._matcher.is_stopped():
                self._matcher.consume_token(token)
        self._read = input_ids.shape[1]
        allowed = self._allowed(scores.shape[1])
        if self._last - self._read < HURRY:
            closing = next((token for token in self._closing if allowed[token]), None)
            if closing is not None:
                allowed[:] = False
                allowed[closing] = True
        return scores.masked_fill(~torch.from_numpy(allowed).to(scores.device), -torch.inf)

    def _allowed(self, size: int) -> Any:
        """Which tokens can follow; bool (size,)."""
        allowed = np.zeros(size, dtype=bool)
        if not self._matcher.is_stopped():
            bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
            known = np.unpackbits(bits, bitorder="little")[:size].astype(bool)
            allowed[: len(known)] = known
        # Where it may end, it ends, in whichever way the model knows.
        if self._matcher.is_stopped() or allowed[self._ends].any():
            allowed[:] = False
            allowed[self._ends] = True
        return allowed


# A space after colon and comma, as models write JSON, or none; no lines and no indents.
_SPACING: Any = {
    "whitespace_flexible": False,
    "item_separator": ", ?",
    "key_separator": ": ?",
    "coerce_one_of": True,
    "lenient": True,
}


@lru_cache(maxsize=2)
def _table(tokenizer: Any, ends: tuple[int, ...]) -> Any:
    import llguidance.hf

    try:
        return llguidance.hf.from_tokenizer(tokenizer, eos_token=list(ends) or None)
    except (ValueError, RuntimeError) as error:
        raise VLMError(f"this model's tokenizer cannot be held to a schema: {error}") from error
