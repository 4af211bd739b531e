"""The one writer: raises versions, logs changes and announces them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, RowMapping, Table, insert, literal_column, select, update

from kontor_crm_core.record.models import REGISTRY, Entity, Record, RecordChange
from kontor_crm_core.record.rules import actor_kind, table_of
from kontor_platform.contract.problem import JSON, Gone, NotFound, VersionConflict, difference
from kontor_platform.runtime.call import Call, Change, Event

LATER: ColumnElement[datetime] = literal_column("greatest(clock_timestamp(), updated_at + interval '1 microsecond')")


async def created(call: Call, record_type: str, record: Entity, fields: Mapping[str, JSON]) -> None:
    """Inserts a new record with its registry row and announces `<record_type>.created`.

    `fields` are the fields as callers name them, with the values the record begins with.
    """
    registered = Record(tenant_id=record.tenant_id, id=record.id, object_type=record_type)
    await call.session.execute(insert(Record).values(registered.model_dump()))
    await call.session.execute(insert(table(record_type)).values(stored(record, table(record_type))))
    changes = tuple(Change(field, None, value) for field, value in fields.items() if value not in (None, "", []))
    await log(call, Event(f"{record_type}.created", record_type, record.id, record.version, changes), record.updated_at)


async def locked(call: Call, record_type: str, record_id: UUID) -> RowMapping:
    """Reads a live record's row and holds it to the end of the transaction; raises NotFound or Gone."""
    columns = table(record_type).c
    found = await call.session.execute(
        select(*columns).where(columns.tenant_id == call.actor.tenant, columns.id == record_id).with_for_update()
    )
    row = found.mappings().one_or_none()
    if row is None:
        raise NotFound()
    if row["deleted_at"] is not None:
        raise Gone(ids=[str(record_id)])
    return row


async def updated(
    call: Call,
    record_type: str,
    record_id: UUID,
    expected_version: int | None,
    changes: Sequence[Change],
    values: Mapping[str, object],
    event: str = "",
) -> int:
    """Writes a changed record and answers its version, which stays when nothing changed.

    `values` maps columns of the record's table; rows of side tables are the caller's. `changes` name fields as callers
    know them and come from a row read by `locked` in this transaction. `event` is `<record_type>.updated` if empty.
    Raises NotFound, Gone, and VersionConflict with the fields of `changes` that differ.
    """
    present = await locked(call, record_type, record_id)
    check_version(expected_version, present["version"], changes)
    if not changes:
        return int(present["version"])
    at = await raised(call, table(record_type), present, values)
    version = int(present["version"]) + 1
    await log(call, Event(event or f"{record_type}.updated", record_type, record_id, version, tuple(changes)), at)
    return version


def check_version(expected: int | None, present: int, changes: Sequence[Change]) -> None:
    """Raises VersionConflict naming the fields that differ unless the caller saw the present version or named none."""
    if expected is not None and expected != present:
        raise VersionConflict(
            current_version=present,
            differing=[difference(change.field, change.before, change.after) for change in changes],
        )


async def raised(call: Call, rows: Table, present: RowMapping, values: Mapping[str, object]) -> datetime:
    """Stores values under the next version and answers the moment of it."""
    columns = rows.c
    done = await call.session.execute(
        update(rows)
        .where(columns.tenant_id == present["tenant_id"], columns.id == present["id"])
        .where(columns.version == present["version"])
        .values({**values, "version": columns.version + 1, "updated_at": LATER})
        .returning(columns.updated_at)
    )
    moment: datetime = done.scalar_one()
    return moment


async def log(call: Call, event: Event, at: datetime) -> None:
    """Appends a change to the log and announces it."""
    await call.session.execute(
        insert(RecordChange).values(
            tenant_id=call.actor.tenant,
            record_id=event.record_id,
            version=event.version,
            record_type=event.record_type,
            changes=[{"field": c.field, "before": c.before, "after": c.after} for c in event.changes],
            actor_kind=actor_kind(call.actor.kind),
            actor_id=call.actor.actor,
            on_behalf_of=call.actor.on_behalf_of,
            operation_id=call.call_id,
            at=at,
        )
    )
    call.emit(event)


def table(record_type: str) -> Table:
    """The table that holds records of a type."""
    return REGISTRY.metadata.tables[table_of(record_type)]


def stored(record: Entity, rows: Table) -> dict[str, object]:
    """The record's values for the columns the database does not compute itself."""
    return {column.name: getattr(record, column.name) for column in rows.c if column.computed is None}
