"""Timelines over the service's own faces, on a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from kontor_crm_core.activity.linking import set_live, touch
from kontor_crm_core.record.objects import write
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import Change
from kontor_platform.data.records.planned import Life, Planned
from kontor_platform.runtime.work import Work

from .inside import calling, working

Entry = dict[str, Any]


@pytest.fixture
def busy(crm: Any, deal: str) -> str:
    """A deal to which everything happened that can."""
    for number in range(4):
        crm.do(
            "crm_create_note", body=f"Note {number}", record_ids=[deal], occurred_at=f"2026-01-0{number + 1}T09:00:00Z"
        )
    task = crm.do("crm_create_task", title="Call", record_ids=[deal])["task"]["id"]
    crm.do("crm_update_pipeline", deal_id=deal, stage="Qualified", set={"close_date": "2026-12-31"})
    crm.do("crm_update_pipeline", deal_id=deal, stage="Lost", reason="price")
    crm.do("crm_complete_task", task_id=task)
    return deal


def entries(crm: Any, **conditions: Any) -> list[Entry]:
    """A whole timeline, page by page."""
    found: list[Entry] = []
    cursor = ""
    while True:
        page = crm.do("crm_get_timeline", page_size=3, cursor=cursor, **conditions)
        found += page["entries"]
        cursor = page["next_cursor"]
        if not cursor:
            return found


def test_everything_is_on_one_timeline(crm: Any, busy: str) -> None:
    """Notes, tasks, changes, moves and links come newest first, each once, and are counted by kind."""
    page = crm.do("crm_get_timeline", record_id=busy, page_size=50)
    assert {each["kind"]: each["count"] for each in page["counts"]} == {
        "note": 4,
        "call": 0,
        "meeting": 0,
        "email": 0,
        "task": 1,
        "change": 1,
        "stage": 2,
        "link": 2,
        "unlink": 0,
        "merge": 0,
        "unmerge": 0,
        "delete": 0,
        "restore": 0,
    }
    found = entries(crm, record_id=busy)
    assert [each["id"] for each in found] == [each["id"] for each in page["entries"]]
    assert len({(each["kind"], each["id"]) for each in found}) == page["total"] == 10
    places = [(datetime.fromisoformat(each["occurred_at"]), each["id"]) for each in found]
    assert places == sorted(places, reverse=True)


def test_entries_say_what_happened(crm: Any, busy: str) -> None:
    """A move names both stages, its reason and the fields set with it; a link names its other end."""
    told = {
        kind: [each for each in entries(crm, record_id=busy) if each["kind"] == kind]
        for kind in ("stage", "change", "link")
    }
    lost, qualified = told["stage"]
    assert (lost["title"], lost["body"]) == ("Moved from Qualified to Lost", "price")
    assert "close_date" in [change["field"] for change in qualified["changes"]]
    assert [each["title"] for each in told["change"]] == ["Created"]
    assert {each["linked"]["name"] for each in told["link"]} == {"Jane Doe", "Acme GmbH"}


def test_conditions_narrow_page_and_counts(crm: Any, busy: str) -> None:
    """By kind, actor, kind of actor and time; counts tell of the kinds left out too."""
    agent = crm.agent()
    agent.over_grpc("crm_create_note", body="By an agent", record_ids=[busy])
    assert [each["kind"] for each in entries(crm, record_id=busy, kinds=["task", "link"])] == ["task", "link", "link"]
    assert [each["body"] for each in entries(crm, record_id=busy, actor_kind="agent")] == ["By an agent"]
    assert len(entries(crm, record_id=busy, actor_id=str(agent.principal.actor))) == 1
    january = {"since": "2026-01-02T09:00:00Z", "until": "2026-01-04T09:00:00Z"}
    page = crm.do("crm_get_timeline", record_id=busy, kinds=["task"], **january)
    assert (page["total"], page["counts"][0]) == (0, {"kind": "note", "count": 2})


def test_long_texts_are_cut(crm: Any, deal: str) -> None:
    """A cut says so, a page stays small, and what did not fit is on the next one."""
    body = "ä" * 5_000
    made = [crm.do("crm_create_note", body=body, record_ids=[deal])["note"]["id"] for _ in range(40)]
    page = crm.do("crm_get_timeline", record_id=deal, kinds=["note"], page_size=200)
    assert page["truncated"]
    assert page["next_cursor"]
    assert {len(each["body"]) for each in page["entries"]} == {500}
    seen = [each["id"] for each in page["entries"]]
    seen += [
        each["id"]
        for each in crm.do(
            "crm_get_timeline", record_id=deal, kinds=["note"], page_size=200, cursor=page["next_cursor"]
        )["entries"]
    ]
    assert sorted(seen) == sorted(made)


def test_a_timeline_that_grows_repeats_nothing(crm: Any, busy: str) -> None:
    """What is entered after the first page neither repeats nor hides an older entry."""
    first = crm.do("crm_get_timeline", record_id=busy, page_size=4)
    crm.do("crm_create_note", body="Late", record_ids=[busy])
    rest = crm.do("crm_get_timeline", record_id=busy, page_size=50, cursor=first["next_cursor"])
    ids = [each["id"] for each in first["entries"] + rest["entries"]]
    assert len(ids) == len(set(ids)) == 10


def test_a_foreign_cursor_is_refused(crm: Any, busy: str, company: str) -> None:
    """A cursor works for the record and the conditions it was made for."""
    cursor = crm.do("crm_get_timeline", record_id=busy, page_size=1)["next_cursor"]
    for body in ({"record_id": company}, {"record_id": busy, "kinds": ["note"]}):
        assert crm.refused("crm_get_timeline", cursor=cursor, **body)["code"] == "cursor_invalid"
    assert crm.refused("crm_get_timeline", cursor=cursor[:-2] + "xx", record_id=busy)["code"] == "cursor_invalid"


def test_a_move_entered_late_stands_where_it_happened(crm: Any) -> None:
    """The timeline is ordered by when things happened, not by when they were entered."""
    opened = datetime.now(UTC) - timedelta(days=30)
    deal = crm.do("crm_create_deal", name="Old", opened_at=opened.isoformat())["deal"]["id"]
    crm.do(
        "crm_create_note", body="Yesterday", record_ids=[deal], occurred_at=(opened + timedelta(days=29)).isoformat()
    )
    crm.do("crm_update_pipeline", deal_id=deal, stage="Won", occurred_at=(opened + timedelta(days=10)).isoformat())
    assert [each["kind"] for each in entries(crm, record_id=deal, kinds=["note", "stage"])] == ["note", "stage"]


def test_the_timeline_is_the_same_over_grpc(crm: Any, busy: str) -> None:
    """Both faces tell one story."""
    assert crm.over_grpc("crm_get_timeline", record_id=busy) == crm.do("crm_get_timeline", record_id=busy)


@pytest.fixture
async def work(stack: Any) -> AsyncIterator[Work]:
    """What jobs of the running service work with."""
    async with working(stack) as work:
        yield work


def last_activity(stack: Any, record: str) -> datetime | None:
    """When a record was last attended to."""
    with stack.sql("crm-core") as connection:
        query = "SELECT last_activity_at FROM crm_core.record_stat WHERE record_id = %s"
        row = connection.execute(query, (record,)).fetchone()
    return row[0] if row else None


async def test_deletion_and_return_stand_on_the_timeline(crm: Any, deal: str, work: Work) -> None:
    """Each as an entry of its own kind with its actor, and are counted as such."""
    for version, life in ((1, Life.ENDS), (2, Life.RETURNS)):
        async with calling(work, crm.principal) as call:
            change = Change("deleted", life is Life.RETURNS, life is Life.ENDS)
            await write(call, Planned("deal", UUID(deal), version, changes=[change], life=life))
    page = crm.do("crm_get_timeline", record_id=deal, kinds=["delete", "restore", "change"])
    told = [(each["kind"], each["title"]) for each in page["entries"]]
    assert told == [("restore", "Restored"), ("delete", "Deleted"), ("change", "Created")]
    counts = {each["kind"]: each["count"] for each in page["counts"]}
    assert (counts["delete"], counts["restore"], counts["change"]) == (1, 1, 1)
    assert [each["kind"] for each in entries(crm, record_id=deal, kinds=["delete"])] == ["delete"]


async def test_an_activity_that_is_gone_leaves_and_comes_back(crm: Any, deal: str, work: Work, stack: Any) -> None:
    """With it the record's last activity goes back to the one before, and to none."""
    made = [
        crm.do("crm_create_note", body="x", record_ids=[deal], occurred_at=f"2026-01-0{day}T10:00:00Z")["note"]["id"]
        for day in (1, 2)
    ]
    ids = [UUID(each) for each in made]
    first, second = (datetime(2026, 1, day, 10, tzinfo=UTC) for day in (1, 2))
    for gone, shown, latest in ((ids[1:], made[:1], first), (ids[:1], [], None)):
        async with calling(work, crm.principal) as call:
            await set_live(call, gone, live=False)
        assert [each["id"] for each in entries(crm, record_id=deal, kinds=["note"])] == shown
        assert last_activity(stack, deal) == latest
    async with calling(work, crm.principal) as call:
        await set_live(call, ids, live=True)
    assert len(entries(crm, record_id=deal, kinds=["note"])) == 2
    assert last_activity(stack, deal) == second


