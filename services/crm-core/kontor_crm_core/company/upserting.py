"""Upserts companies: one for the operation, any number for imports."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from kontor_crm_core.company.matching import buried_many, found_many
from kontor_crm_core.company.plan import plan_upsert
from kontor_crm_core.company.reading import states
from kontor_crm_core.company.renaming import follow_names
from kontor_crm_core.company.state import CompanyState
from kontor_crm_core.company.wanted import WantedCompany
from kontor_crm_core.record.matching import Matched
from kontor_crm_core.record.objects import WRITER
from kontor_crm_core.record.owners import options_for
from kontor_crm_core.record.plans import Upserted
from kontor_crm_core.record.upserting import Finder, Match, matched_many, one, require_present, require_version
from kontor_platform.contract.problem import Refusal
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.call import Call

FINDER: Finder[WantedCompany] = Finder(
    "company", lambda wanted: wanted.wish, lambda wanted: wanted.locks, found_many, buried_many
)
LATER = "Its people are found by the new name soon; crm_import_status with the id {} tells how far it is."
Result = Upserted[CompanyState] | Refusal


async def upsert_company(call: Call, wanted: WantedCompany) -> Upserted[CompanyState]:
    """Makes a company, or brings the one its keys mean to what is wished; raises why not."""

    async def match() -> Match:
        return (await matched_many(call, FINDER, [wanted]))[0]

    async def plan(found: Match) -> list[Result]:
        return await plan_companies(call, [wanted], [found])

    async def write(results: list[Result]) -> None:
        job = await write_companies(call, results)
        if job:
            wanted.wish.notes.warn("reindexing", LATER.format(job), "name")

    (result,) = await one(call, match, plan, write)
    if isinstance(result, Refusal):
        raise result
    return result


async def plan_companies(call: Call, wanted: Sequence[WantedCompany], matches: Sequence[Match]) -> list[Result]:
    """What wishes come to, given what `matched_many` answered to them; each means another company, which is held."""
    options = await options_for(call, [each.wish for each in wanted])
    present = await states(call, [each.record for each in matches if isinstance(each, Matched)], lock=True)
    results: list[Result] = []
    for each, match in zip(wanted, matches, strict=True):
        found = match if isinstance(match, Matched) else None
        before = present.get(found.record) if found else None
        try:
            require_present(match, before, deleted=bool(before and before.deleted), noun="company", wish=each.wish)
            plan = plan_upsert(before, each.found_by(found.key if found else None), options, new_id())
            require_version(each.wish, before.version if before else 0, plan)
        except Refusal as refusal:
            results.append(refusal)
        else:
            results.append(replace(plan, match=found))
    return results


async def write_companies(call: Call, results: Sequence[Result]) -> UUID | None:
    """Writes what was planned; answers the job after which people are found by new names, if they are too many for now.

    Raises Clashes.
    """
    plans = [each for each in results if not isinstance(each, Refusal) and each.planned]
    await WRITER.apply(call, [each.planned for each in plans if each.planned])
    renamed = [each.after.id for each in plans if each.outcome == "updated" and "name" in each.changed]
    return await follow_names(call, renamed)
