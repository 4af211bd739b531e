"""Keeps the words of searchable properties among what records are found by, and leaves all other terms as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.property.stored import TABLES
from kontor_platform.contract.problem import JSON
from kontor_platform.data.records.definitions import Definition, Definitions, definitions
from kontor_platform.data.records.planned import Planned
from kontor_platform.data.records.setting import property_terms
from kontor_platform.data.records.terms import Field, Plain, gathered
from kontor_platform.data.records.write import write_terms
from kontor_platform.runtime.call import Call

PRESENT = text(
    """
    SELECT r.id, s.term, s.fields
    FROM record r CROSS JOIN LATERAL unnest(r.terms) AS told(term)
    JOIN search_term s ON s.tenant_id = :tenant AND s.object_type = r.object_type AND s.term = told.term
        AND s.record_id = r.id
    WHERE r.tenant_id = :tenant AND r.id = ANY(:ids)
    ORDER BY r.id, s.term
    """
)


@dataclass(frozen=True, slots=True)
class Worded:
    """A live record with its properties."""

    id: UUID
    type: str
    version: int
    props: Mapping[str, JSON]


async def terms_of(call: Call, known: Definitions, records: Sequence[Worded]) -> dict[UUID, dict[str, int]]:
    """What records are found by once their properties are these."""
    rows = await call.session.execute(PRESENT, {"tenant": call.actor.tenant, "ids": [each.id for each in records]})
    own: dict[UUID, list[Plain]] = {each.id: [] for each in records}
    for row in rows:
        if fields := row.fields & ~Field.PROPERTY:
            own[row.id].append((row.term, fields))
    return {each.id: gathered([*own[each.id], *property_terms(known, each.props)]) for each in records}


async def reword(call: Call, definition: Definition, ids: Sequence[UUID]) -> None:
    """Makes records found by their searchable properties as those are defined now."""
    known = await definitions(call, definition.object_type, restricted=True)
    table = TABLES[definition.object_type]
    statement = text(
        f"""
        SELECT {table}.id, r.object_type, {table}.version, {table}.props
        FROM {table} JOIN record r ON r.tenant_id = {table}.tenant_id AND r.id = {table}.id
        WHERE {table}.tenant_id = :tenant AND {table}.id = ANY(:ids) AND {table}.deleted_at IS NULL
        ORDER BY {table}.id FOR UPDATE OF {table}
        """
    )
    rows = await call.session.execute(statement, {"tenant": call.actor.tenant, "ids": list(ids)})
    records = [Worded(row.id, row.object_type, row.version, row.props) for row in rows]
    found = await terms_of(call, known, records)
    await write_terms(call, [Planned(each.type, each.id, each.version, terms=found[each.id]) for each in records])
