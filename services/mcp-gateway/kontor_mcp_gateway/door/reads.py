"""Answers plain reads and lists of the modern protocol without the SDK, which costs more than all else together.

Only a request that is right in every respect is answered here; whatever else it is, the SDK answers it.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from mcp_types import (
    CLIENT_CAPABILITIES_META_KEY,
    CLIENT_INFO_META_KEY,
    PROTOCOL_VERSION_META_KEY,
    SERVER_INFO_META_KEY,
)
from mcp_types.version import LATEST_MODERN_VERSION
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.catalogue.tool import Tool
from kontor_mcp_gateway.door.authenticate import CALLER
from kontor_mcp_gateway.door.body import PARSED
from kontor_mcp_gateway.door.call import Ask, client_name
from kontor_mcp_gateway.door.canonical import TOO_MANY_REQUESTS
from kontor_mcp_gateway.door.door import Door
from kontor_mcp_gateway.door.lists import LIST_TTL_MS, Lists
from kontor_mcp_gateway.door.profiled import PROFILE
from kontor_mcp_gateway.identity.caller import Caller
from kontor_mcp_gateway.metering.limiter import Limiter
from kontor_platform.contract.operation import Approval
from kontor_platform.contract.problem import RateLimited, Refusal
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.server_config import ServerConfig

CALL, LIST = "tools/call", "tools/list"
ENVELOPE = frozenset({"jsonrpc", "id", "method", "params"})
PARAMS = frozenset({"name", "arguments", "_meta"})
TRACE = frozenset({"traceparent", "tracestate"})
META = TRACE | {PROTOCOL_VERSION_META_KEY, CLIENT_CAPABILITIES_META_KEY, CLIENT_INFO_META_KEY}
ONCE = (b"content-type", b"accept", b"mcp-protocol-version", b"mcp-method", b"host")
NAME = b"mcp-name"
MIRRORED = b"mcp-param-"
MAX_ORIGINS = 1_000
tracer = trace.get_tracer(__name__)


@dataclass(frozen=True, slots=True)
class Read:
    """A read, as a request in perfect order asks for it."""

    id: str | int
    tool: Tool
    sent_as: str
    arguments: Mapping[str, Any]
    meta: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of the tools, as a request in perfect order asks for it."""

    id: str | int
    meta: Mapping[str, Any]


