"""Notes and tasks over the service's own faces, on a real PostgreSQL."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from kontor_crm_core.activity.linking import set_live
from kontor_crm_core.record.objects import write
from kontor_platform.data.outbox import Change
from kontor_platform.data.records.planned import Life, Planned

from .inside import calling, working

BERLIN = ZoneInfo("Europe/Berlin")


def today() -> datetime:
    """Now where the tenant is."""
    return datetime.now(UTC).astimezone(BERLIN)


def test_a_note_stands_on_all_its_records(crm: Any, deal: str, company: str, contact: str) -> None:
    """One call links it to many; its text is kept composed and without space at its ends."""
    note = crm.do("crm_create_note", body=" Cafe\u0301 at nine\nwith Jane ", record_ids=[deal, company, contact])[
        "note"
    ]
    assert (note["body"], note["subject"]) == ("Caf\u00e9 at nine\nwith Jane", "Caf\u00e9 at nine")
    assert {each["name"] for each in note["records"]} == {"Widgets", "Acme GmbH", "Jane Doe"}
    for record in (deal, company, contact):
        (entry,) = crm.do("crm_get_timeline", record_id=record, kinds=["note"])["entries"]
        assert entry["id"] == note["id"]


def test_a_note_of_another_system_is_written_once(crm: Any, deal: str, company: str) -> None:
    """Repeated it is unchanged; with another text it has a new version; further records are added."""
    first = crm.do("crm_create_note", body="Hello", record_ids=[deal], external_id="n-1")
    again = crm.do("crm_create_note", body="Hello", record_ids=[deal], external_id="n-1")
    assert (first["outcome"], again["outcome"], again["note"]) == ("created", "unchanged", first["note"])
    edited = crm.do("crm_create_note", body="Hello again", record_ids=[company], external_id="n-1")
    assert (edited["outcome"], edited["note"]["version"], edited["note"]["id"]) == ("updated", 2, first["note"]["id"])
    assert sorted(edited["changed"]) == ["body", "record_ids", "subject"]
    assert len(edited["note"]["records"]) == 2


def test_many_who_bring_the_same_note_make_one(crm: Any, deal: str) -> None:
    """The id of the other system is unique, however many come at once."""
    with ThreadPoolExecutor(12) as pool:
        body = {"body": "Hello", "record_ids": [deal], "external_id": "n-1"}
        answers = list(pool.map(lambda _: crm.do("crm_create_note", **body), range(12)))
    assert len({answer["note"]["id"] for answer in answers}) == 1
    assert sorted(answer["outcome"] for answer in answers) == ["created"] + ["unchanged"] * 11


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"body": "  "}, "body"),
        ({"body": ""}, "body"),
        ({"body": "x" * 50_001}, "body"),
        ({"record_ids": []}, "record_ids"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, "occurred_at"),
    ],
)
def test_a_bad_note_is_refused(crm: Any, deal: str, body: dict[str, Any], field: str) -> None:
    """Blank, endless, about nothing or of the future: named by field, and nothing is written."""
    refusal = crm.refused("crm_create_note", **({"body": "Hello", "record_ids": [deal]} | body))
    assert (refusal["code"], refusal["field"]) == ("invalid_field", field)
    assert crm.do("crm_get_timeline", record_id=deal, kinds=["note"])["total"] == 0


def test_a_note_moves_the_last_activity_and_no_version(crm: Any, deal: str, stack: Any) -> None:
    """The latest of all activities counts, in whatever order they are entered."""
    for at in ("2024-05-01T10:00:00Z", "2024-01-01T10:00:00Z"):
        crm.do("crm_create_note", body="Hello", record_ids=[deal], occurred_at=at)
    with stack.sql("crm-core") as connection:
        query = "SELECT last_activity_at FROM crm_core.record_stat WHERE record_id = %s"
        latest = connection.execute(query, (deal,)).fetchone()
    assert latest == (datetime(2024, 5, 1, 10, tzinfo=UTC),)
    assert crm.do("crm_get_record", id=deal)["deal"]["version"] == 1


def test_a_due_time_is_read_where_the_tenant_is(crm: Any) -> None:
    """The answer says how it was read, and a time that the clock change skips is warned of."""
    answer = crm.do("crm_create_task", title="Call", due="2026-03-29T02:30")
    assert answer["task"]["due_at"] == "2026-03-29T01:30:00Z"
    assert "2026-03-29T03:30:00+02:00" in answer["summary"]
    assert [warning["code"] for warning in answer["warnings"]] == ["time_skipped"]
    day = crm.do("crm_create_task", title="Call", due="2026-03-29")["task"]
    assert (day["due_date"], "due_at" in day) == ("2026-03-29", False)
    assert crm.refused("crm_create_task", title="Call", due="tomorrow")["field"] == "due"


def test_tasks_are_listed_by_bucket(crm: Any) -> None:
    """Each task is in one bucket, the soonest first and those without a day last."""
    now = today()
    days = {"overdue": now - timedelta(1), "today": now, "week": now + timedelta(3), "later": now + timedelta(30)}
    for bucket, day in days.items():
        crm.do("crm_create_task", title=bucket, due=day.date().isoformat())
    crm.do("crm_create_task", title="none")
    for bucket in (*days, "none"):
        assert [task["title"] for task in crm.do("crm_list_tasks", due=bucket)["tasks"]] == [bucket]
    whole = crm.do("crm_list_tasks", owner_id="me")
    assert ([task["title"] for task in whole["tasks"]], whole["total"]) == ([*days, "none"], 5)
    assert [task["overdue"] for task in whole["tasks"]] == [True, False, False, False, False]


def test_tasks_are_listed_by_record_owner_and_status(crm: Any, deal: str, colleague: str) -> None:
    """Conditions join; what is done is listed only when asked for."""
    mine = crm.do("crm_create_task", title="Mine", record_ids=[deal])["task"]
    crm.do("crm_create_task", title="Theirs", owner_id=colleague)
    crm.do("crm_complete_task", task_id=crm.do("crm_create_task", title="Done", record_ids=[deal])["task"]["id"])

    def titles(**conditions: Any) -> list[str]:
        return [task["title"] for task in crm.do("crm_list_tasks", **conditions)["tasks"]]

    assert titles(record_id=deal) == [mine["title"]]
    assert titles(owner_id=colleague) == ["Theirs"]
    assert sorted(titles(record_id=deal, status="all")) == ["Done", "Mine"]
    assert titles(record_id=deal, owner_id=colleague) == []


def test_pages_of_tasks_hold_each_once(crm: Any) -> None:
    """Tasks due at the same moment and those never due come once each, and a cursor fits its own conditions only."""
    made = [crm.do("crm_create_task", title=f"{n}", due="2026-03-29" if n % 2 else "")["task"]["id"] for n in range(7)]
    seen: list[str] = []
    page = crm.do("crm_list_tasks", page_size=2)
    foreign = crm.refused("crm_list_tasks", page_size=2, status="all", cursor=page["next_cursor"])
    assert foreign["code"] == "cursor_invalid"
    while True:
        seen += [task["id"] for task in page["tasks"]]
        if not page["next_cursor"]:
            break
        page = crm.do("crm_list_tasks", page_size=2, cursor=page["next_cursor"])
    assert sorted(seen) == sorted(made)


def test_a_task_is_completed_once(crm: Any, deal: str) -> None:
    """The outcome is kept as a note on its records; done again nothing changes, by however many."""
    task = crm.do("crm_create_task", title="Call", record_ids=[deal])["task"]["id"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: crm.do("crm_complete_task", task_id=task, outcome_note="She agreed"), range(8))
        )
    assert sorted(answer["outcome"] for answer in answers) == ["unchanged"] * 7 + ["updated"]
    assert {answer["task"]["version"] for answer in answers} == {2}
    (note,) = crm.do("crm_get_timeline", record_id=deal, kinds=["note"])["entries"]
    assert (note["title"], note["body"]) == ("Outcome: Call", "She agreed")


def test_a_note_is_no_task(crm: Any, deal: str) -> None:
    """An id of another kind is as unknown as one that does not exist."""
    note = crm.do("crm_create_note", body="Hello", record_ids=[deal])["note"]["id"]
    assert crm.refused("crm_complete_task", task_id=note)["code"] == "not_found"
    assert crm.refused("crm_create_note", body="Hello", record_ids=[note])["code"] == "not_found"


def test_a_task_of_another_system_changes_what_differs(crm: Any) -> None:
    """What is left out stays."""
    first = crm.do("crm_create_task", title="Call", due="2026-03-29", priority="high", external_id="t-1")["task"]
    again = crm.do("crm_create_task", title="Call", external_id="t-1")
    assert (again["outcome"], again["task"]) == ("unchanged", first)
    moved = crm.do("crm_create_task", title="Call", due="2026-04-01", external_id="t-1")
    assert (moved["outcome"], moved["changed"], moved["task"]["priority"]) == ("updated", ["due_date"], "high")


def test_tasks_and_notes_work_over_grpc(crm: Any, deal: str) -> None:
    """An agent with a grant writes for the person it acts for."""
    agent = crm.agent()
    task = agent.over_grpc("crm_create_task", title="Call", record_ids=[deal])["task"]
    assert task["owner_id"] == str(crm.principal.actor)
    agent.over_grpc("crm_complete_task", task_id=task["id"])
    note = agent.over_grpc("crm_create_note", body="Hello", record_ids=[deal])["note"]
    assert note["author_id"] == str(agent.principal.actor)
    assert agent.over_grpc("crm_list_tasks", owner_id="me", status="done")["total"] == 1


def test_twenty_writers_of_notes_on_one_record(crm: Any, deal: str, company: str) -> None:
    """Each note stands on both records, whatever the order they are named in, and no call fails."""
    with ThreadPoolExecutor(20) as pool:
        records = [[deal, company], [company, deal]]
        made = list(pool.map(lambda at: crm.do("crm_create_note", body=f"{at}", record_ids=records[at % 2]), range(20)))
    ids = {answer["note"]["id"] for answer in made}
    for record in (deal, company):
        page = crm.do("crm_get_timeline", record_id=record, kinds=["note"], page_size=50)
        assert {entry["id"] for entry in page["entries"]} == ids


def test_a_note_is_edited_by_id(crm: Any, deal: str, company: str) -> None:
    """With the version seen; records are added, the time moves it on the timeline, the log keeps both texts."""
    note = crm.do("crm_create_note", body="First", record_ids=[deal])["note"]["id"]
    edited = crm.do(
        "crm_create_note",
        id=note,
        expected_version=1,
        body="Second",
        record_ids=[company],
        occurred_at="2026-01-01T10:00",
    )
    assert sorted(edited["changed"]) == ["body", "occurred_at", "record_ids", "subject"]
    assert (edited["note"]["version"], edited["note"]["occurred_at"]) == (2, "2026-01-01T09:00:00Z")
    stale = crm.refused("crm_create_note", id=note, expected_version=1, body="Third")
    assert (stale["code"], stale["current_version"]) == ("version_conflict", 2)
    (entry,) = crm.do("crm_get_timeline", record_id=company, kinds=["note"])["entries"]
    assert (entry["id"], entry["occurred_at"]) == (note, "2026-01-01T09:00:00Z")
    (change, _) = crm.do("crm_get_record", id=note, include=["history"])["history"]
    assert {each["field"]: each["before"] for each in change["changes"]}["body"] == "First"


async def test_what_was_deleted_is_not_written_again(crm: Any, deal: str, stack: Any) -> None:
    """A note of another system that lies in the bin is named, not made a second time."""
    note = crm.do("crm_create_note", body="Hello", record_ids=[deal], external_id="n-1")["note"]["id"]
    async with working(stack) as work, calling(work, crm.principal) as call:
        change = Change("deleted", False, True)
        await write(call, Planned("activity", UUID(note), 1, changes=[change], life=Life.ENDS))
        await set_live(call, [UUID(note)], live=False)
    refusal = crm.refused("crm_create_note", body="Hello", record_ids=[deal], external_id="n-1")
    assert (refusal["code"], refusal["ids"]) == ("record_deleted", [note])
    assert crm.refused("crm_create_note", id=note, body="Hello")["code"] == "gone"
