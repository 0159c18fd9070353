"""Choosing among options: endpoints, constrained replies, log-probabilities, votes, rounds."""

import json
import math
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from som import MarkedImage
from som.agents.ask import build_messages
from som.agents.vlm.anthropic import Anthropic
from som.agents.vlm.base import Choice, Message, TextPart
from som.agents.vlm.choosing import from_tokens, in_rounds, option_in, rounds_needed
from som.agents.vlm.cost import Budget, BudgetError, Metered
from som.agents.vlm.decisions import decision_input, system_one_state
from som.agents.vlm.openai import OpenAICompatible
from som.agents.vlm.server import Token
from som.errors import VLMError
from tests.agents.vlm.loopback import (
    Handler,
    Server,
    chat_events,
    claude_events,
    fail,
    responses_events,
    say,
    send,
    stream,
)

Serve = Callable[..., Server]
OPTIONS = ["1", "2", "3", "12", "none"]
ASK = [Message("user", (TextPart("Which?"),), question="Which?")]


def client(server: Server, model: str = "tiny-vlm", **options: Any) -> OpenAICompatible:
    options = {"base_url": server.url, "api_key": "k", "max_retries": 0, "timeout_s": 5.0, **options}
    return OpenAICompatible(model, **options)


def decided(**shares: float) -> Handler:
    """What the Decisions API answers."""
    given = [{"value": key.strip("_"), "probability": value} for key, value in shares.items()]
    best = max(given, key=lambda each: float(str(each["probability"])))["value"]
    answer = {
        "type": "choice",
        "choice": best,
        "confidence": 0.9,
        "name": "mark",
        "probabilities": given,
    }
    usage = {"input_tokens": 1000, "output_tokens": 0, "total_tokens": 1000}
    return say({"answers": [answer], "model": "gpt-6-luna", "usage": usage})


def logs(*tokens: tuple[str, dict[str, float]]) -> list[tuple[str, dict[str, float]]]:
    return [(text, {key: math.log(value) for key, value in others.items()}) for text, others in tokens]


class SystemOne:
    """Speaks System One as `transformers serve` does it: 26 options, tokens for the images it sees."""

    def __init__(self, limit: int = 26, sees: bool = True) -> None:
        self.limit, self.sees, self.asked = limit, sees, list[dict[str, Any]]()

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        body = self.server.bodies("systemone")[-1]
        question = body["questions"]["mark"]
        options = list(question["criteria"])
        if len(options) > self.limit:
            text = (
                f"Question 'mark': this model reads at most {self.limit} options for a choice question"
            )
            detail = [{"loc": ["body", "questions"], "msg": text, "type": "value_error"}]
            return send(handler, 422, json.dumps({"detail": detail}))
        weights = {option: 1 + 9 * (option == "77") for option in options}
        total = sum(weights.values())
        shares = {option: weight / total for option, weight in weights.items()}
        answer = {"type": "choice", "choice": max(shares, key=shares.__getitem__)}
        seen = 100 * len(body.get("assets", {})) if self.sees else 0
        usage = {"input_tokens": 50 + seen, "output_tokens": 0}
        answers = {"mark": {**answer, "confidence": 1, "probabilities": shares}}
        send(handler, 200, json.dumps({"model": "m", "answers": answers, "usage": usage}))

    server: Server


