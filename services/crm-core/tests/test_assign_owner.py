"""Records change hands: by id, all that somebody has, or in turn; much of it only as planned."""

from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from kontor_crm_core.owner.assigning import run_assign_owner
from kontor_platform.runtime.work import JobOver
from support.tenants import Tenant

from .crowds import copies
from .inside import working

Records = dict[str, str]


def assign(crm: Any, **body: Any) -> dict[str, Any]:
    """What assigning answers."""
    return dict(crm.do("crm_assign_owner", **body))


def owner_of(crm: Any, record: str) -> str:
    """Who owns a record."""
    told = crm.do("crm_get_record", id=record)
    return str(told[told["type"]]["owner_id"])


def owned(stack: Any, crm: Any, table: str) -> dict[str, int]:
    """How many records of a table each owner has."""
    query = f"SELECT owner_id::text, count(*) FROM {table} WHERE tenant_id = %s AND owner_id IS NOT NULL GROUP BY 1"
    with stack.sql("crm-core") as connection:
        return dict(connection.execute(query.encode(), (crm.principal.tenant,)).fetchall())


@pytest.fixture
def mine(crm: Any, company: str, contact: str, deal: str) -> Records:
    """What the caller owns: one record of each type, a closed deal, a done task and a note."""
    won = crm.do("crm_create_deal", name="Won", stage="Won")["deal"]["id"]
    task = crm.do("crm_create_task", title="Open")["task"]["id"]
    done = crm.do("crm_create_task", title="Done")["task"]["id"]
    crm.do("crm_complete_task", task_id=done)
    note = crm.do("crm_create_note", body="x", record_ids=[deal])["note"]["id"]
    return {"contact": contact, "company": company, "deal": deal, "task": task, "won": won, "done": done, "note": note}


@pytest.fixture
def bea(tenant: Tenant) -> str:
    """The e-mail address of another user."""
    return f"bea@{tenant.slug}.example"


def test_records_are_given_by_id(crm: Any, mine: Records, colleague: str) -> None:
    """Each type, with one version, one event and one change; again nothing happens."""
    ids = [mine[kind] for kind in ("contact", "company", "deal", "task")]
    answer = assign(crm, owner=colleague, record_ids=ids)
    assert (answer["outcome"], answer["operation_id"]) == ("assigned", "")
    assert [(each["type"], each["records"], each["assigned"]) for each in answer["types"]] == [
        (kind, 1, 1) for kind in ("contact", "company", "deal", "task")
    ]
    assert {owner_of(crm, each) for each in ids} == {colleague}
    (change, _) = crm.do("crm_get_record", id=mine["deal"], include=["history"])["history"]
    before = str(crm.principal.actor)
    assert change["changes"] == [{"field": "owner_id", "before": before, "after": colleague}]
    assert [(each["before"], each["after"]) for each in answer["assignments"]] == [(before, colleague)] * 4
    again = assign(crm, owner=colleague, record_ids=ids)
    assert (again["outcome"], again["assignments"]) == ("unchanged", [])


def test_events_tell_of_it(crm: Any, mine: Records, stack: Any, colleague: str) -> None:
    """Each record's event is of one closed type."""
    assign(crm, owner=colleague, record_ids=[mine["contact"], mine["task"]])
    query = "SELECT record_type FROM outbox WHERE tenant_id = %s AND type = 'owner.assigned' ORDER BY record_type"
    with stack.sql("crm-core") as connection:
        told = connection.execute(query, (crm.principal.tenant,)).fetchall()
    assert told == [("contact",), ("task",)]


def test_who_leaves_gives_everything_unfinished(crm: Any, mine: Records, stack: Any, bea: str) -> None:
    """Contacts, companies, open deals and open tasks, also of somebody locked out; what is done stays theirs."""
    me = str(crm.principal.actor)
    with stack.sql("crm-governance") as connection:
        connection.execute("UPDATE users SET active = false WHERE id = %s", (me,))
    answer = assign(crm, owner=bea, from_owner=me)
    assert {each["type"]: each["assigned"] for each in answer["types"]} == {
        "contact": 1,
        "company": 1,
        "deal": 1,
        "task": 1,
    }
    assert [owner_of(crm, mine[each]) for each in ("won", "done")] == [me, me]
    assert assign(crm, owner=bea, from_owner=me)["outcome"] == "unchanged"


def test_types_narrow_it(crm: Any, mine: Records, bea: str) -> None:
    """Only records of the types named go."""
    answer = assign(crm, owner=bea, from_owner=str(crm.principal.actor), types=["deal", "task"])
    assert [each["type"] for each in answer["types"]] == ["deal", "task"]
    assert owner_of(crm, mine["contact"]) == str(crm.principal.actor)


