"""Upserts of contacts to their depth: deleted and merged records, consent, companies made on the way, clashes."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from kontor_protos.kontor.crm.v1.contacts_pb import UpsertContactRequest
from sqlalchemy import text

from kontor_crm_core.contact.upserting import FINDER, plan_contacts, write_contacts
from kontor_crm_core.contact.wanted import wanted_contact
from kontor_crm_core.record.objects import WRITER
from kontor_crm_core.record.upserting import matched_many
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.planned import Clashes, Life, Planned
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.work import Work

from .inside import calling, working

FOREIGN = [{"system": "hubspot", "value": "7"}]


@pytest.fixture
async def work(stack: Any) -> AsyncIterator[Work]:
    """What jobs of the running service work with."""
    async with working(stack) as work:
        yield work


def upserted(crm: Any, **body: Any) -> dict[str, Any]:
    """The answer to an upsert."""
    answer: dict[str, Any] = crm.do("crm_upsert_contact", **body)
    return answer


def codes(answer: dict[str, Any]) -> list[str]:
    """The codes of the warnings."""
    return [each["code"] for each in answer["warnings"]]


async def delete(work: Work, principal: Principal, kind: str, record: str, version: int = 1) -> None:
    """Ends a record."""
    async with calling(work, principal) as call:
        await WRITER.apply(call, [Planned(kind, UUID(record), version, life=Life.ENDS)])


async def redirect(work: Work, principal: Principal, old: str, present: str) -> None:
    """Lets one record stand in the place of another."""
    async with calling(work, principal) as call:
        await call.session.execute(
            text("INSERT INTO redirect (tenant_id, old_id, present_id) VALUES (:tenant, :old, :present)"),
            {"tenant": principal.tenant, "old": UUID(old), "present": UUID(present)},
        )


@pytest.mark.parametrize(
    "keys",
    [
        {"id": "its own"},
        {"email": "jane@a.example"},
        {"external_ids": FOREIGN},
        {"phone": "030 1234567"},
        {"phone": "030 1234567", "first_name": "Jane"},
    ],
)
async def test_a_deleted_contact_is_told_of(crm: Any, work: Work, keys: dict[str, Any]) -> None:
    """By its id and by each of its keys a deleted contact is reported with its id, neither revived nor doubled."""
    body = {"email": "jane@a.example", "name": "Jane Doe", "phone": "030 1234567", "external_ids": FOREIGN}
    made = upserted(crm, **body)["contact"]["id"]
    await delete(work, crm.principal, "contact", made)
    refusal = crm.refused("crm_upsert_contact", title="CEO", **(keys if "id" not in keys else {"id": made}))
    assert (refusal["code"], refusal["ids"], refusal["existing_id"]) == ("record_deleted", [made], made)
    assert refusal["next_tool"] == "crm_restore_record"


async def test_a_deleted_contact_stands_in_nobodys_way(crm: Any, work: Work) -> None:
    """Keys left out of match_on, a contradicting name or a live holder make or find another contact."""
    made = upserted(crm, email="jane@a.example", name="Jane Doe", phone="030 1234567")["contact"]["id"]
    await delete(work, crm.principal, "contact", made)
    assert upserted(crm, phone="030 1234567", name="Bob Roe")["outcome"] == "created"
    again = upserted(crm, email="jane@a.example", match_on=["id"])
    assert again["outcome"] == "created"
    assert upserted(crm, email="jane@a.example")["contact"]["id"] == again["contact"]["id"]


async def test_a_merged_id_leads_on(crm: Any, work: Work) -> None:
    """The id of a contact merged into another updates that one, and the answer says so."""
    present = upserted(crm, email="jane@a.example")["contact"]["id"]
    old = str(new_id())
    await redirect(work, crm.principal, old, present)
    changed = upserted(crm, id=old, title="CEO")
    assert (changed["contact"]["id"], changed["redirected_from"]) == (present, old)
    assert (changed["matched_by"], changed["outcome"]) == ("id", "updated")
    assert upserted(crm, id=present, title="CEO")["redirected_from"] == ""


def test_the_holder_is_a_field_of_its_own(crm: Any) -> None:
    """A conflict of identities names the present holder, on REST and over gRPC."""
    one = upserted(crm, email="one@a.example")["contact"]["id"]
    two = upserted(crm, email="two@a.example")["contact"]["id"]
    refusal = crm.refused("crm_upsert_contact", id=two, email="one@a.example", match_on=["id"])
    assert (refusal["code"], refusal["existing_id"]) == ("identity_taken", one)
    foreign = upserted(crm, email="three@a.example", external_ids=FOREIGN)["contact"]["id"]
    taken = crm.refused("crm_upsert_contact", id=two, external_ids=FOREIGN, match_on=["id"])
    assert taken["existing_id"] == foreign


@pytest.mark.parametrize("body", [{"expected_version": 1}, {"multi_value_mode": "remove"}])
def test_nothing_is_made_where_something_was_expected(crm: Any, body: dict[str, Any]) -> None:
    """Whoever saw a version or takes values away means a contact that is there."""
    assert crm.refused("crm_upsert_contact", email="new@a.example", **body)["code"] == "not_found"
    assert crm.do("crm_lookup_customer", query="new@a.example")["outcome"] == "none"


def test_a_crowd_shares_a_number(crm: Any) -> None:
    """A switchboard's number leads nobody away from an address; alone it is ambiguous and names a few."""
    for at in range(50):
        upserted(crm, email=f"p{at}@a.example", phone="030 1234567", match_on=["email"])
    last = upserted(crm, email="new@a.example", phone="030 1234567", match_on=["email"])["contact"]["id"]
    assert upserted(crm, email="new@a.example", phone="030 1234567", title="CEO")["contact"]["id"] == last
    assert upserted(crm, email="p7@a.example", phone="030 1234567")["outcome"] == "unchanged"
    refusal = crm.refused("crm_upsert_contact", phone="030 1234567")
    assert (refusal["code"], len(refusal["ids"])) == ("ambiguous_match", 20)


