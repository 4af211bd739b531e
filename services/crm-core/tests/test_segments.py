"""Segments: who is in them, how that changes, what is told of it, and what is refused."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from kontor_crm_core.record.objects import WRITER
from kontor_crm_core.segment.following import compare, compare_all, follow_changes
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.planned import Planned
from kontor_platform.data.records.terms import Field
from kontor_platform.runtime.work import Tenant, Work
from support.waiting import wait_until

from .inside import calling, working

BERLIN = {"field": "city", "op": "eq", "value": "Berlin"}
EVENTS = """
    SELECT type FROM outbox WHERE tenant_id = %s AND record_id = %s AND type LIKE 'segment.%%' ORDER BY n
"""


@pytest.fixture
async def work(stack: Any) -> AsyncIterator[Work]:
    """What jobs of the running service work with."""
    async with working(stack) as work:
        yield work


@pytest.fixture
def people(crm: Any) -> list[str]:
    """Four contacts; two live in Berlin."""
    cities = ("Berlin", "Berlin", "Bonn", "")
    told = [{"name": f"Person {name}", "city": city} for name, city in zip("ABCD", cities, strict=True)]
    return [crm.do("crm_upsert_contact", **each)["contact"]["id"] for each in told]


@pytest.fixture
def events(crm: Any, stack: Any) -> Iterator[Any]:
    """What was told of a record's memberships."""
    with stack.sql("crm-core") as connection:
        connection.autocommit = True
        yield lambda record: [row[0] for row in connection.execute(EVENTS, [crm.principal.tenant, record]).fetchall()]


def member_ids(crm: Any, key: str) -> list[str]:
    """The members in the order they joined."""
    return [each["id"] for each in crm.do("crm_segment_members", segment=key)["members"]]


def tenant_of(crm: Any) -> Tenant:
    """The tenant as its worker knows it."""
    return Tenant(crm.principal.tenant, crm.principal.slug, crm.principal.settings)


def test_a_static_segment_holds_what_it_is_given(crm: Any, people: list[str], events: Any) -> None:
    """Adding twice adds once, and each change of membership is told once; the version stays."""
    made = crm.do("crm_create_segment", key="vips", name="VIPs", type="contact", add=people[:3])
    again = crm.do("crm_create_segment", key="vips", add=people[:2], remove=people[2:])
    assert (made["outcome"], made["added"], made["count"]) == ("created", 3, 3)
    assert (again["outcome"], again["added"], again["removed"], again["count"]) == ("updated", 0, 1, 2)
    assert (made["segment"]["kind"], again["segment"]["version"]) == ("static", 1)
    assert member_ids(crm, "vips") == sorted(people[:2])
    assert events(people[2]) == ["segment.member.added", "segment.member.removed"]
    assert crm.do("crm_create_segment", key="vips", add=people[:1])["outcome"] == "unchanged"


def test_a_dynamic_segment_is_its_filter(crm: Any, people: list[str], events: Any) -> None:
    """Who comes to meet the filter is in at once, and told of within seconds; who no longer does is out."""
    crm.do("crm_create_segment", key="berlin", type="contact", filter=BERLIN)
    assert member_ids(crm, "berlin") == sorted(people[:2])
    crm.do("crm_upsert_contact", id=people[2], city="BERLIN")
    crm.do("crm_upsert_contact", id=people[0], city="Bonn")
    inside = {"in_segment": "berlin"}
    found = crm.do("crm_search_advanced", type="contact", filter=inside, sorts=[{"field": "name"}])
    assert [row["id"] for row in found["rows"]] == people[1:3]
    wait_until(lambda: events(people[2]) == ["segment.member.added"], what="the newcomer was told of")
    wait_until(lambda: events(people[0])[-1:] == ["segment.member.removed"], what="who left was told of")
    assert member_ids(crm, "berlin") == people[1:3]


async def test_the_kept_members_are_those_of_the_filter(crm: Any, people: list[str], work: Work) -> None:
    """Following events leaves nothing for the comparison of the night to find."""
    segment = crm.do("crm_create_segment", key="berlin", type="contact", filter=BERLIN)["segment"]["id"]
    for city, person in zip(("Bonn", "", "Berlin", "Berlin"), people, strict=True):
        crm.do("crm_upsert_contact", id=person, **({"city": city} if city else {"clear": ["city"]}))
    wait_until(lambda: len(member_ids(crm, "berlin")) == 2, what="the newcomers are kept")
    while await follow_changes(work, tenant_of(crm)):
        continue
    assert await compare(work, tenant_of(crm), UUID(segment)) == 0
    await compare_all(work, tenant_of(crm))
    listed = crm.do("crm_list_segments", include_sizes=True)["segments"][0]
    assert [each["size"] for each in listed["sizes"]] == [2]


