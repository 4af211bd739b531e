"""Calls and meetings over the service's own faces, on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

CALL = {"direction": "out", "outcome": "connected", "duration_s": 320, "body": "Agreed on a trial."}
MEETING = {"subject": "Kick-off", "starts_at": "2026-01-30T10:00", "ends_at": "2026-01-30T11:30", "location": "Berlin"}


@pytest.fixture
def caller(crm: Any) -> str:
    """A contact with a number of its own."""
    told = {"name": "Ida Lund", "email": "ida@hafen.example", "phone": "+49 30 1234567"}
    return str(crm.do("crm_upsert_contact", **told)["contact"]["id"])


def kinds(crm: Any, record: str, *wanted: str) -> list[str]:
    """The activities on a record's timeline."""
    page = crm.do("crm_get_timeline", record_id=record, kinds=list(wanted or ("call", "meeting")))
    return [entry["id"] for entry in page["entries"]]


def test_a_call_stands_with_the_contact_that_has_the_number(crm: Any, caller: str, deal: str) -> None:
    """Found in any spelling, linked with the records named, read back whole."""
    answer = crm.do("crm_log_call", **CALL, participants=[{"phone": "030 / 12 34 567"}], record_ids=[deal])
    call = answer["call"]
    assert (call["direction"], call["outcome"], call["duration_s"]) == ("out", "connected", 320)
    assert [each["contact"]["id"] for each in call["participants"]] == [caller]
    assert {each["id"] for each in call["records"]} == {caller, deal}
    assert kinds(crm, caller) == kinds(crm, deal) == [call["id"]]
    read = crm.do("crm_get_record", id=call["id"])
    assert (read["type"], read["phone_call"]) == ("activity", call)
    entry = crm.do("crm_get_timeline", record_id=caller, kinds=["call"])["entries"][0]
    assert (entry["direction"], entry["outcome"], entry["body"]) == ("out", "connected", CALL["body"])


def test_unknown_people_are_listed_and_made_only_when_asked(crm: Any, caller: str) -> None:
    """Nobody is made of a number by itself; with create_missing one contact is, however often the call is repeated."""
    stranger = {"phone": "+49 30 7654321", "name": "Ben Stranger"}
    first = crm.do("crm_log_call", **CALL, participants=[stranger], external_id="c-1")
    assert [each["name"] for each in first["unknown_participants"]] == ["Ben Stranger"]
    assert "not_linked" in [each["code"] for each in first["warnings"]]
    made = crm.do("crm_log_call", **CALL, participants=[stranger], external_id="c-1", create_missing=True)
    assert (made["outcome"], made["changed"]) == ("updated", ["record_ids"])
    assert [each["name"] for each in made["created_contacts"]] == ["Ben Stranger"]
    again = crm.do("crm_log_call", **CALL, participants=[stranger], external_id="c-1", create_missing=True)
    assert (again["outcome"], again["created_contacts"], again["unknown_participants"]) == ("unchanged", [], [])
    assert again["call"]["id"] == first["call"]["id"]


def test_a_shared_number_identifies_nobody(crm: Any, caller: str) -> None:
    """Where two have it, or the name speaks against the only one, those it may be are listed and none is chosen."""
    against = crm.do("crm_log_call", **CALL, participants=[{"phone": "+49301234567", "name": "Carl Other"}])
    assert [each["candidate_ids"] for each in against["unknown_participants"]] == [[caller]]
    other = crm.do(
        "crm_upsert_contact", name="Bo Lund", email="bo@hafen.example", phone="+49301234567", match_on=["email"]
    )["contact"]["id"]
    shared = crm.do("crm_log_call", **CALL, participants=[{"phone": "+49301234567"}], create_missing=True)
    assert sorted(shared["unknown_participants"][0]["candidate_ids"]) == sorted([caller, other])
    assert shared["created_contacts"] == []