def state(crm: Any, contact: str) -> dict[str, Any]:
    """What is known of the primary address."""
    email: dict[str, Any] = crm.do("crm_get_record", id=contact)["contact"]["emails"][0]
    return email


def test_consent_becomes_only_stricter_by_itself(crm: Any) -> None:
    """An opt-out ends only on a ground told with it; everything else of the call is done, with a warning."""
    address = "jane@a.example"
    out = {"address": "JANE@a.example", "opted_out": True}
    made = upserted(crm, email=address, email_states=[out])["contact"]
    assert (made["emails"][0]["opted_out"], made["emails"][0]["bounced"]) == (True, False)
    kept = upserted(crm, email=address, title="CEO", email_states=[{"address": address, "opted_out": False}])
    assert (codes(kept), kept["changed"]) == (["consent_downgrade"], ["title"])
    assert state(crm, made["id"])["opted_out"] is True
    basis = {"address": address, "opted_out": False, "consent_basis": "double opt-in 2026-02-01"}
    ended = upserted(crm, email=address, email_states=[basis])
    assert (codes(ended), ended["changed"]) == ([], ["email_states"])
    assert state(crm, made["id"]) | {"address": ""} == {
        "address": "",
        "is_primary": True,
        "opted_out": False,
        "bounced": False,
        "consent_basis": "double opt-in 2026-02-01",
    }
    assert upserted(crm, email=address, email_states=[basis])["outcome"] == "unchanged"


def test_what_is_known_of_an_address_stays_with_it(crm: Any) -> None:
    """Other values come and go, the states of an address stay; one of another address is refused."""
    states = [{"address": "jane@a.example", "opted_out": True, "bounced": True}]
    made = upserted(crm, email="jane@a.example", email_states=states)["contact"]["id"]
    upserted(crm, id=made, emails=["new@a.example", "jane@a.example"], multi_value_mode="replace")
    emails = crm.do("crm_get_record", id=made)["contact"]["emails"]
    assert [(each["opted_out"], each["bounced"]) for each in emails] == [(False, False), (True, True)]
    refusal = crm.refused("crm_upsert_contact", id=made, email_states=[{"address": "x@a.example", "bounced": True}])
    assert (refusal["code"], refusal["field"]) == ("invalid_field", "email_states[0].address")
    assert crm.do("crm_get_record", id=made)["version"] == 2


