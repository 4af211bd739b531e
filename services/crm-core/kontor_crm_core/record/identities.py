"""What identifies a record: a live address, domain or external id belongs to one record only."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import select

from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.models import EXTERNAL_IDS
from kontor_platform.data.records.planned import Row, Shelf, ShelfChange, shelf_change
from kontor_platform.runtime.call import Call

Identifying: TypeAlias = Mapping[Shelf, Sequence[Row]]


def first_shelves(wanted: Identifying) -> list[ShelfChange]:
    """What gives a new record the wanted rows."""
    return [shelf_change(shelf, (), rows) for shelf, rows in wanted.items()]


async def changed_shelves(call: Call, record: UUID, wanted: Identifying) -> list[ShelfChange]:
    """What makes the wanted rows the only ones of a held record on their shelves."""
    return [shelf_change(shelf, await rows_of(call, shelf, record), rows) for shelf, rows in wanted.items()]


async def rows_of(call: Call, shelf: Shelf, record: UUID) -> Sequence[Row]:
    """All rows of a record on a shelf."""
    columns = shelf.table.c
    mine = (columns.tenant_id == call.actor.tenant, columns[shelf.owner] == record)
    rows = await call.session.execute(select(shelf.table).where(*mine))
    return [dict(row) for row in rows.mappings()]


def foreign_rows(object_type: str, ids: Sequence[ForeignId]) -> list[Row]:
    """Ids in other systems as a record of a type keeps them."""
    return [{"system": each.system, "value": each.value, "object_type": object_type} for each in ids]


async def external_ids(call: Call, record: UUID) -> list[ForeignId]:
    """A record's ids in other systems."""
    columns = EXTERNAL_IDS.c
    rows = await call.session.execute(
        select(columns.system, columns.value)
        .where(columns.tenant_id == call.actor.tenant, columns.record_id == record, columns.live)
        .order_by(columns.system, columns.value)
    )
    return [ForeignId(*row) for row in rows]
