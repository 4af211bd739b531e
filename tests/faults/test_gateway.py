"""The gateway with a service hung, killed or away, and killed itself; on a stack of its own."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from support.clients import mcp_client
from support.stack import Stack, running
from support.tenants import Tenant, create_tenant
from support.waiting import wait_until, wait_until_async

READ = "/mcp/crm/list_pipelines"
ELSEWHERE = "/mcp/crm/whoami"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack to break."""
    with running(tmp_path_factory.mktemp("faults") / "data") as stack:
        yield stack


@pytest.fixture
def victim(broken: Stack) -> Tenant:
    """A tenant of the stack to break, once everything there works."""
    wait_until(broken.is_well, seconds=60)
    return create_tenant(broken)


@asynccontextmanager
async def facade(stack: Stack, key: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A REST client of the gateway itself."""
    base, headers = stack.mcp_url.removesuffix("/mcp"), {"authorization": f"Bearer {key}"}
    async with httpx2.AsyncClient(base_url=base, headers=headers, timeout=30, trust_env=False) as http:
        yield http


async def timed(http: httpx2.AsyncClient, path: str) -> tuple[float, int]:
    """How long an answer took, and its status."""
    began = time.monotonic()
    answer = await http.post(path, json={})
    return time.monotonic() - began, answer.status_code


async def test_a_hung_service_costs_one_deadline(broken: Stack, victim: Tenant) -> None:
    """The first callers wait for one deadline, later ones hardly at all, and the other services not once."""
    pid = broken.process("crm-core").pid
    async with facade(broken, victim.key("agent")) as http:
        assert (await timed(http, READ))[1] == httpx2.codes.OK
        os.kill(pid, signal.SIGSTOP)
        try:
            first, *others = await asyncio.gather(timed(http, READ), *(timed(http, ELSEWHERE) for _ in range(20)))
            later = [await timed(http, READ) for _ in range(3)]
        finally:
            os.kill(pid, signal.SIGCONT)
        assert 1.9 < first[0] < 2.6
        assert first[1] in (httpx2.codes.GATEWAY_TIMEOUT, httpx2.codes.SERVICE_UNAVAILABLE)
        assert max(took for took, _ in others) < 1.5
        assert {status for _, status in others} == {httpx2.codes.OK}
        assert max(took for took, _ in later) < 0.5
        assert {status for _, status in later} == {httpx2.codes.SERVICE_UNAVAILABLE}
        await wait_until_async(lambda: works(http), what="crm-core answers again")


async def works(http: httpx2.AsyncClient) -> bool:
    """A read is answered."""
    return (await timed(http, READ))[1] == httpx2.codes.OK


async def test_a_dead_service_is_told_at_once_and_stays_listed(broken: Stack, victim: Tenant) -> None:
    """Killed, its tools answer `unavailable` in under a second, all tools stay listed, and it comes back by itself."""
    async with mcp_client(broken.mcp_url, victim.key("agent")) as agent:
        whole = {tool.name for tool in (await agent.client.list_tools()).tools}
        broken.kill("crm-core")
        began = time.monotonic()
        refusal = await agent.refused("crm_list_pipelines")
        assert time.monotonic() - began < 1.0
        assert (refusal["code"], refusal["retryable"]) == ("unavailable", True)
        assert {tool.name for tool in (await agent.client.list_tools()).tools} == whole
        assert await agent.do("crm_whoami")
    async with facade(broken, victim.key("agent")) as http:
        await wait_until_async(lambda: works(http), seconds=60, what="crm-core is back")


async def test_without_governance_nothing_is_written(broken: Stack, victim: Tenant) -> None:
    """While keys cannot be checked a known caller reads, and no guarded write is even asked for."""
    async with facade(broken, victim.key("agent")) as http:
        assert (await timed(http, READ))[1] == httpx2.codes.OK
        pid = broken.process("crm-governance").pid
        os.kill(pid, signal.SIGSTOP)
        try:
            assert (await timed(http, READ))[1] == httpx2.codes.OK
            refused = await http.post("/mcp/crm/create_deal", json={"name": "Unseen"})
        finally:
            os.kill(pid, signal.SIGCONT)
    assert (refused.status_code, refused.json()["code"]) == (httpx2.codes.SERVICE_UNAVAILABLE, "unavailable")
    assert count(broken, "mcp-gateway", "SELECT count(*) FROM approvals WHERE tenant_id = %s", victim) == 0


async def test_a_killed_gateway_loses_no_row(broken: Stack, victim: Tenant) -> None:
    """Reads answered just before `kill -9` are in the read log after the restart."""
    async with facade(broken, victim.key("agent")) as http:
        answers = await asyncio.gather(*(timed(http, READ) for _ in range(30)))
        broken.kill("mcp-gateway")
    assert {status for _, status in answers} == {httpx2.codes.OK}
    reads = "SELECT count(*) FROM read_log WHERE tenant_id = %s AND operation = 'crm_list_pipelines'"
    wait_until(lambda: count(broken, "mcp-gateway", reads, victim) == len(answers), seconds=60, what="every read noted")


async def test_an_approval_outlives_its_gateway(broken: Stack, victim: Tenant) -> None:
    """An approval asked before a crash is decided and used after it, and has one effect."""
    async with mcp_client(broken.mcp_url, victim.key("agent")) as agent:
        asked = await agent.refused("crm_create_deal", name="Twice started")
    broken.kill("mcp-gateway")
    wait_until(broken.is_well, seconds=60)
    async with facade(broken, victim.key("operator")) as operator:
        decided = await operator.post(f"/approvals/{asked['approval_id']}/decide", json={"decision": "approve"})
        assert decided.status_code == httpx2.codes.OK
    async with mcp_client(broken.mcp_url, victim.key("agent")) as agent:
        for _ in range(2):
            await agent.do("crm_create_deal", name="Twice started", approval_id=asked["approval_id"])
    assert count(broken, "crm-core", "SELECT count(*) FROM deal WHERE tenant_id = %s", victim) == 1


def count(stack: Stack, service: str, query: Any, tenant: Tenant) -> int:
    """The one number that a query answers."""
    with stack.sql(service) as connection:
        row = connection.execute(query, (tenant.id,)).fetchone()
    assert row is not None
    return int(row[0])
