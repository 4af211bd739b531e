"""How far properties are filled and what uses them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.property.rules import uses
from kontor_crm_core.property.stored import TABLES
from kontor_platform.data.records.definitions import Definition
from kontor_platform.runtime.call import Call

# Records counted one by one; of more a sample of as many is counted.
MOST_COUNTED = 20_000


@dataclass(frozen=True, slots=True)
class Filled:
    """How many records have a value, which share of all that is, and what uses the property."""

    records: int
    share: float
    estimated: bool
    used: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Size:
    """How many live records a type has, and where a part of them is read from."""

    records: int
    source: str
    estimated: bool


async def filled(call: Call, object_type: str, properties: Sequence[Definition]) -> Mapping[UUID, Filled]:
    """How far properties of a type are filled."""
    if not properties:
        return {}
    size = await size_of(call, TABLES[object_type])
    statement = text(
        f"""
        SELECT count(*) AS records, {
            ", ".join(
                f"count(*) FILTER (WHERE jsonb_exists(props, :key{at})) AS filled{at}" for at in range(len(properties))
            )
        }
        FROM {size.source} WHERE tenant_id = :tenant AND deleted_at IS NULL
        """
    )
    keys = {f"key{at}": str(each.id) for at, each in enumerate(properties)}
    row = (await call.session.execute(statement, {"tenant": call.actor.tenant, **keys})).mappings().one()
    used = await used_by(call, object_type, properties)
    return {
        each.id: counted(size, row["records"], row[f"filled{at}"], used.get(each.id, ()))
        for at, each in enumerate(properties)
    }


def counted(size: Size, seen: int, having: int, used: Sequence[str]) -> Filled:
    """What a count of all records, or of a sample of them, says."""
    share = having / seen if seen else 0.0
    records = round(share * size.records) if size.estimated else having
    return Filled(records, round(share, 4), size.estimated, used)


async def size_of(call: Call, table: str) -> Size:
    """How many live records a table holds for the tenant: counted where they are few, else estimated."""
    few = text(
        f"SELECT count(*) FROM "
        f"(SELECT 1 FROM {table} WHERE tenant_id = :tenant AND deleted_at IS NULL LIMIT :most) AS few"
    )
    values = {"tenant": call.actor.tenant, "most": MOST_COUNTED + 1}
    records = (await call.session.execute(few, values)).scalar_one()
    if records <= MOST_COUNTED:
        return Size(records, table, False)
    return await estimated(call, table)


async def estimated(call: Call, table: str) -> Size:
    """The size of a large table, from a sample of its blocks."""
    about = text("SELECT greatest(reltuples, 1) FROM pg_class WHERE oid = CAST(:table AS regclass)")
    rows = (await call.session.execute(about, {"table": table})).scalar_one()
    percent = min(100.0, 100.0 * MOST_COUNTED / rows)
    source = f"{table} TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (1)"
    mine = text(f"SELECT count(*) FROM {source} WHERE tenant_id = :tenant AND deleted_at IS NULL")
    sampled = (await call.session.execute(mine, {"tenant": call.actor.tenant})).scalar_one()
    return Size(round(sampled * 100.0 / percent), source, True)


async def used_by(call: Call, object_type: str, properties: Sequence[Definition]) -> Mapping[UUID, Sequence[str]]:
    """What uses each property, in words."""
    segments = await in_segments(call, [each.id for each in properties])
    stages = await stage_rules(call) if object_type == "deal" else {}
    return {each.id: uses(segments.get(each.id, 0), stages.get(each.log_name, 0)) for each in properties}


async def in_segments(call: Call, ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """How many segments filter by each property."""
    statement = text(
        """
        SELECT property, count(*) AS segments FROM segment CROSS JOIN LATERAL unnest(property_ids) AS property
        WHERE tenant_id = :tenant AND deleted_at IS NULL AND property = ANY(:ids) GROUP BY property
        """
    )
    rows = await call.session.execute(statement, {"tenant": call.actor.tenant, "ids": list(ids)})
    return {row.property: row.segments for row in rows}


async def stage_rules(call: Call) -> Mapping[str, int]:
    """How many stages need each field of a deal."""
    statement = text(
        """
        SELECT field, count(*) AS stages FROM stage CROSS JOIN LATERAL unnest(required_fields) AS field
        WHERE tenant_id = :tenant AND archived_at IS NULL GROUP BY field
        """
    )
    rows = await call.session.execute(statement, {"tenant": call.actor.tenant})
    return {row.field: row.stages for row in rows}
