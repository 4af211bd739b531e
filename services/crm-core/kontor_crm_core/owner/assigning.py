"""Gives records to other owners: at once where they are few, else as a job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1 import owners_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem, Reason

from kontor_crm_core.operation.rules import State
from kontor_crm_core.operation.store import advance, begin, claim, finish, in_operation, opened
from kontor_crm_core.owner.directory import User, find, owners_named, unknown
from kontor_crm_core.owner.records import Chosen, by_ids, owned_by
from kontor_crm_core.owner.rules import UNPLANNED, Kind, Share, in_turn, plan_of
from kontor_crm_core.record.objects import write
from kontor_platform.contract.problem import Conflict, InvalidField
from kontor_platform.data.records.fold import clean
from kontor_platform.data.records.planned import Planned
from kontor_platform.runtime.call import Call, Change
from kontor_platform.runtime.work import Work

JOB = "assign_owner"
EVENT = "owner.assigned"
# DECISIONS.md 10: what touches more records than this runs as a job.
MOST_IN_CALL = 1000
CHUNK = 1000
# More than anybody owns: the plan is made of all of them.
ALL = 10_000_000


class PlanStale(Conflict):
    """The records changed since the plan was made; try the call again with dry_run and pass back its plan."""

    reason = Reason.PLAN_STALE


@dataclass(frozen=True, slots=True)
class Assigned:
    """What was given to whom, the plan it is known by, why records were left, and the operation that does it."""

    shares: Sequence[Share]
    owners: Mapping[UUID, User]
    plan: str
    chosen: Chosen
    operation: UUID | None = None


async def assign_owner(call: Call, request: pb.AssignOwnerRequest) -> Assigned:
    """Gives records to their new owners; raises InvalidField, PlanStale, and as `owners_named` does."""
    require_one_way(request)
    owners = await new_owners(call, request)
    leaver = await leaving(call, request.from_owner)
    require_others(owners, leaver)
    kinds = [kind for kind in Kind if not request.types or kind in request.types]
    chosen = await choose(call, request, leaver, kinds)
    shares = in_turn(chosen.records, list(owners))
    plan = plan_of(shares)
    require_planned(call, request.plan, plan, sum(share.changes for share in shares))
    if len(shares) <= MOST_IN_CALL:
        await give(call, shares)
        return Assigned(shares, owners, plan, chosen)
    data = {"from_owner": str(leaver), "owners": [str(each) for each in owners], "types": [str(each) for each in kinds]}
    return Assigned(shares, owners, plan, chosen, await begin(call, JOB, data, len(shares)))


def require_one_way(request: pb.AssignOwnerRequest) -> None:
    """Refuses a request that names records or owners in two ways, or in none; raises InvalidField."""
    problems = []
    if bool(request.record_ids) == bool(clean(request.from_owner)):
        problems.append(FieldProblem(field="record_ids", message="give either record_ids or from_owner"))
    if bool(request.round_robin) == bool(clean(request.owner)):
        problems.append(FieldProblem(field="owner", message="give either owner or round_robin"))
    if problems:
        raise InvalidField("; ".join(each.message for each in problems), fields=problems)


def require_others(owners: Mapping[UUID, User], leaver: UUID | None) -> None:
    """Refuses to give somebody's records to themselves; raises InvalidField."""
    if leaver is not None and leaver in owners:
        raise InvalidField(f"{owners[leaver].email} gives the records away and cannot get any.", field="from_owner")


async def new_owners(call: Call, request: pb.AssignOwnerRequest) -> Mapping[UUID, User]:
    """The new owners in their order, each once; raises as `owners_named` does."""
    named = {f"round_robin[{at}]": clean(each) for at, each in enumerate(request.round_robin)}
    texts = named or {"owner": clean(request.owner)}
    found = await owners_named(call, texts)
    return {found[each].id: found[each] for each in texts.values()}


async def leaving(call: Call, text: str) -> UUID | None:
    """The user who gives everything away, active or not; raises OwnerNotFound."""
    named = clean(text)
    if not named:
        return None
    found = await find(call, [named])
    if named not in found.users:
        raise unknown(named, "from_owner", found.nearest.get(named, ""))
    return found.users[named].id


async def choose(call: Call, request: pb.AssignOwnerRequest, leaver: UUID | None, kinds: Sequence[str]) -> Chosen:
    """The records meant, held where the call itself changes them."""
    if leaver is None:
        return await by_ids(call, list(dict.fromkeys(UUID(each) for each in request.record_ids)), kinds)
    few = await owned_by(call, leaver, kinds, MOST_IN_CALL + 1)
    return Chosen(few if len(few) <= MOST_IN_CALL else await owned_by(call, leaver, kinds, ALL, hold=False))


def require_planned(call: Call, given: str, plan: str, number: int) -> None:
    """Refuses what was planned otherwise, or not at all though it is much; raises PlanStale or InvalidField."""
    if given and given != plan:
        raise PlanStale(field="plan")
    if not given and number > UNPLANNED and not call.dry_run:
        message = f"{number} records change hands; call with dry_run first and pass back the plan it answers."
        raise InvalidField(message, field="plan")


async def give(call: Call, shares: Sequence[Share]) -> int:
    """Stores who gets held records, and answers how many changed hands."""
    changing = [share for share in shares if share.changes]
    call.concerns(*(share.record.id for share in changing if share.record.type == Kind.CONTACT))
    await write(call, *(planned(share) for share in changing))
    return len(changing)


def planned(share: Share) -> Planned:
    """A record with its new owner."""
    record = share.record
    before = str(record.owner) if record.owner else None
    changes = [Change("owner_id", before, str(share.owner))]
    return Planned(record.type, record.id, record.version, {"owner_id": share.owner}, changes, event=EVENT)


async def run_assign_owner(work: Work, tenant: UUID, id: UUID) -> None:
    """The job that gives away all that somebody has, in chunks; what was given is no longer found."""
    row = await opened(work, tenant, id)
    leaver, kinds = UUID(str(row.data["from_owner"])), list(row.data["types"])
    owners = [UUID(str(each)) for each in row.data["owners"]]
    while True:
        async with in_operation(work, row) as call:
            present = await claim(call, id)
            if present.cancel_requested:
                await finish(call, id, State.CANCELED)
                return
            records = await owned_by(call, leaver, kinds, CHUNK)
            shares = in_turn(records, owners, present.position)
            if not any(share.changes for share in shares):
                await finish(call, id, State.DONE)
                return
            number = await give(call, shares)
            await advance(call, id, present.position + number, {"updated": number})
