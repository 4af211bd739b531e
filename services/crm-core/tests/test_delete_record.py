"""Deleted records are seen nowhere, free what identified them, and come back as they were."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from kontor_crm_core.blocklist.rules import digest
from kontor_crm_core.record.state_hash import parts, state_hash

KINDS = ("contact", "company", "deal", "task", "activity")
Record = dict[str, str]


def delete(crm: Any, record: str, **more: Any) -> dict[str, Any]:
    """What deleting answers."""
    return dict(crm.do("crm_delete_record", id=record, **more))


def restore(crm: Any, record: str, **more: Any) -> dict[str, Any]:
    """What restoring answers."""
    return dict(crm.do("crm_restore_record", id=record, **more))


@pytest.fixture
def world(crm: Any, company: str, contact: str, deal: str) -> Record:
    """One record of each type, all linked with each other."""
    crm.do("crm_link_entities", pairs=[{"from_id": contact, "to_id": company}])
    about = [contact, company, deal]
    task = crm.do("crm_create_task", title="Call them", record_ids=about)["task"]["id"]
    note = crm.do("crm_create_note", body="Met.", record_ids=about)["note"]["id"]
    return {"contact": contact, "company": company, "deal": deal, "task": task, "activity": note}


@pytest.fixture
def hashed(crm: Any, stack: Any) -> Callable[[], str]:
    """The hash of the tenant's state now."""

    def now() -> str:
        with stack.sql("crm-core") as connection:
            return state_hash(connection, crm.principal.tenant)

    return now


@pytest.mark.parametrize("kind", KINDS)
def test_a_deleted_record_is_gone_and_says_how_to_return(crm: Any, world: Record, kind: str) -> None:
    """Reading it tells who deleted it, when, and what brings it back."""
    record = world[kind]
    answer = delete(crm, record)
    assert (answer["outcome"], answer["record"]["type"], answer["version"]) == ("deleted", kind, 2)
    gone = crm.send("crm_get_record", id=record)
    told = gone.json()
    assert (gone.status_code, told["code"], told["next_tool"]) == (410, "gone", "crm_restore_record")
    assert (told["deleted_by"], told["deleted_by_kind"]) == (str(crm.principal.actor), "user")
    assert told["restorable_until"] > told["deleted_at"]


@pytest.mark.parametrize("kind", KINDS)
def test_delete_and_restore_are_the_identity(crm: Any, world: Record, kind: str, hashed: Callable[[], str]) -> None:
    """Every live row is as it was, whatever hangs on the record; in between it is not."""
    before = hashed()
    delete(crm, world[kind])
    assert hashed() != before
    assert restore(crm, world[kind])["outcome"] == "restored"
    assert hashed() == before


def test_any_order_of_deleting_and_restoring_ends_where_it_began(
    crm: Any, world: Record, hashed: Callable[[], str]
) -> None:
    """Records that hang on each other come back in whatever order."""
    before, draw, records = hashed(), Random(7), list(world.values())
    for _ in range(4):
        for record in draw.sample(records, len(records)):
            delete(crm, record)
        for record in draw.sample(records, len(records)):
            restore(crm, record)
        assert hashed() == before


def test_the_hash_sees_every_field(crm: Any, world: Record, stack: Any, hashed: Callable[[], str]) -> None:
    """A change of anything is another state; taking it back is the first one again."""
    before = hashed()
    crm.do("crm_update_deal", deal_id=world["deal"], amount="1")
    assert hashed() != before
    crm.do("crm_update_deal", deal_id=world["deal"], amount="12500.50")
    assert hashed() == before
    with stack.sql("crm-core") as connection:
        told = {name: number for name, number, _ in parts(connection, crm.principal.tenant) if number}
    assert {"contact", "contact_email", "company_domain", "deal", "activity", "activity_link", "association"} <= {*told}
    assert {"deal_stage_interval", "pipeline", "stage", "record", "search_term"} <= {*told}
    assert not {"record_change", "outbox", "search_word"} & {*told}


@pytest.mark.parametrize("kind", KINDS)
def test_twice_is_once(crm: Any, world: Record, kind: str) -> None:
    """Deleting a deleted record and restoring a live one change nothing."""
    assert restore(crm, world[kind])["outcome"] == "unchanged"
    delete(crm, world[kind])
    again = delete(crm, world[kind])
    assert (again["outcome"], again["version"]) == ("unchanged", 2)
    assert restore(crm, world[kind])["version"] == 3


