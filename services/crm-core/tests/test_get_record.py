"""One record of any type is read by its id."""

from typing import Any


def test_every_type(crm: Any, contact: str, company: str, deal: str) -> None:
    """A contact, company, deal, task and note are answered under their name and as they were when made."""
    task = crm.do("crm_create_task", title="Call", record_ids=[contact])["task"]
    note = crm.do("crm_create_note", body="Called", record_ids=[contact, deal])["note"]
    wanted = {contact: "contact", company: "company", deal: "deal", task["id"]: "task", note["id"]: "note"}
    for record, member in wanted.items():
        answer = crm.do("crm_get_record", id=record)
        assert answer[member]["id"] == record
        assert answer["version"] == answer[member]["version"] == 1
    assert crm.do("crm_get_record", id=task["id"])["task"] == task
    assert by_id(crm.do("crm_get_record", id=note["id"])["note"]) == by_id(note)


def by_id(note: dict[str, Any]) -> dict[str, Any]:
    """A note with its records in the order of their ids."""
    return note | {"records": sorted(note["records"], key=lambda each: str(each["id"]))}


def test_deal_reads_as_it_was_answered(crm: Any, contact: str, company: str) -> None:
    """Reading a deal answers what creating it did."""
    made = crm.do("crm_create_deal", name="W", amount="12.5", currency="JOD", company_id=company, contact_ids=[contact])
    assert crm.do("crm_get_record", id=made["deal"]["id"])["deal"] == made["deal"]


def test_fields(crm: Any, contact: str) -> None:
    """Only the fields asked for are answered; one that there is not is named with the nearest."""
    answer = crm.do("crm_get_record", id=contact, fields=["name", "title"])
    assert answer["selected"] == {"name": "Jane Doe", "title": None}
    assert "contact" not in answer
    refusal = crm.refused("crm_get_record", id=contact, fields=["name", "titel"])
    assert (refusal["field"], refusal["did_you_mean"]) == ("fields[1]", "title")


def test_include(crm: Any, contact: str, deal: str) -> None:
    """Links, history and counts are added where asked for."""
    crm.do("crm_upsert_contact", id=contact, title="CTO")
    answer = crm.do("crm_get_record", id=contact, include=["associations", "history", "counts"])
    assert {each["record"]["id"] for each in answer["associations"]} == {deal}
    latest = answer["history"][0]
    assert (latest["version"], latest["actor_kind"], latest["actor_id"]) == (2, "user", str(crm.principal.actor))
    assert latest["changes"] == [{"field": "title", "before": None, "after": "CTO"}]
    assert answer["counts"]["open_deals"] == 1


def test_agent_stands_in_the_history(crm: Any, contact: str) -> None:
    """A change by an agent names the agent and the person it acted for."""
    agent = crm.agent()
    agent.over_grpc("crm_upsert_contact", id=contact, title="CTO")
    latest = crm.do("crm_get_record", id=contact, include=["history"])["history"][0]
    assert (latest["actor_kind"], latest["actor_id"]) == ("agent", str(agent.principal.actor))
    assert latest["on_behalf_of"] == str(crm.principal.actor)


def test_faces_agree(crm: Any, contact: str) -> None:
    """REST and gRPC answer the same record."""
    assert crm.over_grpc("crm_get_record", id=contact) == crm.do("crm_get_record", id=contact)


def test_foreign_record_is_unknown(crm: Any, contact: str, nowhere: str) -> None:
    """Another tenant's record and an unknown one are answered byte for byte alike."""
    stranger = crm.stranger()
    answers = [stranger.send("crm_get_record", id=each) for each in (contact, nowhere)]
    assert [each.status_code for each in answers] == [404, 404]
    assert answers[0].content == answers[1].content
