"""Reads and writes definitions, and the values that records have of a property."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import TextClause, insert, text, update

from kontor_crm_core.property.asking import facts
from kontor_crm_core.property.models import PROPERTIES
from kontor_platform.contract.problem import JSON
from kontor_platform.data.arrays import array
from kontor_platform.data.records.definitions import Definition, hold_key
from kontor_platform.data.records.values import index_rows, unique_key
from kontor_platform.runtime.call import Call, Change, Event

TABLES = {"contact": "contact", "company": "company", "deal": "deal", "activity": "activity"}
FIRST = UUID(int=0)
CLAIM = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")
# Rows deleted by one statement, which has five seconds.
MOST_DROPPED = 50_000
DROP_INDEX = text(
    f"""
    DELETE FROM property_index WHERE tenant_id = :tenant AND property_id = :property AND record_id IN (
        SELECT record_id FROM property_index WHERE tenant_id = :tenant AND property_id = :property
        LIMIT {MOST_DROPPED})
    """
)
DROP_UNIQUE = text(
    f"""
    DELETE FROM unique_value WHERE tenant_id = :tenant AND property_id = :property AND value_key IN (
        SELECT value_key FROM unique_value WHERE tenant_id = :tenant AND property_id = :property LIMIT {MOST_DROPPED})
    """
)
ADD_INDEX = text(
    """
    INSERT INTO property_index (tenant_id, property_id, record_id, position, object_type, txt, num, big, ts, flag)
    SELECT :tenant, :property, told.* FROM unnest(CAST(:records AS uuid[]), CAST(:positions AS smallint[]),
        CAST(:types AS text[]), CAST(:txt AS text[]), CAST(:num AS float8[]), CAST(:big AS bigint[]),
        CAST(:ts AS timestamptz[]), CAST(:flag AS boolean[])) AS told
    ON CONFLICT DO NOTHING
    """
)
ADD_UNIQUE = text(
    """
    WITH added AS (
        INSERT INTO unique_value (tenant_id, property_id, value_key, object_type, record_id)
        SELECT :tenant, :property, told.* FROM unnest(CAST(:keys AS text[]), CAST(:types AS text[]),
            CAST(:records AS uuid[])) AS told(key, type, record) ORDER BY told.key, told.record
        ON CONFLICT DO NOTHING RETURNING record_id
    )
    SELECT told.record, told.key, held.record_id AS holder
    FROM unnest(CAST(:keys AS text[]), CAST(:records AS uuid[])) AS told(key, record)
    LEFT JOIN unique_value held ON held.tenant_id = :tenant AND held.property_id = :property
        AND held.value_key = told.key
    WHERE told.record NOT IN (SELECT record_id FROM added) AND held.record_id IS DISTINCT FROM told.record
    """
)


@dataclass(frozen=True, slots=True)
class Held:
    """The value that a live record has of a property."""

    record: UUID
    type: str
    version: int
    value: JSON


async def hold(call: Call, object_type: str) -> None:
    """Waits until nobody writes values of this type's properties or redefines them, to the end of the transaction."""
    await call.session.execute(CLAIM, {"key": hold_key(call.actor.tenant, object_type)})


async def store(call: Call, present: Definition | None, wanted: Definition, changes: Sequence[Change]) -> None:
    """Stores a definition under its next version and tells of it."""
    columns = columns_of(wanted)
    if present is None:
        row = {"tenant_id": call.actor.tenant, "id": wanted.id, "version": 1, "created_at": call.now}
        await call.session.execute(insert(PROPERTIES).values({**row, "updated_at": call.now, **columns}))
    else:
        archived = {"archived_at": call.now if wanted.archived else None} if wanted.archived != present.archived else {}
        mine = (PROPERTIES.c.tenant_id == call.actor.tenant, PROPERTIES.c.id == wanted.id)
        values = {**columns, **archived, "version": present.version + 1, "updated_at": call.now}
        await call.session.execute(update(PROPERTIES).where(*mine).values(values))
    version = present.version + 1 if present else 1
    call.emit(Event("property.defined", "property", wanted.id, version, tuple(changes)))


def columns_of(wanted: Definition) -> dict[str, object]:
    """The columns of a definition that a change may write."""
    told = facts(wanted)
    kept = ("name", "label", "description", "type", "options", "rules", "required", "filterable", "searchable")
    columns: dict[str, object] = {name: told[name] for name in kept}
    return columns | {
        "object_type": wanted.object_type,
        "is_unique": wanted.is_unique,
        "personal": str(wanted.personal),
        "index_state": str(wanted.index_state),
    }


