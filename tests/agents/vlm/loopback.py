"""A server on loopback that says what a test tells it to, and checks requests against SDK types."""

import json
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.agents.vlm.strict import complaint

Handler = Callable[[BaseHTTPRequestHandler], None]
Event = dict[str, Any]


class Server:
    """Answers the n-th request to a path with the n-th of its handlers, then with the last.

    Attributes:
        url: of the server.
        asked: (path, body) of each request.
        betas: the header of that name of each request to Anthropic.
        complaints: what was wrong with requests; tests look that there is nothing.
    """

    def __init__(self, *default: Handler, **by_path: Sequence[Handler]) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.complaints: list[str] = []
        self.betas: list[str] = []
        counts: dict[str, int] = {}
        outer = self

        class Scripted(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name = self.path.partition("?")[0].rsplit("/", 1)[-1]
                beta = self.headers.get("anthropic-beta", "")
                outer.betas.append(beta)
                outer.asked.append((self.path, body))
                outer.complaints += [text for text in [outer._check(name, body, beta)] if text]
                handlers = by_path.get(name, default)
                at = min(counts.get(name, 0), len(handlers) - 1)
                counts[name] = counts.get(name, 0) + 1
                if handlers:
                    handlers[at](self)
                else:
                    fail(404, "not here")(self)

            def do_GET(self) -> None:
                listed = {"object": "list", "data": [{"id": "tiny-vlm", "owned_by": outer.owner}]}
                send(self, 200, json.dumps(listed))

            def log_message(self, *_: object) -> None: ...

        self.owner = "us"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def bodies(self, name: str) -> list[dict[str, Any]]:
        """The bodies of the requests to a path that ends so."""
        return [body for path, body in self.asked if path.partition("?")[0].endswith(f"/{name}")]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _check(self, name: str, body: dict[str, Any], beta: str) -> str:
        kind = _kind(name, beta)
        if kind is None:
            return ""
        own = {key: value for key, value in body.items() if key not in _EXTRA.get(name, ())}
        return complaint(own, kind, name)


# What servers take beyond the SDK's types.
_EXTRA = {"completions": ("structured_outputs", "guided_choice")}


def _kind(name: str, beta: str) -> Any:
    from openai.types import decision_create_params
    from openai.types.chat import completion_create_params
    from openai.types.responses import response_create_params

    if name == "messages":
        from anthropic.types import message_create_params
        from anthropic.types.beta import message_create_params as beta_params

        params: Any = beta_params if beta else message_create_params
        return params.MessageCreateParamsStreaming
    return {
        "completions": completion_create_params.CompletionCreateParamsStreaming,
        "responses": response_create_params.ResponseCreateParamsStreaming,
        "decisions": decision_create_params.DecisionCreateParams,
    }.get(name)


def send(handler: BaseHTTPRequestHandler, status: int, body: str, **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body.encode())))
    handler.end_headers()
    handler.wfile.write(body.encode())


def fail(status: int, message: str = "no", **headers: str) -> Handler:
    body = json.dumps({"type": "error", "error": {"type": "error", "message": message}})
    return lambda handler: send(handler, status, body, **headers)


def say(data: dict[str, Any]) -> Handler:
    return lambda handler: send(handler, 200, json.dumps(data))


