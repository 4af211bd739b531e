"""The writer for many records of one type at once: one statement per table, whatever the number."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, update

from kontor_crm_core.record.models import RecordChange
from kontor_crm_core.record.rules import actor_kind
from kontor_crm_core.record.writer import LATER, table
from kontor_platform.runtime.call import Call, Change, Event

Raised = tuple[UUID, int, datetime]


async def updated_many(
    call: Call,
    record_type: str,
    changes: Mapping[UUID, Sequence[Change]],
    values: Mapping[str, object],
    event: str = "",
) -> dict[UUID, int]:
    """Stores the same values in all records and answers their versions.

    The records must be live and locked in this transaction, and `changes` must name what really changes in each.
    """
    if not changes:
        return {}
    raised = await raised_many(call, record_type, changes, values)
    kind = event or f"{record_type}.updated"
    events = [
        Event(kind, record_type, record_id, version, tuple(changes[record_id])) for record_id, version, _ in raised
    ]
    moments = {record_id: at for record_id, _, at in raised}
    await call.session.execute(insert(RecordChange), [logged(call, each, moments[each.record_id]) for each in events])
    for each in events:
        call.emit(each)
    return {each.record_id: each.version for each in events}


async def raised_many(
    call: Call, record_type: str, changes: Mapping[UUID, Sequence[Change]], values: Mapping[str, object]
) -> list[Raised]:
    """Stores values under each record's next version, in the order of the ids."""
    rows = table(record_type)
    done = await call.session.execute(
        update(rows)
        .where(rows.c.tenant_id == call.actor.tenant, rows.c.id.in_(list(changes)))
        .values({**values, "version": rows.c.version + 1, "updated_at": LATER})
        .returning(rows.c.id, rows.c.version, rows.c.updated_at)
    )
    return sorted((row.id, row.version, row.updated_at) for row in done)


def logged(call: Call, event: Event, at: datetime) -> dict[str, object]:
    """The row of the change log for an event."""
    return {
        "tenant_id": call.actor.tenant,
        "record_id": event.record_id,
        "version": event.version,
        "record_type": event.record_type,
        "changes": [{"field": each.field, "before": each.before, "after": each.after} for each in event.changes],
        "actor_kind": actor_kind(call.actor.kind),
        "actor_id": call.actor.actor,
        "on_behalf_of": call.actor.on_behalf_of,
        "operation_id": call.call_id,
        "at": at,
    }
