"""Answers plain reads and lists without the SDK, which costs more than all else together."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from mcp_types import CLIENT_INFO_META_KEY, SERVER_INFO_META_KEY
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
from kontor_mcp_gateway.door.plain import CALL, LIST, Headers, Plain, plain, single_headers
from kontor_mcp_gateway.door.profiled import PROFILE
from kontor_mcp_gateway.identity.caller import Caller
from kontor_mcp_gateway.metering.limiter import Limiter
from kontor_platform.contract.operation import Approval
from kontor_platform.contract.problem import RateLimited, Refusal
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.server_config import ServerConfig

MAX_ORIGINS = 1_000
tracer = trace.get_tracer(__name__)


@dataclass(frozen=True, slots=True)
class Read:
    """A plain call, and the tool it reads with; for a list there is none."""

    asked: Plain
    tool: Tool | None


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
        self._stamp = f'"{SERVER_INFO_META_KEY}":{json.dumps(server_info)}'
        self._let_in: set[tuple[bytes, bytes]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or hands it on."""
        read = await self._read(scope)
        if read is None:
            await self._app(scope, receive, send)
            return
        task = asyncio.current_task()
        watcher = asyncio.create_task(cancel_when_gone(receive, task))
        try:
            body = await self._answer(read, scope)
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

    async def _read(self, scope: Scope) -> Read | None:
        """The plain read or list that a request asks for, and may; None if it is anything else."""
        headers = single_headers(scope["headers"])
        asked = plain(headers, scope[PARSED]) if headers is not None else None
        if headers is None or asked is None or not await self._lets_in(scope, headers):
            return None
        if asked.name is None:
            return Read(asked, None)
        tool = self._feed.present.find(asked.name)
        if tool is None or tool.operation.is_write or tool.operation.policy.approval is not Approval.NONE:
            return None
        policy = self._config.tenant(scope[CALLER].principal.slug)
        offered = scope[PROFILE].offers(tool.operation) and policy.offers(tool.operation)
        return Read(asked, tool) if offered else None

    async def _lets_in(self, scope: Scope, headers: Headers) -> bool:
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

    async def _answer(self, read: Read, scope: Scope) -> bytes:
        meta = read.asked.meta
        context = propagate.extract(meta) if "traceparent" in meta else None
        name = f"{CALL} {read.tool.name}" if read.tool else LIST
        with tracer.start_as_current_span(name, context=context, kind=SpanKind.SERVER):
            if read.tool is None:
                return await self._listed(read.asked, scope)
            return await self._called(read.asked, read.tool, scope[CALLER])

    async def _listed(self, asked: Plain, scope: Scope) -> bytes:
        """The JSON-RPC response with the tools a caller sees, or with the limit it reached."""
        caller: Caller = scope[CALLER]
        try:
            await self._limiter.charge_request(caller, self._config.tenant(caller.principal.slug).limits)
        except RateLimited as limited:
            error = {"code": TOO_MANY_REQUESTS, "message": limited.message, "data": limited.to_json()}
            return json.dumps({"jsonrpc": "2.0", "id": asked.id, "error": error}).encode()
        tools = self._lists.of(caller.principal, scope[PROFILE]).json
        caching = f',"cacheScope":"private","ttlMs":{LIST_TTL_MS},"resultType":"complete","_meta":{{{self._stamp}}}'
        return response(asked, f'"tools":{tools}{caching if asked.is_modern else ""}')

    async def _called(self, asked: Plain, tool: Tool, caller: Caller) -> bytes:
        name = asked.meta.get(CLIENT_INFO_META_KEY, {}).get("name")
        ask = Ask(tool, asked.name or tool.name, asked.arguments, {}, caller, new_id(), "mcp", client_name(name))
        try:
            answer = await self._door.call(ask)
        except Refusal as refusal:
            return self._told(asked, json.dumps(refusal.to_json(), ensure_ascii=False), ask, is_error=True)
        return self._told(asked, answer.json, ask, is_error=False, withheld=answer.secret_withheld)

    def _told(self, asked: Plain, content: str, ask: Ask, *, is_error: bool, withheld: bool = False) -> bytes:
        """The JSON-RPC response around an answer that is JSON already."""
        marks = ',"kontor/secret_withheld":true' if withheld else ""
        stamp, kind = (f",{self._stamp}", ',"resultType":"complete"') if asked.is_modern else ("", "")
        return response(
            asked,
            f'"content":[{{"type":"text","text":{json.dumps(content)}}}],"structuredContent":{content},'
            f'"isError":{"true" if is_error else "false"}{kind},'
            f'"_meta":{{"kontor/call_id":"{ask.call_id}"{marks}{stamp}}}',
        )


def response(asked: Plain, members: str) -> bytes:
    """The JSON-RPC response with a result of these members."""
    return f'{{"jsonrpc":"2.0","id":{json.dumps(asked.id)},"result":{{{members}}}}}'.encode()


async def cancel_when_gone(receive: Receive, task: asyncio.Task[Any] | None) -> None:
    """Waits for the client to go away, and cancels what was done for it."""
    while (await receive())["type"] != "http.disconnect":
        continue
    if task is not None:
        task.cancel()
