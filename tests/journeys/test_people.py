"""People and keys over MCP: administration waits for a second person, and no secret passes through a model."""

import httpx2

from support.clients import approved
from support.coverage import covers
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant

GONE_SECONDS = 60.0  # ARCHITECTURE.md 4: a revoked key is dead everywhere by then


@covers("crm_upsert_user")
async def test_an_agent_adds_a_user_once(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """The person is created with a person's approval, and asking again changes nothing."""
    person = {"email": "cy@acme.example", "name": "Cy", "roles": ["support"]}
    async with connect(tenant.key("agent_admin")) as agent, at_edge(tenant.key("operator")) as operator:
        first = await approved(agent, operator, "crm_upsert_user", **person)
        second = await agent.do("crm_upsert_user", **person, dry_run=True)
    assert (first["outcome"], second["outcome"]) == ("created", "unchanged")
    assert first["user"]["id"] == second["user"]["id"]


@covers("crm_create_api_key", "crm_revoke_api_key", "crm_whoami")
async def test_a_key_made_by_an_agent_opens_and_closes(
    tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """The secret is collected by a person and never told to the model; once revoked it opens nothing."""
    wanted = {"name": "reader", "kind": "agent", "roles": ["viewer"], "doors": ["edge", "gateway"]}
    async with (
        connect(tenant.key("agent_admin")) as agent,
        at_edge(tenant.key("operator")) as operator,
        at_edge(tenant.key("admin")) as admin,
    ):
        made = await approved(agent, operator, "crm_create_api_key", **wanted)
        collected = await admin.get(httpx2.URL(made["secret_link"]).path)
        assert collected.status_code == httpx2.codes.OK, collected.text
        secret = collected.json()["secret"]
        async with connect(secret) as reader:
            who = await reader.do("crm_whoami")
        revoked = await approved(agent, operator, "crm_revoke_api_key", id=made["key"]["id"])
        async with at_edge(secret) as stranger:
            refused = await stranger.post("/mcp/crm/create_note", {"body": "x"})
    assert made["secret"] == ""
    assert (who["key_id"], who["roles"]) == (made["key"]["id"], ["viewer"])
    assert revoked["outcome"] == "revoked"
    assert refused.status_code in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN)
