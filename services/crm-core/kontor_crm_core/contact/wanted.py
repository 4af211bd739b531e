"""What a call wants a contact to be, read and checked before anything is looked up."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1 import contacts_pb as pb

from kontor_crm_core.contact.rules import Name, split_name
from kontor_crm_core.identity.parse import Email, Phone, Unreadable, parse_email, parse_phone
from kontor_crm_core.record.lookups import ForeignId, foreign_ids
from kontor_crm_core.record.matching import MatchKey
from kontor_crm_core.record.values import MultiValueMode
from kontor_crm_core.record.wishes import Notes, listed, texts
from kontor_platform.data.records.fold import clean, fold
from kontor_platform.runtime.principal import TenantSettings

TEXTS = ("first_name", "last_name", "title", "city", "country")
LISTS = ("emails", "phones", "external_ids")
KEYS = (MatchKey.ID, MatchKey.EXTERNAL_ID, MatchKey.EMAIL, MatchKey.PHONE)


@dataclass(frozen=True, slots=True)
class WantedContact:
    """A contact as it shall be."""

    id: UUID | None
    texts: dict[str, str | None]
    emails: Sequence[Email]
    phones: Sequence[Phone]
    external_ids: Sequence[ForeignId]
    owner: UUID | None
    clear: frozenset[str]
    mode: MultiValueMode
    match_on: frozenset[MatchKey]
    notes: Notes

    @property
    def folded_name(self) -> Name:
        """The parts of the name as they are compared."""
        return Name(fold(self.texts.get("first_name") or ""), fold(self.texts.get("last_name") or ""))

    @property
    def e164s(self) -> list[str]:
        """The numbers that could be read."""
        return [phone.e164 for phone in self.phones if phone.e164]

    @property
    def locks(self) -> list[str]:
        """The keys no other call may be using meanwhile."""
        return [
            *(f"email:{email.key}" for email in self.emails),
            *(f"phone:{number}" for number in self.e164s),
            *(f"contact:{each.system}:{each.value}" for each in self.external_ids),
        ]


def wanted_contact(request: pb.UpsertContactRequest, settings: TenantSettings) -> WantedContact:
    """Reads a request; raises InvalidField with all its faults."""
    notes = Notes()
    wanted = WantedContact(
        id=UUID(request.id) if request.id else None,
        texts=named(request, notes),
        emails=emails(request, notes),
        phones=phones(request, settings.region, notes),
        external_ids=foreign_ids((each.system, each.value) for each in request.external_ids),
        owner=UUID(request.owner_id) if request.owner_id else None,
        clear=frozenset(request.clear),
        mode=MultiValueMode(request.multi_value_mode or MultiValueMode.ADD),
        match_on=frozenset(map(MatchKey, request.match_on)) or frozenset(KEYS),
        notes=notes,
    )
    check(wanted)
    return wanted


def check(wanted: WantedContact) -> None:
    """Notes what contradicts itself or says nothing; raises InvalidField."""
    given = {name: getattr(wanted, name) for name in LISTS}
    for name in wanted.clear:
        if given.get(name) or (name == "owner_id" and wanted.owner):
            wanted.notes.fault("clear", f"{name} is both given and cleared; leave one of them out.")
    if not (wanted.notes.faults or wanted.id or any(given[name] for name in LISTS) or wanted.folded_name.whole):
        wanted.notes.fault("email", "Give at least one of id, a name, email, phone or external_ids.")
    wanted.notes.settle()


def named(request: pb.UpsertContactRequest, notes: Notes) -> dict[str, str | None]:
    """The text fields, with a whole name taken apart where its parts are not given."""
    wanted = texts(request, TEXTS, request.clear, notes)
    whole = clean(request.name)
    if whole and "first_name" not in wanted and "last_name" not in wanted:
        parts = split_name(whole)
        wanted |= {name: part for name, part in (("first_name", parts.first), ("last_name", parts.last)) if part}
    return wanted


def emails(request: pb.UpsertContactRequest, notes: Notes) -> list[Email]:
    """The addresses given, each once; one that is none is a fault."""
    read: dict[str, Email] = {}
    for path, value in listed(request, "email", "emails", notes):
        try:
            email = parse_email(value)
        except Unreadable as why:
            notes.fault(path, str(why))
        else:
            read.setdefault(email.key, email)
    return list(read.values())


def phones(request: pb.UpsertContactRequest, region: str, notes: Notes) -> list[Phone]:
    """The numbers given, each once; one that cannot be read is kept as text and warned of."""
    read: dict[str, Phone] = {}
    for path, value in listed(request, "phone", "phones", notes):
        phone = parse_phone(value, region)
        if not phone.e164:
            notes.warn(
                "phone_unreadable",
                f"{phone.raw!r} is no phone number of region {region}; it is kept as text and finds nobody. "
                "Give it with its country code, as in +1 212 555 0100.",
                path,
            )
        read.setdefault(phone.key, phone)
    return list(read.values())
