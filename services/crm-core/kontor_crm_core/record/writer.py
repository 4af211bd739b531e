"""Makes and changes one record through the one writer."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import RowMapping, Table, select

from kontor_crm_core.record.models import REGISTRY, Entity
from kontor_crm_core.record.objects import write
from kontor_crm_core.record.rules import table_of
from kontor_platform.contract.problem import JSON, Gone, NotFound, VersionConflict, difference
from kontor_platform.data.records.planned import Planned, ShelfChange
from kontor_platform.data.records.setting import Settled
from kontor_platform.data.records.statements import given
from kontor_platform.runtime.call import Call, Change

NO_PROPERTIES = Settled()


async def created(
    call: Call,
    record_type: str,
    record: Entity,
    fields: Mapping[str, JSON],
    *,
    shelves: Sequence[ShelfChange] = (),
    terms: Mapping[str, int] | None = None,
    custom: Settled = NO_PROPERTIES,
) -> None:
    """Makes a record; `fields` are its fields as callers name them, with the values it begins with.

    `custom` are the custom properties it begins with.
    """
    values = {name: getattr(record, name) for name in given(table(record_type)) if name not in ("props", "created_at")}
    changes = [Change(field, None, value) for field, value in fields.items() if value not in (None, "", [])]
    changes += custom.changes
    planned = Planned(
        record_type, record.id, 0, values, changes, shelves=shelves, properties=custom.properties, terms=terms
    )
    await write(call, planned)


async def locked(call: Call, record_type: str, record_id: UUID) -> RowMapping:
    """Reads a live record's row and holds it to the end of the transaction; raises NotFound or Gone."""
    columns = table(record_type).c
    found = await call.session.execute(
        select(*columns)
        .where(columns.tenant_id == call.actor.tenant, columns.id == record_id)
        .with_for_update(key_share=True)
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

    `values` maps columns of the record's table. `changes` name fields as callers know them and come from a row read by
    `locked` in this transaction. `event` is `<record_type>.updated` if empty.
    Raises NotFound, Gone, and VersionConflict with the fields of `changes` that differ.
    """
    present = await locked(call, record_type, record_id)
    version = int(present["version"])
    check_version(expected_version, version, changes)
    if not changes:
        return version
    planned = Planned(record_type, record_id, version, values, changes, event=event)
    return (await write(call, planned))[record_id].version


def check_version(expected: int | None, present: int, changes: Sequence[Change]) -> None:
    """Raises VersionConflict naming the fields that differ unless the caller saw the present version or named none."""
    if expected is not None and expected != present:
        raise VersionConflict(
            current_version=present,
            differing=[difference(change.field, change.before, change.after) for change in changes],
        )


def table(record_type: str) -> Table:
    """The table that holds records of a type."""
    return REGISTRY.metadata.tables[table_of(record_type)]
