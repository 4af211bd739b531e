"""Deals change, change hands, go and come back: over MCP with a person's approval, and over REST."""

from typing import Any

import httpx2

from support.clients import approved
from support.coverage import covers
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant

STAGES = [
    {"label": "Talks", "kind": "open", "probability": 20},
    {"label": "Signed", "kind": "won"},
    {"label": "Gone", "kind": "lost"},
]


@covers("crm_update_deal", "crm_create_deal", "crm_get_record")
async def test_a_deal_is_changed_over_either_door(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """What an agent changed with approval a person changes on, and both see the same."""
    async with (
        connect(tenant.key("agent")) as agent,
        at_edge(tenant.key("operator")) as operator,
        at_edge(tenant.key("sales")) as person,
    ):
        deal = (await approved(agent, operator, "crm_create_deal", name="Lenses", currency="EUR"))["deal"]["id"]
        given = {"amount": "99.90", "probability": 60, "owner_id": f"ada@{tenant.slug}.example"}
        first = await approved(agent, operator, "crm_update_deal", deal_id=deal, **given)
        second = await person.do("/crm/update_deal", {"deal_id": deal, "close_date": "2031-01-31"})
        stale = await person.post("/crm/update_deal", {"deal_id": deal, "amount": "1", "expected_version": 2})
        read = await agent.do("crm_get_record", id=deal)
    assert sorted(first["changed"]) == ["amount", "owner_id", "probability", "probability_source"]
    assert (second["deal"]["probability"], second["deal"]["version"]) == (60, 3)
    assert (stale.status_code, stale.json()["differing"][0]["field"]) == (httpx2.codes.CONFLICT, "amount")
    assert read["deal"] == second["deal"]
    assert read["deal"]["owner_id"] == str(tenant.actor("admin"))


@covers("crm_define_pipeline", "crm_list_pipelines", "crm_update_deal", "crm_update_pipeline")
async def test_a_pipeline_decides_what_closed_deals_take(
    tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """A closed deal is refused until its pipeline opens the field; the list tells what is open and how deals ended."""
    async with connect(tenant.key("agent_admin")) as agent, at_edge(tenant.key("operator")) as operator:
        await approved(agent, operator, "crm_define_pipeline", name="Partners", stages=STAGES)
        made = [
            (await operator.do("/crm/create_deal", {"name": f"d{at}", "pipeline": "Partners"}))["deal"]["id"]
            for at in range(2)
        ]
        await approved(agent, operator, "crm_update_pipeline", deal_id=made[0], stage="Signed")
        closed = await agent.refused("crm_update_deal", deal_id=made[0], amount="5", dry_run=True)
        await approved(
            agent, operator, "crm_define_pipeline", name="Partners", editable_when_closed=["amount", "description"]
        )
        opened = await agent.do("crm_update_deal", deal_id=made[0], amount="5", dry_run=True)
        (listed,) = (await agent.do("crm_list_pipelines", pipeline="Partners"))["pipelines"]
    assert (closed["code"], closed["field"]) == ("deal_closed", "amount")
    assert opened["deal"]["amount"] == "5.00"
    assert listed["open_deals"] == 1
    assert listed["stages"][0]["observed"] == {"basis": "too_few", "closed": 1}


@covers("crm_assign_owner", "crm_get_record")
async def test_who_leaves_hands_over(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """An agent tries it and does it without approval, by its role; over REST a manager does the same."""
    async with (
        connect(tenant.key("agent_admin")) as agent,
        connect(tenant.key("agent")) as seller,
        at_edge(tenant.key("operator")) as manager,
        at_edge(tenant.key("sales")) as person,
    ):
        deal = (await person.do("/crm/create_deal", {"name": "Lenses"}))["deal"]["id"]
        leaver, heir = str(tenant.actor("sales")), f"bea@{tenant.slug}.example"
        tried = await agent.do("crm_assign_owner", from_owner=leaver, owner=heir, dry_run=True)
        done = await agent.do("crm_assign_owner", from_owner=leaver, owner=heir, plan=tried["plan"])
        refused = await seller.refused("crm_assign_owner", record_ids=[deal], owner=leaver)
        read = await agent.do("crm_get_record", id=deal)
        back = await manager.do("/crm/admin/assign_owner", {"record_ids": [deal], "owner": leaver})
        mistyped = await manager.post("/crm/admin/assign_owner", {"record_ids": [deal], "owner": f"x{heir}"})
    assert (done["outcome"], done["plan"]) == ("assigned", tried["plan"])
    assert read["deal"]["owner_id"] == str(tenant.actor("approver"))
    assert refused["code"] == "role_required"
    assert [each["after"] for each in back["assignments"]] == [leaver]
    assert told(mistyped, "code", "did_you_mean") == ["owner_not_found", heir]


@covers("crm_delete_record", "crm_restore_record", "crm_get_record")
async def test_what_is_deleted_comes_back(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """Deleting over MCP asks a person and shows what hangs on it; a manager brings it back over REST."""
    async with (
        connect(tenant.key("agent_admin")) as agent,
        at_edge(tenant.key("operator")) as manager,
        at_edge(tenant.key("viewer")) as frontend,
    ):
        wish = {"name": "Ida Lund", "email": "ida@hafen.example"}
        contact = (await manager.do("/crm/upsert_contact", wish))["contact"]["id"]
        await manager.do("/crm/create_deal", {"name": "Lenses", "contact_ids": [contact]})
        deleted = await approved(agent, manager, "crm_delete_record", id=contact)
        gone = await agent.refused("crm_get_record", id=contact)
        seen = await frontend.post("/crm/get_record", {"id": contact})
        restored = await manager.do("/crm/restore_record", {"id": contact})
        again = await approved(agent, manager, "crm_restore_record", id=contact)
        read = await agent.do("crm_get_record", id=contact)
        denied = await frontend.post("/crm/delete_record", {"id": contact})
    assert (deleted["outcome"], deleted["counts"]["open_deals"]) == ("deleted", 1)
    assert (gone["code"], gone["next_tool"]) == ("gone", "crm_restore_record")
    assert (seen.status_code, seen.json()["deleted_at"]) == (httpx2.codes.GONE, gone["deleted_at"])
    assert (restored["outcome"], again["outcome"]) == ("restored", "unchanged")
    assert read["contact"]["emails"][0]["address"] == "ida@hafen.example"
    assert denied.status_code == httpx2.codes.FORBIDDEN


def told(answer: httpx2.Response, *names: str) -> list[Any]:
    """Members of a refusal."""
    return [answer.json().get(name) for name in names]
