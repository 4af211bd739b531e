"""Builds the suite's server by what builds the gateway's."""

import secrets
from collections.abc import Mapping
from typing import Any

from mcp import MCPError
from mcp.server import Server
from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, PromptsListChanged, ToolsListChanged
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    EmptyResult,
    ListToolsResult,
    PaginatedRequestParams,
    SetLevelRequestParams,
)
from starlette.types import ASGIApp

from kontor_mcp_gateway.conformance import resources
from kontor_mcp_gateway.conformance.fixtures import PLAIN, Answer, Context, Fixture, Run, said
from kontor_mcp_gateway.conformance.pushed import PUSHED
from kontor_mcp_gateway.conformance.rounds import ROUNDS
from kontor_mcp_gateway.door.body import StrictBody
from kontor_mcp_gateway.door.lists import LIST_TTL_MS
from kontor_mcp_gateway.door.mcp import NAME, Sealing, sdk_app, sealed, transport
from kontor_mcp_gateway.settings import LOCAL_HOSTS, LOCAL_ORIGINS

CACHED: tuple[CacheableMethod, ...] = (
    "tools/list",
    "server/discover",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
)


def conformance_server() -> Server[Any]:
    """The server with everything the suite calls."""
    bus = InMemorySubscriptionBus()
    fixtures = {
        **PLAIN,
        **ROUNDS,
        **PUSHED,
        "test_trigger_tool_change": Fixture("Tells that tools changed.", publishes(bus, ToolsListChanged())),
        "test_trigger_prompt_change": Fixture("Tells that prompts changed.", publishes(bus, PromptsListChanged())),
    }
    server: Server[Any] = Server(
        f"{NAME}-conformance",
        version="1",
        cache_hints={method: CacheHint(ttl_ms=LIST_TTL_MS, scope="private") for method in CACHED},
        get_tool_input_schema=lambda name: fixtures[name].schema if name in fixtures else None,
        on_list_tools=listing(fixtures),
        on_call_tool=calling(fixtures),
        on_list_resources=resources.list_resources,
        on_list_resource_templates=resources.list_templates,
        on_read_resource=resources.read_resource,
        on_subscribe_resource=resources.subscribed,
        on_unsubscribe_resource=resources.subscribed,
        on_list_prompts=resources.list_prompts,
        on_get_prompt=resources.get_prompt,
        on_completion=resources.complete,
        on_set_logging_level=level_set,
        on_subscriptions_listen=ListenHandler(bus),
    )
    server.middleware.append(sealed(Sealing([secrets.token_bytes(32)]), lambda ctx: "conformance"))
    return server


def conformance_app(server: Server[Any], *, stateless: bool) -> ASGIApp:
    """The server over HTTP; without `stateless` it keeps the sessions of legacy clients."""
    security = transport(LOCAL_HOSTS.split(","), LOCAL_ORIGINS.split(","))
    return StrictBody(sdk_app(server, security, stateless=stateless))


def listing(fixtures: Mapping[str, Fixture]) -> Any:
    """The handler of tools/list: one page, by name."""

    async def answer(ctx: Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=[fixture.listed(name) for name, fixture in sorted(fixtures.items())])

    return answer


def calling(fixtures: Mapping[str, Fixture]) -> Run:
    """The handler of tools/call."""

    async def answer(ctx: Context, params: CallToolRequestParams) -> Answer:
        fixture = fixtures.get(params.name)
        if fixture is None:
            raise MCPError(INVALID_PARAMS, f"There is no tool {params.name[:100]!r}.")
        return await fixture.run(ctx, params)

    return answer


def publishes(bus: InMemorySubscriptionBus, change: ToolsListChanged | PromptsListChanged) -> Run:
    """A tool that tells subscribers of a change."""

    async def run(ctx: Context, params: CallToolRequestParams) -> Answer:
        await bus.publish(change)
        return said("Subscribers were told.")

    return run


async def level_set(ctx: Context, params: SetLevelRequestParams) -> EmptyResult:
    """Takes a legacy client's wish for log lines."""
    return EmptyResult()
