"""Keeps the members of dynamic segments in step with the records: from the events, and compared as a whole each night.

What a segment holds is always what its filter says when it is read; the rows kept here tell since when, and make the
events `segment.member.added` and `segment.member.removed`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.operation import store as operations
from kontor_crm_core.operation.rules import State
from kontor_crm_core.segment import members
from kontor_crm_core.segment.answers import today
from kontor_crm_core.segment.changing import FILL, gathering, one, update
from kontor_crm_core.segment.filters import SegmentBroken
from kontor_crm_core.segment.rules import RESTORABLE_DAYS
from kontor_platform.data.arrays import array
from kontor_platform.data.records.filters.selecting import CHUNK, matching, select_ids
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.work import JobOver, Nightly, Tenant, Tick, Work

EVERY_S = 1.0
EVENTS = 2_000
MOST_AFFECTED = 10_000
STEPS = 4
BEHIND = text(
    "SELECT h.tenant_id FROM outbox_head h JOIN segment_head s ON s.tenant_id = h.tenant_id AND h.seq > s.seq"
)
HEAD = text("SELECT seq FROM segment_head WHERE tenant_id = :tenant FOR UPDATE")
ADVANCE = text("UPDATE segment_head SET seq = :seq WHERE tenant_id = :tenant")
READ = text(
    """
    SELECT seq, type, record_id, data FROM outbox
    WHERE tenant_id = :tenant AND seq > :seq ORDER BY seq LIMIT :most
    """
)
DYNAMIC = text(
    """
    SELECT * FROM segment WHERE tenant_id = :tenant AND kind = 'dynamic' AND state = 'ready' AND deleted_at IS NULL
    ORDER BY id
    """
)
NEAR = text(
    """
    SELECT a.to_id FROM association a
    WHERE a.tenant_id = :tenant AND a.from_id = ANY(CAST(:ids AS uuid[])) AND a.type_key = ANY(:types)
    UNION SELECT a.from_id FROM association a
    WHERE a.tenant_id = :tenant AND a.to_id = ANY(CAST(:ids AS uuid[])) AND a.type_key = ANY(:types)
    UNION SELECT l.record_id FROM activity_link l
    WHERE l.tenant_id = :tenant AND l.activity_id = ANY(CAST(:ids AS uuid[])) AND :activities
    LIMIT :most
    """
)
BETWEEN = text(
    """
    SELECT record_id FROM segment_member WHERE tenant_id = :tenant AND segment_id = :segment
        AND record_id > :low AND (CAST(:high AS uuid) IS NULL OR record_id <= CAST(:high AS uuid))
    """
)
EXPIRED = """
    WITH gone AS (
        SELECT id FROM segment WHERE tenant_id = :tenant AND deleted_at < :before LIMIT 100
    ) DELETE FROM {table} t USING gone WHERE t.tenant_id = :tenant AND t.{column} = gone.id
"""
PURGE = [
    text(EXPIRED.format(table=table, column=column))
    for table, column in (("segment_member", "segment_id"), ("segment_size", "segment_id"), ("segment", "id"))
]
LEAST = UUID(int=0)
ACTIVITIES = ("activity", "task")


async def follow(work: Work) -> None:
    """Brings the segments of every tenant that has new events up to date."""
    async with work.finder.engine.connect() as connection:
        behind = set((await connection.execute(BEHIND)).scalars())
    for tenant in [each for each in await work.tenants() if each.id in behind] if behind else ():
        while await follow_changes(work, tenant):
            continue


FOLLOWING = Tick("segments", EVERY_S, follow)


async def follow_changes(work: Work, tenant: Tenant) -> bool:
    """Follows a tenant's events by one portion; says whether there may be more."""
    async with work.chore("segments", tenant) as call:
        values = {"tenant": tenant.id}
        position = (await call.session.execute(HEAD, values)).scalar_one_or_none()
        if position is None:
            return False
        events = (await call.session.execute(READ, {**values, "seq": position, "most": EVENTS})).mappings().all()
        if not events:
            return False
        rows = (await call.session.execute(DYNAMIC, values)).mappings().all()
        whole = [row["id"] for row in rows if not await followed(call, row, events)]
        await members.sized(call, today(call))
        await call.session.execute(ADVANCE, {**values, "seq": events[-1]["seq"]})
    for id in whole:
        await compare(work, tenant, id)
    return len(events) == EVENTS