async def test_last_activities_are_kept_at_once(crm: Any, deal: str, company: str, work: Work, stack: Any) -> None:
    """Only ever forward, never into the future."""
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    for moments in ({UUID(deal): late, UUID(company): early}, {UUID(deal): early, UUID(company): late}):
        async with calling(work, crm.principal) as call:
            await touch(call, moments)
    assert last_activity(stack, deal) == last_activity(stack, company) == late
    async with calling(work, crm.principal) as call:
        await touch(call, {UUID(deal): datetime(2999, 1, 1, tzinfo=UTC)})
        now = call.now
    assert last_activity(stack, deal) == now


async def test_what_became_part_of_a_record_is_told_with_it(crm: Any, contact: str, work: Work) -> None:
    """Changes of a record merged into another stand on the timeline of the one that is left, page by page."""
    other = crm.do("crm_upsert_contact", name="Janet Doe", email="janet@acme.example")["contact"]["id"]
    crm.do("crm_upsert_contact", id=other, title="CTO")
    async with calling(work, crm.principal) as call:
        row = {"tenant": crm.principal.tenant, "old": UUID(other), "now": UUID(contact)}
        merged = "INSERT INTO redirect (tenant_id, old_id, present_id) VALUES (:tenant, :old, :now)"
        await call.session.execute(text(merged), row)
    page = crm.do("crm_get_timeline", record_id=contact, kinds=["change"], page_size=1)
    assert page["total"] == 3
    assert len(entries(crm, record_id=contact, kinds=["change"])) == 3