def test_a_company_is_made_on_the_way(crm: Any) -> None:
    """Where no company is found one is made of name and domain if wished, once, and found from then on."""
    warned = upserted(crm, email="jane@new.example", company="New Ltd")
    assert (codes(warned), "company" in warned["contact"]) == (["company_not_found"], False)
    made = upserted(crm, email="jane@new.example", company="New Ltd", create_company=True)
    assert (codes(made), made["changed"], made["contact"]["version"]) == (["company_created"], ["company"], 1)
    company = made["contact"]["company"]["id"]
    found = crm.do("crm_upsert_company", name="New Ltd", domain="new.example")
    assert (found["outcome"], found["company"]["id"]) == ("unchanged", company)
    for body in ({"company_domain": "www.new.example"}, {"company": "new  ltd"}, {"email": "j@new.example"}):
        other = upserted(crm, **({"name": "Bob Roe", "create_company": True} | body))
        assert other["contact"]["company"]["id"] == company
    assert [hit["type"] for hit in crm.do("crm_search_customers", query="jane new")["hits"]] == ["contact"]


def test_the_domain_tells_the_company_before_its_name(crm: Any) -> None:
    """The company that has the domain is linked, and a warning says that it is called otherwise; an id overrides."""
    acme = crm.do("crm_upsert_company", name="Acme", domain="acme.example")["company"]["id"]
    globex = crm.do("crm_upsert_company", name="Globex", domain="globex.example")["company"]["id"]
    linked = upserted(crm, email="jane@acme.example", company="Globex")
    assert (linked["contact"]["company"]["id"], codes(linked)) == (acme, ["company_differs"])
    moved = upserted(crm, email="jane@acme.example", company_id=globex)
    assert (moved["contact"]["company"]["id"], moved["changed"]) == (globex, ["company"])
    stays = upserted(crm, email="jane@acme.example", company="GLOBEX")
    assert (stays["outcome"], stays["contact"]["company"]["id"]) == ("unchanged", globex)
    assert crm.do("crm_search_customers", query="jane globex")["total"] == 1
    assert crm.do("crm_search_customers", query="jane acme.example globex")["total"] == 1


async def test_a_deleted_company_is_told_of(crm: Any, work: Work) -> None:
    """By its id, domain, id elsewhere and name a deleted company is reported; a contact cannot be linked to it."""
    made = crm.do("crm_upsert_company", name="Acme", domain="acme.example", external_ids=FOREIGN)["company"]["id"]
    await delete(work, crm.principal, "company", made)
    for keys in ({"id": made}, {"domain": "acme.example"}, {"external_ids": FOREIGN}, {"name": "ACME"}):
        refusal = crm.refused("crm_upsert_company", city="Berlin", **keys)
        assert (refusal["code"], refusal["existing_id"]) == ("record_deleted", made)
    assert crm.refused("crm_upsert_contact", email="j@b.example", company_id=made)["code"] == "gone"
    again = crm.do("crm_upsert_company", name="Acme", domain="acme.example", match_on=["id"])
    assert again["outcome"] == "created"


async def test_a_merged_company_leads_on(crm: Any, work: Work, company: str) -> None:
    """The id of a company merged into another finds that one, for its own update and for a contact's link."""
    old = str(new_id())
    await redirect(work, crm.principal, old, company)
    changed = crm.do("crm_upsert_company", id=old, city="Berlin")
    assert (changed["company"]["id"], changed["redirected_from"]) == (company, old)
    assert upserted(crm, email="j@b.example", company_id=old)["contact"]["company"]["id"] == company