async def followed(call: Call, row: Mapping[Any, Any], events: Sequence[Mapping[Any, Any]]) -> bool:
    """Brings one segment in step with events; false where it must be compared as a whole."""
    if any(cut_off(row, event) for event in events):
        return False
    ids = await affected(call, row, {event["record_id"] for event in events if event["record_id"] is not None})
    if len(ids) > MOST_AFFECTED:
        return False
    try:
        meant = await gathering(call, row)
    except SegmentBroken:
        return True
    met = await matching(call, meant.checked, meant.knowledge, sorted(ids))
    held = await members.present(call, row["id"], ids)
    await members.remove(call, row["id"], row["key"], row["object_type"], held - met)
    await members.add(call, row["id"], row["key"], row["object_type"], met - held)
    return True


def cut_off(row: Mapping[Any, Any], event: Mapping[Any, Any]) -> bool:
    """Whether a link is gone whose far end the event does not name, while the segment asks about such links."""
    if event["type"] != "association.removed":
        return False
    fields = (event["data"] or {}).get("fields", ())
    return not set(fields).isdisjoint(base(name) for name in row["follows"])


def base(name: str) -> str:
    """The type of a link, whichever way it is seen."""
    return name.removesuffix("_reverse")


async def affected(call: Call, row: Mapping[Any, Any], changed: Iterable[UUID]) -> set[UUID]:
    """The records that a change may bring in or out: those changed, and those linked to them as the filter asks."""
    found, last = set(changed), set(changed)
    types = [base(name) for name in row["follows"]]
    activities = any(name in ACTIVITIES for name in row["follows"])
    for _ in range(STEPS if types else 0):
        values = {
            "tenant": call.actor.tenant,
            "ids": array(last),
            "types": types,
            "activities": activities,
            "most": MOST_AFFECTED + 1,
        }
        last = set((await call.session.execute(NEAR, values)).scalars()) - found
        found |= last
        if not last or len(found) > MOST_AFFECTED:
            break
    return found


async def compare(work: Work, tenant: Tenant, segment: UUID) -> int:
    """Compares the members kept of a segment with what its filter gives, chunk by chunk; answers how many differed."""
    low: UUID | None = LEAST
    differing = 0
    while low is not None:
        async with work.chore("segments", tenant) as call:
            number, low = await compare_chunk(call, segment, low)
            differing += number
            if low is None:
                await update(call, segment, {"compared_on": today(call), "state": "ready"}, raised=False)
                await members.sized(call, today(call), segment)
    return differing


async def compare_chunk(call: Call, segment: UUID, low: UUID) -> tuple[int, UUID | None]:
    """Compares the next ids; answers how many differed and where the next chunk begins, None at the end."""
    row = await one(call, segment)
    try:
        meant = await gathering(call, row)
    except SegmentBroken:
        return 0, None
    found = await select_ids(call, meant.checked, meant.knowledge, low, CHUNK)
    high = found[-1] if len(found) == CHUNK else None
    values = {"tenant": call.actor.tenant, "segment": segment, "low": low, "high": high}
    held = set((await call.session.execute(BETWEEN, values)).scalars())
    removed = await members.remove(call, segment, row["key"], row["object_type"], held - set(found))
    added = await members.add(call, segment, row["key"], row["object_type"], set(found) - held)
    return removed + added, high


async def compare_all(work: Work, tenant: Tenant) -> None:
    """The night's work: each dynamic segment is compared as a whole, what was deleted long ago goes for good."""
    async with work.chore("segments", tenant) as call:
        rows = (await call.session.execute(DYNAMIC, {"tenant": tenant.id})).mappings().all()
        before = call.now - timedelta(days=RESTORABLE_DAYS)
        for statement in PURGE:
            await call.session.execute(statement, {"tenant": tenant.id, "before": before})
        await members.sized(call, today(call))
    for row in rows:
        await compare(work, tenant, row["id"])


async def fill(work: Work, tenant_id: UUID, operation: UUID) -> None:
    """Gathers the members of a large segment: the job behind crm_create_segment."""
    tenant = next(each for each in await work.tenants() if each.id == tenant_id)
    low: UUID | None = LEAST
    while low is not None:
        async with work.call(work.operations["crm_create_segment"], tenant.system, operation, "system") as call:
            try:
                claimed = await operations.claim(call, operation)
            except JobOver:
                return
            segment = UUID(claimed.data["segment"])
            number, low = await compare_chunk(call, segment, low)
            await operations.advance(call, operation, claimed.position + number, {"changed": number})
            if low is None:
                await update(call, segment, {"state": "ready", "compared_on": today(call)}, raised=False)
                await members.sized(call, today(call), segment)
                await operations.finish(call, operation, State.DONE, {"segment": str(segment)})


COMPARING = Nightly("segments", compare_all)
JOBS = {FILL: fill}
