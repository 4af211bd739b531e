"""Rolling restarts: with two replicas of each service no request through the edge fails while each restarts in turn."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx2
import pytest

from support.stack import Stack, running

AT_LEAST = 2_000
CALLERS = 6
REPLICAS = 2
SERVICES = ("crm-core", "crm-governance", "mcp-gateway")
SECONDS = 240
VERSION = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "load", "version": "1"},
}
AS_AGENT = {
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": VERSION,
    "mcp-method": "tools/call",
    "mcp-name": "crm_search_customers",
}
POLICY = "tenants:\n  demo: {limits: {every: 1000000}}\n"


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with two replicas of each service, and limits that the load does not reach."""
    home = tmp_path_factory.mktemp("doubled")
    policy = home / "server.yaml"
    policy.write_text(POLICY)
    with running(home / "data", KONTOR_REPLICAS=str(REPLICAS), MCP_SERVER_CONFIG=str(policy)) as stack:
        yield stack


class Load:
    """Callers through the edge: people who read and write over REST, an agent who reads over MCP."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._numbers = count(1)
        self._ended = False
        self.right: Counter[str] = Counter()
        self.wrong: list[str] = []

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Loads for as long as the block."""
        ways = (self.read, self.write, self.ask)
        async with (
            httpx2.AsyncClient(base_url=self._stack.edge_url, timeout=10, trust_env=False) as http,
            asyncio.TaskGroup() as group,
        ):
            for number in range(CALLERS):
                group.create_task(self._repeat(ways[number % len(ways)], http))
            try:
                yield
            finally:
                self._ended = True

    async def read(self, http: httpx2.AsyncClient) -> bool:
        """A person searches."""
        told = await self._post(http, "sales", "/crm/search_customers", {"query": "load"})
        return "total" in told

    async def write(self, http: httpx2.AsyncClient) -> bool:
        """A person makes a contact."""
        body = {"first_name": "Load", "email": f"load{next(self._numbers)}@example.com"}
        return bool((await self._post(http, "sales", "/crm/upsert_contact", body)).get("outcome") == "created")

    async def ask(self, http: httpx2.AsyncClient) -> bool:
        """An agent searches over MCP."""
        params = {"name": "crm_search_customers", "arguments": {"query": "load"}, "_meta": META}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        told = await self._post(http, "agent", "/mcp", body, AS_AGENT)
        return "total" in told.get("result", {}).get("structuredContent", {})

    async def _repeat(self, way: Callable[[httpx2.AsyncClient], Awaitable[bool]], http: httpx2.AsyncClient) -> None:
        name = getattr(way, "__name__", "")
        while not self._ended:
            try:
                self.right[name] += await way(http)
            except httpx2.HTTPError as error:
                self.wrong.append(f"{name}: {error!r}")

    async def _post(
        self, http: httpx2.AsyncClient, key: str, path: str, body: dict[str, Any], more: dict[str, str] | None = None
    ) -> dict[str, Any]:
        authorization = {"authorization": f"Bearer {self._stack.credentials.demo.key(key)}"}
        answer = await http.post(path, json=body, headers=authorization | (more or {}))
        told: dict[str, Any] = answer.json()
        if answer.status_code != httpx2.codes.OK or told.get("result", {}).get("isError"):
            self.wrong.append(f"{path}: {answer.status_code} {json.dumps(told)[:300]}")
        return told


async def test_no_request_fails_while_every_process_restarts(doubled: Stack) -> None:
    """`kontor restart` replaces both replicas of the gateway and of each service under load, and nobody notices."""
    before = {each.name: each.pid for each in doubled.run.processes}
    load = Load(doubled)
    async with load.going_on():
        done = await asyncio.to_thread(doubled.kontor, "restart", seconds=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    after = {each.name: each.pid for each in doubled.run.processes}
    replicas = {name for service in SERVICES for name in (service, f"{service}-{REPLICAS}")}
    assert {name for name in before if before[name] != after[name]} == replicas
    assert load.wrong == []
    assert load.right.total() >= AT_LEAST, load.right
    assert len(load.right) == len(("read", "write", "ask"))