def values_statement(object_type: str, *, locking: bool) -> TextClause:
    """Reads live records that have a value, in the order of their ids."""
    table = TABLES[object_type]
    hold_rows = f" FOR UPDATE OF {table}" if locking else ""
    return text(
        f"""
        SELECT {table}.id, r.object_type, {table}.version, {table}.props->:key AS value
        FROM {table} JOIN record r ON r.tenant_id = {table}.tenant_id AND r.id = {table}.id
        WHERE {table}.tenant_id = :tenant AND {table}.deleted_at IS NULL AND {table}.id > :after
            AND jsonb_exists({table}.props, :key)
        ORDER BY {table}.id LIMIT :limit{hold_rows}
        """
    )


async def values_of(
    call: Call, definition: Definition, limit: int, *, after: UUID = FIRST, locking: bool = False
) -> list[Held]:
    """The values of a property that live records have, behind a record's id."""
    values = {"tenant": call.actor.tenant, "key": str(definition.id), "after": after, "limit": limit}
    rows = await call.session.execute(values_statement(definition.object_type, locking=locking), values)
    return [Held(row.id, row.object_type, row.version, row.value) for row in rows]


async def without(call: Call, definition: Definition, most: int) -> int:
    """How many live records have no value of a property, counted up to a number."""
    table = TABLES[definition.object_type]
    statement = text(
        f"""
        SELECT count(*) FROM (
            SELECT 1 FROM {table}
            WHERE tenant_id = :tenant AND deleted_at IS NULL AND NOT jsonb_exists(props, :key) LIMIT :most) AS lacking
        """
    )
    values = {"tenant": call.actor.tenant, "key": str(definition.id), "most": most}
    return int((await call.session.execute(statement, values)).scalar_one())


async def forget(call: Call, property_id: UUID) -> None:
    """Takes a property out of the index and gives its unique values free."""
    await dropped(call, DROP_INDEX, property_id)
    await free(call, property_id)


async def free(call: Call, property_id: UUID) -> None:
    """Gives the unique values of a property free."""
    await dropped(call, DROP_UNIQUE, property_id)


async def dropped(call: Call, statement: TextClause, property_id: UUID) -> None:
    """Deletes rows of a property, some at a time, until there are none."""
    values = {"tenant": call.actor.tenant, "property": property_id}
    while (await rows_changed(call, statement, values)) > 0:
        pass


async def rows_changed(call: Call, statement: TextClause, values: Mapping[str, object]) -> int:
    """How many rows a statement changed."""
    done = await call.session.execute(statement, values)
    return int(done.rowcount)  # type: ignore[attr-defined]


async def index(call: Call, definition: Definition, held: Sequence[Held]) -> list[tuple[UUID, UUID | None]]:
    """Indexes values and claims unique ones; answers records whose value another holds, with the holder."""
    rows = [(each, at, row) for each in held for at, row in enumerate(index_rows(definition, each.value))]
    base = {"tenant": call.actor.tenant, "property": definition.id}
    if rows:
        columns = {name: array(getattr(row, name) for *_, row in rows) for name in ("txt", "num", "big", "ts", "flag")}
        told: Mapping[str, object] = {
            "records": array(each.record for each, *_ in rows),
            "positions": array(at for _, at, _ in rows),
            "types": array(each.type for each, *_ in rows),
        }
        await call.session.execute(ADD_INDEX, {**base, **told, **columns})
    return await claim(call, definition, held) if definition.is_unique and not definition.archived else []


async def claim(call: Call, definition: Definition, held: Sequence[Held]) -> list[tuple[UUID, UUID | None]]:
    """Claims unique values; answers records whose value another holds, with the holder."""
    keyed = [(each, key) for each in held if (key := unique_key(definition, each.value)) is not None]
    if not keyed:
        return []
    values = {
        "tenant": call.actor.tenant,
        "property": definition.id,
        "keys": array(key for _, key in keyed),
        "types": array(each.type for each, _ in keyed),
        "records": array(each.record for each, _ in keyed),
    }
    rows = await call.session.execute(ADD_UNIQUE, values)
    holders = {key: each.record for each, key in reversed(keyed)}
    return [(row.record, row.holder or holders[row.key]) for row in rows]


def told_value(value: JSON) -> str:
    """A value as a message shows it."""
    return value if isinstance(value, str) else json.dumps(value)
