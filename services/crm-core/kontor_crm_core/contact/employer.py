"""Which company a contact works for."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from kontor_protos.kontor.crm.v1.common_pb import Warning
from sqlalchemy import text

from kontor_crm_core.contact.state import ContactState, Employer
from kontor_crm_core.contact.wanted import EmployerWish, WantedContact
from kontor_crm_core.record.lookups import hold_keys
from kontor_platform.contract.problem import Gone, NotFound
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.fold import fold
from kontor_platform.runtime.call import Call

MOST_NAMESAKES = 5
FIND = text(
    f"""
    SELECT 'id' AS key, told.id::text AS value, coalesce(r.present_id, told.id) AS company
    FROM unnest(CAST(:ids AS uuid[])) AS told(id)
    LEFT JOIN redirect r ON r.tenant_id = :tenant AND r.old_id = told.id
    UNION ALL
    SELECT 'domain', told.domain, d.company_id
    FROM unnest(CAST(:domains AS text[])) AS told(domain) CROSS JOIN LATERAL (
        SELECT d.company_id FROM company_domain d
        WHERE d.tenant_id = :tenant AND d.domain = told.domain AND d.live LIMIT 1) AS d
    UNION ALL
    SELECT 'name', told.name, c.id
    FROM unnest(CAST(:names AS text[])) AS told(name) CROSS JOIN LATERAL (
        SELECT c.id FROM company c
        WHERE c.tenant_id = :tenant AND c.name_key = told.name AND c.deleted_at IS NULL
        ORDER BY c.id LIMIT {MOST_NAMESAKES}) AS c
    """
)
# Nobody may rename them until the contacts that are found by their names are written.
HOLD = text(
    """
    SELECT id, name, deleted_at IS NOT NULL AS deleted FROM company
    WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR KEY SHARE
    """
)


@dataclass(frozen=True, slots=True)
class NewCompany:
    """A company to be made, because contacts work for it and there is none."""

    id: UUID
    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class Employment:
    """The company a wish comes to; None leaves things as they are."""

    company: Employer | None = None
    warnings: Sequence[Warning] = ()


@dataclass(slots=True)
class Companies:
    """The companies that wishes may mean, and those that are made while the wishes are read in their order."""

    by_id: dict[UUID, Employer] = field(default_factory=dict)
    deleted: set[UUID] = field(default_factory=set)
    redirected: dict[UUID, UUID] = field(default_factory=dict)
    by_domain: dict[str, Employer] = field(default_factory=dict)
    by_name: dict[str, list[Employer]] = field(default_factory=dict)
    made: list[NewCompany] = field(default_factory=list)

    def add(self, company: Employer, domain: str, name: str) -> None:
        """Adds a company under what it is found by."""
        self.by_id[company.id] = company
        if domain:
            self.by_domain[domain] = company
        if name:
            self.by_name.setdefault(fold(name), []).append(company)

    def make(self, wish: EmployerWish, domains: Sequence[str]) -> Employer:
        """A new company of a wish, with the domain told or that of the contact's address, which may be its name too."""
        domain = wish.domain or next(iter(domains), "")
        made = NewCompany(new_id(), wish.name or domain, domain)
        self.made.append(made)
        company = Employer(made.id, made.name)
        self.add(company, made.domain, made.name)
        return company

    def unmake(self, kept: int) -> None:
        """Forgets the companies made last, all but so many."""
        for made in self.made[kept:]:
            del self.by_id[made.id]
            self.by_domain = {domain: each for domain, each in self.by_domain.items() if each.id != made.id}
            self.by_name[fold(made.name)] = [each for each in self.by_name[fold(made.name)] if each.id != made.id]
        del self.made[kept:]


async def companies_meant(call: Call, wanted: Sequence[WantedContact]) -> Companies:
    """The companies that wishes may mean, held against renaming; keys of companies to be made are held too."""
    told = [each for each in wanted if each.employer.is_told or each.company_domains]
    if not told:
        return Companies()
    found = await look_up(call, told)
    missing = list(keys_to_make(told, found))
    if missing:
        await hold_keys(call, missing)
        found = await look_up(call, told)
    return await held(call, found)


Rows = Mapping[tuple[str, str], list[UUID]]