def test_days_are_meant_where_the_tenant_is(crm: Any, deal: str) -> None:
    """A day is shown from its beginning to its end there; what is no day is refused by name."""
    for at in ("2025-12-31T22:59:59Z", "2025-12-31T23:00:00Z", "2026-01-02T22:59:59Z", "2026-01-02T23:00:00Z"):
        crm.do("crm_create_note", body=at, record_ids=[deal], occurred_at=at)
    found = entries(crm, record_id=deal, kinds=["note"], since="2026-01-01", until="2026-01-02")
    assert [each["title"] for each in found] == ["2026-01-02T22:59:59Z", "2025-12-31T23:00:00Z"]
    for field in ("since", "until"):
        assert crm.refused("crm_get_timeline", record_id=deal, **{field: "yesterday"})["field"] == field


def test_a_filter_that_nobody_meets_answers_empty(crm: Any, busy: str) -> None:
    """By actor, kind of actor and kind."""
    nobody = crm.do("crm_get_timeline", record_id=busy, actor_id=str(new_id()))
    assert (nobody["entries"], nobody["total"], {each["count"] for each in nobody["counts"]}) == ([], 0, {0})
    assert crm.do("crm_get_timeline", record_id=busy, actor_kind="merge")["total"] == 0
    assert crm.do("crm_get_timeline", record_id=busy, kinds=["merge"])["entries"] == []


def test_an_activity_has_a_timeline_of_its_own(crm: Any, deal: str) -> None:
    """Its edits, and notes about it."""
    task = crm.do("crm_create_task", title="Call", record_ids=[deal])["task"]["id"]
    crm.do("crm_create_task", id=task, title="Call again")
    crm.do("crm_complete_task", task_id=task, outcome_note="Done")
    assert sorted(each["kind"] for each in entries(crm, record_id=task)) == ["change", "change", "change", "note"]