def test_records_go_round(crm: Any, tenant: Tenant, colleague: str, bea: str) -> None:
    """In the order of the records and of the owners."""
    deals = [crm.do("crm_create_deal", name=f"d{at}")["deal"]["id"] for at in range(5)]
    answer = assign(crm, round_robin=[bea, colleague], record_ids=deals)
    theirs = str(tenant.actor("approver"))
    assert [owner_of(crm, each) for each in deals] == [theirs, colleague, theirs, colleague, theirs]
    assert {each["owner_id"]: each["records"] for each in answer["owners"]} == {theirs: 3, colleague: 2}


def test_what_cannot_change_hands_is_named(crm: Any, mine: Records, colleague: str) -> None:
    """Closed deals stay unless their pipeline says otherwise, deleted records stay deleted, the others go."""
    crm.do("crm_delete_record", id=mine["company"])
    ids = [mine["company"], mine["won"], mine["deal"]]
    answer = assign(crm, owner=colleague, record_ids=ids)
    assert sorted(each["code"] for each in answer["warnings"]) == ["deal_closed", "record_deleted"]
    assert [each["record"]["id"] for each in answer["assignments"]] == [mine["deal"]]
    crm.do("crm_define_pipeline", name="Sales", editable_when_closed=["owner_id"])
    assert assign(crm, owner=colleague, record_ids=[mine["won"]])["outcome"] == "assigned"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"owner": "who@else.where", "record_ids": "deal"}, "owner_not_found", "owner"),
        ({"owner": "bea", "from_owner": "who@else.where"}, "owner_not_found", "from_owner"),
        ({"round_robin": ["bea", "who@else.where"], "record_ids": "deal"}, "owner_not_found", "round_robin[1]"),
        ({"owner": "bea"}, "invalid_field", "record_ids"),
        ({"record_ids": "deal"}, "invalid_field", "owner"),
        ({"owner": "bea", "record_ids": "deal", "from_owner": "bea"}, "invalid_field", "record_ids"),
        ({"owner": "bea", "round_robin": ["bea"], "record_ids": "deal"}, "invalid_field", "owner"),
        ({"owner": "bea", "from_owner": "bea"}, "invalid_field", "from_owner"),
        ({"owner": "bea", "record_ids": "note"}, "invalid_field", "record_ids"),
        ({"owner": "bea", "record_ids": "deal", "plan": "0" * 64}, "plan_stale", "plan"),
    ],
)
def test_bad_wishes_change_nothing(
    crm: Any, mine: Records, bea: str, body: dict[str, Any], code: str, field: str
) -> None:
    """Each refusal names the field."""
    given = {name: bea if value == "bea" else value for name, value in body.items()}
    if "record_ids" in given:
        given["record_ids"] = [mine[given["record_ids"]]]
    if "round_robin" in given:
        given["round_robin"] = [bea if each == "bea" else each for each in given["round_robin"]]
    refusal = crm.refused("crm_assign_owner", **given)
    assert (refusal["code"], refusal["field"]) == (code, field)
    assert owner_of(crm, mine["deal"]) == str(crm.principal.actor)


def test_unknown_records_look_like_foreign_ones(crm: Any, mine: Records, nowhere: str, bea: str) -> None:
    """None of the others changes hands then."""
    theirs = crm.stranger().do("crm_create_deal", name="Theirs")["deal"]["id"]
    asked = [[mine["deal"], each] for each in (theirs, nowhere)]
    answers = [crm.send("crm_assign_owner", owner=bea, record_ids=each) for each in asked]
    assert {(each.status_code, each.content) for each in answers} == {(404, answers[0].content)}
    assert owner_of(crm, mine["deal"]) == str(crm.principal.actor)


def test_an_inactive_owner_gets_nothing(crm: Any, mine: Records, stack: Any, bea: str) -> None:
    """The refusal says who it is."""
    with stack.sql("crm-governance") as connection:
        connection.execute("UPDATE users SET active = false WHERE email_key = %s", (bea,))
    refusal = crm.refused("crm_assign_owner", owner=bea, record_ids=[mine["deal"]])
    assert (refusal["code"], refusal["field"]) == ("owner_inactive", "owner")


def test_much_needs_the_plan_that_a_trial_answers(crm: Any, stack: Any, deal: str, bea: str) -> None:
    """Without it nothing happens, with it exactly what was shown, and after any change it is stale."""
    with stack.sql("crm-core") as connection:
        copies(connection, "deal", deal, 150)
    body = {"owner": bea, "from_owner": str(crm.principal.actor), "types": ["deal"]}
    unplanned = crm.refused("crm_assign_owner", **body)
    assert (unplanned["code"], unplanned["field"]) == ("invalid_field", "plan")
    tried = crm.send("crm_assign_owner", dry_run=True, **body).json()
    assert (tried["types"][0]["assigned"], len(tried["assignments"]), len(tried["plan"])) == (151, 5, 64)
    crm.do("crm_update_deal", deal_id=deal, amount="1")
    assert crm.refused("crm_assign_owner", plan=tried["plan"], **body)["code"] == "plan_stale"
    planned = crm.send("crm_assign_owner", dry_run=True, **body).json()["plan"]
    assert assign(crm, plan=planned, **body)["types"][0]["assigned"] == 151


