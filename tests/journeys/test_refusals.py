"""What is refused at either door: with a clear error, with an audit row, and with nothing changed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from kontor_platform.runtime.principal import SYSTEM_TENANT
from support.clients import EdgeClient, McpClient
from support.plugin import ConnectEdge, ConnectMcp
from support.stack import Stack
from support.tenants import Tenant, create_tenant
from support.waiting import wait_until

CONTACT = {"last_name": "Lovelace", "email": "ada@example.com"}
DEAL = {"name": "Refused"}
TABLES = {
    "crm-core": ("contact", "company", "deal", "activity", "record_change"),
    "crm-governance": ("users", "api_key"),
}
PARALLEL = 20


def rows(stack: Stack, tenant: Tenant) -> dict[str, int]:
    """How much the tenant has of everything a refused call could have changed."""
    counts = {}
    for service, tables in TABLES.items():
        with stack.sql(service) as connection:
            for table in tables:
                query = f"SELECT count(*) FROM {table} WHERE tenant_id = %s"
                counts[table] = (connection.execute(query.encode(), (tenant.id,)).fetchone() or (0,))[0]
    return counts


def audited(stack: Stack, service: str, tenant: UUID, reason: str) -> int:
    """How many audit rows of a service tell of refusals with that reason."""
    with stack.sql(service) as connection:
        found = connection.execute(
            "SELECT count(*) FROM outbox WHERE kind = 'audit' AND tenant_id = %s AND data->>'reason' = %s",
            (tenant, reason),
        ).fetchone()
    return int(found[0]) if found else 0


Rest = Callable[[EdgeClient], Awaitable[httpx2.Response]]
AT_THE_EDGE: dict[str, tuple[str, int, str, str, dict[str, Any]]] = {
    "wrong role": ("viewer", 403, "role_required", "/crm/upsert_contact", CONTACT),
    "invalid field": ("sales", 422, "invalid_field", "/crm/create_deal", {"name": ""}),
    "unknown field": ("sales", 422, "unknown_field", "/crm/upsert_contact", {"emial": "ada@example.com"}),
    "unknown id": ("sales", 404, "not_found", "/crm/create_note", {"body": "x", "record_ids": [str(uuid4())]}),
    "an agent": ("agent", 403, "approval_required", "/crm/upsert_contact", CONTACT),
}


@pytest.mark.parametrize("case", AT_THE_EDGE)
async def test_refused_at_the_edge(stack: Stack, tenant: Tenant, at_edge: ConnectEdge, case: str) -> None:
    """The edge's refusals are problems with a code, rows in the service's audit, and no change."""
    who, status, code, path, body = AT_THE_EDGE[case]
    before = rows(stack, tenant)
    async with at_edge(tenant.key(who)) as caller:
        answer = await caller.post(path, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert rows(stack, tenant) == before
    assert audited(stack, "crm-core", tenant.id, code) == 1


AT_THE_GATEWAY: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "wrong role": ("viewer", "role_required", "crm_upsert_contact", CONTACT),
    "invalid field": ("agent", "invalid_field", "crm_create_deal", {"name": ""}),
    "unknown field": ("agent", "unknown_field", "crm_upsert_contact", {"emial": "ada@example.com"}),
    "unknown id": ("agent", "not_found", "crm_get_record", {"id": str(uuid4())}),
    "no approval": ("agent", "approval_required", "crm_upsert_contact", CONTACT),
    "its own word": ("agent", "approval_required", "crm_upsert_contact", CONTACT | {"user_approved": True}),
    "a guessed approval": ("agent", "approval_invalid", "crm_create_deal", DEAL | {"approval_id": str(uuid4())}),
}


@pytest.mark.parametrize("case", AT_THE_GATEWAY)
async def test_refused_at_the_gateway(stack: Stack, tenant: Tenant, connect: ConnectMcp, case: str) -> None:
    """The gateway's refusals are tool errors that a model can mend, rows in its audit, and no change."""
    who, code, tool, arguments = AT_THE_GATEWAY[case]
    before = rows(stack, tenant)
    async with connect(tenant.key(who)) as caller:
        refusal = await caller.refused(tool, **arguments)
    assert refusal["code"] == code
    assert refusal["message"]
    assert rows(stack, tenant) == before
    assert audited(stack, "mcp-gateway", tenant.id, code) == 1


