"""Clients of a stack: the official MCP client, and REST through the edge."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from kontor_cli.talk.gateway import first_cause
from support.stack import Stack
from support.waiting import POLL

SECONDS = 30.0
PATIENCE = 90.0
MODERN, LEGACY = "2026-07-28", "legacy"


@dataclass
class McpClient:
    """The official client with one key; `called` keeps the tools it called, for `@covers`."""

    client: Client
    called: set[str] = field(default_factory=set)

    async def call(self, tool: str, **arguments: Any) -> CallToolResult:
        """Calls a tool."""
        self.called.add(tool)
        return await self.client.call_tool(tool, arguments)

    async def do(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured answer; fails the test on a refusal."""
        result = await self.call(tool, **arguments)
        assert not result.is_error, result.structured_content
        return content_of(result)

    async def refused(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The refusal; fails the test on an answer."""
        result = await self.call(tool, **arguments)
        assert result.is_error, result.structured_content
        return content_of(result)


def content_of(result: CallToolResult) -> dict[str, Any]:
    """The structured content, which every answer of ours has."""
    content: dict[str, Any] | None = result.structured_content
    assert content is not None, result
    return content


@asynccontextmanager
async def mcp_client(url: str, key: str, mode: str = "auto") -> AsyncIterator[McpClient]:
    """An MCP client with a bearer key for as long as the block; what goes wrong inside is raised as it is."""
    headers = {"authorization": f"Bearer {key}"}
    try:
        async with httpx2.AsyncClient(headers=headers, timeout=SECONDS, trust_env=False) as http:
            transport = streamable_http_client(url, http_client=http)
            async with Client(transport, mode=mode, cache=None, read_timeout_seconds=SECONDS) as client:
                yield McpClient(client)
    except BaseExceptionGroup as group:
        raise first_cause(group) from group


@dataclass(frozen=True)
class EdgeClient:
    """REST through the edge with one key."""

    http: httpx2.AsyncClient

    async def post(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> httpx2.Response:
        """Posts JSON."""
        return await self.http.post(path, json=dict(body or {}), params=query)

    async def get(self, path: str, **query: str) -> httpx2.Response:
        """Reads."""
        return await self.http.get(path, params=query)

    async def do(self, path: str, body: Mapping[str, Any] | None = None, **query: str) -> dict[str, Any]:
        """The answer; fails the test on a refusal."""
        answer = await self.post(path, body, **query)
        assert answer.status_code == httpx2.codes.OK, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def insist(self, path: str, body: Mapping[str, Any], key: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Repeats one write under its idempotency key until it is answered."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    answer = await self.http.post(path, json=dict(body), headers={"idempotency-key": key})
                except httpx2.TransportError:
                    continue
                told: dict[str, Any] = answer.json()
                if answer.status_code == httpx2.codes.OK:
                    return told
                assert told["retryable"], told
                await asyncio.sleep(min(float(told["retry_after_s"]), POLL))

    async def decide(self, approval: str, decision: str = "approve", reason: str = "") -> httpx2.Response:
        """Decides an approval."""
        return await self.post(f"/approvals/{approval}/decide", {"decision": decision, "reason": reason})


@asynccontextmanager
async def edge_client(stack: Stack, key: str = "") -> AsyncIterator[EdgeClient]:
    """A REST client for as long as the block; without a key it sends none."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    async with httpx2.AsyncClient(base_url=stack.edge_url, headers=headers, timeout=SECONDS, trust_env=False) as http:
        yield EdgeClient(http)


async def approved(agent: McpClient, operator: EdgeClient, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a write answers once the operator has approved exactly this call."""
    return await let_through(agent, operator, await agent.refused(tool, **arguments), tool, **arguments)


async def let_through(
    agent: McpClient, operator: EdgeClient, asked: Mapping[str, Any], tool: str, **arguments: Any
) -> dict[str, Any]:
    """The same where the call was made and refused already, as `asked` tells."""
    assert asked["code"] == "approval_required", asked
    decided = await operator.decide(asked["approval_id"])
    assert decided.status_code == httpx2.codes.OK, decided.text
    return await agent.do(tool, **arguments, approval_id=asked["approval_id"])
