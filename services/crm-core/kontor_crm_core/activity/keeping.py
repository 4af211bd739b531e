"""Stores who takes part in an activity."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, insert, select

from kontor_crm_core.activity.guests import Guest
from kontor_crm_core.activity.models import PARTICIPANTS
from kontor_crm_core.activity.people import Person
from kontor_crm_core.identity.parse import Email, Phone
from kontor_platform.runtime.call import Call


async def kept_guests(call: Call, activity: UUID) -> list[Guest]:
    """Who takes part in an activity, in order."""
    rows = await call.session.execute(stored(call.actor.tenant, activity))
    return [
        Guest(
            Person(
                role=row.role,
                name=row.name or "",
                email=Email(row.email, row.email_key, "") if row.email else None,
                phone=Phone(row.phone, row.e164) if row.phone else None,
                contact=row.contact_id if not (row.email or row.phone) else None,
            ),
            row.contact_id,
        )
        for row in rows
    ]


def stored(tenant: UUID, activity: UUID) -> Select[Any]:
    """The people of an activity, in order."""
    columns = PARTICIPANTS.c
    mine = (columns.tenant_id == tenant, columns.activity_id == activity)
    return select(PARTICIPANTS).where(*mine).order_by(columns.position)


async def keep_guests(call: Call, activity: UUID, guests: Sequence[Guest]) -> None:
    """Makes these the only people of an activity."""
    mine = (PARTICIPANTS.c.tenant_id == call.actor.tenant, PARTICIPANTS.c.activity_id == activity)
    await call.session.execute(delete(PARTICIPANTS).where(*mine))
    rows = [row(call, activity, position, each) for position, each in enumerate(guests)]
    if rows:
        await call.session.execute(insert(PARTICIPANTS), rows)


def row(call: Call, activity: UUID, position: int, guest: Guest) -> dict[str, object]:
    """The row of one person."""
    person = guest.person
    return {
        "tenant_id": call.actor.tenant,
        "activity_id": activity,
        "role": person.role,
        "who": person.who,
        "position": position,
        "name": person.name or None,
        "email": person.email.raw if person.email else None,
        "email_key": person.email.key if person.email else None,
        "phone": person.phone.raw if person.phone else None,
        "e164": person.phone.e164 if person.phone else None,
        "contact_id": guest.contact,
    }


def differ(before: Sequence[Guest], after: Sequence[Guest]) -> bool:
    """Whether other people take part, or they are known otherwise."""
    return [kept(each) for each in before] != [kept(each) for each in after]


def kept(guest: Guest) -> tuple[object, ...]:
    """What is kept of a person."""
    person = guest.person
    at = person.email.raw if person.email else None, person.phone.raw if person.phone else None
    return person.role, person.who, person.name, guest.contact, *at


def told_guests(guests: Sequence[Guest]) -> list[str]:
    """Who takes part, as the change log tells it."""
    return sorted(str(each.person) for each in guests)