async def test_without_a_key_nothing_is_told(stack: Stack, at_edge: ConnectEdge) -> None:
    """No key, a wrong one and one of another shape get the same 401 on both doors, and are counted in the audit."""
    before = strangers(stack)
    bodies, asked = set(), 0
    for key in ("", "wrong", f"kontor_{uuid4()}_{uuid4()}_{'A' * 43}"):
        async with at_edge(key) as nobody:
            for path in ("/crm/lookup_customer", "/mcp/crm/whoami", "/mcp", "/approvals"):
                answer = await (nobody.get if path in ("/crm/lookup_customer", "/approvals") else nobody.post)(path)
                assert answer.status_code == httpx2.codes.UNAUTHORIZED, (path, answer.text)
                assert answer.headers["www-authenticate"] == "Bearer"
                bodies.add(answer.json()["code"])
                asked += path != "/crm/lookup_customer"
    assert bodies == {"unauthenticated"}
    wait_until(lambda: strangers(stack) >= before + asked, what="every refused stranger is counted")


def strangers(stack: Stack) -> int:
    """How many refusals the gateway's audit counts in the system's tenant: one row an address, reason and minute."""
    with stack.sql("mcp-gateway") as connection:
        found = connection.execute(
            """
            SELECT sum((data->>'count')::int) FROM outbox
            WHERE tenant_id = %s AND data->>'reason' = 'unauthenticated'
            """,
            (SYSTEM_TENANT,),
        ).fetchone()
    return int(found[0] or 0) if found else 0


