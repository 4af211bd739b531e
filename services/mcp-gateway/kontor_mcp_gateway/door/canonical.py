"""Gives each call of a tool its canonical name and takes the control arguments out, before anything decides."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mcp import MCPError
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext

from kontor_mcp_gateway.catalogue.feed import Feed
from kontor_mcp_gateway.catalogue.tool import Tool
from kontor_mcp_gateway.door import searching
from kontor_mcp_gateway.door.authenticate import CALLER
from kontor_mcp_gateway.door.call import taken_out
from kontor_mcp_gateway.identity.caller import Caller
from kontor_mcp_gateway.metering.limiter import Limiter
from kontor_platform.contract.problem import RateLimited
from kontor_platform.runtime.server_config import ServerConfig

HANDED = "kontor.handed"
METERED = frozenset({"tools/list", "server/discover", "initialize", "subscriptions/listen"})
TOO_MANY_REQUESTS = 429


@dataclass(frozen=True, slots=True)
class Handed:
    """What was taken out of a call of a tool; `tool` is None for a name nobody knows."""

    tool: Tool | None
    sent_as: str
    controls: Mapping[str, Any]


class Canonical:
    """Runs outside the seal of `requestState`, so that an answer given later may carry other control arguments.

    What it takes out lies in the request's scope, where no client can write.
    """

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Handles one request."""
        if ctx.method != "tools/call" or not ctx.params:
            return await call_next(ctx)
        params = dict(ctx.params)
        sent_as, arguments = params.get("name"), params.get("arguments")
        if not isinstance(sent_as, str) or not isinstance(arguments, Mapping | None):
            return await call_next(ctx)
        tool = self._feed.present.find(sent_as)
        if tool is None and sent_as not in searching.NAMES:
            tool = await self._feed.look_again(sent_as)
        controls: Mapping[str, Any] = {}
        if tool is not None:
            params["name"] = tool.name
            params["arguments"], controls = taken_out(arguments or {}, tool.controls)
        scope_of(ctx)[HANDED] = Handed(tool, sent_as, controls)
        return await call_next(replace(ctx, params=params))


class Metered:
    """Counts lists and handshakes against their actor; calls of tools are counted where they are decided."""

    def __init__(self, limiter: Limiter, config: ServerConfig) -> None:
        self._limiter, self._config = limiter, config

    async def __call__(self, ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
        """Handles one request; raises MCPError 429."""
        if ctx.method in METERED:
            caller = caller_of(ctx)
            try:
                await self._limiter.charge_request(caller, self._config.tenant(caller.principal.slug).limits)
            except RateLimited as limited:
                raise MCPError(TOO_MANY_REQUESTS, limited.message, limited.to_json()) from limited
        return await call_next(ctx)


def scope_of(ctx: ServerRequestContext[Any, Any]) -> dict[str, Any]:
    """The ASGI scope of the request behind a message."""
    assert ctx.request is not None
    scope: dict[str, Any] = ctx.request.scope
    return scope


def caller_of(ctx: ServerRequestContext[Any, Any]) -> Caller:
    """The caller whom the door let in."""
    caller = scope_of(ctx)[CALLER]
    assert isinstance(caller, Caller)
    return caller
