"""Turns what rows say into what contacts shall be, the same that an upsert asks for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from kontor_crm_core.contact.rules import ConsentWish
from kontor_crm_core.contact.wanted import EmailState, EmployerWish, WantedContact
from kontor_crm_core.identity.parse import Email
from kontor_crm_core.imports.codes import MatchCode
from kontor_crm_core.imports.mapping.suggest import is_id
from kontor_crm_core.imports.mapping.targets import Target
from kontor_crm_core.imports.options import ImportOptions
from kontor_crm_core.imports.preparing import Prepared
from kontor_crm_core.imports.problems import Problem
from kontor_crm_core.imports.values.wish import RowWish
from kontor_crm_core.owner.refusals import OwnerNotFound
from kontor_crm_core.record.owners import owners_named
from kontor_crm_core.record.values import MultiValueMode
from kontor_crm_core.record.wishes import Notes, Wish
from kontor_platform.contract.problem import InvalidField, Refusal
from kontor_platform.data.records.definitions import Definition
from kontor_platform.data.records.planned import PropertyChange
from kontor_platform.data.records.values import change
from kontor_platform.runtime.call import Call

PROPERTY = "property:"


@dataclass(slots=True)
class Owners:
    """The users that rows name, each looked up once; a refusal for those who can own nothing."""

    known: dict[str, UUID | Refusal] = field(default_factory=dict)

    async def look_up(self, call: Call, texts: Iterable[str]) -> None:
        """Looks up those not known yet."""
        missing = {each for each in texts if each and each not in self.known}
        asked = {each for each in missing if "@" in each or is_id(each)}
        self.known |= {each: OwnerNotFound(f"Nobody is known as {each!r}.") for each in missing - asked}
        if asked:
            self.known |= await owners_named(call, asked)


@dataclass(frozen=True, slots=True)
class Wanting:
    """What turns rows into wishes: the options, the properties, and what the columns are called."""

    options: ImportOptions
    definitions: Mapping[str, Definition]
    columns: Mapping[Target, tuple[str, int]]
    owners: Owners
    is_ours: bool = False
    shared_domains: frozenset[str] = frozenset()

    def sought(self, row: RowWish) -> WantedContact:
        """What finds the contact of a row, without properties that tell nobody from others."""
        if not row.properties:
            return self.wanted(row)
        telling = {key: value for key, value in row.properties.items() if self.definitions[key].is_unique}
        return self.wanted(replace(row, properties=telling))

    def wanted(self, row: RowWish, *, is_new: bool = False) -> WantedContact:
        """What the contact of a row shall be; a new one without owner gets the one of the options."""
        owner = row.owner if isinstance(self.owners.known.get(row.owner), UUID) else ""
        emails = [replace(each, company_domain="") if self.says_nothing(each, row) else each for each in row.emails]
        properties = [change(self.definitions[key], value) for key, value in row.properties.items()]
        emptied = [each for each in row.clear if each.startswith(PROPERTY)]
        return WantedContact(
            wish=Wish(
                id=row.id,
                fields=row.texts,
                external_ids=row.external_ids,
                owner=owner or (self.options.owner if is_new else ""),
                clear=frozenset(row.clear).difference(emptied),
                mode=MultiValueMode.ADD,
                match_on=self.options.keys,
                version=None,
                notes=Notes(),
                properties=[
                    *properties,
                    *(PropertyChange(UUID(each.removeprefix(PROPERTY)), None) for each in emptied),
                ],
            ),
            emails=emails,
            phones=row.phones,
            states=[state(key, flags) for key, flags in row.flags.items()],
            employer=EmployerWish(
                row.company_id, row.company_domain, row.company, create=self.options.create_companies
            ),
        )

    def says_nothing(self, email: Email, row: RowWish) -> bool:
        """Whether an address tells no company: a file of ours names it, or many companies share the domain."""
        return self.is_ours or (bool(row.company) and email.company_domain in self.shared_domains)

    def owner_problems(self, row: RowWish) -> list[Problem]:
        """What is wrong with the owner a row names; it never costs the row."""
        known = self.owners.known.get(row.owner)
        if not row.owner or not isinstance(known, Refusal):
            return []
        code = MatchCode.OWNER_INACTIVE if known.code == "owner_inactive" else MatchCode.OWNER_NOT_FOUND
        name, index = self.columns.get(Target.OWNER, ("", None))
        help_ = known.did_you_mean or "Name users by e-mail address; add them with crm_upsert_user."
        return [Problem(code, known.message, name, index, row.owner, help_, is_warning=True)]

    def missing(self, row: RowWish) -> list[Problem]:
        """The required properties that a new contact lacks."""
        return [
            Problem("required_missing", f"{each.label or each.name} is required for a new contact.", each.name)
            for key, each in self.definitions.items()
            if each.required and key not in row.properties
        ]


def state(key: str, flags: Mapping[str, object]) -> EmailState:
    """What is said of an address."""
    opted_out, bounced, basis = (flags.get(each) for each in (Target.OPTED_OUT, Target.BOUNCED, Target.CONSENT_BASIS))
    wish = ConsentWish(
        opted_out if isinstance(opted_out, bool) else None,
        bounced if isinstance(bounced, bool) else None,
        str(basis) if basis else "",
    )
    return EmailState("opted_out", key, wish)


def wanting(ready: Prepared, options: ImportOptions, owners: Owners, shared_domains: Iterable[str]) -> Wanting:
    """What turns the rows of a file into wishes."""
    columns = {use.field.target: (use.column.name, use.column.index) for use in ready.uses if use.field}
    definitions = {str(each.id): each for each in ready.definitions.all}
    is_ours = ready.is_ours and Target.COMPANY in columns
    return Wanting(options, definitions, columns, owners, is_ours, frozenset(shared_domains))


async def with_owner(call: Call, options: ImportOptions, owners: Owners) -> ImportOptions:
    """The options with the owner of new contacts looked up; raises the refusal of one who can own nothing."""
    if not options.owner:
        return options
    await owners.look_up(call, [options.owner])
    found = owners.known[options.owner]
    if isinstance(found, Refusal):
        raise InvalidField(found.message, field="owner", did_you_mean=found.did_you_mean)
    return replace(options, owner=str(found))


def texts_of(rows: Sequence[RowWish]) -> set[str]:
    """The owners that rows name."""
    return {each.owner for each in rows if each.owner}
