"""Writes the index of custom properties and the values that may stand once only."""

from collections.abc import Sequence
from typing import TypeAlias

from sqlalchemy import text

from kontor_platform.data.arrays import array
from kontor_platform.data.records.planned import Clash, Clashes, Clashing, Life, Planned, PropertyChange
from kontor_platform.runtime.call import Call

Changed: TypeAlias = tuple[Planned, PropertyChange]

DROP_INDEX = text(
    """
    DELETE FROM property_index i USING unnest(CAST(:records AS uuid[]), CAST(:properties AS uuid[]))
        AS told(record, property)
    WHERE i.tenant_id = :tenant AND i.property_id = told.property AND i.record_id = told.record
    """
)
INDEX = text(
    """
    INSERT INTO property_index (tenant_id, property_id, record_id, position, object_type, txt, num, big, ts, flag)
    SELECT :tenant, told.* FROM unnest(CAST(:properties AS uuid[]), CAST(:records AS uuid[]),
        CAST(:positions AS smallint[]), CAST(:types AS text[]), CAST(:txt AS text[]), CAST(:num AS float8[]),
        CAST(:big AS bigint[]), CAST(:ts AS timestamptz[]), CAST(:flag AS boolean[])) AS told
    """
)
DROP_UNIQUE = text(
    """
    DELETE FROM unique_value v USING unnest(CAST(:records AS uuid[]), CAST(:properties AS uuid[]))
        AS told(record, property)
    WHERE v.tenant_id = :tenant AND v.record_id = told.record AND v.property_id = told.property
    """
)
CLAIM = text(
    """
    INSERT INTO unique_value (tenant_id, property_id, value_key, object_type, record_id)
    SELECT :tenant, told.* FROM unnest(CAST(:properties AS uuid[]), CAST(:keys AS text[]), CAST(:types AS text[]),
        CAST(:records AS uuid[])) AS told
    ON CONFLICT DO NOTHING RETURNING property_id, value_key
    """
)
HOLDERS = text(
    """
    SELECT v.property_id, v.value_key, v.record_id
    FROM unique_value v, unnest(CAST(:properties AS uuid[]), CAST(:keys AS text[])) AS told(property, value_key)
    WHERE v.tenant_id = :tenant AND v.property_id = told.property AND v.value_key = told.value_key
    """
)


async def write_properties(call: Call, planned: Sequence[Planned]) -> None:
    """Makes the index and the unique values say what the properties of these records are; raises Clashes."""
    changed = [(each, one) for each in planned if each.life is not Life.ENDS for one in each.properties]
    known = [each for each in changed if not each[0].is_new]
    if known:
        values = pairs(call, known)
        await call.session.execute(DROP_INDEX, values)
        await call.session.execute(DROP_UNIQUE, values)
    await write_index(call, changed)
    await claim(call, [each for each in changed if each[1].unique_key is not None])


def pairs(call: Call, changed: Sequence[Changed]) -> dict[str, object]:
    """Which properties of which records."""
    return {
        "tenant": call.actor.tenant,
        "records": array(planned.id for planned, _ in changed),
        "properties": array(change.property_id for _, change in changed),
    }


async def write_index(call: Call, changed: Sequence[Changed]) -> None:
    """Adds the rows that filters read."""
    rows = [(planned, one, at, row) for planned, one in changed for at, row in enumerate(one.index)]
    if not rows:
        return
    columns = {name: array(getattr(row, name) for *_, row in rows) for name in ("txt", "num", "big", "ts", "flag")}
    values = {
        "positions": array(at for _, _, at, _ in rows),
        "types": array(planned.object_type for planned, *_ in rows),
        **columns,
    }
    await call.session.execute(INDEX, {**pairs(call, [(planned, one) for planned, one, *_ in rows]), **values})


async def claim(call: Call, changed: Sequence[Changed]) -> None:
    """Takes unique values in the order of their keys; raises Clashes with the holders of those that are taken."""
    if not changed:
        return
    ordered = sorted(changed, key=lambda each: (each[1].property_id, str(each[1].unique_key)))
    values = {
        **pairs(call, ordered),
        "keys": array(one.unique_key for _, one in ordered),
        "types": array(planned.object_type for planned, _ in ordered),
    }
    taken = {tuple(row) for row in await call.session.execute(CLAIM, values)}
    if len(taken) == len(ordered):
        return
    holders = {tuple(row)[:2]: row.record_id for row in await call.session.execute(HOLDERS, values)}
    raise Clashes(
        [
            Clashing(planned.id, Clash.UNIQUE, holders.get(key), str(one.unique_key))
            for planned, one in ordered
            if (key := (one.property_id, one.unique_key)) not in taken or holders.get(key) != planned.id
        ]
    )
