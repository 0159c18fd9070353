"""Replies of OpenAI-compatible servers: schemas, tools, log-probabilities, prices; names of models."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from som.agents.actions import action_schema
from som.agents.replies import parse_action
from som.agents.vlm import get_vlm
from som.agents.vlm.anthropic import Anthropic
from som.agents.vlm.base import Message, TextPart
from som.agents.vlm.openai import GEMINI_URL, OpenAICompatible
from som.agents.vlm.schema import conforms, strict, without_nulls
from som.errors import VLMError
from tests.agents.vlm.loopback import Server, chat_events, fail, responses_events, stream

Serve = Callable[..., Server]
ASK = [Message("user", (TextPart("What next?"),))]
ACTION = {
    "thought": "so",
    "action": {"action": "type", "mark": 3, "text": "tea", "clear": None, "submit": True},
}
WHOLE = json.dumps(ACTION)
PIECES = [WHOLE[i : i + 7] for i in range(0, len(WHOLE), 7)]


def client(server: Server, model: str = "own-vlm", **options: Any) -> OpenAICompatible:
    options = {"base_url": server.url, "api_key": "k", "max_retries": 0, "timeout_s": 5.0, **options}
    return OpenAICompatible(model, **options)


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("tool", [False, True], ids=["schema", "tools"])
def test_a_schema_holds_a_streamed_reply(serve: Serve, api: str, tool: bool) -> None:
    made = chat_events if api == "chat" else responses_events
    reply = stream(made(*PIECES, tool=tool), named=api == "responses")
    refusal = fail(400, "Invalid parameter: 'text.format' / response_format of type json_schema")
    server = serve(*[refusal] * tool, reply)
    vlm = client(server, api=api)
    heard: list[str] = []
    schema = action_schema(range(1, 40))
    said = vlm.complete(ASK, on_text=heard.append, schema=schema)
    assert heard == PIECES
    assert said.constrained == ("tools" if tool else "schema")
    assert parse_action(said.text, range(1, 40)) == parse_action('type(3, "tea", submit=true)', [3])
    assert "clear" not in json.loads(said.text)["action"]
    asked = server.bodies("completions" if api == "chat" else "responses")
    assert len(asked) == 1 + tool
    assert vlm.complete(ASK, schema=schema).constrained == said.constrained
    assert len(server.asked) == 2 + tool  # the refused form is not tried again


def test_a_server_that_ignores_the_schema_is_not_said_to_be_held(serve: Serve) -> None:
    server = serve(completions=[stream(chat_events("I would click [3]."))])
    said = client(server).complete(ASK, schema=action_schema([1, 2, 3]))
    assert (said.constrained, said.text) == ("", "I would click [3].")


@pytest.mark.parametrize(
    ("said", "gone", "come"),
    [
        ("Unsupported parameter: 'max_tokens'", "max_tokens", "max_completion_tokens"),
        ("stream_options is not a field", "stream_options", "stream"),
        ("temperature does not apply to this model", "temperature", "stream"),
    ],
)
def test_a_refused_parameter_is_left_out(serve: Serve, said: str, gone: str, come: str) -> None:
    server = serve(completions=[fail(422, said), stream(chat_events("yes"))])
    assert client(server, temperature=0.5).complete(ASK).text == "yes"
    first, second = server.bodies("completions")
    assert gone in first
    assert gone not in second
    assert come in second


def test_what_is_refused_for_another_reason_is_an_error(serve: Serve) -> None:
    server = serve(completions=[fail(400, "this prompt is too long")])
    with pytest.raises(VLMError, match="answered 400: this prompt is too long"):
        client(server).complete(ASK)
    assert len(server.asked) == 1


@pytest.mark.parametrize("api", ["chat", "responses"])
def test_log_probabilities_come_with_the_reply(serve: Serve, api: str) -> None:
    made = chat_events if api == "chat" else responses_events
    reply = made("yes", logs=[("ye", {"ye": -0.25}), ("s", {"s": -0.5})])
    server = serve(stream(reply, named=api == "responses"))
    assert client(server, api=api, logprobs=True).complete(ASK).logprobs == (-0.25, -0.5)
    plain = serve(stream(made("yes"), named=api == "responses"))
    assert client(plain, api=api).complete(ASK).logprobs is None


def test_what_a_call_cost(serve: Serve) -> None:
    answer = chat_events("yes")
    priced = client(serve(completions=[stream(answer)]), "gpt-4o").complete(ASK)
    assert priced.cost_usd == pytest.approx((11 * 2.50 + 5 * 10.00) / 1e6)
    answer[-1]["usage"] |= {"prompt_tokens_details": {"cached_tokens": 8}}
    cached = client(serve(completions=[stream(answer)]), "gpt-4o").complete(ASK)
    assert cached.cost_usd == pytest.approx((3 * 2.50 + 8 * 1.25 + 5 * 10.00) / 1e6)
    answer[-1]["usage"] |= {"cost": 0.125}  # as OpenRouter says it
    assert client(serve(completions=[stream(answer)]), "gpt-4o").complete(ASK).cost_usd == 0.125
    assert client(serve(completions=[stream(chat_events("yes"))])).complete(ASK).cost_usd is None


def test_an_empty_reply_counts_too(serve: Serve) -> None:
    server = serve(completions=[stream(chat_events()), stream(chat_events("yes"))])
    said = client(server).complete(ASK)
    assert (said.text, said.tokens_in, said.tokens_out) == ("yes", 22, 10)


def test_the_strict_form_of_a_schema() -> None:
    schema = action_schema(range(1, 200))
    form = strict(schema)
    assert json.dumps(schema).count("199") > 5
    assert json.dumps(form).count("199") == 1  # of all values there may be 1000
    for option in form["properties"]["action"]["anyOf"]:
        assert set(option["required"]) == set(option["properties"])
        assert option["additionalProperties"] is False
    click = {"thought": "", "action": {"action": "click", "mark": 7}}
    assert conforms(click, schema)
    assert conforms(click, form)
    assert not conforms({**click, "action": {"action": "click", "mark": 999}}, form)
    scroll = {"action": "scroll", "direction": "up", "mark": None, "amount": None}
    nulls = {"thought": "", "action": scroll}
    assert conforms(nulls, form)
    assert not conforms(nulls, schema)
    cleaned = json.loads(without_nulls(json.dumps(nulls), schema))
    assert cleaned["action"] == {"action": "scroll", "direction": "up"}
    assert without_nulls("no json", schema) == "no json"


@pytest.mark.parametrize(
    ("model", "base_url", "kind", "name", "where"),
    [
        ("gemini-4-neon", None, OpenAICompatible, "gemini-4-neon", GEMINI_URL),
        ("gemini:gemini-2.5-flash", None, OpenAICompatible, "gemini-2.5-flash", GEMINI_URL),
        ("gemini-4-neon", "localhost:1", OpenAICompatible, "gemini-4-neon", "http://localhost:1/v1"),
        ("claude-opus-5-5", None, Anthropic, "claude-opus-5-5", "https://api.anthropic.com"),
        ("anthropic:x", "http://localhost:1", Anthropic, "x", "http://localhost:1"),
        ("claude-x", "localhost:1", OpenAICompatible, "claude-x", "http://localhost:1/v1"),
        ("openai:gpt-6-luna", None, OpenAICompatible, "gpt-6-luna", "https://api.openai.com/v1"),
        ("qwen2.5vl:7b", "localhost:1", OpenAICompatible, "qwen2.5vl:7b", "http://localhost:1/v1"),
    ],
)
def test_names_find_their_provider(
    model: str, base_url: str | None, kind: type, name: str, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(variable, variable)
    made, notice = get_vlm(model, base_url=base_url, timeout_s=3, votes=None, api=None)
    assert type(made) is kind
    vlm: Any = made
    assert (vlm.name, vlm.base_url, notice) == (name, where, "")
    if where == GEMINI_URL:
        assert vlm._client.api_key == "GEMINI_API_KEY"


@pytest.mark.parametrize(
    ("model", "options", "message"),
    [
        ("gemini-4-neon", {}, "no key for Gemini: set GEMINI_API_KEY"),
        ("openai:", {}, "name is empty"),
        ("anthropic:x", {"api": "responses", "api_key": "k"}, "takes no api"),
        ("openai:x", {"fly": True, "api_key": "k"}, "takes no fly"),
    ],
)
def test_what_does_not_fit_is_one_line(model: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(VLMError, match=message):
        get_vlm(model, **options)
