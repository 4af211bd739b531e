"""The main job: an agent works in the CRM over MCP, a person approves, a frontend sees it through the edge."""

from typing import Any

import httpx2

from support.clients import LEGACY, MODERN, approved
from support.coverage import covers
from support.plugin import ConnectEdge, ConnectMcp
from support.stack import Stack
from support.tenants import Tenant

COMPANY = {"name": "Nordlicht Optics", "external_ids": [{"system": "salesforce", "value": "001NORDLICHT"}]}
DEAL = {
    "name": "Nordlicht - 300 lenses",
    "amount": "12500.50",
    "currency": "EUR",
    "company_external_id": {"system": "salesforce", "value": "001NORDLICHT"},
    "external_ids": [{"system": "salesforce", "value": "006NORDLICHT"}],
}


@covers("crm_upsert_company", "crm_create_deal", "crm_update_pipeline", "crm_lookup_customer", "crm_list_pipelines")
async def test_an_agent_works_and_a_frontend_sees_it(
    stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """What an agent wrote with a person's approvals is what a frontend and the database then show."""
    async with (
        connect(tenant.key("agent")) as agent,
        at_edge(tenant.key("operator")) as operator,
        at_edge(tenant.key("viewer")) as frontend,
    ):
        company = (await approved(agent, operator, "crm_upsert_company", **COMPANY))["company"]
        deal = (await approved(agent, operator, "crm_create_deal", **DEAL))["deal"]
        stages = [each["label"] for each in (await agent.do("crm_list_pipelines"))["pipelines"][0]["stages"]]
        moved = await approved(agent, operator, "crm_update_pipeline", deal_id=deal["id"], stage=stages[1])
        found = await agent.do("crm_lookup_customer", query="001NORDLICHT")
        seen = await frontend.do("/crm/timeline", {"record_id": deal["id"]})

    assert moved["deal"]["stage"] == stages[1]
    assert found["company"]["id"] == company["id"]
    assert [each["id"] for each in found["open_deals"]] == [deal["id"]]
    assert seen["entries"][0]["kind"] == "stage"
    assert rows(stack, tenant) == {"company": 1, "deal": 1, "stage_moves": 2}


def rows(stack: Stack, tenant: Tenant) -> dict[str, int]:
    """What the database holds for the tenant."""
    counts = {"company": "company", "deal": "deal", "stage_moves": "deal_stage_interval"}
    with stack.sql("crm-core") as connection:
        return {
            name: number(
                connection.execute(f"SELECT count(*) FROM {table} WHERE tenant_id = %s", (tenant.id,)).fetchone()
            )
            for name, table in counts.items()
        }


def number(row: tuple[Any, ...] | None) -> int:
    """The only value of a row."""
    assert row is not None
    return int(row[0])


async def test_both_protocol_revisions_list_the_same_whole_catalogue(tenant: Tenant, connect: ConnectMcp) -> None:
    """Every tool has a description, both schemas and all four hints, whatever revision the client speaks."""
    listed = {}
    for mode in (MODERN, LEGACY):
        async with connect(tenant.key("agent_admin"), mode=mode) as agent:
            listed[mode] = (await agent.client.list_tools()).tools
    assert [each.model_dump() for each in listed[MODERN]] == [each.model_dump() for each in listed[LEGACY]]
    for tool in listed[MODERN]:
        assert tool.description
        assert tool.input_schema["type"] == "object"
        assert tool.output_schema is not None
        assert tool.annotations is not None
        assert None not in tool.annotations.model_dump(exclude={"title"}).values(), tool.name


async def test_a_dotted_alias_is_the_tool(tenant: Tenant, connect: ConnectMcp) -> None:
    """A call by the dotted alias answers what the canonical name answers."""
    async with connect(tenant.key("viewer")) as viewer:
        assert await viewer.do("crm.whoami") == await viewer.do("crm_whoami")


async def test_a_write_without_approval_changes_nothing(stack: Stack, tenant: Tenant, connect: ConnectMcp) -> None:
    """An agent's own word is no approval: the call is refused and no row appears."""
    async with connect(tenant.key("agent")) as agent:
        refusal = await agent.refused("crm_create_deal", name="On my own", user_approved=True)
    assert refusal["code"] == "approval_required"
    assert rows(stack, tenant)["deal"] == 0


async def test_an_argument_changed_after_approval_is_refused(
    stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """An approval is for the call that was shown, not for another amount."""
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("operator")) as operator:
        asked = await agent.refused("crm_create_deal", name="Lenses", amount="10.00")
        assert (await operator.decide(asked["approval_id"])).status_code == httpx2.codes.OK
        changed = {"name": "Lenses", "amount": "99999.00", "approval_id": asked["approval_id"]}
        refusal = await agent.refused("crm_create_deal", **changed)
    assert refusal["code"] == "approval_invalid"
    assert rows(stack, tenant)["deal"] == 0


async def test_an_agent_cannot_decide(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """The decision endpoint refuses agents, whatever their role."""
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("agent_admin")) as decider:
        asked = await agent.refused("crm_create_deal", name="Lenses")
        decided = await decider.decide(asked["approval_id"])
    assert decided.status_code == httpx2.codes.FORBIDDEN


async def test_a_repeat_answers_the_first_result(
    stack: Stack, tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """The identical call with its used approval is answered again, marked as replayed, and has one effect."""
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("operator")) as operator:
        asked = await agent.refused("crm_create_deal", name="Once")
        await operator.decide(asked["approval_id"])
        again = {"name": "Once", "approval_id": asked["approval_id"]}
        first, second = await agent.call("crm_create_deal", **again), await agent.call("crm_create_deal", **again)
    assert first.structured_content == second.structured_content
    assert (second.meta or {})["kontor/replayed"] is True
    assert rows(stack, tenant)["deal"] == 1


async def test_nobody_without_a_key(at_edge: ConnectEdge) -> None:
    """No key, no data, on either door."""
    async with at_edge() as stranger:
        answers = [await stranger.post(path) for path in ("/crm/whoami", "/mcp/crm/whoami", "/mcp")]
    assert {each.status_code for each in answers} == {httpx2.codes.UNAUTHORIZED}
