"""What calls cost, and budgets that stop before a call and not after it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from som.agents.vlm.base import Choice, ImagePart, Message, Reply, TextPart
from som.agents.vlm.cost import (
    Budget,
    BudgetError,
    Metered,
    Spent,
    estimate,
    price_of,
    text_tokens_of,
)
from som.errors import SomError, VLMError

ASK = [
    Message("system", (TextPart("Answer with a mark."),)),
    Message("user", (TextPart("Which?"), ImagePart(np.zeros((720, 1280, 3), np.uint8)))),
]


class Costly:
    """Says that it used what it is told to have used."""

    name = "gpt-6-sol"
    max_tokens = 1000

    def __init__(self, tokens_out: int = 10, fails: bool = False) -> None:
        self.tokens_out, self.fails, self.calls = tokens_out, fails, 0

    def complete(self, *_: object, **__: object) -> Reply:
        self.calls += 1
        if self.fails:
            raise VLMError("no")
        return Reply("[1]", self.name, tokens_in=1200, tokens_out=self.tokens_out, seconds=0.5)

    def choose(self, messages: Any, options: Any) -> Choice:
        self.calls += 1
        return Choice({"1": 1.0}, "decisions", self.name, tokens_in=1200, tokens_out=0)


def test_an_estimate_counts_images_by_the_models_rule() -> None:
    seen = estimate(ASK, "gpt-6-sol")
    assert seen.image_tokens == 1104
    assert seen.tokens_in == seen.image_tokens + seen.text_tokens
    assert 8 <= seen.text_tokens <= 30
    assert seen.usd == pytest.approx(seen.tokens_in * 2.00 / 1e6)
    assert estimate(ASK, "claude-opus-5-5").image_tokens == 1196
    assert estimate(ASK, "own-model").usd is None


def test_text_is_rather_over_than_underestimated() -> None:
    # 17 and 24 tokens with o200k_base.
    assert (
        17
        <= text_tokens_of("Which of the marked buttons signs the person in? Answer with a number.")
        <= 30
    )
    assert 20 <= text_tokens_of("표시된 버튼 중 어느 것으로 로그인합니까? 번호로 답하세요.") <= 60
    assert text_tokens_of("") == 0
    assert text_tokens_of("\ud800") > 0


def test_prices_are_published_dated_and_ones_own_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    luna = price_of("openai/gpt-6-luna")
    assert luna is not None
    assert luna.date > "2026"
    assert luna.of(1_000_000, 0, cached=1_000_000) == pytest.approx(0.02)  # long, and cached
    assert luna.of(100_000, 1000) == pytest.approx(0.01 + 0.0005)
    assert price_of("Qwen/Qwen2.5-VL-7B-Instruct") is None
    own = tmp_path / "models.toml"
    own.write_text("[[price]]\npattern = 'qwen'\nusd = [1, 1, 2]\n")
    monkeypatch.setenv("SOM_MODELS", str(own))
    qwen = price_of("Qwen/Qwen2.5-VL-7B-Instruct")
    assert qwen is not None
    assert qwen.usd_out == 2
    own.with_name("wrong.toml").write_text("[[price]]\npattern = 'qwen'\nusd = 3\n")
    monkeypatch.setenv("SOM_MODELS", str(own.with_name("wrong.toml")))
    with pytest.raises(SomError, match="usd = "):
        price_of("x")


@pytest.mark.parametrize(
    ("budget", "calls", "message"),
    [
        ({"calls": 2}, 2, "budget of 2 calls: 2 calls are used"),
        (
            {"tokens": 3500},
            2,
            r"budget of 3500 tokens: 2420 tokens are used, .* could take 21\d\d tokens",
        ),
        ({"usd": 0.0150}, 2, r"budget of \$0\.015000: \$0\.0050\d+ are used, .* could take \$0\.012"),
        ({"usd": 0.0001}, 0, r"\$0\.000000 are used"),
        ({"seconds": 0}, 0, "budget of 0 s"),
    ],
    ids=["calls", "tokens", "usd", "usd-first", "seconds"],
)
def test_a_budget_stops_before_the_call_that_could_go_over_it(
    budget: dict[str, Any], calls: int, message: str
) -> None:
    model = Costly()
    metered = Metered(model, Budget(**budget))
    for _ in range(calls):
        metered.complete(ASK)
    with pytest.raises(BudgetError, match=message):
        metered.complete(ASK)
    assert model.calls == calls


def test_spending_adds_up_over_replies_and_choices() -> None:
    budget = Budget(usd=1)
    metered = Metered(Costly(), budget)
    reply, choice = metered.complete(ASK), metered.choose(ASK, ["1", "none"])
    assert reply.cost_usd == pytest.approx(1200 * 2e-6 + 10 * 10e-6)
    assert choice.cost_usd == pytest.approx(1200 * 2e-6)
    assert metered.spent == budget.spent
    assert metered.spent.calls == 2
    assert metered.spent.tokens == 2410
    assert metered.spent.image_tokens == 2208
    assert budget.left()["usd"] == pytest.approx(1 - metered.spent.usd)


def test_a_call_that_failed_still_counts_its_prompt() -> None:
    metered = Metered(Costly(fails=True), Budget(calls=1))
    with pytest.raises(VLMError):
        metered.complete(ASK)
    assert metered.spent.calls == 1
    assert metered.spent.tokens_in > 1000
    with pytest.raises(BudgetError):
        metered.complete(ASK)


def test_what_was_spent_before_counts() -> None:
    budget = Budget(tokens=100, seconds=10, calls=3)
    budget.count(Spent(calls=2, tokens_in=80, tokens_out=10, seconds=4))
    assert {name: round(left) for name, left in budget.left().items()} == {
        "tokens": 10, "seconds": 6, "calls": 1,
    }  # fmt: skip
    with pytest.raises(BudgetError, match="90 tokens are used"):
        budget.reserve(Spent(calls=1, tokens_in=11))
    budget.count(Spent(seconds=6))
    with pytest.raises(BudgetError, match="10 s"):
        budget.reserve(Spent(calls=1))


def test_money_without_a_price_is_refused() -> None:
    model = Costly()
    model.name = "own-model"
    with pytest.raises(BudgetError, match="no known price"):
        Metered(model, Budget(usd=5)).complete(ASK)
    assert model.calls == 0
    assert Metered(model, Budget(calls=5)).complete(ASK).cost_usd is None


def test_threads_share_a_budget_and_never_go_over_it() -> None:
    budget, model = Budget(tokens=12_000), Costly(tokens_out=1000)

    def ask(_: int) -> bool:
        try:
            Metered(model, budget).complete(ASK)
        except BudgetError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answered = sum(pool.map(ask, range(40)))
    assert answered == model.calls == 5
    assert budget.spent.tokens == 11_000


def test_what_is_set_aside_counts_until_it_is_settled() -> None:
    budget = Budget(tokens=100)
    most = Spent(calls=1, tokens_out=80)
    budget.reserve(most)
    with pytest.raises(BudgetError):
        budget.reserve(most)
    budget.settle(most, Spent(calls=1, tokens_out=5))
    budget.reserve(most)
    assert budget.left()["tokens"] == 15
