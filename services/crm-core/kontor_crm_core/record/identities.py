"""Writes the values that identify a record; a live one belongs to one record only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, Table, and_, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.models import EXTERNAL_IDS
from kontor_platform.data.records.clashes import IdentityTaken
from kontor_platform.runtime.call import Call

Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Shelf:
    """A table of identities: the column that names the record, and those that tell its rows apart."""

    table: Table
    owner: str
    keys: tuple[str, ...]

    def of(self, call: Call, record: UUID) -> ColumnElement[bool]:
        """The rows of one record."""
        return and_(self.table.c.tenant_id == call.actor.tenant, self.table.c[self.owner] == record)

    def key(self, row: Row) -> tuple[object, ...]:
        """What tells a row from the record's others."""
        return tuple(row[name] for name in self.keys)

    def at(self, *keys: tuple[object, ...]) -> ColumnElement[bool]:
        """Rows of these keys."""
        return tuple_(*(self.table.c[name] for name in self.keys)).in_(keys)


FOREIGN = Shelf(EXTERNAL_IDS, "record_id", ("system", "value"))


async def keep(call: Call, shelf: Shelf, record: UUID, rows: Sequence[Row]) -> None:
    """Makes rows the only ones of a record on a shelf; raises IdentityTaken."""
    mine = shelf.of(call, record)
    found = await call.session.execute(select(shelf.table).where(mine))
    present = {shelf.key(row): row for row in map(dict, found.mappings())}
    wanted = {shelf.key(row): row for row in rows}
    gone = present.keys() - wanted.keys()
    if gone:
        await call.session.execute(delete(shelf.table).where(mine, shelf.at(*gone)))
    for key, row in sorted(wanted.items(), key=lambda each: str(each[0])):
        if key not in present:
            await claim(call, shelf, {"tenant_id": call.actor.tenant, shelf.owner: record, **row})
        elif any(present[key][name] != value for name, value in row.items()):
            await call.session.execute(update(shelf.table).where(mine, shelf.at(key)).values(dict(row)))


async def claim(call: Call, shelf: Shelf, row: Row) -> None:
    """Adds one identity unless another record holds it; raises IdentityTaken with the holder."""
    columns = shelf.table.c
    adding = insert(shelf.table).values(dict(row)).on_conflict_do_nothing().returning(columns.tenant_id)
    if (await call.session.execute(adding)).one_or_none() is not None:
        return
    theirs = (columns.tenant_id == call.actor.tenant, shelf.at(shelf.key(row)), columns.live)
    holders = await call.session.execute(select(columns[shelf.owner]).where(*theirs))
    raise IdentityTaken(ids=[str(each) for each in holders.scalars()], next_tool="crm_get_record")


async def keep_external_ids(call: Call, object_type: str, record: UUID, ids: Sequence[ForeignId]) -> None:
    """Makes these the record's only ids in other systems; raises IdentityTaken."""
    rows = [{"system": each.system, "value": each.value, "object_type": object_type} for each in ids]
    await keep(call, FOREIGN, record, rows)


async def external_ids(call: Call, record: UUID) -> list[ForeignId]:
    """A record's ids in other systems."""
    columns = EXTERNAL_IDS.c
    rows = await call.session.execute(
        select(columns.system, columns.value)
        .where(FOREIGN.of(call, record), columns.live)
        .order_by(columns.system, columns.value)
    )
    return [ForeignId(*row) for row in rows]