async def test_a_revoked_key_is_dead(stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """After an approved revocation neither door takes the key for a write, and within seconds none takes it at all."""
    victim = tenant.issued["agent_key"].key_id
    async with at_edge(tenant.key("admin")) as admin, at_edge(tenant.key("approver")) as approver:
        asked = (await admin.post("/mcp/crm/revoke_api_key", {"id": victim})).json()
        assert asked["code"] == "approval_required", asked
        assert (await approver.decide(asked["approval_id"])).status_code == httpx2.codes.OK
        await admin.do("/mcp/crm/revoke_api_key", {"id": victim, "approval_id": asked["approval_id"]})
    async with at_edge(tenant.key("agent")) as revoked:
        write = await revoked.post("/mcp/crm/create_deal", DEAL)
        assert write.status_code == httpx2.codes.UNAUTHORIZED, write.text

        async def dead() -> bool:
            return (await revoked.get("/crm/lookup_customer", query="x")).status_code == httpx2.codes.UNAUTHORIZED

        deadline = asyncio.get_running_loop().time() + 10
        while not await dead():
            assert asyncio.get_running_loop().time() < deadline, "a revoked key still reads at the edge"


async def test_another_tenants_id_is_an_unknown_id(
    stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """Byte for byte the same answer on both doors, apart from the ids of the call."""
    neighbour = create_tenant(stack)
    async with at_edge(neighbour.key("sales")) as person:
        theirs = (await person.do("/crm/upsert_contact", CONTACT))["contact"]["id"]
    unknown = str(UUID(int=UUID(theirs).int ^ 1))
    async with at_edge(tenant.key("sales")) as person, connect(tenant.key("agent")) as agent:
        for path, argument in (
            ("/crm/get_record", "id"),
            ("/crm/timeline", "record_id"),
            ("/crm/list_associations", "record_id"),
        ):
            foreign, absent = [(await person.post(path, {argument: each})) for each in (theirs, unknown)]
            assert (foreign.status_code, without_ids(foreign)) == (absent.status_code, without_ids(absent)), path
            assert foreign.status_code == httpx2.codes.NOT_FOUND
        refusals = [await agent.refused("crm_get_record", id=each) for each in (theirs, unknown)]
    assert refusals[0] == refusals[1]


def without_ids(answer: httpx2.Response) -> dict[str, Any]:
    """A problem without the id of its trace."""
    problem: dict[str, Any] = answer.json()
    return {name: value for name, value in problem.items() if name not in ("trace_id", "request_id")}


async def test_an_approval_is_its_askers_own(
    stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """Another actor of the tenant and another tenant are refused alike; the asker then uses it once."""
    neighbour = create_tenant(stack)
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("operator")) as operator:
        approval = (await agent.refused("crm_create_deal", **DEAL))["approval_id"]
        assert (await operator.decide(approval)).status_code == httpx2.codes.OK
        for thief in (tenant.key("agent_admin"), neighbour.key("agent")):
            async with connect(thief) as other:
                refusal = await other.refused("crm_create_deal", **DEAL, approval_id=approval)
                assert refusal["code"] == "approval_invalid"
        changed = await agent.refused("crm_create_deal", name="Something else", approval_id=approval)
        assert changed["code"] == "approval_invalid"
        assert rows(stack, tenant)["deal"] == 0
        await agent.do("crm_create_deal", **DEAL, approval_id=approval)
    assert rows(stack, tenant)["deal"] == 1
    assert rows(stack, neighbour)["deal"] == 0


async def test_an_expired_approval_is_worth_nothing(
    stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """Once its time is over the call asks anew, and nothing was written."""
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("operator")) as operator:
        approval = (await agent.refused("crm_create_deal", **DEAL))["approval_id"]
        assert (await operator.decide(approval)).status_code == httpx2.codes.OK
        with stack.sql("mcp-gateway") as connection:
            connection.execute(
                "UPDATE approvals SET expires_at = now() - interval '1 second' WHERE id = %s", (approval,)
            )
        refusal = await agent.refused("crm_create_deal", **DEAL, approval_id=approval)
    assert refusal["code"] in ("approval_invalid", "approval_required")
    assert refusal.get("approval_id") != approval
    assert rows(stack, tenant)["deal"] == 0


async def test_agents_decide_nothing(stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """An agent's key, whatever its role, gets 403 on the decision, and the approval goes on waiting."""
    async with connect(tenant.key("agent")) as agent:
        approval = (await agent.refused("crm_create_deal", **DEAL))["approval_id"]
    for name in ("agent", "agent_admin"):
        async with at_edge(tenant.key(name)) as caller:
            answer = await caller.decide(approval)
            assert (answer.status_code, answer.json()["code"]) == (httpx2.codes.FORBIDDEN, "permission_denied")
    async with at_edge(tenant.key("operator")) as operator:
        assert (await operator.get(f"/approvals/{approval}")).json()["status"] == "pending"
    assert audited(stack, "mcp-gateway", tenant.id, "permission_denied") == len(("agent", "agent_admin"))


async def test_twenty_parallel_uses_of_an_approval_have_one_effect(
    stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """However many repeat the approved call at once, there is one deal, and each gets it or is told to wait."""
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("operator")) as operator:
        approval = (await agent.refused("crm_create_deal", **DEAL))["approval_id"]
        assert (await operator.decide(approval)).status_code == httpx2.codes.OK
        answers = await asyncio.gather(*(once(agent, approval) for _ in range(PARALLEL)))
    made = {answer["deal"]["id"] for answer in answers if "deal" in answer}
    told = {answer["code"] for answer in answers if "deal" not in answer}
    assert len(made) == 1
    assert told <= {"idempotency_running", "rate_limited"}
    assert rows(stack, tenant)["deal"] == 1


async def once(agent: McpClient, approval: str) -> dict[str, Any]:
    """What one use of the approval answers."""
    result = await agent.call("crm_create_deal", **DEAL, approval_id=approval)
    content: dict[str, Any] = result.structured_content or {}
    return content
