"""Reads companies as they are now and keeps what they are found by."""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from kontor_protos.kontor.crm.v1.companies_pb import Company
from sqlalchemy import select, text

from kontor_crm_core.association.models import ASSOCIATIONS
from kontor_crm_core.identity.parse import digits, parse_phone
from kontor_crm_core.record.terms import index
from kontor_crm_core.record.views import COMPANY, one_live
from kontor_platform.data.records import terms
from kontor_platform.data.records.terms import Field, Term
from kontor_platform.runtime.call import Call

READ = text(one_live("company", COMPANY))


async def companies(call: Call, ids: Iterable[UUID]) -> Mapping[UUID, Company]:
    """Live companies by id."""
    rows = await call.session.execute(READ, {"tenant": call.actor.tenant, "ids": list(ids)})
    return {row.id: Company.from_json(row.record) for row in rows}


async def refreshed(call: Call, ids: Iterable[UUID]) -> Mapping[UUID, Company]:
    """Live companies by id, after each was made found by what it holds now."""
    read = await companies(call, ids)
    for record_id, company in sorted(read.items()):
        await index(call, record_id, terms.gathered(terms_of(company, call.actor.settings.region)))
    return read


async def staff(call: Call, company: UUID) -> list[UUID]:
    """Contacts who work for the company; they are found by its name too."""
    columns = ASSOCIATIONS.c
    rows = await call.session.execute(
        select(columns.from_id).where(
            columns.tenant_id == call.actor.tenant,
            columns.to_id == company,
            columns.type_key == "contact_company",
            columns.is_primary,
        )
    )
    return list(rows.scalars())


def terms_of(company: Company, region: str) -> Iterator[Term]:
    """What a company is found by, most telling first."""
    yield from terms.of_text(company.name, Field.NAME)
    for domain in company.domains:
        yield from terms.of_domain(domain)
    if company.has_field("phone"):
        phone = parse_phone(company.phone, region)
        yield from terms.of_phone(phone.e164 or "", phone.national_digits or digits(phone.raw))
    for foreign in company.external_ids:
        yield from terms.of_external_id(foreign.value)
    yield from terms.of_text(company.industry, Field.TITLE)
    yield from terms.of_text(company.city, Field.CITY)