@pytest.mark.parametrize(
    "body",
    [
        {"email": "new@a.example"},
        {"phone": "030 7654321", "name": "New One"},
        {"external_ids": FOREIGN, "name": "New One"},
        {"email": "new@a.example", "phone": "030 7654321", "external_ids": FOREIGN},
    ],
)
def test_fifty_at_once_make_one_by_every_key(crm: Any, at_once: Any, body: dict[str, Any]) -> None:
    """Fifty parallel upserts of one new key make one contact, and nobody is refused."""
    answers = at_once(50, lambda _: upserted(crm, **body))
    assert sorted(each["outcome"] for each in answers) == ["created"] + ["unchanged"] * 49
    assert len({each["contact"]["id"] for each in answers}) == 1


def test_those_who_come_at_once_find_one_company(crm: Any, at_once: Any) -> None:
    """People of a new company who come at once find one company."""
    answers = at_once(20, lambda at: upserted(crm, email=f"p{at}@new.example", company="New", create_company=True))
    assert len({each["contact"]["company"]["id"] for each in answers}) == 1
    assert sum("company_created" in codes(each) for each in answers) == 1


def test_of_two_with_one_version_one_is_refused(crm: Any, at_once: Any) -> None:
    """Updates that saw one version: the first is done, every other told which fields differ."""
    made = upserted(crm, email="jane@a.example")["contact"]["id"]

    def update(at: int) -> dict[str, Any]:
        told: dict[str, Any] = crm.send("crm_upsert_contact", id=made, title=f"T{at}", expected_version=1).json()
        return told

    answers = at_once(10, update)
    assert sorted(each.get("code", "") for each in answers) == [""] + ["version_conflict"] * 9
    refused = [each for each in answers if each.get("code")]
    assert all([each["field"] for each in told["differing"]] == ["title"] for told in refused)


async def test_a_list_is_written_as_one_is(crm: Any, work: Work) -> None:
    """Many wishes in one call come to what they come to one by one; two that mean one contact are written once."""
    region = crm.principal.settings
    there = upserted(crm, email="there@a.example", phone="030 1234567")["contact"]["id"]
    requests = [
        UpsertContactRequest(email="new@new.example", company="New", create_company=True),
        UpsertContactRequest(email="there@a.example", title="CEO"),
        UpsertContactRequest(phone="+49 30 1234567", city="Berlin"),
        UpsertContactRequest(email="two@new.example", company="NEW", create_company=True),
        UpsertContactRequest(id=str(new_id()), title="Nobody"),
        UpsertContactRequest(email="there@a.example", title="CEO", city="Berlin"),
    ]
    wanted = [wanted_contact(each, region) for each in requests]
    async with calling(work, crm.principal) as call:
        planning = await plan_contacts(call, wanted, await matched_many(call, FINDER, wanted))
        await write_contacts(call, planning)
    told = [getattr(each, "outcome", None) or getattr(each, "code", "") for each in planning.results]
    assert told == ["created", "updated", "updated", "created", "not_found", "unchanged"]
    assert len(planning.companies.made) == 1
    after = crm.do("crm_get_record", id=there)
    assert (after["version"], after["contact"]["title"], after["contact"]["city"]) == (2, "CEO", "Berlin")
    both = [crm.do("crm_lookup_customer", query=f"{each}@new.example") for each in ("new", "two")]
    assert len({each["company"]["id"] for each in both}) == 1


async def test_a_list_that_loses_a_key_is_told_which(crm: Any, work: Work) -> None:
    """Between plan and writing another call may take an address; the list is told, and nothing of it stays."""
    requests = [UpsertContactRequest(email=f"p{at}@a.example") for at in range(3)]
    wanted = [wanted_contact(each, crm.principal.settings) for each in requests]
    taken: list[str] = []

    async def write() -> None:
        async with calling(work, crm.principal) as call:
            matches = await matched_many(call, FINDER, wanted, hold=False)
            planning = await plan_contacts(call, wanted, matches)
            other = await asyncio.to_thread(upserted, crm, email="p1@a.example")
            taken.append(other["contact"]["id"])
            await write_contacts(call, planning)

    with pytest.raises(Clashes) as clashes:
        await write()
    assert [str(each.holder) for each in clashes.value.clashing] == taken
    assert crm.do("crm_lookup_customer", query="p0@a.example")["outcome"] == "none"