def test_what_hangs_on_it_is_told(crm: Any, world: Record) -> None:
    """A dry run counts and names, and deletes nothing."""
    crm.do("crm_create_segment", key="friends", name="Friends", kind="static", type="contact", add=[world["contact"]])
    tried = crm.send("crm_delete_record", dry_run=True, id=world["contact"]).json()
    counts = {name: number for name, number in tried["counts"].items() if number}
    assert counts == {"companies": 1, "deals": 1, "open_deals": 1, "activities": 1, "open_tasks": 1}
    assert tried["segments"] == 1
    assert (tried["links"], [each["id"] for each in tried["open_deals"]]) == (4, [world["deal"]])
    assert [each["id"] for each in tried["open_tasks"]] == [world["task"]]
    assert crm.do("crm_get_record", id=world["contact"])["version"] == 1
    assert delete(crm, world["contact"])["counts"] == tried["counts"]


@pytest.mark.parametrize("kind", ["contact", "company"])
def test_it_shows_nowhere(crm: Any, world: Record, kind: str) -> None:
    """Neither in links of any depth, nor on timelines, in counts, lookups, searches, deals or tasks."""
    record = world[kind]
    others = [world[each] for each in KINDS if each not in (kind, "activity")]
    delete(crm, record)
    told = [
        *(crm.do("crm_list_associations", record_id=each, depth=2) for each in others if each != world["task"]),
        *(crm.do("crm_get_timeline", record_id=each, kinds=["link", "note", "task"]) for each in others),
        *(crm.do("crm_get_record", id=each, include=["associations", "counts"]) for each in others),
        crm.do("crm_search_customers", query="acme"),
        crm.do("crm_list_tasks"),
    ]
    if kind == "company":
        told.append(crm.do("crm_lookup_customer", query="jane@acme.example"))
    assert [each for each in told if record in str(each)] == []
    counts = crm.do("crm_get_record", id=world["deal"], include=["counts"])["counts"]
    assert counts["contacts" if kind == "contact" else "companies"] == 0


def test_a_deleted_deal_counts_nowhere(crm: Any, world: Record) -> None:
    """Its stage is emptier, its company has no open deal, and its way through the stages stays as it was."""
    delete(crm, world["deal"])
    (pipeline,) = crm.do("crm_list_pipelines")["pipelines"]
    assert (pipeline["open_deals"], pipeline["stages"][0]["deals"]) == (0, 0)
    assert crm.do("crm_lookup_customer", query="acme.example")["counts"]["open_deals"] == 0
    assert crm.refused("crm_update_deal", deal_id=world["deal"], name="x")["code"] == "gone"
    assert crm.refused("crm_update_pipeline", deal_id=world["deal"], stage="Won")["code"] == "gone"
    restore(crm, world["deal"])
    assert crm.do("crm_update_pipeline", deal_id=world["deal"], stage="Won")["deal"]["stage"] == "Won"


def test_a_deleted_task_leaves_lists_and_timelines(crm: Any, world: Record) -> None:
    """It is in no list while it is deleted, and back in its place afterwards."""
    timeline = crm.do("crm_get_timeline", record_id=world["deal"])["entries"]
    delete(crm, world["task"])
    assert crm.do("crm_list_tasks")["total"] == 0
    assert world["task"] not in str(crm.do("crm_get_timeline", record_id=world["deal"]))
    restore(crm, world["task"])
    assert crm.do("crm_get_timeline", record_id=world["deal"])["entries"] == timeline


@pytest.mark.parametrize(
    ("kind", "tool", "body"),
    [
        ("contact", "crm_upsert_contact", {"name": "Other", "email": "jane@acme.example", "match_on": ["external_id"]}),
        ("company", "crm_upsert_company", {"name": "Other", "domain": "acme.example", "match_on": ["external_id"]}),
    ],
)
def test_an_identity_taken_meanwhile_stays_taken(
    crm: Any, world: Record, kind: str, tool: str, body: dict[str, Any], hashed: Callable[[], str]
) -> None:
    """A deleted record frees it; restoring is then refused with the holder, and changes nothing."""
    delete(crm, world[kind])
    holder = crm.do(tool, **body)[kind]["id"]
    before = hashed()
    refusal = crm.refused("crm_restore_record", id=world[kind])
    assert (refusal["code"], refusal["ids"], refusal["existing_id"]) == ("identity_taken", [holder], holder)
    assert hashed() == before
    delete(crm, holder)
    assert restore(crm, world[kind])["outcome"] == "restored"


