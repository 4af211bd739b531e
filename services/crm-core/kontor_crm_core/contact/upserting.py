"""Upserts contacts: one for the operation, a thousand at a time for imports."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from kontor_crm_core.blocklist.checking import Blocklisted, blocked
from kontor_crm_core.company.plan import plan_change as plan_company
from kontor_crm_core.company.state import CompanyState
from kontor_crm_core.contact.employer import Companies, Employment, NewCompany, companies_meant, employment
from kontor_crm_core.contact.linking import CompanyLink, link_companies
from kontor_crm_core.contact.matching import buried_many, found_many
from kontor_crm_core.contact.plan import plan_change, plan_upsert
from kontor_crm_core.contact.reading import states
from kontor_crm_core.contact.state import ContactState
from kontor_crm_core.contact.wanted import WantedContact
from kontor_crm_core.record.matching import Matched
from kontor_crm_core.record.objects import WRITER
from kontor_crm_core.record.owners import options_for, with_properties
from kontor_crm_core.record.plans import Options, Upserted
from kontor_crm_core.record.upserting import (
    Finder,
    Match,
    concern_properties,
    matched,
    matched_many,
    one,
    require_present,
    require_version,
)
from kontor_crm_core.record.values import MultiValueMode
from kontor_platform.contract.problem import Refusal
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.planned import Planned, PropertyChange
from kontor_platform.data.records.write import write_terms
from kontor_platform.runtime.call import Call

FINDER: Finder[WantedContact] = Finder(
    "contact", lambda wanted: wanted.wish, lambda wanted: wanted.locks, found_many, buried_many
)


@dataclass(slots=True)
class Planning:
    """What wishes come to in their order, and what is to be written for all of them.

    A contact that several wishes mean is planned once, from what it was before the first to what the last one leaves.
    """

    options: Options
    companies: Companies
    before: Mapping[UUID, ContactState]
    blocked: Collection[str] = ()
    results: list[Upserted[ContactState] | Refusal] = field(default_factory=list)
    writes: dict[UUID, Upserted[ContactState]] = field(default_factory=dict)
    properties: dict[UUID, list[PropertyChange]] = field(default_factory=dict)
    links: list[CompanyLink] = field(default_factory=list)

    @property
    def writes_something(self) -> bool:
        """Whether anything is to be written or linked."""
        return bool(self.links) or any(each.planned or each.retold for each in self.writes.values())

    def present(self, match: Match) -> ContactState | None:
        """The contact meant, as the wishes so far leave it."""
        if not isinstance(match, Matched):
            return None
        written = self.writes.get(match.record)
        return written.after if written else self.before.get(match.record)

    def add(self, wanted: WantedContact, plan: Upserted[ContactState], job: Employment) -> None:
        """Adds what a wish comes to."""
        record = plan.after.id
        given = self.properties.setdefault(record, [])
        given.extend(wanted.wish.properties)
        again = record in self.writes
        self.writes[record] = plan_change(self.before.get(record), plan.after, given, self.options) if again else plan
        self.results.append(plan)
        if job.company and "company" in plan.changed:
            self.links.append(CompanyLink(record, job.company.id))


async def upsert_contact(call: Call, wanted: WantedContact) -> Upserted[ContactState]:
    """Makes a contact, or brings the one its keys mean to what is wished; raises why not."""

    async def match() -> Match:
        return (await matched_many(call, FINDER, [wanted]))[0]

    async def plan(found: Match) -> Planning:
        return await plan_contacts(call, [wanted], [found])

    async def write(planning: Planning) -> None:
        await write_contacts(call, planning)

    (result,) = (await one(call, match, plan, write)).results
    if isinstance(result, Refusal):
        raise result
    call.concerns(result.after.id)
    return result


async def plan_contacts(call: Call, wanted: Sequence[WantedContact], matches: Sequence[Match]) -> Planning:
    """What wishes come to, given what `matched_many` answered to them; holds the contacts and companies they mean."""
    wishes = [each.wish for each in wanted]
    options = await options_for(call, wishes)
    companies = await companies_meant(call, wanted)
    before = await states(call, matched(matches), lock=True)
    if concern_properties(wishes, matches, [each.props for each in before.values()]):
        options = await with_properties(call, "contact", options)
    unheld = {key for each, match in zip(wanted, matches, strict=True) for key in added_keys(each, match, before)}
    planning = Planning(options, companies, before, await blocked(call, unheld))
    for each, match in zip(wanted, matches, strict=True):
        made = len(companies.made)
        try:
            planning.add(each, *planned(each, match, planning))
        except Refusal as refusal:
            companies.unmake(made)
            planning.results.append(refusal)
    return planning


def added_keys(wanted: WantedContact, match: Match, before: Mapping[UUID, ContactState]) -> set[str]:
    """The addresses that a wish gives to a contact which does not have them."""
    present = before.get(match.record) if isinstance(match, Matched) else None
    return {each.key for each in wanted.emails} - {each.key for each in (present.emails if present else ())}


def planned(wanted: WantedContact, match: Match, planning: Planning) -> tuple[Upserted[ContactState], Employment]:
    """What one wish comes to; raises why it is refused."""
    present, wish = planning.present(match), wanted.wish
    require_present(match, present, deleted=bool(present and present.deleted), noun="contact", wish=wish)
    if any(each.key in planning.blocked for each in wanted.emails) and wish.mode is not MultiValueMode.REMOVE:
        raise Blocklisted(field="email")
    job = employment(wanted, present, planning.companies)
    plan = plan_upsert(present, wanted, planning.options, new_id(), job.company)
    require_version(wish, present.version if present else 0, plan)
    found = match if isinstance(match, Matched) else None
    return replace(plan, match=found, warnings=[*plan.warnings, *job.warnings]), job


async def write_contacts(call: Call, planning: Planning) -> None:
    """Writes what was planned, with the companies made on the way and the links to companies; raises Clashes."""
    plans = list(planning.writes.values())
    made = [company_made(each, planning) for each in planning.companies.made]
    await WRITER.apply(call, [*made, *(each.planned for each in plans if each.planned)])
    await write_terms(call, [each.retold for each in plans if each.retold])
    await link_companies(call, planning.links, of_new=not planning.before)


def company_made(made: NewCompany, planning: Planning) -> Planned:
    """What is to be written for a company made on the way."""
    state = CompanyState(
        made.id, name=made.name, domains=[made.domain] if made.domain else [], owner_id=planning.options.owner
    )
    plan = plan_company(None, state, (), planning.options).planned
    assert plan is not None
    return plan
