"""The people in an activity: who they are said to be, and which contacts that means."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from uuid import UUID

from kontor_protos.kontor.crm.v1 import activities_pb as pb

from kontor_crm_core.identity.parse import Email, Phone, Unreadable, parse_email, parse_phone
from kontor_crm_core.record.wishes import Notes
from kontor_platform.data.records.fold import clean


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who takes part; `far` ones stand at the other end and may be made contacts of."""

    role: str
    name: str = ""
    email: Email | None = None
    phone: Phone | None = None
    contact: UUID | None = None
    far: bool = True

    @property
    def who(self) -> str:
        """What tells a person from the others of the same role."""
        if self.email:
            return self.email.key
        return (self.phone.e164 or self.phone.key) if self.phone else str(self.contact)

    @property
    def can_be_made(self) -> bool:
        """Whether a contact that is found again can be made of it."""
        return self.far and bool(self.email or (self.phone and self.phone.e164))

    def __str__(self) -> str:
        """The person as the change log tells it."""
        at = self.email.raw if self.email else self.phone.raw if self.phone else str(self.contact)
        return f"{self.role} {self.name} <{at}>" if self.name else f"{self.role} {at}"


def once(people: Iterable[Person]) -> list[Person]:
    """The people, each once in a role."""
    return list({(each.role, each.who): each for each in reversed(list(people))}.values())[::-1]


def of_inputs(
    given: Sequence[pb.ParticipantInput], path: str, role: str, region: str, notes: Notes
) -> list[Person] | None:
    """The participants of a request, None where it names none; notes as faults those that cannot be anybody."""
    if not given:
        return None
    read = [of_input(each, f"{path}[{at}]", role, region, notes) for at, each in enumerate(given)]
    return once(each for each in read if each)


def of_input(given: pb.ParticipantInput, path: str, role: str, region: str, notes: Notes) -> Person | None:
    """One participant; what names nobody, or has an address that is none, is a fault."""
    name, number = clean(given.name), clean(given.phone)
    email = None
    if clean(given.email):
        header_name, email = address(given.email)
        if email is None:
            notes.fault(f"{path}.email", f"{clean(given.email)!r} is no e-mail address.", "email_invalid")
            return None
        name = name or header_name
    if not (email or number or given.contact_id):
        notes.fault(path, "A participant needs contact_id, email or phone.", "required_missing")
        return None
    phone = parse_phone(number, region) if number else None
    if phone and not phone.e164:
        told = f"{number!r} is no phone number of region {region}; it is kept as text and finds nobody."
        notes.warn("phone_unreadable", told, f"{path}.phone")
    return Person(role, name, email, phone, UUID(given.contact_id) if given.contact_id else None)


def address(header: str) -> tuple[str, Email | None]:
    """The name and the address of a mail header; no address where it has none that can be read."""
    name, found = parseaddr(clean(header))
    try:
        return clean(name), parse_email(found)
    except Unreadable:
        return clean(name), None