def test_an_edit_changes_what_it_says(crm: Any, caller: str, deal: str) -> None:
    """By id with the version seen, or by the other system's id; the log keeps both sides, clear empties."""
    call = crm.do("crm_log_call", **CALL, record_ids=[deal])["call"]
    edited = crm.do("crm_log_call", id=call["id"], expected_version=1, outcome="busy", clear=["duration_s"])
    assert (edited["outcome"], sorted(edited["changed"])) == ("updated", ["duration_s", "outcome"])
    assert (edited["call"]["version"], edited["call"]["body"]) == (2, CALL["body"])
    assert "duration_s" not in edited["call"]
    stale = crm.refused("crm_log_call", id=call["id"], expected_version=1, outcome="failed")
    assert (stale["code"], stale["current_version"]) == ("version_conflict", 2)
    assert [(each["field"], each["present"], each["wanted"]) for each in stale["differing"]] == [
        ("outcome", "busy", "failed")
    ]
    history = crm.do("crm_get_record", id=call["id"], include=["history"])["history"]
    assert [each["version"] for each in history] == [2, 1]
    assert {each["field"] for each in history[0]["changes"]} == {"duration_s", "outcome"}


def test_attendees_given_again_take_the_place_of_those_there_were(crm: Any, caller: str, deal: str) -> None:
    """Who no longer takes part leaves the meeting and it their timeline; records named stay."""
    gone = crm.do("crm_upsert_contact", name="Al Gone", email="al@hafen.example")["contact"]["id"]
    people = [{"email": "Ida Lund <ida@hafen.example>"}, {"contact_id": gone}]
    first = crm.do("crm_log_meeting", **MEETING, attendees=people, record_ids=[deal], external_id="m-1")
    assert {each["id"] for each in first["meeting"]["records"]} == {caller, gone, deal}
    again = crm.do("crm_log_meeting", **MEETING, attendees=people, record_ids=[deal], external_id="m-1")
    assert (again["outcome"], again["meeting"]) == ("unchanged", first["meeting"])
    moved = crm.do("crm_log_meeting", subject="Kick-off", attendees=people[:1], external_id="m-1")
    assert (moved["changed"], moved["meeting"]["version"]) == (["participants"], 2)
    assert {each["id"] for each in moved["meeting"]["records"]} == {caller, deal}
    assert kinds(crm, gone) == []


def test_a_meeting_says_how_its_times_were_read(crm: Any, deal: str) -> None:
    """In the tenant's zone, over the clock change, and with a new time it moves on the timeline."""
    first = crm.do(
        "crm_log_meeting", subject="Night", starts_at="2026-03-29T02:30", ends_at="2026-03-29T04:00", record_ids=[deal]
    )
    assert (first["meeting"]["starts_at"], first["meeting"]["ends_at"]) == (
        "2026-03-29T01:30:00Z",
        "2026-03-29T02:00:00Z",
    )
    assert "2026-03-29T03:30:00+02:00 (Europe/Berlin)" in first["summary"]
    assert [each["code"] for each in first["warnings"]] == ["time_skipped"]
    crm.do("crm_log_meeting", id=first["meeting"]["id"], starts_at="2025-01-01", clear=["ends_at"])
    (entry,) = crm.do("crm_get_timeline", record_id=deal, kinds=["meeting"])["entries"]
    assert entry["occurred_at"] == "2024-12-31T23:00:00Z"


def test_a_planned_meeting_is_attended_to_when_it_is_entered(crm: Any, deal: str, stack: Any) -> None:
    """The last activity never lies in the future."""
    starts = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    crm.do("crm_log_meeting", subject="Later", starts_at=starts, record_ids=[deal])
    with stack.sql("crm-core") as connection:
        query = "SELECT last_activity_at < now() FROM crm_core.record_stat WHERE record_id = %s"
        assert connection.execute(query, (deal,)).fetchone() == (True,)


