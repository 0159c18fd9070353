"""What misbehaving servers do to the clients: one clear line, and never the key in it.

The servers here only misbehave; real ones are in `test_real_servers.py` and `test_openai_server.py`.
"""

import json
from collections.abc import Callable

import pytest

from som import MarkedImage
from som.agents.ask import ask, build_messages
from som.agents.vlm.anthropic import Anthropic
from som.agents.vlm.hosted import Hosted
from som.agents.vlm.openai import OPENAI_URL, OpenAICompatible
from som.agents.vlm.server import normalize_url
from som.errors import VLMError
from tests.agents.vlm.loopback import (
    Handler,
    Server,
    chat_events,
    claude_events,
    cut_off,
    drip,
    dripping_json,
    fail,
    responses_events,
    say,
    send,
    silent,
    stream,
)

KEY = "sk-very-secret-0123456789"
APIS = ("chat", "responses", "anthropic")
Serve = Callable[..., Server]


def client(api: str, server: Server, **options: object) -> Hosted:
    settings = {"timeout_s": 5.0, "max_retries": 0, "api_key": KEY, "base_url": server.url, **options}
    if api == "anthropic":
        return Anthropic("claude-sonnet-5-5", **settings)  # type: ignore[arg-type]
    return OpenAICompatible("tiny-vlm", api=api, **settings)  # type: ignore[arg-type]


def answer(api: str, *pieces: str) -> Handler:
    made = {"chat": chat_events, "responses": responses_events, "anthropic": claude_events}[api]
    return stream(made(*pieces), named=api != "chat")


def first_event(api: str) -> dict[str, object]:
    made = {"chat": chat_events, "responses": responses_events, "anthropic": claude_events}[api]
    event: dict[str, object] = made("The")[2 if api == "anthropic" else 0]
    return event


@pytest.mark.parametrize("api", APIS)
def test_a_streamed_answer(serve: Serve, marked: MarkedImage, api: str) -> None:
    pieces: list[str] = []
    server = serve(answer(api, "It is ", "[2]."))
    said = ask("?", [marked], client(api, server), on_text=pieces.append)
    assert pieces == ["It is ", "[2]."]
    assert [mark.id for _, mark in said.marks] == [2]
    assert (said.reply.tokens_in, said.reply.tokens_out) == (11, 5)
    assert said.reply.stop_reason == "stop"


def test_the_model_is_the_servers_if_none_is_named(serve: Serve) -> None:
    assert OpenAICompatible(base_url=serve().url, api_key=KEY).name == "tiny-vlm"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("status", [429, 500, 503, 0], ids=["429", "500", "503", "empty"])
def test_what_passes_is_tried_again(serve: Serve, marked: MarkedImage, api: str, status: int) -> None:
    bad = fail(status, "slow down", Retry_After="0") if status else answer(api)
    vlm = client(api, serve(bad, answer(api, "[1]")), max_retries=1)
    assert ask("?", [marked], vlm).text == "[1]"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (fail(401, f"Incorrect API key provided: {KEY}"), "does not accept the key; check .*_API_KEY"),
        (fail(404, "no such model"), r"no model '(tiny-vlm|claude-sonnet-5-5)' at "),
        (fail(413, "image too large"), "answered 413: image too large"),
        (fail(400, f"bad key {KEY}"), r"answered 400: bad key \(key\)"),
        (fail(429, "quota", Retry_After="0"), "over its limit: quota"),
        (fail(500, "boom"), "answered 500: boom"),
        (lambda handler: send(handler, 200, "no json", Content_Type="text/html"), "nothing|proper"),
    ],
    ids=["401", "404", "413", "400", "429", "500", "html"],
)
def test_what_does_not_pass_is_one_clear_line(
    serve: Serve, marked: MarkedImage, api: str, handler: Handler, message: str
) -> None:
    with pytest.raises(VLMError, match=message) as caught:
        ask("?", [marked], client(api, serve(handler)))
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("api", APIS)
def test_a_cut_connection_and_a_slow_drip(serve: Serve, marked: MarkedImage, api: str) -> None:
    cut = serve(cut_off(first_event(api), named=api != "chat"))
    with pytest.raises(VLMError, match="lost or found no server"):
        ask("?", [marked], client(api, cut))
    dripping = serve(drip(first_event(api), named=api != "chat"))
    with pytest.raises(VLMError, match=r"took longer than 0\.4 s|within 0\.4 s"):
        ask("?", [marked], client(api, dripping, timeout_s=0.4))
    with pytest.raises(VLMError, match=r"no answer from .* within 0\.2 s"):
        ask("?", [marked], client(api, serve(silent), timeout_s=0.2))


