"""Customers over MCP: an agent finds, makes and links them without guessing, and a frontend sees the same."""

from support.clients import approved
from support.coverage import covers
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant

COMPANY = {"name": "Hafen AG", "domain": "hafen.example"}
PERSON = {"name": "Zoë Brandt", "email": "zoe@hafen.example", "phone": "+49 30 1234567"}
BOSS = {"name": "Ida Lund", "email": "ida@hafen.example"}


@covers(
    "crm_upsert_contact",
    "crm_upsert_company",
    "crm_search_customers",
    "crm_lookup_customer",
    "crm_link_entities",
    "crm_list_associations",
    "crm_get_record",
)
async def test_an_agent_keeps_customers(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """What an agent wrote is found by the next call, belongs to its person and reads the same at the edge."""
    async with (
        connect(tenant.key("agent")) as agent,
        at_edge(tenant.key("operator")) as operator,
        at_edge(tenant.key("viewer")) as frontend,
    ):
        company = (await approved(agent, operator, "crm_upsert_company", **COMPANY))["company"]
        contact = (await approved(agent, operator, "crm_upsert_contact", **PERSON))["contact"]
        boss = (await approved(agent, operator, "crm_upsert_contact", **BOSS))["contact"]
        pairs = [{"from_id": contact["id"], "to_id": boss["id"]}]
        await approved(agent, operator, "crm_link_entities", pairs=pairs, type="reports_to")
        hits = (await agent.do("crm_search_customers", query="zoe haf"))["hits"]
        links = (await agent.do("crm_list_associations", record_id=contact["id"]))["associations"]
        found = await agent.do("crm_lookup_customer", query="+49 (30) 123-4567")
        read = await agent.do("crm_get_record", id=contact["id"])
        seen = await frontend.do("/crm/get_record", {"id": contact["id"]})

    assert [hit["id"] for hit in hits] == [contact["id"]]
    labels = {each["record"]["id"]: each["label"] for each in links}
    assert labels == {company["id"]: "works at", boss["id"]: "reports to"}
    assert (found["contact"]["id"], found["company"]["id"]) == (contact["id"], company["id"])
    assert read["contact"]["owner_id"] == str(tenant.actor("sales"))
    assert seen == read


@covers("crm_upsert_contact", "crm_get_record")
async def test_doubt_and_strangers_are_told_over_mcp(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """Keys of two contacts are refused with what leads on, before anybody is asked to approve."""
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("operator")) as operator:
        one = (await approved(agent, operator, "crm_upsert_contact", email="one@x.example"))["contact"]["id"]
        two = (await approved(agent, operator, "crm_upsert_contact", email="two@x.example"))["contact"]["id"]
        doubt = await agent.refused("crm_upsert_contact", emails=["one@x.example", "two@x.example"])
        fault = await agent.refused("crm_get_record", id=one, fields=["emials"])

    assert (doubt["code"], set(doubt["ids"])) == ("ambiguous_match", {one, two})
    assert (fault["code"], fault["did_you_mean"]) == ("invalid_field", "emails")
