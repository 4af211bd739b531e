"""Custom properties over MCP and at the edge: an agent defines, sets and lists them without guessing."""

from support.clients import approved
from support.coverage import covers
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant

PERSON = {"name": "Zoë Brandt", "email": "zoe@hafen.example"}
STAGE = {
    "object_type": "contact",
    "name": "lead_stage",
    "type": "select",
    "options": [{"value": "mql", "label": "Marketing qualified"}, {"value": "sql", "label": "Sales qualified"}],
}


@covers("crm_define_property", "crm_set_property", "crm_list_properties")
async def test_an_agent_adds_what_its_tenant_needs(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """A property defined by one agent is listed, set by label by another, and read the same at the edge."""
    async with (
        connect(tenant.key("agent_admin")) as chief,
        connect(tenant.key("agent")) as agent,
        at_edge(tenant.key("operator")) as operator,
        at_edge(tenant.key("viewer")) as frontend,
    ):
        await approved(chief, operator, "crm_define_property", **STAGE)
        contact = (await approved(agent, operator, "crm_upsert_contact", **PERSON))["contact"]["id"]
        listed = (await agent.do("crm_list_properties", object_type="contact", kind="custom"))["properties"]
        wrong = await agent.refused(
            "crm_set_property", record_id=contact, properties=[{"name": "lead_stage", "value": "sqll"}]
        )
        values = [{"name": "lead_stage", "value": "sales qualified"}]
        done = await approved(agent, operator, "crm_set_property", record_id=contact, properties=values)
        seen = await frontend.do("/crm/get_record", {"id": contact, "fields": ["lead_stage"]})
        denied = await agent.refused("crm_define_property", **STAGE)

    assert [(each["name"], each["type"]) for each in listed] == [("lead_stage", "select")]
    assert [each["value"] for each in listed[0]["options"]] == ["mql", "sql"]
    assert (wrong["fields"][0]["code"], wrong["did_you_mean"]) == ("option_unknown", "sql")
    assert done["properties"] == [{"name": "lead_stage", "value": "sql"}]
    assert seen["selected"] == {"lead_stage": "sql"}
    assert denied["code"] == "role_required"


async def test_a_person_does_the_same_at_the_edge(tenant: Tenant, at_edge: ConnectEdge) -> None:
    """Over REST a type change is previewed, refused while values fail, and done when told to empty them."""
    async with at_edge(tenant.key("admin")) as person:
        await person.do("/crm/define_property", {"object_type": "contact", "name": "size", "type": "text"})
        contact = (await person.do("/crm/upsert_contact", PERSON))["contact"]["id"]
        values = [{"name": "size", "value": "large"}]
        await person.do("/crm/set_property", {"record_id": contact, "properties": values})
        change = {"object_type": "contact", "name": "size", "type": "number"}
        refused = (await person.post("/crm/define_property", change, dry_run="true")).json()
        trial = await person.do("/crm/define_property", {**change, "on_failure": "clear"}, dry_run="true")
        kept = await person.do("/crm/get_record", {"id": contact, "fields": ["size"]})
        await person.do("/crm/define_property", {**change, "on_failure": "clear"})
        emptied = await person.do("/crm/get_record", {"id": contact, "fields": ["size"]})
        listed = await person.do("/crm/list_properties", {"kind": "custom"})
        await person.do("/crm/define_property", {"object_type": "contact", "name": "coach", "type": "user"})
        coach = [{"name": "coach", "value": f"BEA@{tenant.slug}.example"}]
        coached = await person.do("/crm/set_property", {"record_id": contact, "properties": coach})

    assert (refused["code"], refused["conversion"]["fails"]) == ("conflict", 1)
    assert trial["conversion"]["samples"][0]["code"] == "number_unparsable"
    assert (kept["selected"], emptied["selected"]) == ({"size": "large"}, {"size": None})
    assert [(each["type"], each["filled"]) for each in listed["properties"]] == [("number", 0)]
    assert coached["properties"] == [{"name": "coach", "value": str(tenant.actor("approver"))}]