async def test_a_large_segment_is_filled_by_a_job(crm: Any, work: Work) -> None:
    """Above a thousand records the call answers at once with the operation that gathers them; every one is told of."""
    key = {"city": "Berlin", "name": "Somebody", "name_key": "somebody"}
    terms = {"berlin": int(Field.CITY)}
    async with calling(work, crm.principal) as call:
        await WRITER.apply(call, [Planned("contact", new_id(), 0, key, terms=terms) for _ in range(2_100)])
    made = crm.do("crm_create_segment", key="berlin", type="contact", filter=BERLIN)
    assert (made["segment"]["state"], made["count"]) == ("building", 2_100)
    operation = made["segment"]["operation_id"]

    def done() -> bool:
        """The job has ended."""
        return bool(crm.do("crm_import_status", operation_id=operation)["operation"]["state"] == "done")

    wait_until(done, seconds=30, what="the segment is filled")
    listed = crm.do("crm_list_segments")["segments"][0]
    assert (listed["state"], listed["size"]) == ("ready", 2_100)
    assert crm.do("crm_segment_members", segment="berlin")["total"] == 2_100
    assert await compare(work, tenant_of(crm), UUID(made["segment"]["id"])) == 0


def test_a_change_of_a_linked_record_is_followed(crm: Any, company: str, contact: str, events: Any) -> None:
    """A contact enters when its company comes to meet what is asked of it."""
    asked = {"assoc": {"type": "company", "where": {"field": "industry", "op": "eq", "value": "Shipping"}}}
    crm.do("crm_create_segment", key="shipping", type="contact", filter=asked)
    assert member_ids(crm, "shipping") == []
    crm.do("crm_upsert_company", id=company, industry="Shipping")
    wait_until(lambda: events(contact) == ["segment.member.added"], what="the contact entered")
    assert member_ids(crm, "shipping") == [contact]


def test_a_frozen_segment_stays_as_it_was(crm: Any, people: list[str]) -> None:
    """Its filter is asked once."""
    crm.do("crm_create_segment", key="then", type="contact", kind="frozen", filter=BERLIN)
    crm.do("crm_upsert_contact", id=people[3], city="Berlin")
    assert member_ids(crm, "then") == sorted(people[:2])


def test_a_dynamic_segment_becomes_static(crm: Any, people: list[str]) -> None:
    """It keeps its members of that moment, and takes others by id."""
    crm.do("crm_create_segment", key="berlin", type="contact", filter=BERLIN)
    done = crm.do("crm_create_segment", key="berlin", kind="static", add=[people[3]], expected_version=1)
    crm.do("crm_upsert_contact", id=people[0], city="Bonn")
    assert (done["changed"], done["segment"]["version"]) == (["kind"], 2)
    assert sorted(member_ids(crm, "berlin")) == sorted([*people[:2], people[3]])


def test_a_dry_run_counts_and_shows_ten(crm: Any) -> None:
    """And leaves nothing."""
    for at in range(12):
        crm.do("crm_upsert_contact", name=f"Person {at}", city="Berlin")
    tried = crm.send("crm_create_segment", dry_run=True, key="berlin", type="contact", filter=BERLIN).json()
    assert (tried["count"], len(tried["samples"])) == (12, 10)
    assert crm.do("crm_list_segments")["total"] == 0


def test_why_a_record_is_in_or_out(crm: Any, people: list[str]) -> None:
    """Condition by condition, those of a segment inside it too."""
    crm.do("crm_create_segment", key="berlin", type="contact", filter=BERLIN)
    both = {"all": [{"in_segment": "berlin"}, {"field": "title", "op": "is_set"}]}
    crm.do("crm_create_segment", key="leads", type="contact", filter=both)
    told = crm.do("crm_segment_members", segment="leads", record_id=people[0])["membership"]
    assert not told["is_member"]
    assert [(each["path"], each["met"]) for each in told["conditions"]] == [
        ("filter.all[0]", True),
        ("filter.all[0].in_segment", True),
        ("filter.all[1]", False),
    ]
    assert "title has a value" in told["reason"]


def test_segments_are_not_parts_of_themselves_nor_deleted_while_used(crm: Any, people: list[str]) -> None:
    """A circle is refused, and so is taking away what another stands on."""
    crm.do("crm_create_segment", key="one", type="contact", filter=BERLIN)
    crm.do("crm_create_segment", key="two", type="contact", filter={"in_segment": "one"})
    circle = crm.refused("crm_create_segment", key="one", filter={"in_segment": "two"})
    used = crm.refused("crm_create_segment", key="one", delete=True)
    assert circle["code"] == "invalid_field"
    assert "part of itself" in circle["message"]
    assert (used["code"], "two" in used["message"]) == ("conflict", True)


