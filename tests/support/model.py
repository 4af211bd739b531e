"""A model API on a port, as the wire has it: it calls the tool it was told to, then says what the tool answered."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {
    "input_tokens": 1,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 1,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 2,
}


@dataclass
class ModelApi:
    """Answers `/v1/responses` (OpenAI's Responses API); `requests` keeps what was sent."""

    tool: str
    arguments: Mapping[str, Any]
    requests: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """A call of the tool, or its output once it was called."""
        self.requests.append(request)
        last = request["input"][-1] if isinstance(request["input"], list) else {}
        is_called = last.get("type") == "function_call_output"
        return {
            "id": f"resp_{len(self.requests)}",
            "object": "response",
            "created_at": 0,
            "status": "completed",
            "model": request.get("model", ""),
            "output": [said(last["output"]) if is_called else self._call()],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            "usage": USAGE,
        }

    def _call(self) -> dict[str, Any]:
        return {
            "type": "function_call",
            "id": "fc_1",
            "call_id": "call_1",
            "name": self.tool,
            "arguments": json.dumps(self.arguments),
            "status": "completed",
        }


def said(output: str | list[dict[str, str]]) -> dict[str, Any]:
    """A message with what a tool answered."""
    parts = [output] if isinstance(output, str) else [each["text"] for each in output]
    content = [{"type": "output_text", "text": "".join(parts), "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


@contextmanager
def model_api(tool: str, **arguments: Any) -> Iterator[ModelApi]:
    """The API for as long as the block."""
    api = ModelApi(tool, arguments)

    class Handler(BaseHTTPRequestHandler):
        """One request of a client."""

        def do_POST(self) -> None:
            """Answers."""
            body = self.rfile.read(int(self.headers["content-length"]))
            answer = json.dumps(api.answer(json.loads(body))).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