def events(listed: Sequence[Event], *, named: bool = False, done: bool = True) -> str:
    lines = [
        (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n"
        for event in listed
    ]
    return "".join(lines) + ("data: [DONE]\n\n" if done and not named else "")


def stream(listed: Sequence[Event], *, named: bool = False) -> Handler:
    body = events(listed, named=named)
    return lambda handler: send(handler, 200, body, Content_Type="text/event-stream")


def chat_events(
    *pieces: str, finish: str | None = "stop", refusal: str = "", tool: bool = False, logs: Any = None
) -> list[Event]:
    """A streamed chat completion; `logs` are (token, {alternative: logprob}) of its tokens."""
    deltas: list[dict[str, Any]] = []
    for i, piece in enumerate(pieces):
        call = {"index": 0, "function": {"arguments": piece}}
        if tool and i == 0:
            call |= {
                "id": "call-1",
                "type": "function",
                "function": {"name": "answer", "arguments": piece},
            }
        deltas.append({"tool_calls": [call]} if tool else {"content": piece})
    if refusal:
        deltas.append({"refusal": refusal})
    chunks: list[Event] = [
        {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas
    ]
    if logs:
        chunks[0]["choices"][0]["logprobs"] = {"content": chat_logprobs(logs)}
    if finish:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
        usage = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
        chunks.append({"choices": [], "usage": usage})
    return [{"id": "x", **chunk} for chunk in chunks]


def chat_logprobs(logs: Any) -> list[dict[str, Any]]:
    return [
        {
            "token": token,
            "logprob": others[token],
            "top_logprobs": [{"token": each, "logprob": value} for each, value in others.items()],
        }
        for token, others in logs
    ]


def responses_events(
    *pieces: str, reason: str = "", refusal: str = "", tool: bool = False, logs: Any = None
) -> list[Event]:
    """A streamed response."""
    kind = "response.function_call_arguments.delta" if tool else "response.output_text.delta"
    common = {"item_id": "i", "output_index": 0, "content_index": 0}
    listed: list[Event] = [{"type": kind, "delta": piece, "logprobs": [], **common} for piece in pieces]
    if logs:
        listed[0]["logprobs"] = chat_logprobs(logs)
    if refusal:
        listed.append({"type": "response.refusal.delta", "delta": refusal, **common})
    usage = {
        "input_tokens": 11,
        "output_tokens": 5,
        "total_tokens": 16,
        "input_tokens_details": {"cached_tokens": 1, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    response = {"id": "r", "object": "response", "output": [], "usage": usage, "status": "completed"}
    if reason:
        response |= {"status": "incomplete", "incomplete_details": {"reason": reason}}
    end = "response.incomplete" if reason else "response.completed"
    listed.append({"type": end, "response": response})
    return [{**event, "sequence_number": i} for i, event in enumerate(listed)]


def claude_events(*pieces: str, stop: str = "end_turn", tool: Any = None) -> list[Event]:
    """A streamed message of Claude's; the pieces are the call of `tool`, (name, toolset or None)."""
    usage = {"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": 1}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": []}
    block: dict[str, Any] = {"type": "text", "text": ""}
    if tool:
        block = {"type": "tool_use", "id": "t", "name": tool[0], "input": {}}
        block |= {"toolset_name": tool[1]} if tool[1] else {}
    listed: list[Event] = [
        {"type": "message_start", "message": {**message, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": block},
    ]
    for piece in pieces:
        delta = (
            {"type": "input_json_delta", "partial_json": piece}
            if tool
            else {"type": "text_delta", "text": piece}
        )
        listed.append({"type": "content_block_delta", "index": 0, "delta": delta})
    listed += [
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    return listed


def cut_off(first: Event, *, named: bool = False) -> Handler:
    """Starts to answer, and hangs up."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(events([first], named=named, done=False).encode())
        handler.wfile.flush()
        handler.connection.close()

    return answer


def drip(piece: Event, *, named: bool = False) -> Handler:
    """Says a little, again and again, and never ends."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        pause = threading.Event()
        try:
            for _ in range(200):
                handler.wfile.write(events([piece], named=named, done=False).encode())
                handler.wfile.flush()
                pause.wait(0.05)
        except OSError:
            pass

    return answer


def dripping_json(handler: BaseHTTPRequestHandler) -> None:
    """One space after the other, and no JSON."""
    handler.send_response(200)
    handler.send_header("Content-Type", "application/json")
    handler.end_headers()
    pause = threading.Event()
    try:
        for _ in range(200):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            pause.wait(0.05)
    except OSError:
        pass


def silent(handler: BaseHTTPRequestHandler) -> None:
    """Never answers; for clients that give up soon."""
    threading.Event().wait(3)