def test_a_deleted_segment_returns(crm: Any, people: list[str]) -> None:
    """Out of use it is unknown to filters; restored it is as it was."""
    crm.do("crm_create_segment", key="vips", type="contact", add=people[:2])
    crm.do("crm_create_segment", key="vips", delete=True)
    unknown = crm.refused("crm_search_advanced", type="contact", filter={"in_segment": "vips"})
    listed = crm.do("crm_list_segments", deleted=True)["segments"]
    back = crm.do("crm_create_segment", key="vips", restore=True)
    assert unknown["code"] == "invalid_field"
    assert [each["key"] for each in listed] == ["vips"]
    assert (back["outcome"], back["count"]) == ("restored", 2)


def test_a_segment_that_asks_about_a_restricted_property_is_hidden(crm: Any, people: list[str]) -> None:
    """From those who do not see the property: in lists, as a condition, and the property itself in a filter."""
    crm.do("crm_define_property", object_type="contact", name="salary", type="number", personal="restricted")
    asked = {"field": "salary", "op": "gt", "value": "1"}
    crm.do("crm_create_segment", key="rich", type="contact", filter={"none": [asked]})
    viewer = replace(crm, principal=replace(crm.principal, roles=frozenset({"viewer"})))
    assert crm.do("crm_list_segments")["total"] == 1
    assert viewer.do("crm_list_segments")["total"] == 0
    for filter in (asked, {"in_segment": "rich"}, {"changed": {"field": "salary", "within": 1}}):
        assert viewer.refused("crm_search_advanced", type="contact", filter=filter)["code"] == "invalid_field"
    sorts, groups = [{"field": "salary"}], [{"field": "salary"}]
    assert viewer.refused("crm_search_advanced", type="contact", sorts=sorts)["code"] == "invalid_field"
    assert viewer.refused("crm_search_advanced", type="contact", group_by=groups)["code"] == "invalid_field"
    assert viewer.refused("crm_segment_members", segment="rich")["code"] == "not_found"


def test_a_filter_survives_a_rename(crm: Any, people: list[str]) -> None:
    """Segments keep properties by their ids and show them by name."""
    crm.do("crm_define_property", object_type="contact", name="tier", type="text")
    crm.do("crm_create_segment", key="tiered", type="contact", filter={"field": "tier", "op": "is_set"})
    crm.do("crm_define_property", object_type="contact", name="tier", new_name="level")
    listed = crm.do("crm_list_segments")["segments"][0]
    assert (listed["filter"]["field"], listed["reading"]) == ("level", "level has a value")


def test_me_stays_who_made_the_segment(crm: Any, people: list[str], events: Any) -> None:
    """Whoever reads it, and the worker that follows it."""
    crm.do("crm_create_segment", key="mine", type="contact", filter={"field": "owner_id", "op": "eq", "value": "me"})
    colleague = replace(crm, principal=replace(crm.principal, actor=new_id()))
    assert colleague.do("crm_segment_members", segment="mine")["total"] == 4
    crm.do("crm_upsert_contact", id=people[0], clear=["owner_id"])
    wait_until(lambda: events(people[0])[-1:] == ["segment.member.removed"], what="who left was told of")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"key": "x"}, "type"),
        ({"key": "x", "type": "contact", "kind": "dynamic"}, "filter"),
        ({"key": "x", "type": "contact", "kind": "static", "filter": BERLIN}, "filter"),
        ({"key": "x", "type": "contact", "filter": BERLIN, "add": ["019a0000-0000-7000-8000-000000000001"]}, "add"),
        ({"key": "x", "delete": True, "restore": True}, "delete"),
        ({"key": "x", "delete": True, "filter": BERLIN}, "delete"),
        ({"key": "Not a key", "type": "contact"}, "key"),
    ],
)
def test_what_makes_no_segment(crm: Any, body: dict[str, Any], field: str) -> None:
    """The field at fault is named and nothing is made."""
    assert crm.refused("crm_create_segment", **body)["field"] == field
    assert crm.do("crm_list_segments")["total"] == 0


def test_what_is_not_there_is_refused(crm: Any, people: list[str], nowhere: str) -> None:
    """Unknown records, unknown segments, an old version."""
    assert crm.refused("crm_create_segment", key="x", type="contact", add=[nowhere])["code"] == "not_found"
    assert crm.refused("crm_create_segment", key="x", restore=True)["code"] == "not_found"
    assert crm.refused("crm_segment_members", segment="x")["code"] == "not_found"
    crm.do("crm_create_segment", key="x", type="contact", filter=BERLIN)
    late = crm.refused("crm_create_segment", key="x", name="Other", expected_version=7)
    assert (late["code"], late["current_version"]) == ("version_conflict", 1)
    assert crm.stranger().do("crm_list_segments")["total"] == 0
