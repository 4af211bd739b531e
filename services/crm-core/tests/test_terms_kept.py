"""What records are found by is what they hold now, after whatever happened to them and to their companies."""

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kontor_protos.kontor.crm.v1.common_pb import ExternalId
from kontor_protos.kontor.crm.v1.companies_pb import UpsertCompanyRequest
from kontor_protos.kontor.crm.v1.contacts_pb import UpsertContactRequest
from sqlalchemy import text

from kontor_crm_core.association.edges import link, unlink_wishes
from kontor_crm_core.association.rules import LinkWish
from kontor_crm_core.association.service import renamed
from kontor_crm_core.company import reading as companies
from kontor_crm_core.company.terms import company_terms
from kontor_crm_core.company.upserting import upsert_company
from kontor_crm_core.company.wanted import wanted_company
from kontor_crm_core.contact import reading as contacts
from kontor_crm_core.contact.terms import contact_terms
from kontor_crm_core.contact.upserting import upsert_contact
from kontor_crm_core.contact.wanted import wanted_contact
from kontor_platform.contract.problem import Refusal
from kontor_platform.data.records.terms import grams, is_word
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.work import Work

from .conftest import BERLIN, person
from .inside import calling, working

STORED = """
    SELECT r.id, r.object_type, r.terms,
        (SELECT json_object_agg(s.term, s.fields) FROM search_term s
            WHERE s.tenant_id = r.tenant_id AND s.object_type = r.object_type AND s.record_id = r.id) AS found
    FROM record r WHERE r.tenant_id = :tenant
"""
WORDS = """
    SELECT w.object_type, w.word, array_agg(g.gram) AS grams FROM search_word w
    LEFT JOIN word_gram g ON g.tenant_id = w.tenant_id AND g.object_type = w.object_type AND g.word = w.word
    WHERE w.tenant_id = :tenant GROUP BY w.object_type, w.word
"""
LINKS = "SELECT from_id, to_id FROM association WHERE tenant_id = :tenant AND type_key = 'contact_company'"
NAMES = ["Jane", "Zoë", "Łukasz", "山田太郎", "Møller-Smith", "O'Neill", "हिन्दी", ""]
DOMAINS = ["acme.example", "globex.example", "gmail.com"]
COMPANIES = ["Acme", "Globex GmbH", "Søn & Co"]
name, company = st.sampled_from(NAMES), st.sampled_from(["", *COMPANIES])
emails = st.lists(
    st.builds("{}@{}".format, st.sampled_from(["jane.doe", "z+x", "o'n"]), st.sampled_from(DOMAINS)), max_size=3
)
phones = st.lists(st.sampled_from(["030 1234567", "+1 212 555 0100", "call me", "12"]), max_size=2)
foreign = st.lists(st.builds(ExternalId, system=st.just("s"), value=st.sampled_from(["1", "A-2"])), max_size=2)
mode = st.sampled_from(["", "replace", "remove"])
CONTACTS = st.builds(
    UpsertContactRequest,
    first_name=name,
    last_name=name,
    title=st.sampled_from(["", "Head of Sales", "CTO"]),
    city=st.sampled_from(["", "Köln"]),
    company=company,
    create_company=st.booleans(),
    emails=emails,
    phones=phones,
    external_ids=foreign,
    multi_value_mode=mode,
    clear=st.lists(st.sampled_from(["title", "city", "last_name"]), unique=True, max_size=1),
)
ORGANISATIONS = st.builds(
    UpsertCompanyRequest,
    name=company,
    domains=st.lists(st.sampled_from(DOMAINS), max_size=2),
    external_ids=foreign,
    phone=st.sampled_from(["", "030 1234567", "call us"]),
    industry=st.sampled_from(["", "Tools"]),
    multi_value_mode=mode,
)
Step = UpsertContactRequest | UpsertCompanyRequest | str


@pytest.fixture
async def work(stack: Any) -> AsyncIterator[Work]:
    """What jobs of the running service work with."""
    async with working(stack) as work:
        yield work


async def do(call: Call, step: Step) -> None:
    """Does one thing; raises Refusal."""
    if isinstance(step, UpsertContactRequest):
        await upsert_contact(call, wanted_contact(step, BERLIN))
    elif isinstance(step, UpsertCompanyRequest):
        await upsert_company(call, wanted_company(step, BERLIN))
    else:
        await relink(call, step)


async def relink(call: Call, step: str) -> None:
    """Takes the first link to a company away, or makes its company the main one of every contact."""
    rows = [tuple(row) for row in await call.session.execute(text(LINKS), {"tenant": call.actor.tenant})]
    if rows and step == "unlink":
        await renamed(call, await unlink_wishes(call, [LinkWish("contact_company", *rows[0])]))
    if rows and step == "gather":
        await renamed(call, await link(call, [(one, rows[0][1]) for one, _ in rows], is_primary=True))


async def fresh(call: Call, kinds: Mapping[UUID, str]) -> dict[UUID, dict[str, int]]:
    """The terms of records as they are now, computed from what is stored."""
    people = await contacts.states(call, [each for each, kind in kinds.items() if kind == "contact"])
    firms = await companies.states(call, [each for each, kind in kinds.items() if kind == "company"])
    found = {each: contact_terms(state) for each, state in people.items()}
    return found | {each: company_terms(state, BERLIN.region) for each, state in firms.items()}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.one_of(CONTACTS, CONTACTS, ORGANISATIONS, st.sampled_from(["unlink", "gather"])), max_size=9))
async def test_terms_are_those_computed_afresh(work: Work, steps: list[Step]) -> None:
    """Terms with their fields are those of the stored record, in the index as in the registry; no word lacks a gram."""
    ada = person()
    for step in steps:
        try:
            async with calling(work, ada) as call:
                await do(call, step)
        except Refusal:
            continue
    async with calling(work, ada) as call:
        stored = (await call.session.execute(text(STORED), {"tenant": ada.tenant})).all()
        expected = await fresh(call, {row.id: row.object_type for row in stored})
        words = (await call.session.execute(text(WORDS), {"tenant": ada.tenant})).all()
    assert {row.id: row.found or {} for row in stored} == expected
    assert {row.id: row.terms for row in stored} == {record: sorted(terms) for record, terms in expected.items()}
    told = {(row.object_type, word) for row in stored for word, bits in expected[row.id].items() if is_word(word, bits)}
    assert told <= {(row.object_type, row.word) for row in words}
    assert all(set(row.grams) == set(grams(row.word)) for row in words)
