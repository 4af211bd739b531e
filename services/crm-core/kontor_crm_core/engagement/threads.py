"""Threads of e-mail: messages that refer to each other, in whatever order they arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert

from kontor_crm_core.activity.models import ACTIVITIES, EMAIL_REFS
from kontor_crm_core.record.lookups import hold_keys
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.call import Call


@dataclass(frozen=True, slots=True)
class Thread:
    """The thread a message belongs to, and how many threads it was found to belong to."""

    id: UUID
    joined: int


async def hold_threads(call: Call) -> None:
    """Lets one call at a time join a tenant's threads; taken before any message is locked that may be moved."""
    await hold_keys(call, ["email threads"])


async def thread_of(call: Call, message_id: str, others: Sequence[str]) -> Thread:
    """The thread of a message that refers to others; threads it connects become one, the oldest."""
    await hold_threads(call)
    ids = [message_id, *others]
    threads = sorted((await call.session.execute(threads_with(call.actor.tenant, ids))).scalars())
    kept = threads[0] if threads else new_id()
    if len(threads) > 1:
        await move(call, threads[1:], kept)
    rows = [{"tenant_id": call.actor.tenant, "message_id": each, "thread_id": kept} for each in sorted(ids)]
    await call.session.execute(insert(EMAIL_REFS).values(rows).on_conflict_do_nothing())
    return Thread(kept, len(threads))


def threads_with(tenant: UUID, message_ids: Sequence[str]) -> Select[Any]:
    """The threads that any of these messages belongs to."""
    columns = EMAIL_REFS.c
    return select(columns.thread_id).where(columns.tenant_id == tenant, columns.message_id.in_(message_ids)).distinct()


async def move(call: Call, threads: Sequence[UUID], kept: UUID) -> None:
    """Makes threads part of another; no message's version changes by it."""
    for table in (EMAIL_REFS, ACTIVITIES):
        theirs = (table.c.tenant_id == call.actor.tenant, table.c.thread_id.in_(threads))
        await call.session.execute(update(table).where(*theirs).values(thread_id=kept))
