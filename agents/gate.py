"""A second opinion on what the rules find harmless: a model chooses between "harmless" and "risky".

Rules read labels; a picture of a bin has none, and "Proceed" says little. A model that is asked in one
choice, without an image and in some hundred tokens, catches part of what rules miss. It can only make
things stricter: what the rules want confirmed or refused stays so, and page text is quoted to it.
"""

from dataclasses import dataclass, field

from som.agents import actions as do
from som.agents.actions import BaseAction
from som.agents.envs.base import Environment, Observation, Target
from som.agents.risks import KINDS, Page
from som.agents.safety import Judgement, SafetyPolicy, in_words, printable, quoted, targets_of
from som.agents.vlm.base import VLM, Choice, Message, TextPart
from som.prompts import render

HARMLESS, RISKY = "harmless", "risky"
# What only looks, moves or ends the run is not asked about.
ASKED = (do.Click, do.DoubleClick, do.ClickAt, do.Drag, do.SelectOption, do.Type, do.Press)


@dataclass(frozen=True)
class ModelGate(SafetyPolicy):
    """A policy that asks a model about what its rules find harmless.

    Attributes:
        vlm: who is asked; in a loop with a budget, the same metered model.
        doubt: from this probability of "risky" on, the rule for the kind "doubt" holds: a person's yes,
            unless the rules say otherwise.
        lang: of the prompt.

    Example:
        >>> gate = ModelGate(rules={"doubt": "refuse"}, vlm=vlm, doubt=0.3)  # doctest: +SKIP
    """

    vlm: VLM | None = None
    doubt: float = 0.5
    lang: str = "en"
    _known: dict[str, float] = field(default_factory=dict, repr=False, compare=False)
    _asked: list[Choice] = field(default_factory=list, repr=False, compare=False)

    def judge(self, action: BaseAction, env: Environment, seen: Observation) -> Judgement:
        """`SafetyPolicy.judge`, and where that finds nothing, the model's opinion.

        Raises:
            VLMError: the model could not answer.
            BudgetError: there is no budget left to ask it.
        """
        judged = super().judge(action, env, seen)
        if judged.verdict != "allow" or self.vlm is None or not isinstance(action, ASKED):
            return judged
        if isinstance(action, do.Type) and not action.submit:
            return judged
        page = Page(seen.url, seen.title)
        targets = targets_of(action, env, seen) or [Target()]
        if any(self.risk(action, target, page) for target in targets):
            return judged  # its owner allows this kind of risk
        for target in targets:
            share = self._risky(action, target, seen)
            if share >= self.doubt:
                why = f"{KINDS['doubt']} ({share:.0%} risky)"
                verdict = self.verdict("doubt", seen.url)
                if verdict != "allow":
                    what = in_words(action, target)
                    return Judgement(verdict, "doubt", what, printable(seen.url), why)
        return judged

    def take_opinions(self) -> tuple[Choice, ...]:
        """`SafetyPolicy.take_opinions`."""
        taken = tuple(self._asked)
        self._asked.clear()
        return taken

    def _risky(self, action: BaseAction, target: Target, seen: Observation) -> float:
        """Probability that an action is risky; the same question is asked once."""
        assert self.vlm is not None
        text = render(
            "gate",
            self.lang,
            action=in_words(action, target),
            leads=quoted(target.href or target.form_action or "", 200),
            title=quoted(seen.title),
            address=quoted(seen.url, 200),
        )
        if text not in self._known:
            choice = self.vlm.choose([Message("user", (TextPart(text),))], [HARMLESS, RISKY])
            self._known[text] = choice[RISKY]
            self._asked.append(choice)
        return self._known[text]
