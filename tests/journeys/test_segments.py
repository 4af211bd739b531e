"""Structured search and segments over MCP and at the edge: a list is found, kept, and explained."""

from support.clients import approved
from support.coverage import covers
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant
from support.waiting import wait_until_async

BERLIN = {"field": "city", "op": "eq", "value": "Berlin"}
FILTER = {"all": [BERLIN, {"none": [{"field": "email", "op": "is_empty"}]}]}
SEARCH = {"type": "contact", "filter": FILTER, "sorts": [{"field": "name"}], "explain": True}
SEGMENT = {"key": "berlin", "name": "People in Berlin", "type": "contact", "filter": FILTER}


@covers("crm_search_advanced", "crm_create_segment", "crm_list_segments", "crm_segment_members")
async def test_an_agent_keeps_a_list(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """What a search finds becomes a segment that follows the records, the same for agent and frontend."""
    async with (
        connect(tenant.key("agent_admin")) as agent,
        at_edge(tenant.key("operator")) as operator,
        at_edge(tenant.key("viewer")) as frontend,
        at_edge(tenant.key("admin")) as person,
    ):
        ada = (await person.do("/crm/upsert_contact", {"name": "Ada", "email": "ada@x.example", "city": "Berlin"}))[
            "contact"
        ]
        bob = (await person.do("/crm/upsert_contact", {"name": "Bob", "email": "bob@x.example", "city": "Bonn"}))[
            "contact"
        ]
        found = await agent.do("crm_search_advanced", **SEARCH)
        same = await frontend.do("/crm/search_advanced", SEARCH)
        await approved(agent, operator, "crm_create_segment", **SEGMENT)
        listed = await agent.do("crm_list_segments", type="contact")
        out = await agent.do("crm_segment_members", segment="berlin", record_id=bob["id"])
        await person.do("/crm/upsert_contact", {"id": bob["id"], "city": "Berlin"})
        inside = await frontend.do("/crm/segment_members", {"segment": "berlin", "record_id": bob["id"]})

        async def both() -> bool:
            """Both are listed, in the order they joined."""
            members = (await frontend.do("/crm/segment_members", {"segment": "berlin"}))["members"]
            return [each["id"] for each in members] == [ada["id"], bob["id"]]

        await wait_until_async(both)
        fault = await agent.refused("crm_search_advanced", type="contact", filter={"field": "cty", "op": "is_set"})

    assert [row["id"] for row in found["rows"]] == [ada["id"]]
    assert found["explanation"]["reading"] == "city is Berlin and not (email has no value)"
    assert same == found
    assert [(each["key"], each["size"], each["kind"]) for each in listed["segments"]] == [("berlin", 1, "dynamic")]
    assert not out["membership"]["is_member"]
    assert [each["met"] for each in out["membership"]["conditions"]] == [False, False]
    assert inside["membership"]["is_member"]
    assert (fault["code"], fault["did_you_mean"]) == ("invalid_field", "city")


@covers("crm_search_advanced")
async def test_a_user_is_named_by_address(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """An owner's e-mail address will do where an id is asked; an unknown one is refused."""
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("admin")) as person:
        await person.do("/crm/upsert_contact", {"name": "Ada", "email": "ada@x.example"})
        mine = {"field": "owner_id", "op": "eq", "value": f"ada@{tenant.slug}.example"}
        found = await agent.do("crm_search_advanced", type="contact", filter=mine)
        fault = await agent.refused("crm_search_advanced", type="contact", filter={**mine, "value": "nobody@x.example"})

    assert [row["name"] for row in found["rows"]] == ["Ada"]
    assert fault["code"] == "invalid_field"
