"""Calls, meetings, e-mail, recurring tasks and links, over MCP by an agent and over REST by a person."""

from support.clients import approved
from support.coverage import covers
from support.plugin import ConnectEdge, ConnectMcp
from support.tenants import Tenant

IDA = {"name": "Ida Lund", "email": "ida@hafen.example", "phone": "+49 30 1234567"}
PHONE = {"phone": "+49-30-123 45 67"}
CALL = {"direction": "in", "outcome": "connected", "external_id": "c-1", "participants": [PHONE]}
MEETING = {"subject": "Kick-off", "starts_at": "2026-01-30T10:00", "attendees": [{"email": "ida@hafen.example"}]}
LETTER = {
    "message_id": "<a1@hafen.example>",
    "direction": "in",
    "from": "Ida Lund <ida@hafen.example>",
    "to": ["sales@kontor.example"],
    "subject": "Offer",
    "body": "Please send it.",
}


@covers("crm_log_call", "crm_log_meeting", "crm_log_email_engagement", "crm_get_timeline", "crm_get_record")
async def test_engagements_find_their_contact(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """What an agent logs stands with the contact whose number and address took part, and a person repeats it freely."""
    async with (
        connect(tenant.key("agent")) as agent,
        at_edge(tenant.key("operator")) as operator,
        at_edge(tenant.key("sales")) as person,
    ):
        ida = (await person.do("/crm/upsert_contact", IDA))["contact"]["id"]
        call = (await approved(agent, operator, "crm_log_call", **CALL))["call"]
        meeting = (await approved(agent, operator, "crm_log_meeting", **MEETING))["meeting"]
        email = (await approved(agent, operator, "crm_log_email_engagement", **LETTER))["email"]
        again = [
            await person.do("/crm/log_call", CALL),
            await person.do("/crm/log_meeting", {"id": meeting["id"], "outcome": "held"}),
            await person.do("/crm/engagements/log_email", LETTER | {"in_reply_to": "<a0@hafen.example>"}),
        ]
        told = await agent.do("crm_get_timeline", record_id=ida, kinds=["call", "meeting", "email"])
        read = await agent.do("crm_get_record", id=email["id"])
        seen = await person.do("/crm/timeline", {"record_id": ida, "kinds": ["call", "meeting", "email"]})
    assert [each["outcome"] for each in again] == ["unchanged", "updated", "unchanged"]
    assert {each["id"] for each in told["entries"]} == {call["id"], meeting["id"], email["id"]}
    assert seen == told
    assert read["email"]["message_id"] == "a1@hafen.example"


@covers("crm_log_email_engagement")
async def test_an_answer_that_comes_first_is_threaded(
    tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge
) -> None:
    """The message it answers joins its thread when it comes; a preview of either logs nothing."""
    answer = LETTER | {"message_id": "<a2@hafen.example>", "in_reply_to": "<a1@hafen.example>"}
    async with connect(tenant.key("agent")) as agent, at_edge(tenant.key("operator")) as operator:
        tried = await agent.do("crm_log_email_engagement", **answer, dry_run=True)
        late = (await approved(agent, operator, "crm_log_email_engagement", **answer))["email"]
        first = (await approved(agent, operator, "crm_log_email_engagement", **LETTER))["email"]
    assert tried["outcome"] == "created"
    assert (first["thread_id"], first["thread_size"]) == (late["thread_id"], 2)


@covers("crm_create_task", "crm_complete_task", "crm_list_tasks", "crm_create_note")
async def test_a_recurring_task_goes_on(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """An agent completes it and the next one is listed; a person ends the series over REST and edits a note."""
    async with (
        connect(tenant.key("agent")) as agent,
        at_edge(tenant.key("operator")) as operator,
        at_edge(tenant.key("sales")) as person,
    ):
        wanted = {"title": "Report", "due": "2030-01-31", "recurrence": "FREQ=MONTHLY"}
        task = (await approved(agent, operator, "crm_create_task", **wanted))["task"]
        done = await approved(agent, operator, "crm_complete_task", task_id=task["id"])
        listed = (await agent.do("crm_list_tasks"))["tasks"]
        ended = await person.do("/crm/complete_task", {"task_id": done["next"]["id"], "end_recurrence": True})
        left = await person.do("/crm/list_tasks")
        note = await approved(agent, operator, "crm_create_note", body="Sent.", record_ids=[task["id"]])
        edited = await person.do("/crm/create_note", {"id": note["note"]["id"], "body": "Sent it.", "record_ids": []})
    assert [each["due_date"] for each in listed] == ["2030-02-28"]
    assert (ended["outcome"], left["total"]) == ("updated", 0)
    assert (edited["outcome"], edited["note"]["version"]) == ("updated", 2)


@covers("crm_link_entities", "crm_list_associations")
async def test_a_link_says_what_it_is(tenant: Tenant, connect: ConnectMcp, at_edge: ConnectEdge) -> None:
    """Its properties read the same at both doors, and a second manager is refused before anybody is asked."""
    async with (
        connect(tenant.key("agent")) as agent,
        at_edge(tenant.key("operator")) as operator,
        at_edge(tenant.key("sales")) as person,
    ):
        people = [
            (await person.do("/crm/upsert_contact", {"email": f"p{at}@x.example"}))["contact"]["id"] for at in range(3)
        ]
        pairs = [{"from_id": people[0], "to_id": people[1], "properties": [{"name": "since", "value": "2026-01-01"}]}]
        made = await approved(agent, operator, "crm_link_entities", pairs=pairs, type="reports_to")
        listed = await agent.do("crm_list_associations", record_id=people[1])
        seen = await person.do("/crm/list_associations", {"record_id": people[1]})
        other = [{"from_id": people[0], "to_id": people[2]}]
        refused = await agent.refused("crm_link_entities", pairs=other, type="reports_to")
        replaced = await person.do("/crm/link_entities", {"pairs": other, "type": "reports_to", "replace": True})
    assert (made["linked"], listed["associations"][0]["label"]) == (1, "manages")
    assert listed["associations"][0]["properties"] == [{"name": "since", "value": "2026-01-01"}]
    assert seen == listed
    assert (refused["code"], refused["ids"]) == ("link_exists", people[:2])
    assert (replaced["linked"], replaced["removed"]) == (1, 1)
