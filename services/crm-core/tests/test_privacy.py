"""What is kept of a person is told whole, and once erased nothing is left of it anywhere."""

import json
from typing import Any

import grpc
import pytest
from kontor_protos.kontor.platform.v1 import privacy_pb as pb

from kontor_platform.data.ids import new_id
from support.stack import Stack

RPC = "/kontor.platform.v1.Privacy"
CANARY, NEIGHBOUR = "qzvxkanari", "wyjhspatz"
TEXTS = """
    SELECT c.relname FROM pg_class c
    WHERE c.relnamespace = 'crm_core'::regnamespace AND c.relkind = 'r' AND c.relname NOT LIKE 'procrastinate%'
    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') ORDER BY 1
"""


def ids_of(crm: Any, subject: str) -> pb.ResolveSubjectResponse:
    """A person's ids."""
    told: pb.ResolveSubjectResponse = crm.internal(
        f"{RPC}/ResolveSubject", pb.ResolveSubjectRequest(subject_id=subject), pb.ResolveSubjectResponse
    )
    return told


def counted(crm: Any, subject: str) -> pb.CountSubjectResponse:
    """How much is kept of a person."""
    told: pb.CountSubjectResponse = crm.internal(
        f"{RPC}/CountSubject", pb.CountSubjectRequest(subject_id=subject), pb.CountSubjectResponse
    )
    return told


def erased(crm: Any, subject: str) -> dict[str, pb.ErasedTable]:
    """What became of each table's rows."""
    told = crm.internal(f"{RPC}/EraseSubject", pb.EraseSubjectRequest(subject_id=subject), pb.EraseSubjectResponse)
    return {each.name: each for each in told.tables}


def exported(crm: Any, subject: str, size: int) -> list[tuple[str, str]]:
    """All rows of a person, page by page."""
    rows, cursor = [], ""
    while True:
        request = pb.ExportSubjectRequest(subject_id=subject, page_size=size, cursor=cursor)
        page = crm.internal(f"{RPC}/ExportSubject", request, pb.ExportSubjectResponse)
        rows += [(each.table, each.json) for each in page.rows]
        cursor = page.next_cursor
        if not cursor:
            return rows


def whole(crm: Any, mark: str) -> dict[str, str]:
    """A person with their mark in every text, also of what hangs on them; the ids by what they are."""
    person = {
        "first_name": f"{mark}one",
        "last_name": f"{mark}two",
        "title": f"{mark} chief",
        "city": f"{mark}town",
        "emails": [f"{mark}@post.example", f"{mark}.home@post.example"],
        "external_ids": [{"system": "old", "value": f"{mark}-77"}],
        "properties": [{"name": "nick", "value": f"{mark}nick"}, {"name": "code", "value": f"{mark}code"}],
        "match_on": ["email"],
    }
    winner = crm.do("crm_upsert_contact", **person)["contact"]["id"]
    loser = crm.do("crm_upsert_contact", name=f"{mark} Loser", emails=[f"{mark}.l@post.example"], match_on=["email"])[
        "contact"
    ]["id"]
    note = crm.do("crm_create_note", body=f"about {mark}", subject=f"{mark} note", record_ids=[loser])["note"]["id"]
    crm.do("crm_upsert_contact", id=loser, title=f"{mark} former")
    other = crm.do("crm_upsert_contact", name="Other Person", email=f"other.{len(mark)}@post.example")["contact"]["id"]
    meeting = crm.do(
        "crm_log_meeting",
        subject="Kick-off",
        starts_at="2026-03-01T10:00:00Z",
        ends_at="2026-03-01T11:00:00Z",
        record_ids=[other, loser],
        attendees=[{"email": f"{mark}.l@post.example", "name": f"{mark} Loser"}],
    )["meeting"]["id"]
    crm.do(
        "crm_log_email_engagement",
        message_id=f"m.{len(mark)}@post.example",
        subject=f"Hello {mark}",
        body=f"Dear {mark}",
        sent_at="2026-03-02T10:00:00Z",
        direction="out",
        **{"from": "sales@kontor.example"},
        to=[f"{mark}@post.example"],
    )
    crm.do("crm_link_entities", pairs=[{"from_id": winner, "to_id": other}], type="reports_to", labels=[f"{mark}label"])
    crm.over_grpc("crm_merge_contacts", winner_id=winner, loser_ids=[loser])
    told = crm.over_grpc(
        "crm_import_contacts_csv", csv=f"First Name,Email,Phone\n{mark}one,{mark}@post.example,no {mark} number\n"
    )
    assert told["updated"] + told["unchanged"] == 1, told
    crm.over_grpc("crm_export_contacts_csv")
    return {"winner": winner, "loser": loser, "note": note, "meeting": meeting, "other": other}


@pytest.fixture
def both(crm: Any) -> tuple[dict[str, str], dict[str, str]]:
    """The person who is erased, and one beside."""
    for name, more in (("nick", {}), ("code", {"unique": True})):
        crm.do("crm_define_property", object_type="contact", name=name, type="text", searchable=True, **more)
    return whole(crm, CANARY), whole(crm, NEIGHBOUR)