class PlainReads:
    """Stands before the SDK's application and takes the plain reads and lists off it."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        feed: Feed,
        door: Door,
        config: ServerConfig,
        lists: Lists,
        limiter: Limiter,
        security: TransportSecuritySettings,
        server_info: Mapping[str, Any],
    ) -> None:
        self._app, self._feed, self._door, self._config = app, feed, door, config
        self._lists, self._limiter = lists, limiter
        self._security = TransportSecurityMiddleware(security)
        self._server_info = json.dumps(server_info)
        self._let_in: set[tuple[bytes, bytes]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or hands it on."""
        asked = await self._asked(scope)
        if asked is None:
            await self._app(scope, receive, send)
            return
        task = asyncio.current_task()
        watcher = asyncio.create_task(cancel_when_gone(receive, task))
        try:
            body = await self._answer(asked, scope)
        except asyncio.CancelledError:
            if task is None or not watcher.done():
                raise
            task.uncancel()
            return
        finally:
            watcher.cancel()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _asked(self, scope: Scope) -> Read | Listed | None:
        """The plain read or list that a request asks for; None if it is anything else."""
        headers = single_headers(scope)
        if headers is None or headers.get(b"mcp-protocol-version") != LATEST_MODERN_VERSION.encode():
            return None
        accept = headers[b"accept"]
        if b"application/json" not in accept or b"text/event-stream" not in accept:
            return None
        value = scope[PARSED]
        if not is_envelope(value) or headers[b"mcp-method"] != value["method"].encode():
            return None
        asked = listed_of(value, headers) if value["method"] == LIST else self._read(value, headers, scope)
        return asked if asked is not None and await self._lets_in(scope, headers) else None

    def _read(self, value: Mapping[str, Any], headers: Mapping[bytes, bytes], scope: Scope) -> Read | None:
        params = value["params"]
        if value["method"] != CALL or not is_plain(params) or headers.get(NAME) != params["name"].encode():
            return None
        tool = self._feed.present.find(params["name"])
        if tool is None or tool.operation.is_write or tool.operation.policy.approval is not Approval.NONE:
            return None
        policy = self._config.tenant(scope[CALLER].principal.slug)
        if not scope[PROFILE].offers(tool.operation) or not policy.offers(tool.operation):
            return None
        return Read(value["id"], tool, params["name"], params.get("arguments") or {}, params["_meta"])

    async def _lets_in(self, scope: Scope, headers: Mapping[bytes, bytes]) -> bool:
        """Whether Host, Origin and Content-Type are let in, by the SDK's own check, asked once for each."""
        key = (headers[b"host"] + b" " + headers[b"content-type"], headers.get(b"origin", b""))
        if key in self._let_in:
            return True
        if await self._security.validate_request(Request(scope), is_post=True) is not None:
            return False
        if len(self._let_in) >= MAX_ORIGINS:
            self._let_in.clear()
        self._let_in.add(key)
        return True

    async def _answer(self, asked: Read | Listed, scope: Scope) -> bytes:
        context = propagate.extract(asked.meta) if "traceparent" in asked.meta else None
        name = f"{CALL} {asked.tool.name}" if isinstance(asked, Read) else LIST
        with tracer.start_as_current_span(name, context=context, kind=SpanKind.SERVER):
            if isinstance(asked, Read):
                return await self._called(asked, scope[CALLER])
            return await self._told_list(asked, scope)

    async def _told_list(self, asked: Listed, scope: Scope) -> bytes:
        """The JSON-RPC response with the tools a caller sees, or with the limit it reached."""
        caller: Caller = scope[CALLER]
        try:
            await self._limiter.charge_request(caller, self._config.tenant(caller.principal.slug).limits)
        except RateLimited as limited:
            error = {"code": TOO_MANY_REQUESTS, "message": limited.message, "data": limited.to_json()}
            return json.dumps({"jsonrpc": "2.0", "id": asked.id, "error": error}).encode()
        tools = self._lists.of(caller.principal, scope[PROFILE]).json
        return (
            f'{{"jsonrpc":"2.0","id":{json.dumps(asked.id)},"result":{{"cacheScope":"private","ttlMs":{LIST_TTL_MS},'
            f'"resultType":"complete","tools":{tools},"_meta":{{"{SERVER_INFO_META_KEY}":{self._server_info}}}}}}}'
        ).encode()

    async def _called(self, read: Read, caller: Caller) -> bytes:
        name = read.meta.get(CLIENT_INFO_META_KEY, {}).get("name")
        ask = Ask(read.tool, read.sent_as, read.arguments, {}, caller, new_id(), "mcp", client_name(name))
        try:
            answer = await self._door.call(ask)
        except Refusal as refusal:
            return self._told(read.id, json.dumps(refusal.to_json(), ensure_ascii=False), ask, is_error=True)
        return self._told(read.id, answer.json, ask, is_error=False, withheld=answer.secret_withheld)

    def _told(self, number: str | int, content: str, ask: Ask, *, is_error: bool, withheld: bool = False) -> bytes:
        """The JSON-RPC response around an answer that is JSON already."""
        marks = ',"kontor/secret_withheld":true' if withheld else ""
        return (
            f'{{"jsonrpc":"2.0","id":{json.dumps(number)},"result":{{'
            f'"content":[{{"type":"text","text":{json.dumps(content)}}}],'
            f'"structuredContent":{content},"isError":{"true" if is_error else "false"},"resultType":"complete",'
            f'"_meta":{{"kontor/call_id":"{ask.call_id}"{marks},"{SERVER_INFO_META_KEY}":{self._server_info}}}}}}}'
        ).encode()


def single_headers(scope: Scope) -> dict[bytes, bytes] | None:
    """The headers that decide, each there once; None if one is missing or twice, or arguments are mirrored."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name.startswith(MIRRORED) or (name in found and (name in ONCE or name == NAME)):
            return None
        found[name] = value
    return found if all(name in found for name in ONCE) else None


def is_envelope(value: Any) -> bool:
    """Whether a body is one JSON-RPC request and nothing beside it."""
    if not isinstance(value, dict) or value.keys() != ENVELOPE or value["jsonrpc"] != "2.0":
        return False
    number, method = value["id"], value["method"]
    return isinstance(method, str) and isinstance(number, str | int) and not isinstance(number, bool)


def listed_of(value: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> Listed | None:
    """The list a request asks for; None if it asks for more than the list."""
    params = value["params"]
    if NAME in headers or not isinstance(params, dict) or params.keys() != {"_meta"} or not is_meta(params["_meta"]):
        return None
    return Listed(value["id"], params["_meta"])


def is_plain(params: Any) -> bool:
    """Whether parameters are of a call with nothing but a name, arguments and a proper envelope."""
    if not isinstance(params, dict) or not params.keys() <= PARAMS or not isinstance(params.get("name"), str):
        return False
    return is_meta(params.get("_meta")) and isinstance(params.get("arguments"), dict | None)


def is_meta(meta: Any) -> bool:
    """Whether what stands beside a request is what the protocol demands, and a trace at most."""
    if not isinstance(meta, dict) or not meta.keys() <= META:
        return False
    info = meta.get(CLIENT_INFO_META_KEY, {"name": "", "version": ""})
    return (
        meta.get(PROTOCOL_VERSION_META_KEY) == LATEST_MODERN_VERSION
        and isinstance(meta.get(CLIENT_CAPABILITIES_META_KEY), dict)
        and isinstance(info, dict)
        and all(isinstance(info.get(each), str) for each in ("name", "version"))
        and all(isinstance(meta.get(each, ""), str) for each in TRACE)
    )


async def cancel_when_gone(receive: Receive, task: asyncio.Task[Any] | None) -> None:
    """Waits for the client to go away, and cancels what was done for it."""
    while (await receive())["type"] != "http.disconnect":
        continue
    if task is not None:
        task.cancel()
