"""Creates contacts and brings present ones to what is wished."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kontor_crm_core.contact.models import ContactRow
from kontor_crm_core.contact.queries import Identities, identities
from kontor_crm_core.contact.rules import display_name
from kontor_crm_core.contact.wanted import LISTS, TEXTS, WantedContact
from kontor_crm_core.record.identities import Identifying, changed_shelves, first_shelves, foreign_rows
from kontor_crm_core.record.objects import EMAILS, FOREIGN, PHONES
from kontor_crm_core.record.values import MultiValueMode, combined
from kontor_crm_core.record.wishes import Written, told_field
from kontor_crm_core.record.writer import check_version, created, locked, updated
from kontor_platform.contract.problem import JSON, NotFound
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.fold import fold
from kontor_platform.runtime.call import Call, Change


async def create(call: Call, wanted: WantedContact) -> Written:
    """Makes a contact of a wish that no present one fits.

    Raises IdentityTaken, and NotFound where values were only to be taken away.
    """
    if wanted.mode is MultiValueMode.REMOVE:
        raise NotFound("No contact has these values.")
    holds = Identities(wanted.emails, wanted.phones, wanted.external_ids)
    fields: dict[str, Any] = {"owner_id": call.actor.owner} | wanted.texts | owner_field(wanted)
    row = ContactRow(
        tenant_id=call.actor.tenant,
        id=new_id(),
        created_at=call.now,
        updated_at=call.now,
        **fields | named(wanted.texts, holds),
    )
    begun = {name: told_field(value) for name, value in fields.items()} | told(holds)
    await created(call, "contact", row, begun, shelves=first_shelves(identifying(holds)))
    if not any(told(holds).values()):
        told_so = "Without an address, phone number or external id a repeat makes a second contact."
        wanted.notes.warn("no_identity", told_so)
    return Written(row.id, "created", [name for name, value in begun.items() if value])


async def change(call: Call, contact: UUID, wanted: WantedContact, version: int | None) -> Written:
    """Brings a present contact to what is wished; raises NotFound, Gone, VersionConflict or IdentityTaken."""
    present = await locked(call, "contact", contact)
    held = await identities(call, contact)
    holds = merged(held, wanted)
    fields = wanted.texts | owner_field(wanted)
    before = {name: told_field(present[name]) for name in fields} | told(held)
    after = {name: told_field(value) for name, value in fields.items()} | told(holds)
    changes = [Change(name, before[name], after[name]) for name in after if before[name] != after[name]]
    check_version(version, present["version"], changes)
    if not changes:
        return Written(contact, "unchanged", ())
    name = named({name: present[name] for name in TEXTS} | wanted.texts, holds)
    shelves = await changed_shelves(call, contact, identifying(holds))
    await updated(call, "contact", contact, version, changes, {**fields, **name}, shelves=shelves)
    return Written(contact, "updated", [each.field for each in changes])


def merged(held: Identities, wanted: WantedContact) -> Identities:
    """What identifies the contact after the wish."""
    emails, phones, external_ids = (() if name in wanted.clear else getattr(held, name) for name in LISTS)
    return Identities(
        combined(emails, wanted.emails, wanted.mode, lambda each: each.key),
        combined(phones, wanted.phones, wanted.mode, lambda each: each.key),
        combined(external_ids, wanted.external_ids, wanted.mode, lambda each: each),
    )


def owner_field(wanted: WantedContact) -> dict[str, UUID | None]:
    """The owner as a field to write, where one is given or cleared."""
    return {"owner_id": wanted.owner} if wanted.owner or "owner_id" in wanted.clear else {}


def named(texts: Mapping[str, str | None], holds: Identities) -> dict[str, str]:
    """The name people know the contact by, and the form it is compared in."""
    addresses, numbers = [each.raw for each in holds.emails], [each.raw for each in holds.phones]
    known = [*addresses, *numbers, *(each.value for each in holds.external_ids)]
    name = display_name(texts.get("first_name"), texts.get("last_name"), known)
    return {"name": name, "name_key": fold(name)}


def told(holds: Identities) -> dict[str, JSON]:
    """Identities as a change tells them."""
    return {
        "emails": [each.raw for each in holds.emails],
        "phones": [each.raw for each in holds.phones],
        "external_ids": [f"{each.system}:{each.value}" for each in holds.external_ids],
    }


def identifying(holds: Identities) -> Identifying:
    """Identities as the rows that keep them."""
    emails = [{"email_key": each.key, "raw": each.raw, "position": at} for at, each in enumerate(holds.emails)]
    phones = [
        {
            "phone_key": each.key,
            "raw": each.raw,
            "e164": each.e164,
            "national_digits": each.national_digits,
            "ext": each.ext,
            "region": each.region,
            "position": at,
        }
        for at, each in enumerate(holds.phones)
    ]
    return {EMAILS: emails, PHONES: phones, FOREIGN: foreign_rows("contact", holds.external_ids)}