def places(stack: Stack, crm: Any, mark: str) -> dict[str, int]:
    """The tables with a text in them, in any of their columns or pieces of files."""
    found = {}
    with stack.sql("crm-core") as connection:
        for (table,) in connection.execute(TEXTS).fetchall():
            inside = "position(convert_to(%(mark)s, 'UTF8') IN t.data) > 0" if table == "file_chunk" else "false"
            statement = (
                f"SELECT count(*) FROM crm_core.{table} t WHERE t.tenant_id = %(tenant)s "
                f"AND (lower(t::text) LIKE '%%' || %(mark)s || '%%' OR {inside})"
            )
            row = connection.execute(statement.encode(), {"tenant": crm.principal.tenant, "mark": mark}).fetchone()
            if row and row[0]:
                found[table] = int(row[0])
    return found


def test_a_person_is_one_under_every_id(crm: Any, both: Any) -> None:
    """The present id stands first, whichever is asked; nobody has no ids, and a company is nobody."""
    mine, _ = both
    company = crm.do("crm_upsert_company", name="Firm", domain="firm.example")["company"]["id"]
    for asked in (mine["winner"], mine["loser"]):
        told = ids_of(crm, asked)
        assert (told.present_id, list(told.ids)) == (mine["winner"], [mine["winner"], mine["loser"]])
    for nobody in (company, str(new_id())):
        assert (ids_of(crm, nobody).present_id, counted(crm, nobody).tables, erased(crm, nobody)) == ("", [], {})
    assert list(ids_of(crm.stranger(), mine["winner"]).ids) == []


def test_what_is_kept_is_told_row_by_row(crm: Any, both: Any) -> None:
    """Pages of any size hold each row once, as many as are counted; nothing of another person is among them."""
    mine, _ = both
    rows = exported(crm, mine["loser"], 3)
    assert sorted(rows) == sorted(exported(crm, mine["winner"], 1000))
    told = {each.name: each.found for each in counted(crm, mine["winner"]).tables}
    assert {name: sum(table == name for table, _ in rows) for name in told if name != "idempotency"} == {
        name: number for name, number in told.items() if name != "idempotency"
    }
    texts = " ".join(row for _, row in rows)
    assert f"about {CANARY}" in texts
    assert NEIGHBOUR not in texts
    assert all(json.loads(row)["tenant_id"] == str(crm.principal.tenant) for _, row in rows)


def test_texts_of_others_that_name_a_person_are_listed(crm: Any, both: Any) -> None:
    """Such a text cannot be erased by an id: a person decides."""
    mine, _ = both
    note = crm.do("crm_create_note", body=f"Call {CANARY}@post.example back", record_ids=[mine["other"]])["note"]["id"]
    assert list(counted(crm, mine["winner"]).mentioned_in) == [note]


def test_nothing_is_left_of_an_erased_person(crm: Any, both: Any, stack: Stack) -> None:
    """Neither in a table nor in a file; the person beside is whole, and erasing again finds nothing."""
    mine, theirs = both
    beside = places(stack, crm, NEIGHBOUR)
    files = {"file_chunk"}
    assert len(places(stack, crm, CANARY)) > 12
    told = erased(crm, mine["loser"])
    assert places(stack, crm, CANARY) == {}
    assert {name for name, each in told.items() if each.retained} <= {"outbox"}
    assert all(each.reason for each in told.values() if each.retained or each.masked)
    after = places(stack, crm, NEIGHBOUR)
    assert {name: at for name, at in after.items() if name not in files} == {
        name: at for name, at in beside.items() if name not in files
    }
    assert set(erased(crm, mine["winner"])) == set()
    for gone in (mine["winner"], mine["loser"], mine["note"]):
        assert crm.send("crm_get_record", id=gone).status_code == 404
    meeting = crm.do("crm_get_record", id=mine["meeting"])["meeting"]
    assert [each["id"] for each in meeting["records"]] == [mine["other"]]
    assert crm.do("crm_search_customers", query=CANARY)["hits"] == []
    assert crm.do("crm_get_record", id=theirs["winner"])["contact"]["id"] == theirs["winner"]


def test_an_erasure_is_announced_under_the_last_version(crm: Any, stack: Stack) -> None:
    """That of the contact that stands, also where an older one with more versions became part of it."""
    older, present = (
        crm.do("crm_upsert_contact", name=name, email=f"{name}@x.example")["contact"]["id"] for name in ("ada", "eva")
    )
    for title in ("One", "Two", "Three"):
        crm.do("crm_upsert_contact", id=older, title=title)
    crm.over_grpc("crm_merge_contacts", winner_id=present, loser_ids=[older])
    last = crm.do("crm_get_record", id=present)["version"]
    erased(crm, older)
    with stack.sql("crm-core") as connection:
        told = connection.execute(
            "SELECT type, record_id::text, version FROM crm_core.outbox WHERE tenant_id = %s AND kind = 'event' "
            "AND type IN ('contact.deleted', 'contact.erased') AND record_id = %s ORDER BY n",
            (crm.principal.tenant, present),
        ).fetchall()
    assert told == [("contact.deleted", present, last + 1), ("contact.erased", present, last + 1)]


def test_only_services_ask(crm: Any) -> None:
    """A person with every role is refused."""
    request = pb.EraseSubjectRequest(subject_id=str(new_id()))
    with pytest.raises(grpc.RpcError) as refused:
        crm.unary(f"{RPC}/EraseSubject", request, pb.EraseSubjectResponse)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
