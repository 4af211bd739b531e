"""One person entered twice: found, merged with a second person's consent, and taken apart again."""

from typing import Any

import httpx2

from support.clients import EdgeClient, approved
from support.coverage import covers
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant

MERGE, UNMERGE = "/mcp/crm/merge_contacts", "/mcp/crm/unmerge_contacts"


async def entered_twice(person: EdgeClient) -> tuple[str, str]:
    """Two contacts that are one person, each with something of its own."""
    phone = "+49 30 7654321"
    first = {"name": "Ada Lovelace", "email": "ada@one.example", "phone": phone}
    second = {
        "name": "Lovelace, Ada",
        "email": "ada@two.example",
        "phone": phone,
        "title": "CTO",
        "match_on": ["email"],
    }
    winner = (await person.do("/crm/upsert_contact", first))["contact"]["id"]
    loser = (await person.do("/crm/upsert_contact", second))["contact"]["id"]
    await person.do("/crm/create_note", {"body": "Met at the fair.", "record_ids": [loser]})
    return winner, loser


async def over_rest(person: EdgeClient, operator: EdgeClient, path: str, **body: Any) -> dict[str, Any]:
    """What a write answers over REST once a second person has approved exactly this call."""
    asked = (await person.post(path, body)).json()
    assert asked["code"] == "approval_required", asked
    decided = await operator.decide(asked["approval_id"])
    assert decided.status_code == httpx2.codes.OK, decided.text
    return await person.do(path, body | {"approval_id": asked["approval_id"]})


@covers("crm_find_duplicates", "crm_merge_contacts", "crm_unmerge_contacts")
async def test_an_agent_merges_and_takes_apart(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """The agent finds the pair and asks; a second person decides; the old id leads on; taking apart gives all back."""
    async with (
        connect(tenant.key("agent_admin")) as agent,
        at_edge(tenant.key("admin")) as person,
        at_edge(tenant.key("approver")) as operator,
    ):
        winner, loser = await entered_twice(person)
        (pair,) = (await agent.do("crm_find_duplicates"))["pairs"]
        assert (pair["first"]["id"], pair["second"]["id"], pair["band"]) == (winner, loser, "certain")
        merged = await approved(agent, operator, "crm_merge_contacts", winner_id=winner, loser_ids=[loser])
        assert [each["address"] for each in merged["contact"]["emails"]] == ["ada@one.example", "ada@two.example"]
        assert merged["contact"]["title"] == "CTO"
        counts = {each["kind"]: (each["before"], each["after"], each["in_common"]) for each in merged["counts"]}
        assert (counts["phones"], counts["emails"], counts["activities"]) == ((2, 1, 1), (2, 2, 0), (1, 1, 0))
        looked_up = await agent.do("crm_lookup_customer", query=loser)
        assert (looked_up["contact"]["id"], looked_up["redirected_from"]) == (winner, loser)
        parted = await approved(agent, operator, "crm_unmerge_contacts", contact_id=loser)
        assert (parted["contact"]["id"], parted["contact"]["title"], parted["winner"].get("title")) == (
            loser,
            "CTO",
            None,
        )
        assert [each["address"] for each in parted["winner"]["emails"]] == ["ada@one.example"]


async def test_people_merge_over_rest(tenant: Tenant, at_edge: ConnectEdge) -> None:
    """The plain route asks for the approval that the gateway's route takes."""
    async with (
        at_edge(tenant.key("admin")) as person,
        at_edge(tenant.key("approver")) as operator,
        at_edge(tenant.key("sales")) as seller,
    ):
        winner, loser = await entered_twice(person)
        wish = {"winner_id": winner, "loser_ids": [loser]}
        refused = await person.post("/crm/dedupe/merge_contacts", wish)
        told = refused.json()
        assert (refused.status_code, told["code"], told["next_tool"]) == (403, "approval_required", MERGE)
        assert (await seller.post(MERGE, wish)).json()["code"] == "role_required"
        tried = await person.post("/crm/dedupe/merge_contacts", wish, dry_run="true")
        assert tried.json()["outcome"] == "merged"
        assert (await person.do("/crm/get_record", {"id": loser}))["version"] == 1
        merged = await over_rest(person, operator, MERGE, **wish)
        assert merged["outcome"] == "merged"
        parted = await over_rest(person, operator, UNMERGE, contact_id=loser)
        assert parted["contact"]["id"] == loser
        again = await person.post("/crm/dedupe/unmerge_contacts", {"contact_id": loser}, dry_run="true")
        assert (again.status_code, again.json()["code"]) == (409, "conflict")
        page = await person.do("/crm/dedupe/find", {"contact_id": winner})
        assert [pair["band"] for pair in page["pairs"]] == ["certain"]
