"""Contacts are found by the name of the company they work for, also after it changes: at once, or as a job if many."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.contact.reindexing import reindex
from kontor_crm_core.operation.rules import State
from kontor_crm_core.operation.store import advance, begin, changed, claim, finish, in_operation, opened
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.work import Work

# DECISIONS.md 10: what touches more records than this runs as a job.
MOST_IN_CALL = 1000
CHUNK = 500
JOB = "reindex"
STAFF = text(
    """
    SELECT a.from_id AS contact FROM association a
    WHERE a.tenant_id = :tenant AND a.to_id = ANY(CAST(:companies AS uuid[])) AND a.type_key = 'contact_company'
        AND a.is_primary AND a.from_id > :after
    ORDER BY a.from_id LIMIT :limit
    """
)
FIRST = UUID(int=0)


async def follow_names(call: Call, companies: Sequence[UUID]) -> UUID | None:
    """Makes the people of companies found by their present names; answers the job that does so where they are many."""
    if not companies:
        return None
    people = await staff(call, companies, FIRST, MOST_IN_CALL + 1)
    if len(people) > MOST_IN_CALL:
        return await begin(call, JOB, {"companies": [str(each) for each in companies]}, id=new_id())
    await reindex(call, people)
    return None


async def staff(call: Call, companies: Sequence[UUID], after: UUID, limit: int) -> list[UUID]:
    """People who mainly work for the companies, in the order of their ids, behind one of them."""
    values = {"tenant": call.actor.tenant, "companies": list(companies), "after": after, "limit": limit}
    return list((await call.session.execute(STAFF, values)).scalars())


async def run_reindex(work: Work, tenant: UUID, id: UUID) -> None:
    """The job that makes the people of companies found by their present names, in chunks."""
    row = await opened(work, tenant, id)
    going = True
    while going:
        async with in_operation(work, row) as call:
            going = await reindex_chunk(call, id)


async def reindex_chunk(call: Call, id: UUID) -> bool:
    """Does the next people; answers whether there may be more."""
    present = await claim(call, id)
    companies = [UUID(str(each)) for each in present.data["companies"]]
    people = await staff(call, companies, UUID(str(present.data.get("after", FIRST))), CHUNK)
    if present.cancel_requested or not people:
        await finish(call, id, State.CANCELED if present.cancel_requested else State.DONE)
        return False
    await reindex(call, people)
    await changed(call, id, data={**present.data, "after": str(people[-1])})
    await advance(call, id, present.position + len(people), {"reindexed": len(people)})
    return True