async def look_up(call: Call, wanted: Sequence[WantedContact]) -> Rows:
    """Ids of companies by the keys that wishes give."""
    values = {
        "tenant": call.actor.tenant,
        "ids": list({each.employer.id for each in wanted if each.employer.id}),
        "domains": list({domain for each in wanted for domain in domains_of(each)}),
        "names": list({fold(each.employer.name) for each in wanted if each.employer.name}),
    }
    found: dict[tuple[str, str], list[UUID]] = {}
    for row in await call.session.execute(FIND, values):
        found.setdefault((row.key, row.value), []).append(row.company)
    return found


def domains_of(wanted: WantedContact) -> list[str]:
    """The domains by which a wish may find a company, the one told first."""
    return [domain for domain in (wanted.employer.domain, *wanted.company_domains) if domain]


def keys_to_make(wanted: Iterable[WantedContact], found: Rows) -> Iterable[str]:
    """The keys of companies that would have to be made, as other calls lock them."""
    for each in wanted:
        if each.employer.create and not any(("domain", domain) in found for domain in domains_of(each)):
            name = fold(each.employer.name)
            if name and ("name", name) not in found:
                yield f"company_name:{name}"
            yield from (f"domain:{domain}" for domain in domains_of(each))


async def held(call: Call, found: Rows) -> Companies:
    """The companies of these ids under their keys."""
    ids = sorted({each for several in found.values() for each in several})
    if not ids:
        return Companies()
    rows = await call.session.execute(HOLD, {"tenant": call.actor.tenant, "ids": ids})
    known = {row.id: row for row in rows}
    companies = Companies(deleted={each for each, row in known.items() if row.deleted})
    for (key, value), several in found.items():
        for company in (Employer(each, known[each].name) for each in several if each in known):
            companies.by_id[company.id] = company
            if key == "id":
                companies.redirected[UUID(value)] = company.id
            elif key == "domain" and company.id not in companies.deleted:
                companies.by_domain[value] = company
            elif key == "name" and company.id not in companies.deleted:
                companies.by_name.setdefault(value, []).append(company)
    return companies


def employment(wanted: WantedContact, present: ContactState | None, companies: Companies) -> Employment:
    """Which company a contact works for after a wish; raises NotFound or Gone for one named by its id.

    The company named by id, else the one the contact has if it is called so, else the one that has the domain told,
    else that of the address, else the only one of the name, else a new one if wished. An address alone gives a company
    only to a contact that has none.
    """
    wish = wanted.employer
    if wish.id:
        return Employment(by_id(wish.id, companies))
    has = present.company if present else None
    if not wish.is_told:
        return Employment(None if has else by_domain(wanted.company_domains, companies))
    if has and wish.name and not wish.domain and fold(has.name) == fold(wish.name):
        return Employment()
    found = by_domain(domains_of(wanted), companies)
    if found:
        return Employment(found, warnings=other_name(wish, found))
    return by_name(wish, wanted.company_domains, companies)


def by_id(given: UUID, companies: Companies) -> Employer:
    """The company of an id."""
    present = companies.redirected.get(given)
    if present is None:
        raise NotFound()
    if present in companies.deleted:
        raise Gone(ids=[str(present)])
    return companies.by_id[present]


def by_domain(domains: Iterable[str], companies: Companies) -> Employer | None:
    """The company that has the first of these domains that any has."""
    return next((companies.by_domain[each] for each in domains if each in companies.by_domain), None)


def by_name(wish: EmployerWish, domains: Sequence[str], companies: Companies) -> Employment:
    """The only company of a name, or a new one."""
    found = companies.by_name.get(fold(wish.name), []) if wish.name else []
    if len(found) == 1:
        return Employment(found[0])
    if found:
        told = (
            f"Several companies are called {wish.name!r}; pass company_id: {', '.join(str(each.id) for each in found)}."
        )
        return Employment(warnings=[Warning(code="company_ambiguous", message=told, field="company")])
    if wish.create:
        made = companies.make(wish, domains)
        warning = Warning(code="company_created", message=f"Made the company {made.name!r}.", field="company")
        return Employment(made, warnings=[warning])
    missing = f"is called {wish.name!r}" if wish.name else f"has the domain {wish.domain}"
    told = f"No company {missing}; pass create_company: true, or make it with crm_upsert_company."
    return Employment(warnings=[Warning(code="company_not_found", message=told, field="company")])


def other_name(wish: EmployerWish, found: Employer) -> list[Warning]:
    """Says that the company found by its domain is called otherwise than told."""
    if not wish.name or fold(wish.name) == fold(found.name):
        return []
    told = f"Linked to {found.name!r}, which has the domain; pass company_id to link {wish.name!r} instead."
    return [Warning(code="company_differs", message=told, field="company")]
