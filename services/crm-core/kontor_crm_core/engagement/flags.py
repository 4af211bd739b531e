"""Marks addresses as bounced or opted out, as a change of the contact that has them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from kontor_crm_core.contact.models import CONTACT_EMAILS, CONTACTS
from kontor_crm_core.record.objects import EMAILS, write
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.planned import Planned, ShelfChange
from kontor_platform.runtime.call import Call, Change

FLAGS = ("bounced", "opted_out")
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Flagged:
    """The contacts that were marked, and the addresses that nobody has."""

    contacts: Sequence[UUID] = ()
    unknown: Sequence[str] = ()


async def flag(call: Call, wanted: Mapping[str, Set[str]]) -> Flagged:
    """Sets each flag on the addresses named for it; what is marked so already stays."""
    keys = {each for addresses in wanted.values() for each in addresses}
    if not keys:
        return Flagged()
    held = await holders(call, keys)
    found = await addresses_of(call, held)
    planned = [each for each in (plan(contact, held[contact], found[contact], wanted) for contact in held) if each]
    if planned:
        await write(call, *planned)
    call.concerns(*held)
    there = {row["email_key"] for rows in found.values() for row in rows}
    return Flagged([each.id for each in planned], sorted(keys - there))


async def holders(call: Call, keys: Iterable[str]) -> dict[UUID, int]:
    """The contacts that have the addresses, with their versions; held to the end of the transaction."""
    emails, contacts = CONTACT_EMAILS.c, CONTACTS.c
    theirs = (emails.tenant_id == call.actor.tenant, emails.email_key.in_(list(keys)), emails.live)
    rows = await call.session.execute(
        select(contacts.id, contacts.version)
        .where(contacts.tenant_id == call.actor.tenant, contacts.id.in_(select(emails.contact_id).where(*theirs)))
        .order_by(contacts.id)
        .with_for_update(key_share=True)
    )
    return {row.id: row.version for row in rows}


async def addresses_of(call: Call, contacts: Iterable[UUID]) -> Mapping[UUID, list[Row]]:
    """All addresses of contacts."""
    emails = CONTACT_EMAILS.c
    mine = (emails.tenant_id == call.actor.tenant, emails.contact_id.in_(list(contacts)), emails.live)
    found: dict[UUID, list[Row]] = defaultdict(list)
    for row in (await call.session.execute(select(*emails).where(*mine).order_by(emails.position))).mappings():
        found[row["contact_id"]].append(dict(row))
    return found


def plan(contact: UUID, version: int, addresses: Sequence[Row], wanted: Mapping[str, Set[str]]) -> Planned | None:
    """What marking the addresses changes of a contact, None if nothing."""
    after = [{name: is_flagged(row, name, wanted) for name in FLAGS} for row in addresses]
    changed = [
        {"email_key": row["email_key"], **flags}
        for row, flags in zip(addresses, after, strict=True)
        if any(row[name] != flags[name] for name in FLAGS)
    ]
    changes = [Change("email_states", told(addresses, {}), told(addresses, wanted))]
    shelf = ShelfChange(EMAILS, changed=changed)
    return Planned("contact", contact, version, changes=changes, shelves=[shelf]) if changed else None


def is_flagged(row: Row, name: str, wanted: Mapping[str, Set[str]]) -> bool:
    """Whether an address has a flag once it is set on those wanted."""
    return bool(row[name]) or row["email_key"] in wanted.get(name, ())


def told(addresses: Sequence[Row], wanted: Mapping[str, Set[str]]) -> list[JSON]:
    """What is known of the addresses, as the change log tells it: those of which anything is."""
    states: list[dict[str, JSON]] = [
        {
            "address": row["raw"],
            **{name: is_flagged(row, name, wanted) for name in FLAGS},
            "consent_basis": row["consent_basis"],
        }
        for row in addresses
    ]
    return [each for each in states if any(value for name, value in each.items() if name != "address")]