def test_the_decisions_api_gives_a_probability_for_each_option(
    serve: Serve, marked: MarkedImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(decisions=[decided(_1=0.2, _2=0.7, none=0.1)])
    monkeypatch.setattr("som.agents.vlm.openai.OPENAI_URL", f"{server.url}/v1")
    vlm = client(server, "gpt-6-luna")
    assert vlm.own_api
    choice = vlm.choose(build_messages("Which?", (marked,)), ["1", "2", "none"])
    assert dict(choice) == pytest.approx({"1": 0.2, "2": 0.7, "none": 0.1})
    assert (choice.method, choice.best, choice.tokens_in) == ("decisions", "2", 1000)
    assert choice.cost_usd == pytest.approx(1000 * 0.10 / 1e6)
    body = server.bodies("decisions")[0]
    kinds = [part["type"] for part in body["input"][-1]["content"]]
    assert kinds.count("input_image") == 2
    assert [each["value"] for each in body["questions"][0]["choices"]] == ["1", "2", "none"]


def test_openai_models_without_decisions_are_not_asked_for_one(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(responses=[stream(responses_events('{"choice": "2"}'), named=True)])
    monkeypatch.setattr("som.agents.vlm.openai.OPENAI_URL", f"{server.url}/v1")
    choice = client(server, "gpt-6.2-sol").choose(ASK, OPTIONS)
    assert (choice.method, choice.best, choice["2"]) == ("schema", "2", 1.0)
    assert [path for path, _ in server.asked] == ["/v1/responses"]
    body = server.bodies("responses")[0]
    assert body["text"]["format"]["schema"]["properties"]["choice"]["enum"] == OPTIONS
    assert body["store"] is False


def test_endpoints_are_tried_once_and_remembered(serve: Serve) -> None:
    server = serve(completions=[stream(chat_events('{"choice": "3"}'))])
    vlm = client(server)
    for _ in range(3):
        assert vlm.choose(ASK, OPTIONS).method == "schema"
    paths = [path.rsplit("/", 1)[-1] for path, _ in server.asked]
    assert paths == ["decisions", "systemone", *["completions"] * 3]


def test_system_one_sees_images_and_says_how_many_options_it_takes(
    serve: Serve, marked: MarkedImage
) -> None:
    one = SystemOne()
    one.server = server = serve(systemone=[one])
    vlm = client(server)
    options = [*(str(i) for i in range(1, 91)), "none"]
    choice = vlm.choose(build_messages("Which?", (marked,)), options)
    assert choice.method == "systemone"
    assert choice.best == "77"
    assert set(choice) == set(options)
    assert sum(choice.values()) == pytest.approx(1)
    bodies = server.bodies("systemone")
    assert len(bodies) == 2 + 1 + 5  # with and without an image, too many, 4 groups, their winners
    assert all(len(body["questions"]["mark"]["criteria"]) <= 26 for body in bodies[3:])
    assert all("none" in body["questions"]["mark"]["criteria"] for body in bodies[3:])
    assert len(bodies[-1]["assets"]) == 2
    assert all(name in bodies[-1]["state"] for name in bodies[-1]["assets"])
    vlm.choose(build_messages("Which?", (marked,)), options)
    assert len(server.bodies("systemone")) == len(bodies) + 5  # it knows now
    with pytest.raises(BudgetError, match="5 calls"):
        Metered(vlm, Budget(calls=4)).choose(build_messages("Which?", (marked,)), options)
    with pytest.raises(BudgetError, match="5 calls"):  # before it has said how many it takes, too
        Metered(client(server), Budget(calls=4)).choose(build_messages("Which?", (marked,)), options)
    assert len(server.bodies("systemone")) == len(bodies) + 5


def test_a_system_one_that_does_not_look_at_images_is_not_believed(
    serve: Serve, marked: MarkedImage
) -> None:
    one = SystemOne(sees=False)
    one.server = server = serve(systemone=[one], completions=[stream(chat_events("[3]"))])
    vlm = client(server)
    assert vlm.choose(build_messages("Which?", (marked,)), OPTIONS).method == "asked"
    assert vlm.choose(ASK, OPTIONS).method == "systemone"  # without an image it may


def test_no_text_can_call_for_an_image(marked: MarkedImage) -> None:
    messages = build_messages("Is <img-1> or <img-2> it?", (marked,))
    state, more = system_one_state(messages)
    assert len(more["assets"]) == 2
    assert all(state.count(name) == 1 for name in more["assets"])
    assert not any(name in message.text for name in more["assets"] for message in messages)
    assert [part["type"] for part in decision_input(messages)[-1]["content"]][-1] == "input_text"


@pytest.mark.parametrize(
    ("refusals", "reply", "method"),
    [
        ([], chat_events('{"choice": "12"}'), "schema"),
        (["response_format is not supported"], chat_events('{"choice":', ' "12"}', tool=True), "tools"),
        (
            ["response_format is not supported", "tool_choice is not supported"],
            chat_events('{"choice": "12"}', tool=True),
            "tools",
        ),
        (["no grammar here", "no tools here"], chat_events("It is [12]."), "asked"),
        (["top_logprobs is no field"], chat_events('{"choice": "12"}'), "schema"),
        ([], chat_events("The mark is [12]."), "asked"),
    ],
    ids=["schema", "tools", "tools-not-forced", "asked", "no-logprobs", "schema-ignored"],
)
def test_what_a_server_refuses_is_left_out_from_then_on(
    serve: Serve, refusals: list[str], reply: list[dict[str, Any]], method: str
) -> None:
    server = serve(completions=[*(fail(400, text) for text in refusals), stream(reply)])
    vlm = client(server)
    for _ in range(2):
        choice = vlm.choose(ASK, OPTIONS)
        assert (choice.method, choice.best, choice["12"]) == (method, "12", 1.0)
    assert len(server.bodies("completions")) == len(refusals) + 2


def test_vllm_holds_the_reply_to_the_options(serve: Serve) -> None:
    server = serve(completions=[stream(chat_events("12"))])
    server.owner = "vllm"
    assert client(server).choose(ASK, OPTIONS).method == "grammar"
    body = server.bodies("completions")[0]
    assert body["structured_outputs"] == {"choice": OPTIONS}
    assert "response_format" not in body


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_log_probabilities_become_probabilities(serve: Serve, api: str) -> None:
    given = logs(
        ('{"', {'{"': 1.0}),
        ("choice", {"choice": 1.0}),
        ('":"', {'":"': 1.0}),
        ("1", {"1": 0.6, "2": 0.3, " 2": 0.05, "none": 0.05}),
        ('"}', {'"}': 0.5, "2": 0.5}),
    )
    made = chat_events if api == "chat" else responses_events
    handler = stream(made('{"choice":"1"}', logs=given), named=api == "responses")
    server = serve(completions=[handler], responses=[handler])
    choice = client(server, "gpt-4o", api=api).choose(ASK, OPTIONS)
    assert choice.method == "logprobs"
    assert dict(choice) == pytest.approx({"1": 0.3, "12": 0.3, "2": 0.35, "3": 0, "none": 0.05})


@pytest.mark.parametrize(
    ("tokens", "shares"),
    [
        ([("2", {"2": 0.9, "3": 0.1})], {"2": 0.9, "3": 0.1}),
        ([(" [", {" [": 1.0}), ("12", {"12": 0.8, "1": 0.2})], {"12": 0.8, "1": 0.1, "12+": 0.1}),
        ([("N", {"N": 0.7, "2": 0.3}), ("one", {"one": 1.0})], {"none": 0.7, "2": 0.3}),
        ([("[3]", {"[3]": 0.5, "[2]": 0.5})], {"3": 0.5, "2": 0.5}),
        ([("It", {"It": 0.9, "2": 0.1})], None),
        ([], None),
    ],
)
def test_tokens_are_summed_over_the_ways_to_write_an_option(
    tokens: Any, shares: dict[str, float] | None
) -> None:
    made = [Token(text, others[text], others) for text, others in logs(*tokens)]
    found = from_tokens(made, OPTIONS)
    if shares is None:
        assert found is None
        return
    wanted = dict.fromkeys(OPTIONS, 0.0)
    for option, share in shares.items():
        wanted[option.strip("+")] += share
    assert found == pytest.approx(wanted)


def test_votes_are_counted(serve: Serve) -> None:
    replies = [stream(chat_events(f'{{"choice": "{each}"}}')) for each in ("1", "2", "2", "none", "2")]
    server = serve(completions=replies)
    choice = client(server, votes=5).choose(ASK, OPTIONS)
    assert choice.method == "votes"
    assert dict(choice) == pytest.approx({"1": 0.2, "2": 0.6, "3": 0, "12": 0, "none": 0.2})
    assert (choice.tokens_in, choice.tokens_out) == (55, 25)
    assert all(body["temperature"] == 1.0 for body in server.bodies("completions"))


def test_claude_chooses_by_schema_and_is_not_forced_where_it_refuses(serve: Serve) -> None:
    server = serve(
        fail(400, "output_config.format is not supported"),
        stream(claude_events('{"choice":', '"2"}', tool=("answer", None)), named=True),
    )
    vlm = Anthropic("claude-sonnet-5-5", base_url=server.url, api_key="k", max_retries=0, votes=0)
    choice = vlm.choose(ASK, OPTIONS)
    assert (choice.method, choice.best) == ("tools", "2")
    first, second = server.bodies("messages")
    assert first["output_config"]["format"]["type"] == "json_schema"
    assert [tool["name"] for tool in second["tools"]] == ["answer"]
    assert "tool_choice" not in second
    assert choice.cost_usd == pytest.approx((10 * 2.00 + 1 * 0.10 + 5 * 10.00) / 1e6)


def test_many_options_are_chosen_among_in_rounds() -> None:
    options = (*(str(i) for i in range(1, 1001)), "none")
    calls: list[tuple[str, ...]] = []

    def choose(few: tuple[str, ...]) -> Choice:
        calls.append(few)
        weights = {option: 0.01 if option == "none" else 1 + 50 * (option == "321") for option in few}
        total = sum(weights.values())
        shares = {option: weight / total for option, weight in weights.items()}
        return Choice(shares, "logits", tokens_in=10, seconds=1.0)

    choice = in_rounds(choose, options, 255)
    assert choice.best == "321"
    assert sum(choice.values()) == pytest.approx(1)
    assert max(len(few) for few in calls) <= 255
    assert all("none" in few for few in calls)
    assert len(calls) == rounds_needed(len(options), 255) == 5
    assert (choice.tokens_in, choice.seconds) == (50, 5.0)


def test_rounds_hold_with_few_a_round() -> None:
    options = (*map(str, range(40)), "none")

    def choose(few: tuple[str, ...]) -> Choice:
        return Choice({option: float(option == max(few[:-1], key=int)) for option in few}, "x")

    assert in_rounds(choose, options, 3).best == "39"


@pytest.mark.parametrize("options", [[], ["1", "1"]])
def test_options_must_differ(serve: Serve, options: Sequence[str]) -> None:
    with pytest.raises(VLMError, match="must be there and differ"):
        client(serve()).choose(ASK, options)


@pytest.mark.parametrize(
    ("text", "option"),
    [('{"choice": "12"}', "12"), ("[12]", "12"), ("none", "none"), ('"3"', "3"), ("None.", "none")],
)
def test_the_option_is_read_out_of_a_reply(text: str, option: str) -> None:
    assert option_in(text, OPTIONS) == option


def test_a_budget_sets_aside_all_calls_of_a_choice(serve: Serve) -> None:
    server = serve(completions=[stream(chat_events('{"choice": "1"}'))])
    with pytest.raises(BudgetError, match="3 calls"):
        Metered(client(server, votes=3), Budget(calls=2)).choose(ASK, OPTIONS)
    assert server.bodies("completions") == []