def test_a_link_whose_place_was_taken_does_not_return(crm: Any, world: Record) -> None:
    """A deal has one company: the later one stays, and the answer says so."""
    delete(crm, world["company"])
    other = crm.do("crm_upsert_company", name="Umbrella", domain="umbrella.example")["company"]["id"]
    crm.do("crm_link_entities", pairs=[{"from_id": world["deal"], "to_id": other}])
    crm.do("crm_link_entities", pairs=[{"from_id": world["contact"], "to_id": other}])
    answer = restore(crm, world["company"])
    assert [each["code"] for each in answer["warnings"]] == ["link_replaced"]
    assert crm.do("crm_get_record", id=world["deal"])["deal"]["company"]["id"] == other
    assert crm.do("crm_get_record", id=world["contact"])["contact"]["company"]["id"] == other


def test_people_are_not_found_by_a_company_that_is_gone(crm: Any, world: Record) -> None:
    """A contact is found by the company it works for only while there is one."""

    def found() -> list[str]:
        return [hit["id"] for hit in crm.do("crm_search_customers", query="acme gmbh")["hits"]]

    assert world["contact"] in found()
    delete(crm, world["company"])
    assert found() == []
    restore(crm, world["company"])
    assert {world["contact"], world["company"]} <= {*found()}


def test_a_stale_version_is_refused(crm: Any, world: Record) -> None:
    """Who saw another version is told which there is."""
    crm.do("crm_update_deal", deal_id=world["deal"], name="Gadgets")
    stale = crm.refused("crm_delete_record", id=world["deal"], expected_version=1)
    assert (stale["code"], stale["current_version"]) == ("version_conflict", 2)
    delete(crm, world["deal"], expected_version=2)
    assert crm.refused("crm_restore_record", id=world["deal"], expected_version=2)["code"] == "version_conflict"
    assert restore(crm, world["deal"], expected_version=3)["outcome"] == "restored"


def test_history_tells_of_both(crm: Any, world: Record) -> None:
    """The log says when it went and came back, and by whom."""
    delete(crm, world["deal"])
    restore(crm, world["deal"])
    history = crm.do("crm_get_record", id=world["deal"], include=["history"])["history"]
    assert [each["changes"] for each in history[:2]] == [
        [{"field": "deleted", "before": True, "after": False}],
        [{"field": "deleted", "before": False, "after": True}],
    ]


def test_strangers_delete_nothing(crm: Any, world: Record, nowhere: str) -> None:
    """Another tenant's record is as unknown as any, for both tools."""
    for tool in ("crm_delete_record", "crm_restore_record"):
        answers = [crm.stranger().send(tool, id=each) for each in (world["deal"], nowhere)]
        assert {(each.status_code, each.content) for each in answers} == {(404, answers[0].content)}


def test_a_blocklisted_address_does_not_come_back(crm: Any, world: Record, stack: Any) -> None:
    """Who was erased for good is not restored out of the bin."""
    delete(crm, world["contact"])
    secret = b"s" * 32
    with stack.sql("crm-core") as connection:
        mine = crm.principal.tenant
        connection.execute("INSERT INTO blocklist_key (tenant_id, secret) VALUES (%s, %s)", (mine, secret))
        listed = digest(secret, "jane@acme.example")
        connection.execute("INSERT INTO blocklist_entry (tenant_id, digest) VALUES (%s, %s)", (mine, listed))
    assert crm.refused("crm_restore_record", id=world["contact"])["code"] == "blocklisted"
    assert crm.refused("crm_get_record", id=world["contact"])["code"] == "gone"


def test_ten_delete_and_restore_at_once(crm: Any, world: Record, at_once: Any, hashed: Callable[[], str]) -> None:
    """Calls of either kind follow each other, and what remains is one of two states."""
    before = hashed()
    tools = ("crm_delete_record", "crm_restore_record")
    answers = at_once(10, lambda n: crm.send(tools[n % 2], id=world["contact"]).status_code)
    assert set(answers) == {200}
    restore(crm, world["contact"])
    assert hashed() == before
