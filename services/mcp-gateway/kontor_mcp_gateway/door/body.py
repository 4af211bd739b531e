"""Reads an MCP request's body strictly before the SDK does: size, names that stand twice, numbers that are none."""

import json
from collections.abc import Mapping
from typing import Any

from mcp_types import PARSE_ERROR
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kontor_platform.contract.decode import MAX_BYTES, parse_json
from kontor_platform.contract.problem import Malformed, TooLarge
from kontor_platform.faces.rest import problem_response

PARSED = "kontor.parsed"
# What may stand around a header's value and is no part of it (RFC 9110, 5.5).
BLANKS = (b" ", b"\t")


class StrictBody:
    """Refuses bodies that Python's parser would take and should not."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if any(value[:1] in BLANKS or value[-1:] in BLANKS for _, value in scope["headers"]):
            scope["headers"] = [(name, value.strip(b" \t")) for name, value in scope["headers"]]
        if scope["method"] != "POST":
            scope[PARSED] = None
            await self._app(scope, receive, send)
            return
        body = await body_of(receive)
        if body is None:
            return
        if len(body) > MAX_BYTES:
            refusal = TooLarge(f"The body is larger than {MAX_BYTES} bytes.")
            await problem_response(refusal)(scope, receive, send)
            return
        try:
            scope[PARSED] = parse_json(body)
        except Malformed as malformed:
            await parse_error(malformed)(scope, receive, send)
            return
        await self._app(scope, replayed(body, receive), send)


async def body_of(receive: Receive) -> bytes | None:
    """The body, up to the first chunk beyond the limit; None if the client went away."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False) or len(body) > MAX_BYTES:
            return bytes(body)


def replayed(body: bytes, receive: Receive) -> Receive:
    """A receive that tells the body once more, and then what comes after it."""
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def parse_error(malformed: Malformed) -> Response:
    """The refusal as JSON-RPC 2.0 words it."""
    error: Mapping[str, Any] = {"code": PARSE_ERROR, "message": malformed.message, "data": malformed.to_json()}
    answer = {"jsonrpc": "2.0", "id": None, "error": error}
    return Response(json.dumps(answer), 400, media_type="application/json")
