"""What a call wants a company to be, read and checked before anything is looked up."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kontor_protos.kontor.crm.v1 import companies_pb as pb

from kontor_crm_core.identity.reading import read_domains, read_phone
from kontor_crm_core.record.matching import MatchKey
from kontor_crm_core.record.wishes import Notes, Scalar, Wish, contradict, listed, read_text, read_texts, read_wish
from kontor_platform.data.records.fold import fold
from kontor_platform.data.records.setting import Wished
from kontor_platform.runtime.principal import TenantSettings

TEXTS = ("name", "industry", "city", "country", "description")
COLUMNS = (*TEXTS, "employees", "phone")
KEYS = frozenset((MatchKey.ID, MatchKey.EXTERNAL_ID, MatchKey.DOMAIN, MatchKey.NAME, MatchKey.PROPERTY))


@dataclass(frozen=True, slots=True)
class WantedCompany:
    """A company as it shall be."""

    wish: Wish
    domains: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The name, if one is given."""
        return str(self.wish.fields.get("name") or "")

    @property
    def name_key(self) -> str:
        """The name as it is compared, where it may find the company: only where nothing better is known of it."""
        wish = self.wish
        better = wish.id or self.domains or wish.external_ids or any(each.unique_key for each in wish.properties)
        return fold(self.name) if MatchKey.NAME in wish.match_on and not better else ""

    def found_by(self, key: MatchKey | None) -> "WantedCompany":
        """The same without the name where the name found the company: its spelling there stands."""
        if key is not MatchKey.NAME:
            return self
        kept = {name: value for name, value in self.wish.fields.items() if name != "name"}
        return replace(self, wish=replace(self.wish, fields=kept))

    @property
    def locks(self) -> list[str]:
        """The keys no other call may be making a company of meanwhile."""
        return [
            *(f"domain:{domain}" for domain in self.domains),
            *(f"company:{each}" for each in self.wish.external_ids),
            *([f"company_name:{fold(self.name)}"] if self.name else []),
        ]


def wanted_company(
    request: pb.UpsertCompanyRequest, settings: TenantSettings, given: Wished | None = None
) -> WantedCompany:
    """Reads a request and its properties; raises InvalidField with all faults."""
    wanted = read_company(request, settings, given)
    wanted.wish.notes.settle()
    return wanted


def read_company(
    request: pb.UpsertCompanyRequest, settings: TenantSettings, given: Wished | None = None
) -> WantedCompany:
    """Reads a request and its properties, faults in the notes of the wish."""
    notes = Notes()
    wish = read_wish(request, read_fields(request, settings.region, notes), KEYS, given, notes)
    wanted = WantedCompany(wish, read_domains(listed(request, "domain", "domains", notes), notes))
    check(wanted, notes)
    return wanted


def check(wanted: WantedCompany, notes: Notes) -> None:
    """Notes what contradicts itself or says nothing."""
    wish = wanted.wish
    for name, given in (("domains", wanted.domains), ("external_ids", wish.external_ids)):
        if given and name in wish.clear:
            contradict(name, notes)
    keys = wanted.domains or wish.external_ids or any(each.unique_key for each in wish.properties)
    if not (notes.faults or wish.id or wanted.name or keys):
        notes.fault("name", "Give at least one of id, name, domain or external_ids.", "required_missing")


def read_fields(request: pb.UpsertCompanyRequest, region: str, notes: Notes) -> dict[str, Scalar]:
    """The single values to write."""
    given = read_texts(request, TEXTS, notes)
    if request.has_field("employees"):
        given["employees"] = request.employees
    number = read_text(request.phone, "phone", notes) if request.phone else ""
    if number:
        read = read_phone(number, region, "phone", notes)
        given["phone"] = read.e164 or read.raw
    return given
