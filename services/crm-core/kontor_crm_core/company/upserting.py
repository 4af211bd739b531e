"""Upserts companies: one for the operation, any number for imports."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from kontor_crm_core.company.matching import buried_many, found_many
from kontor_crm_core.company.plan import plan_upsert
from kontor_crm_core.company.reading import states
from kontor_crm_core.company.renaming import follow_names
from kontor_crm_core.company.state import CompanyState
from kontor_crm_core.company.wanted import WantedCompany
from kontor_crm_core.record.matching import Matched
from kontor_crm_core.record.objects import WRITER
from kontor_crm_core.record.owners import options_for, with_properties
from kontor_crm_core.record.plans import Upserted
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
from kontor_platform.contract.problem import Refusal
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.call import Call

FINDER: Finder[WantedCompany] = Finder(
    "company", lambda wanted: wanted.wish, lambda wanted: wanted.locks, found_many, buried_many
)
LATER = "Its people are found by the new name soon; crm_import_status with the id {} tells how far it is."


@dataclass(slots=True)
class Planning:
    """What wishes come to in their order."""

    results: list[Upserted[CompanyState] | Refusal] = field(default_factory=list)

    @property
    def plans(self) -> list[Upserted[CompanyState]]:
        """Those that are to be written."""
        return [each for each in self.results if not isinstance(each, Refusal) and each.planned]

    @property
    def writes_something(self) -> bool:
        """Whether anything is to be written."""
        return bool(self.plans)


async def upsert_company(call: Call, wanted: WantedCompany) -> Upserted[CompanyState]:
    """Makes a company, or brings the one its keys mean to what is wished; raises why not."""

    async def match() -> Match:
        return (await matched_many(call, FINDER, [wanted]))[0]

    async def plan(found: Match) -> Planning:
        return await plan_companies(call, [wanted], [found])

    async def write(planning: Planning) -> None:
        job = await write_companies(call, planning)
        if job:
            wanted.wish.notes.warn("reindexing", LATER.format(job), "name")

    (result,) = (await one(call, match, plan, write)).results
    if isinstance(result, Refusal):
        raise result
    return result


async def plan_companies(call: Call, wanted: Sequence[WantedCompany], matches: Sequence[Match]) -> Planning:
    """What wishes come to, given what `matched_many` answered to them; each means another company, which is held."""
    wishes = [each.wish for each in wanted]
    options = await options_for(call, wishes)
    present = await states(call, matched(matches), lock=True)
    if concern_properties(wishes, matches, [each.props for each in present.values()]):
        options = await with_properties(call, "company", options)
    planning = Planning()
    for each, match in zip(wanted, matches, strict=True):
        found = match if isinstance(match, Matched) else None
        before = present.get(found.record) if found else None
        try:
            require_present(match, before, deleted=bool(before and before.deleted), noun="company", wish=each.wish)
            plan = plan_upsert(before, each.found_by(found.key if found else None), options, new_id())
            require_version(each.wish, before.version if before else 0, plan)
        except Refusal as refusal:
            planning.results.append(refusal)
        else:
            planning.results.append(replace(plan, match=found))
    return planning


async def write_companies(call: Call, planning: Planning) -> UUID | None:
    """Writes what was planned; answers the job after which people are found by new names, if they are too many for now.

    Raises Clashes.
    """
    plans = planning.plans
    await WRITER.apply(call, [each.planned for each in plans if each.planned])
    renamed = [each.after.id for each in plans if each.outcome == "updated" and "name" in each.changed]
    return await follow_names(call, renamed)