async def test_very_much_goes_as_a_job(crm: Any, stack: Any, contact: str, colleague: str, bea: str) -> None:
    """The call answers at once; when the job is done each owner has their half and nobody else anything."""
    with stack.sql("crm-core") as connection:
        copies(connection, "contact", contact, 2500)
    body = {"round_robin": [bea, colleague], "from_owner": str(crm.principal.actor), "types": ["contact"]}
    tried = crm.send("crm_assign_owner", dry_run=True, **body).json()
    assert (tried["outcome"], tried["operation_id"]) == ("started", "")
    answer = assign(crm, plan=tried["plan"], **body)
    assert (answer["state"], sum(each["assigned"] for each in answer["types"])) == ("started", 2501)
    async with working(stack) as work:
        with suppress(JobOver):
            await run_assign_owner(work, crm.principal.tenant, UUID(answer["operation_id"]))
    halves = owned(stack, crm, "contact")
    assert sorted(halves.values()) == [1250, 1251]
    assert halves == {each["owner_id"]: each["records"] for each in answer["owners"]}


def test_only_managers_do_it(crm: Any, mine: Records, colleague: str) -> None:
    """Approval by nobody is made up for by the role."""
    sales = replace(crm, principal=replace(crm.principal, roles=frozenset({"sales"})))
    refusal = sales.refused("crm_assign_owner", owner=colleague, record_ids=[mine["deal"]])
    assert refusal["code"] == "role_required"


def test_records_are_given_by_what_they_are(crm: Any, colleague: str) -> None:
    """Those that meet the conditions change hands, the others stay; the conditions may be a segment."""
    cities: dict[str, list[str]] = {"Berlin": [], "Bonn": []}
    for at in range(4):
        city = list(cities)[at % 2]
        made = crm.do("crm_upsert_contact", email=f"p{at}@x.example", city=city)
        cities[city].append(made["contact"]["id"])
    berlin = {"field": "city", "op": "eq", "value": "Berlin"}
    answer = assign(crm, owner=colleague, types=["contact"], filter=berlin)
    assert {each["record"]["id"] for each in answer["assignments"]} == {*cities["Berlin"]}
    assert {owner_of(crm, each) for each in cities["Bonn"]} == {str(crm.principal.actor)}
    crm.do("crm_create_segment", key="bonn", name="Bonn", kind="static", type="contact", add=cities["Bonn"])
    assert assign(crm, owner=colleague, types=["contact"], filter={"in_segment": "bonn"})["outcome"] == "assigned"
    assert {owner_of(crm, each) for each in cities["Bonn"]} == {colleague}


@pytest.mark.parametrize(
    ("types", "filter", "field"),
    [
        ([], {"field": "city", "op": "eq", "value": "Berlin"}, "types"),
        (["contact", "company"], {"field": "city", "op": "eq", "value": "Berlin"}, "types"),
        (["contact"], {"field": "citty", "op": "eq", "value": "Berlin"}, "filter"),
    ],
)
def test_a_filter_is_about_one_type_and_its_fields(
    crm: Any, colleague: str, types: list[str], filter: dict[str, Any], field: str
) -> None:
    """The refusal names what is wrong."""
    refusal = crm.refused("crm_assign_owner", owner=colleague, types=types, filter=filter)
    assert (refusal["code"], refusal["field"]) == ("invalid_field", field)


async def test_very_many_that_meet_a_filter_go_as_a_job(
    crm: Any, stack: Any, contact: str, colleague: str, bea: str
) -> None:
    """Also where the filter is of the owner itself, and some records keep theirs; nobody is left out or gets twice."""
    with stack.sql("crm-core") as connection:
        copies(connection, "contact", contact, 2500)
    mine = {"field": "owner_id", "op": "eq", "value": str(crm.principal.actor)}
    body = {"round_robin": [bea, colleague], "types": ["contact"], "filter": mine}
    tried = crm.send("crm_assign_owner", dry_run=True, **body).json()
    answer = assign(crm, plan=tried["plan"], **body)
    async with working(stack) as work:
        with suppress(JobOver):
            await run_assign_owner(work, crm.principal.tenant, UUID(answer["operation_id"]))
    assert owned(stack, crm, "contact") == {each["owner_id"]: each["records"] for each in answer["owners"]}
    told = crm.do("crm_import_status", operation_id=answer["operation_id"])["operation"]
    assert told["state"] == "done"