@pytest.mark.parametrize(
    ("api", "handler", "message"),
    [
        ("chat", stream(chat_events(refusal="I cannot help")), "refused: I cannot help"),
        ("chat", stream(chat_events(finish="content_filter")), "content filter held the answer back"),
        ("chat", stream(chat_events()), "answered nothing, twice"),
        ("responses", stream(responses_events(refusal="I cannot"), named=True), "refused: I cannot"),
        ("responses", stream(responses_events(reason="content_filter"), named=True), "content filter"),
        ("responses", stream([{"type": "error", "message": "at last"}], named=True), "at last"),
        (
            "responses",
            stream(
                [{"type": "response.failed", "response": {"error": {"message": f"no {KEY}"}}}],
                named=True,
            ),
            r"failed: no \(key\)",
        ),
        ("anthropic", stream(claude_events(stop="refusal"), named=True), "refused to answer"),
        (
            "anthropic",
            stream(
                [{"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}],
                named=True,
            ),
            "busy",
        ),
    ],
)
def test_a_model_that_will_not_answer(
    serve: Serve, marked: MarkedImage, api: str, handler: Handler, message: str
) -> None:
    with pytest.raises(VLMError, match=message) as caught:
        ask("?", [marked], client(api, serve(handler)))
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("api", "handler"),
    [
        ("chat", stream(chat_events("[1] and", finish="length"))),
        ("responses", stream(responses_events("[1] and", reason="max_output_tokens"), named=True)),
        ("anthropic", stream(claude_events("[1] and", stop="max_tokens"), named=True)),
    ],
)
def test_a_cut_off_reply_says_so(serve: Serve, marked: MarkedImage, api: str, handler: Handler) -> None:
    assert ask("?", [marked], client(api, serve(handler))).reply.stop_reason == "length"


@pytest.mark.parametrize(
    ("path", "good"),
    [
        (
            "decisions",
            {
                "answers": [
                    {
                        "type": "choice",
                        "choice": "1",
                        "confidence": 1,
                        "probabilities": [{"value": "1", "probability": 1}],
                    }
                ],
                "model": "m",
                "usage": {"input_tokens": 9, "output_tokens": 0},
            },
        ),
        (
            "systemone",
            {
                "answers": {"mark": {"type": "choice", "choice": "1", "probabilities": {"1": 1}}},
                "usage": {"input_tokens": 9, "output_tokens": 0},
            },
        ),
    ],
    ids=["decisions", "systemone"],
)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (fail(401, KEY), "does not accept the key"),
        (fail(413, "too large"), "answered 413: too large"),
        (fail(429, "quota", Retry_After="0"), "over its limit: quota"),
        (fail(500, "boom"), "answered 500: boom"),
        (say({"answers": []}), "sent no answer"),
        (say({"answers": [{"type": "refusal"}]}), "declined to choose|sent no answer"),
        (silent, "no answer from"),
        (cut_off({"answers": []}), "lost or found no server"),
        (dripping_json, "no answer from .* within 0.3 s"),
    ],
    ids=["401", "413", "429", "500", "nothing", "refusal", "silent", "cut", "drip"],
)
def test_endpoints_for_choices_fail_as_clearly(
    serve: Serve, marked: MarkedImage, path: str, good: dict[str, object], bad: Handler, message: str
) -> None:
    server = serve(**{path: [say(good), bad]})
    vlm = client("chat", server, timeout_s=0.3)
    messages = build_messages("?", (marked,), send=("marked",))
    texts = [message for message in messages if message.role == "system"]
    assert vlm.choose(texts, ["1", "none"]).best == "1"
    with pytest.raises(VLMError, match=message) as caught:
        vlm.choose(texts, ["1", "none"])
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("api", APIS)
def test_the_time_is_that_of_all_attempts(serve: Serve, marked: MarkedImage, api: str) -> None:
    server = serve(silent)
    with pytest.raises(VLMError, match=r"no answer from .* within 0\.2 s"):
        ask("?", [marked], client(api, server, timeout_s=0.2, max_retries=1))
    assert len(server.asked) == 1  # there was no time for another


def test_no_server(marked: MarkedImage) -> None:
    vlm = OpenAICompatible("m", base_url="127.0.0.1:9", api_key=KEY, max_retries=0)
    with pytest.raises(VLMError, match=r"lost or found no server at http://127\.0\.0\.1:9/v1"):
        ask("?", [marked], vlm)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("localhost:8000/", "http://localhost:8000/v1"),
        ("https://openrouter.ai/api/v1", "https://openrouter.ai/api/v1"),
        ("http://h/v1/chat/completions", "http://h/v1"),
    ],
)
def test_urls_as_people_write_them(written: str, url: str) -> None:
    assert normalize_url(written) == url


@pytest.mark.parametrize(
    "written", ["ftp://h", "http://", "http://h:port", "http://u:p@h/v1", "https://h/v1?key=u:p"]
)
def test_what_is_no_server_url(written: str) -> None:
    with pytest.raises(VLMError) as caught:
        normalize_url(written)
    assert "u:p" not in str(caught.value)


def test_hosted_providers_need_a_key() -> None:
    with pytest.raises(VLMError, match="set OPENAI_API_KEY, or name the server that has 'qwen3-vl'"):
        OpenAICompatible("qwen3-vl")
    with pytest.raises(VLMError, match="set ANTHROPIC_API_KEY"):
        Anthropic("claude-sonnet-5-5")
    vlm = OpenAICompatible("gpt-6-luna", api_key=KEY)
    assert vlm.base_url == OPENAI_URL
    shown = f"{vlm!r} {Anthropic(api_key=KEY)!r} {json.dumps(vlm.__dict__, default=repr)}"
    assert KEY not in shown.replace(f'"_key": "{KEY}"', "")
