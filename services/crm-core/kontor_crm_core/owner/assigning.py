"""Gives records to other owners: at once where they are few, else as a job."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import owners_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem, Reason
from kontor_protos.kontor.records.v1.filters_pb import Filter

from kontor_crm_core.advanced.knowing import knowledge
from kontor_crm_core.operation.rules import State
from kontor_crm_core.operation.store import advance, begin, changed, claim, finish, in_operation, opened
from kontor_crm_core.owner.directory import User, find, owners_named, unknown
from kontor_crm_core.owner.records import Chosen, by_ids, owned_by
from kontor_crm_core.owner.rules import UNPLANNED, Kind, Owned, Share, in_turn, plan_of
from kontor_crm_core.record.kinds import KINDS
from kontor_crm_core.record.objects import write
from kontor_crm_core.segment import filters
from kontor_platform.contract.problem import JSON, Conflict, InvalidField
from kontor_platform.data.records.filters.selecting import select_ids
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
    data: dict[str, JSON] = {"owners": [str(each) for each in owners], "types": [str(each) for each in kinds]}
    source = {"from_owner": str(leaver)} if leaver else {"filter": await kept_filter(call, request.filter, kinds[0])}
    return Assigned(shares, owners, plan, chosen, await begin(call, JOB, data | source, len(shares)))


def require_one_way(request: pb.AssignOwnerRequest) -> None:
    """Refuses a request that names records or owners in two ways, or in none; raises InvalidField."""
    problems = []
    if sum(map(bool, (request.record_ids, clean(request.from_owner), request.filter))) != 1:
        message = "give one of record_ids, from_owner and filter"
        problems.append(FieldProblem(field="record_ids", message=message))
    if request.filter and len(request.types) != 1:
        message = "a filter takes the one type of record that it is about"
        problems.append(FieldProblem(field="types", message=message, allowed=list(Kind)))
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
    if request.filter:
        ids = await every_id(call, await filters.read(call, request.filter, kinds[0]))
        return await by_ids(call, ids, kinds, hold=len(ids) <= MOST_IN_CALL)
    if leaver is None:
        return await by_ids(call, list(dict.fromkeys(UUID(each) for each in request.record_ids)), kinds)
    few = await owned_by(call, leaver, kinds, MOST_IN_CALL + 1)
    return Chosen(few if len(few) <= MOST_IN_CALL else await owned_by(call, leaver, kinds, ALL, hold=False))


async def every_id(call: Call, meant: filters.Meant) -> list[UUID]:
    """All records that meet a filter, in the order of their ids."""
    found: list[UUID] = []
    while len(part := await select_ids(call, meant.checked, meant.knowledge, found[-1] if found else None, CHUNK)):
        found += part
        if len(part) < CHUNK:
            break
    return found


async def kept_filter(call: Call, filter: Filter | None, kind: str) -> JSON:
    """A filter as a job keeps it, with properties and segments by their ids."""
    return filters.kept(filter or Filter(), KINDS[kind], await knowledge(call, kind, filter))


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
    """The job that gives away what is too much for one call, in chunks."""
    row = await opened(work, tenant, id)
    going = True
    while going:
        async with in_operation(work, row) as call:
            going = await give_chunk(call, id)


async def give_chunk(call: Call, id: UUID) -> bool:
    """Gives the next records away; answers whether there may be more."""
    present = await claim(call, id)
    records, after = await next_records(call, present.data)
    if present.cancel_requested or after is None:
        await finish(call, id, State.CANCELED if present.cancel_requested else State.DONE)
        return False
    owners = [UUID(str(each)) for each in present.data["owners"]]
    number = await give(call, in_turn(records, owners, present.position))
    await changed(call, id, data={**present.data, "after": str(after)})
    await advance(call, id, present.position + len(records), {"updated": number})
    return True


async def next_records(call: Call, data: Mapping[str, Any]) -> tuple[Sequence[Owned], UUID | None]:
    """The next records of a job, held, and where they end; None where there are no more.

    What somebody gave away is no longer found to be theirs, so that nothing need be remembered of it.
    """
    kinds = list(data["types"])
    if "filter" not in data:
        records = await owned_by(call, UUID(str(data["from_owner"])), kinds, CHUNK)
        return records, records[-1].id if records else None
    meant = await filters.read(call, Filter.from_json(json.dumps(data["filter"])), kinds[0])
    after = UUID(str(data["after"])) if "after" in data else None
    ids = await select_ids(call, meant.checked, meant.knowledge, after, CHUNK)
    return (await by_ids(call, ids, kinds)).records, ids[-1] if ids else None
