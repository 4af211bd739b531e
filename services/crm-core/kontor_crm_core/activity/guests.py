"""Which contacts the people in an activity are: found, made where asked, left out where blocklisted."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kontor_protos.kontor.crm.v1 import activities_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import RecordRef
from kontor_protos.kontor.crm.v1.contacts_pb import UpsertContactRequest
from sqlalchemy import text

from kontor_crm_core.activity.people import Person
from kontor_crm_core.blocklist.checking import blocked
from kontor_crm_core.contact.rules import Name, contradicts, split_name
from kontor_crm_core.contact.service import Contacts
from kontor_crm_core.refs import live_refs, refs
from kontor_platform.data.records.fold import fold
from kontor_platform.runtime.call import Call

HOLDERS = text(
    """
    SELECT e.email_key AS key, e.contact_id AS contact, NULL AS first_name, NULL AS last_name,
        CAST(NULL AS text[]) AS emails
    FROM contact_email e WHERE e.tenant_id = :tenant AND e.email_key = ANY(:emails) AND e.live
    UNION ALL
    SELECT p.e164, c.id, c.first_name, c.last_name,
        ARRAY(SELECT e.email_key FROM contact_email e
            WHERE e.tenant_id = c.tenant_id AND e.contact_id = c.id AND e.live)
    FROM contact_phone p JOIN contact c ON c.tenant_id = p.tenant_id AND c.id = p.contact_id
    WHERE p.tenant_id = :tenant AND p.e164 = ANY(:phones) AND p.live
    """
)


@dataclass(frozen=True, slots=True)
class Holder:
    """A contact that has an address or a number."""

    contact: UUID
    name: Name
    emails: Sequence[str]


@dataclass(frozen=True, slots=True)
class Guest:
    """A person, and the contact it is; `candidates` are contacts it may be."""

    person: Person
    contact: UUID | None = None
    candidates: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Party:
    """The people of an activity as they are kept, how many were left out, and the contacts made of some."""

    guests: Sequence[Guest] = ()
    left_out: int = 0
    made: Sequence[UUID] = ()

    @property
    def contacts(self) -> list[UUID]:
        """The contacts among them, each once."""
        return list(dict.fromkeys(each.contact for each in self.guests if each.contact))

    async def made_refs(self, call: Call) -> list[RecordRef]:
        """The contacts made, as callers see them."""
        return [each.to_message() for each in (await refs(call, self.made)).values()] if self.made else []

    def unknown(self) -> list[pb.UnknownParticipant]:
        """Those that are no known contact, as callers see them."""
        return [
            pb.UnknownParticipant(
                role=each.person.role,
                name=each.person.name or None,
                email=each.person.email.raw if each.person.email else None,
                phone=each.person.phone.raw if each.person.phone else None,
                candidate_ids=[str(candidate) for candidate in each.candidates],
            )
            for each in self.guests
            if each.contact is None and (each.person.far or each.person.role != "from")
        ]


async def gathered(call: Call, people: Sequence[Person], *, create_missing: bool) -> Party:
    """Finds the contacts that people are; raises NotFound or Gone for those named by an id."""
    await live_refs(call, [each.contact for each in people if each.contact], ("contact",))
    unwanted = await blocked(call, {each.email.key for each in people if each.email})
    allowed = [each for each in people if not (each.email and each.email.key in unwanted)]
    guests = await found(call, allowed)
    made: list[UUID] = []
    if create_missing:
        missing = [each for each in guests if not (each.contact or each.candidates) and each.person.can_be_made]
        made = await make(call, [each.person for each in missing])
        guests = await found(call, allowed) if made else guests
    call.concerns(*(each.contact for each in guests if each.contact))
    return Party(guests, len({each.who for each in people}) - len({each.who for each in allowed}), made)


async def found(call: Call, people: Sequence[Person]) -> list[Guest]:
    """The people with the contacts they are known as."""
    emails = [each.email.key for each in people if each.email]
    phones = [each.phone.e164 for each in people if each.phone and each.phone.e164]
    holders = await holding(call, emails, phones) if emails or phones else {}
    return [resolved(each, holders) for each in people]


async def holding(call: Call, emails: Sequence[str], phones: Sequence[str]) -> Mapping[str, list[Holder]]:
    """The contacts that have addresses and numbers, by these."""
    rows = await call.session.execute(HOLDERS, {"tenant": call.actor.tenant, "emails": emails, "phones": phones})
    holders: dict[str, list[Holder]] = defaultdict(list)
    for row in rows:
        name = Name(fold(row.first_name or ""), fold(row.last_name or ""))
        holders[row.key].append(Holder(row.contact, name, row.emails or ()))
    return holders


def resolved(person: Person, holders: Mapping[str, Sequence[Holder]]) -> Guest:
    """The contact a person is: the one named, else by address, else by a number that one contact alone has."""
    if person.contact:
        return Guest(person, person.contact)
    by_email = holders.get(person.email.key, ()) if person.email else ()
    if by_email:
        return Guest(person, by_email[0].contact)
    by_phone = holders.get(person.phone.e164, ()) if person.phone and person.phone.e164 else ()
    if len(by_phone) == 1 and not speaks_against(person, by_phone[0]):
        return Guest(person, by_phone[0].contact)
    return Guest(person, candidates=tuple(sorted({each.contact for each in by_phone})))


def speaks_against(person: Person, holder: Holder) -> bool:
    """Whether name or address say that the holder of a number is somebody else."""
    parts = split_name(person.name)
    given = Name(fold(parts.first), fold(parts.last))
    return contradicts(given, [person.email.key] if person.email else [], holder.name, holder.emails)


async def make(call: Call, people: Iterable[Person]) -> list[UUID]:
    """Makes contacts of people, one of each who stands several times, in the order of their keys."""
    wanted = {each.who: each for each in people}
    answers = [await Contacts().upsert_contact(as_contact(wanted[who]), call) for who in sorted(wanted)]
    return [UUID(each.contact.id) for each in answers if each.contact and each.outcome == "created"]


def as_contact(person: Person) -> UpsertContactRequest:
    """The contact to make of a person."""
    return UpsertContactRequest(
        name=person.name,
        email=person.email.raw if person.email else "",
        phone=person.phone.raw if person.phone else "",
    )


def all_of(present: Sequence[Guest], more: Sequence[Guest]) -> list[Guest]:
    """Guests with further ones; what is known of one later counts."""
    known = {(each.person.role, each.person.who): each for each in present}
    for each in more:
        key = (each.person.role, each.person.who)
        before = known.get(key)
        person = replace(each.person, name=each.person.name or before.person.name) if before else each.person
        known[key] = replace(each, person=person)
    return list(known.values())
