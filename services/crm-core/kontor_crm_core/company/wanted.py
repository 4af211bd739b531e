"""What a call wants a company to be, read and checked before anything is looked up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from kontor_protos.kontor.crm.v1 import companies_pb as pb

from kontor_crm_core.identity.free_mail import FREE_MAIL
from kontor_crm_core.identity.parse import Unreadable, parse_domain, parse_phone
from kontor_crm_core.record.lookups import ForeignId, foreign_ids
from kontor_crm_core.record.matching import MatchKey
from kontor_crm_core.record.values import MultiValueMode
from kontor_crm_core.record.wishes import Notes, listed, texts
from kontor_platform.data.records.fold import clean, fold
from kontor_platform.runtime.principal import TenantSettings

TEXTS = ("name", "industry", "city", "country", "description")
KEYS = (MatchKey.ID, MatchKey.EXTERNAL_ID, MatchKey.DOMAIN, MatchKey.NAME)


@dataclass(frozen=True, slots=True)
class WantedCompany:
    """A company as it shall be; `fields` maps columns to values, None where a field is emptied."""

    id: UUID | None
    fields: dict[str, str | int | UUID | None]
    domains: Sequence[str]
    external_ids: Sequence[ForeignId]
    clear: frozenset[str]
    mode: MultiValueMode
    match_on: frozenset[MatchKey]
    notes: Notes

    @property
    def name(self) -> str:
        """The name, if one is given."""
        return str(self.fields.get("name") or "")

    @property
    def name_key(self) -> str:
        """The name as it is compared, where it may find the company: only where nothing better is known of it."""
        better = self.id or self.domains or self.external_ids
        return fold(self.name) if MatchKey.NAME in self.match_on and not better else ""

    def found_by(self, key: MatchKey) -> "WantedCompany":
        """The same without the name where the name found the company: its spelling there stands."""
        kept = {name: value for name, value in self.fields.items() if name != "name"}
        return replace(self, fields=kept) if key is MatchKey.NAME else self

    @property
    def locks(self) -> list[str]:
        """The keys no other call may be using meanwhile."""
        return [
            *(f"domain:{domain}" for domain in self.domains),
            *(f"company:{each.system}:{each.value}" for each in self.external_ids),
            *([f"company_name:{self.name_key}"] if self.name_key else []),
        ]


def wanted_company(request: pb.UpsertCompanyRequest, settings: TenantSettings) -> WantedCompany:
    """Reads a request; raises InvalidField with all its faults."""
    notes = Notes()
    wanted = WantedCompany(
        id=UUID(request.id) if request.id else None,
        fields=fields(request, settings.region, notes),
        domains=domains(request, notes),
        external_ids=foreign_ids((each.system, each.value) for each in request.external_ids),
        clear=frozenset(request.clear),
        mode=MultiValueMode(request.multi_value_mode or MultiValueMode.ADD),
        match_on=frozenset(map(MatchKey, request.match_on)) or frozenset(KEYS),
        notes=notes,
    )
    check(wanted)
    return wanted


def check(wanted: WantedCompany) -> None:
    """Notes what contradicts itself or says nothing; raises InvalidField."""
    given = {"domains": wanted.domains, "external_ids": wanted.external_ids} | wanted.fields
    for name in wanted.clear:
        if given.get(name):
            wanted.notes.fault("clear", f"{name} is both given and cleared; leave one of them out.")
    if not (wanted.notes.faults or wanted.id or wanted.name or wanted.domains or wanted.external_ids):
        wanted.notes.fault("name", "Give at least one of id, name, domain or external_ids.")
    wanted.notes.settle()


def fields(request: pb.UpsertCompanyRequest, region: str, notes: Notes) -> dict[str, str | int | UUID | None]:
    """The single values to write, the cleared ones as None unless they are given too."""
    given: dict[str, str | int | UUID | None] = dict(texts(request, TEXTS, (), notes))
    if request.has_field("employees"):
        given["employees"] = request.employees
    if clean(request.phone):
        given["phone"] = phone(request.phone, region, notes)
    if request.owner_id:
        given["owner_id"] = UUID(request.owner_id)
    cleared = (name for name in request.clear if name not in ("domains", "external_ids"))
    return dict.fromkeys(cleared) | given


def phone(given: str, region: str, notes: Notes) -> str:
    """The number in E.164 form, or its text with a warning."""
    read = parse_phone(given, region)
    if not read.e164:
        told = f"{read.raw!r} is no phone number of region {region}; it is kept as text."
        notes.warn("phone_unreadable", told, "phone")
    return read.e164 or read.raw


def domains(request: pb.UpsertCompanyRequest, notes: Notes) -> list[str]:
    """The domains given, each once; those of free mail providers are left out with a warning."""
    read: dict[str, None] = {}
    for path, value in listed(request, "domain", "domains", notes):
        try:
            domain = parse_domain(value)
        except Unreadable as why:
            notes.fault(path, str(why))
            continue
        if domain in FREE_MAIL:
            notes.warn("free_mail_domain", f"{domain} belongs to a mail provider and identifies no company.", path)
        else:
            read[domain] = None
    return list(read)
