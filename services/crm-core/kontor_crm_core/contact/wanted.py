"""What a call wants a contact to be, read and checked before anything is looked up."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1 import contacts_pb as pb

from kontor_crm_core.contact.rules import ConsentWish, Name, split_name
from kontor_crm_core.identity.parse import Email, Phone
from kontor_crm_core.identity.reading import read_domain, read_email, read_emails, read_phones
from kontor_crm_core.record.matching import MatchKey
from kontor_crm_core.record.wishes import Notes, Scalar, Wish, contradict, listed, read_text, read_texts, read_wish
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.setting import Wished
from kontor_platform.runtime.principal import TenantSettings

TEXTS = ("first_name", "last_name", "title", "city", "country")
LISTS = ("emails", "phones", "external_ids")
KEYS = frozenset((MatchKey.ID, MatchKey.EXTERNAL_ID, MatchKey.EMAIL, MatchKey.PHONE, MatchKey.PROPERTY))


@dataclass(frozen=True, slots=True)
class EmailState:
    """What is said of one address; `path` tells where."""

    path: str
    key: str
    wish: ConsentWish


@dataclass(frozen=True, slots=True)
class EmployerWish:
    """What is said of the company a contact works for; one is made of it where none is found if `create`."""

    id: UUID | None = None
    domain: str = ""
    name: str = ""
    create: bool = False

    @property
    def is_told(self) -> bool:
        """Whether the company itself is named, by whatever."""
        return bool(self.id or self.domain or self.name)


@dataclass(frozen=True, slots=True)
class WantedContact:
    """A contact as it shall be."""

    wish: Wish
    emails: Sequence[Email] = ()
    phones: Sequence[Phone] = ()
    states: Sequence[EmailState] = ()
    employer: EmployerWish = EmployerWish()

    @property
    def folded_name(self) -> Name:
        """The parts of the name as they are compared."""
        fields = self.wish.fields
        return Name(fold(str(fields.get("first_name") or "")), fold(str(fields.get("last_name") or "")))

    @property
    def numbers(self) -> list[str]:
        """The numbers that could be read and may find the contact."""
        if self.wish.id or MatchKey.PHONE not in self.wish.match_on:
            return []
        return [phone.e164 for phone in self.phones if phone.e164]

    @property
    def locks(self) -> list[str]:
        """The keys no other call may be making a contact of meanwhile."""
        return [
            *(f"email:{email.key}" for email in self.emails),
            *(f"phone:{number}" for number in self.numbers),
            *(f"contact:{each}" for each in self.wish.external_ids),
        ]

    @property
    def company_domains(self) -> list[str]:
        """The domains of the addresses given that can belong to a company."""
        return [email.company_domain for email in self.emails if email.company_domain]


def wanted_contact(
    request: pb.UpsertContactRequest, settings: TenantSettings, given: Wished | None = None
) -> WantedContact:
    """Reads a request and its properties; raises InvalidField with all faults."""
    wanted = read_contact(request, settings, given)
    wanted.wish.notes.settle()
    return wanted


def read_contact(
    request: pb.UpsertContactRequest, settings: TenantSettings, given: Wished | None = None
) -> WantedContact:
    """Reads a request and its properties, faults in the notes of the wish."""
    notes = Notes()
    wanted = WantedContact(
        wish=read_wish(request, read_fields(request, notes), KEYS, given, notes),
        emails=read_emails(listed(request, "email", "emails", notes), notes),
        phones=read_phones(listed(request, "phone", "phones", notes), settings.region, notes),
        states=read_states(request, notes) if request.email_states else (),
        employer=read_employer(request, notes),
    )
    check(wanted, notes)
    return wanted


def check(wanted: WantedContact, notes: Notes) -> None:
    """Notes what contradicts itself or says nothing."""
    wish = wanted.wish
    given = {"emails": wanted.emails, "phones": wanted.phones, "external_ids": wish.external_ids}
    for name in LISTS:
        if given[name] and name in wish.clear:
            contradict(name, notes)
    keys = any(given.values()) or any(each.unique_key for each in wish.properties)
    if not (notes.faults or wish.id or keys or wish.fields.get("first_name") or wish.fields.get("last_name")):
        told = "Give at least one of id, a name, email, phone or external_ids."
        notes.fault("email", told, "required_missing")


def read_fields(request: pb.UpsertContactRequest, notes: Notes) -> dict[str, Scalar]:
    """The text fields, with a whole name taken apart where its parts are not given."""
    wanted = read_texts(request, TEXTS, notes)
    whole = read_text(request.name, "name", notes) if request.name else ""
    if whole and "first_name" not in wanted and "last_name" not in wanted:
        parts = split_name(whole)
        wanted |= {name: part for name, part in (("first_name", parts.first), ("last_name", parts.last)) if part}
    return wanted


def read_states(request: pb.UpsertContactRequest, notes: Notes) -> list[EmailState]:
    """What is said of addresses; the same address twice is a fault."""
    read: dict[str, EmailState] = {}
    for at, each in enumerate(request.email_states):
        path = f"email_states[{at}].address"
        email = read_email(each.address, path, notes)
        if email and email.key in read:
            notes.fault(path, f"{email.raw} is told of twice; leave one of them out.", "rule_failed")
        elif email:
            read[email.key] = EmailState(path, email.key, read_consent(each, at, notes))
    return list(read.values())


def read_consent(told: pb.EmailState, at: int, notes: Notes) -> ConsentWish:
    """What is said of one address."""
    basis = read_text(told.consent_basis, f"email_states[{at}].consent_basis", notes) if told.consent_basis else ""
    return ConsentWish(
        opted_out=told.opted_out if told.has_field("opted_out") else None,
        bounced=told.bounced if told.has_field("bounced") else None,
        basis=basis,
    )


def read_employer(request: pb.UpsertContactRequest, notes: Notes) -> EmployerWish:
    """What is said of the company."""
    name = read_text(request.company, "company", notes) if request.company else ""
    given = read_text(request.company_domain, "company_domain", notes) if request.company_domain else ""
    domain = read_domain(given, "company_domain", notes) if given else ""
    return EmployerWish(UUID(request.company_id) if request.company_id else None, domain, name, request.create_company)
