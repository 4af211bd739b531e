"""Reads contacts as they are now and keeps what they are found by."""

from collections.abc import Iterable, Iterator, Mapping
from uuid import UUID

from kontor_protos.kontor.crm.v1.contacts_pb import Contact
from sqlalchemy import text

from kontor_crm_core.identity.parse import digits, parse_email, parse_phone
from kontor_crm_core.record.terms import index
from kontor_crm_core.record.views import CONTACT, one_live
from kontor_platform.data.records import terms
from kontor_platform.data.records.terms import Field, Term
from kontor_platform.runtime.call import Call

READ = text(one_live("contact", CONTACT))


async def contacts(call: Call, ids: Iterable[UUID]) -> Mapping[UUID, Contact]:
    """Live contacts by id."""
    rows = await call.session.execute(READ, {"tenant": call.actor.tenant, "ids": list(ids)})
    return {row.id: Contact.from_json(row.record) for row in rows}


async def refreshed(call: Call, ids: Iterable[UUID]) -> Mapping[UUID, Contact]:
    """Live contacts by id, after each was made found by what it holds now."""
    read = await contacts(call, ids)
    for record_id, contact in sorted(read.items()):
        await index(call, record_id, terms.gathered(terms_of(contact, call.actor.settings.region)))
    return read


def terms_of(contact: Contact, region: str) -> Iterator[Term]:
    """What a contact is found by, most telling first."""
    yield from terms.of_text(contact.name, Field.NAME)
    for email in contact.emails:
        yield from terms.of_email(parse_email(email.address).key)
    for phone in contact.phones:
        national = parse_phone(phone.raw, region).national_digits
        yield from terms.of_phone(phone.e164, national or digits(phone.raw))
    for foreign in contact.external_ids:
        yield from terms.of_external_id(foreign.value)
    if contact.company:
        yield from terms.of_text(contact.company.name, Field.COMPANY)
    yield from terms.of_text(contact.title, Field.TITLE)
    yield from terms.of_text(contact.city, Field.CITY)
