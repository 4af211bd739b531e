"""Begins long work, keeps how far it has come, and ends it; each step in the caller's transaction.

A handler does its work in chunks, each of them one transaction: `claim`, do from its `position` on, `advance`. The last
one ends with `finish`. Whatever happens between two chunks, a handler that is run again goes on where it stands.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, insert, select, text, update

from kontor_crm_core.operation.models import OPERATIONS, LongWork
from kontor_crm_core.operation.rules import AT_ONCE, ENDED, RUNNING, WAITING, State, first_state, room
from kontor_platform.contract.problem import JSON, Conflict, NotFound, Refusal
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.tokens import claims_of
from kontor_platform.runtime.tokens import principal_of as principal_told
from kontor_platform.runtime.work import JobOver, Work, defer

HELD = text("SELECT pg_advisory_xact_lock(:number)")
ADDED = text(
    """
    (SELECT coalesce(jsonb_object_agg(key, total), '{}') FROM (
        SELECT key, sum(value::bigint) AS total
        FROM (SELECT * FROM jsonb_each_text(counters) UNION ALL SELECT * FROM jsonb_each_text(CAST(:added AS jsonb)))
            AS each (key, value)
        GROUP BY key
    ) AS summed)
    """
)


class UnknownOperation(NotFound):
    """There is no operation with this id; crm_import_status without an id lists the recent ones."""


class OperationEnded(Conflict):
    """The operation has ended, so there is nothing to cancel."""


async def begin(
    call: Call,
    kind: str,
    data: Mapping[str, JSON],
    total: int | None = None,
    *,
    id: UUID | None = None,
    reverts: UUID | None = None,
) -> UUID:
    """Begins long work: the job named like its kind runs once the call is committed. Answers its id.

    The id is the call's own unless another is given, so that all that the work changes carries one operation id. Of
    some kinds a tenant runs a few at a time; then the work waits for its turn, in the state `deferred`.
    """
    operation, state = id or call.call_id, first_state(kind, await running(call, kind))
    row = row_of(call, operation, kind, state, data) | {"total": total, "reverts": reverts}
    await call.session.execute(insert(OPERATIONS).values(row))
    if state is State.STARTED:
        await defer(call, kind, operation)
    return operation


async def begin_within(
    call: Call, kind: str, data: Mapping[str, JSON], total: int, *, reverts: UUID | None = None
) -> UUID:
    """Begins work that is short enough to be done within the call, which ends it with `finish`. Answers its id."""
    row = row_of(call, call.call_id, kind, State.PROCESSING, data)
    row |= {"total": total, "reverts": reverts, "started_at": func.clock_timestamp()}
    await call.session.execute(insert(OPERATIONS).values(row))
    return call.call_id


def row_of(call: Call, id: UUID, kind: str, state: State, data: Mapping[str, JSON]) -> dict[str, Any]:
    """The row of new work."""
    return {
        "tenant_id": call.actor.tenant,
        "id": id,
        "kind": kind,
        "state": state,
        "tool": call.operation.name,
        "actor": claims_of(call.actor),
        "data": dict(data),
        "created_at": func.clock_timestamp(),
        "updated_at": func.clock_timestamp(),
    }


async def read(call: Call, id: UUID) -> LongWork:
    """Reads long work as it stands; raises UnknownOperation."""
    found = (await call.session.execute(one(call, id))).mappings().one_or_none()
    if found is None:
        raise UnknownOperation
    return LongWork(**found)


async def claim(call: Call, id: UUID) -> LongWork:
    """Begins a chunk: waits until no other worker is at this work, and answers how far it has come.

    Raises JobOver when it has ended. A handler looks at `cancel_requested` and then ends with the state `canceled`.
    """
    await call.session.execute(HELD, {"number": lock_number("chunk", id)})
    present = await read(call, id)
    if present.state in ENDED:
        raise JobOver
    if present.state == State.STARTED:
        return await changed(call, id, state=State.PROCESSING, started_at=func.clock_timestamp())
    return present


async def advance(
    call: Call, id: UUID, position: int, counters: Mapping[str, int] | None = None, *, total: int | None = None
) -> None:
    """Ends a chunk: where the next one begins, and what this one adds to the counters."""
    values: dict[str, Any] = {"position": position} | ({"total": total} if total is not None else {})
    if counters:
        values["counters"] = ADDED.bindparams(added=json.dumps(dict(counters)))
    await changed(call, id, **values)


async def finish(
    call: Call,
    id: UUID,
    state: State | str,
    report: Mapping[str, JSON] | None = None,
    *,
    error: str = "",
    result_file: UUID | None = None,
    error_file: UUID | None = None,
) -> LongWork:
    """Ends long work in its last chunk, and lets the next of its kind begin that waited for its turn."""
    ended = await changed(
        call,
        id,
        state=State(state),
        finished_at=func.clock_timestamp(),
        error=error or None,
        **({"report": dict(report)} if report is not None else {}),
        **({"result_file": result_file} if result_file else {}),
        **({"error_file": error_file} if error_file else {}),
    )
    await wake(call, ended.kind)
    return ended


async def fail(call: Call, id: UUID, error: str) -> LongWork:
    """Ends long work that cannot go on; what its chunks did stays."""
    return await finish(call, id, State.FAILED, error=error)


async def mark(call: Call, id: UUID, state: State | str, *, reverted_by: UUID | None = None) -> LongWork:
    """Moves work that has ended to `reverting` or `reverted`, or back, and says by which operation."""
    values = {"reverted_by": reverted_by} if reverted_by else {}
    return await changed(call, id, state=State(state), **values)


async def cancel(call: Call, id: UUID) -> LongWork:
    """Asks long work to end after its present chunk; work that waits is canceled at once.

    Raises UnknownOperation, and OperationEnded where there is nothing left to cancel.
    """
    waiting = [str(each) for each in WAITING]
    found = await call.session.execute(one(call, id).where(OPERATIONS.c.state.in_(waiting)).with_for_update())
    if found.first() is not None:
        return await finish(call, id, State.CANCELED, {})
    present = await read(call, id)
    if present.state in ENDED:
        raise OperationEnded(f"The operation has ended: it is {present.state}.")
    return await changed(call, id, cancel_requested=True)


async def canceled(call: Call, id: UUID) -> bool:
    """Whether somebody asked the work to end."""
    return (await read(call, id)).cancel_requested


def principal_of(row: LongWork) -> Principal:
    """Who began the work, with the rights of that moment."""
    return principal_told(row.actor)


def in_operation(work: Work, row: LongWork, author_kind: str = "") -> AbstractAsyncContextManager[Call]:
    """One transaction of long work, as whoever began it."""
    return work.call(work.operations[row.tool], principal_of(row), row.id, author_kind)


async def opened(work: Work, tenant: UUID, id: UUID) -> LongWork:
    """What a handler begins with: the work as it stands; raises JobOver if it has ended or never was."""
    async with work.database.transaction(tenant) as (session, _):
        query = select(*OPERATIONS.c).where(OPERATIONS.c.tenant_id == tenant, OPERATIONS.c.id == id)
        found = (await session.execute(query)).mappings().one_or_none()
    if found is None or found["state"] in ENDED:
        raise JobOver
    return LongWork(**found)


async def gave_up(work: Work, tenant: UUID, id: UUID, error: Exception) -> None:
    """Ends the work of a job that failed for good."""
    row = await opened(work, tenant, id)
    message = error.message if isinstance(error, Refusal) else "Something went wrong on our side; the logs tell more."
    async with in_operation(work, row) as call:
        await fail(call, id, message)


async def running(call: Call, kind: str) -> int:
    """How many of a kind run now, where that is limited; nobody else begins one until the transaction ends."""
    if kind not in AT_ONCE:
        return 0
    await call.session.execute(HELD, {"number": lock_number(kind, call.actor.tenant)})
    columns = OPERATIONS.c
    unfinished = unfinished_of(call, kind).where(columns.state.in_([str(each) for each in RUNNING]))
    return int((await call.session.execute(select(func.count()).select_from(unfinished.subquery()))).scalar_one())


async def wake(call: Call, kind: str) -> None:
    """Lets work begin that waited for its turn."""
    if kind not in AT_ONCE:
        return
    places = room(kind, await running(call, kind))
    columns = OPERATIONS.c
    waiting = unfinished_of(call, kind).where(columns.state == State.DEFERRED)
    found = await call.session.execute(waiting.order_by(columns.created_at, columns.id).limit(places))
    for id in found.scalars().all():
        await changed(call, id, state=State.STARTED)
        await defer(call, kind, id)


def unfinished_of(call: Call, kind: str) -> Select[UUID]:
    """Ids of the tenant's work of a kind that has not ended."""
    columns = OPERATIONS.c
    mine = select(columns.id).where(columns.tenant_id == call.actor.tenant, columns.kind == kind)
    return mine.where(columns.finished_at.is_(None))


async def changed(call: Call, id: UUID, **values: Any) -> LongWork:
    """Writes columns of long work; raises UnknownOperation."""
    columns = OPERATIONS.c
    mine = update(OPERATIONS).where(columns.tenant_id == call.actor.tenant, columns.id == id)
    done = await call.session.execute(mine.values(updated_at=func.clock_timestamp(), **values).returning(*columns))
    row = done.mappings().one_or_none()
    if row is None:
        raise UnknownOperation
    return LongWork(**row)


def one(call: Call, id: UUID) -> Select[Any]:
    """The row of one operation."""
    columns = OPERATIONS.c
    return select(*columns).where(columns.tenant_id == call.actor.tenant, columns.id == id)


def lock_number(kind: str, id: UUID) -> int:
    """The number of an advisory lock, a signed 64-bit integer."""
    return int.from_bytes(hashlib.sha256(f"{kind} {id}".encode()).digest()[:8], signed=True)