@pytest.mark.parametrize(
    ("tool", "body", "field"),
    [
        ("crm_log_call", {"direction": ""}, "direction"),
        ("crm_log_call", {"direction": "sideways"}, "direction"),
        ("crm_log_call", {"duration_s": 86_401}, "duration_s"),
        ("crm_log_call", {"occurred_at": "2999-01-01"}, "occurred_at"),
        ("crm_log_call", {"occurred_at": "2026-02-30T10:00"}, "occurred_at"),
        ("crm_log_call", {"participants": [{"name": "Nobody"}]}, "participants[0]"),
        ("crm_log_call", {"participants": [{"email": "no address"}]}, "participants[0].email"),
        ("crm_log_call", {"participants": [{"email": "a@x.example\r\nBcc: b@x.example"}]}, "participants[0].email"),
        ("crm_log_call", {"outcome": "connected", "clear": ["outcome"]}, "clear"),
        ("crm_log_meeting", {"subject": " "}, "subject"),
        ("crm_log_meeting", {"starts_at": ""}, "starts_at"),
        ("crm_log_meeting", {"starts_at": "2026-13-01"}, "starts_at"),
        ("crm_log_meeting", {"ends_at": "2026-01-30T09:59"}, "ends_at"),
        ("crm_log_meeting", {"ends_at": "10001-01-01"}, "ends_at"),
    ],
)
def test_a_bad_engagement_is_refused(crm: Any, deal: str, tool: str, body: dict[str, Any], field: str) -> None:
    """Named by field, and nothing is written."""
    whole = CALL if tool == "crm_log_call" else MEETING
    refusal = crm.refused(tool, **(whole | {"record_ids": [deal]} | body))
    assert (refusal["code"], refusal["field"]) == ("invalid_field", field)
    assert kinds(crm, deal) == []


def test_foreign_records_and_activities_are_unknown(crm: Any, caller: str, deal: str, nowhere: str) -> None:
    """Another tenant's record, contact or activity is answered like one that nobody has."""
    theirs = crm.stranger()
    mine = crm.do("crm_log_call", **CALL, record_ids=[deal])["call"]["id"]
    for known, unknown in (
        ({"record_ids": [deal]}, {"record_ids": [nowhere]}),
        ({"participants": [{"contact_id": caller}]}, {"participants": [{"contact_id": nowhere}]}),
        ({"id": mine}, {"id": nowhere}),
    ):
        answers = [theirs.send("crm_log_call", **CALL, **each) for each in (known, unknown)]
        assert [each.status_code for each in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    assert crm.refused("crm_log_meeting", id=mine, subject="x")["code"] == "not_found"


def test_many_who_log_the_same_call_make_one(crm: Any, deal: str, at_once: Any) -> None:
    """With one unknown participant to be made, one call and one contact come of it."""
    body = {**CALL, "external_id": "c-1", "record_ids": [deal], "create_missing": True}
    answers = at_once(
        12, lambda _: crm.do("crm_log_call", **body, participants=[{"email": "new@x.example", "name": "New One"}])
    )
    assert len({each["call"]["id"] for each in answers}) == 1
    assert sorted(each["outcome"] for each in answers) == ["created"] + ["unchanged"] * 11
    assert crm.do("crm_search_customers", query="new@x.example")["total"] == 1


def test_engagements_work_over_grpc(crm: Any, caller: str) -> None:
    """An agent with a grant logs them for the person it acts for."""
    agent = crm.agent()
    call = agent.over_grpc("crm_log_call", **CALL, participants=[{"contact_id": caller}])["call"]
    meeting = agent.over_grpc("crm_log_meeting", **MEETING, attendees=[{"email": "ida@hafen.example"}])["meeting"]
    assert {call["author_id"], meeting["author_id"]} == {str(agent.principal.actor)}
    assert sorted(kinds(crm, caller)) == sorted([call["id"], meeting["id"]])
