"""The writer's SQL: every statement takes arrays, one element a record, and so any number of records."""

import json
from collections.abc import Sequence
from functools import cache

from sqlalchemy import Table, TextClause, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

from kontor_platform.data.arrays import array
from kontor_platform.data.records.planned import Life, Shelf

# Columns that the writer sets itself.
OWN = ("tenant_id", "id", "version", "updated_at")
DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]

REGISTER = text(
    """
    INSERT INTO record (tenant_id, id, object_type, terms)
    SELECT :tenant, told.id, told.object_type, string_to_array(told.terms, chr(31))
    FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:terms AS text[])) AS told(id, object_type, terms)
    """
)
TOLD = """
    FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:terms AS text[]), CAST(:bits AS text[]))
        AS told(id, object_type, terms, bits),
    LATERAL unnest(string_to_array(told.terms, chr(31)), string_to_array(told.bits, ',')) AS each(term, bits)
"""
TERMS = text(
    f"""
    INSERT INTO search_term (tenant_id, object_type, term, record_id, fields)
    SELECT :tenant, told.object_type, each.term, told.id, CAST(each.bits AS smallint) {TOLD}
    ORDER BY told.object_type, each.term, told.id
    """
)
RETERM = (
    text(
        f"""
        DELETE FROM search_term s USING (
            SELECT r.id, r.object_type, unnest(r.terms) AS term
            FROM record r WHERE r.tenant_id = :tenant AND r.id = ANY(CAST(:ids AS uuid[]))
            EXCEPT
            SELECT told.id, told.object_type, each.term {TOLD}
        ) dropped
        WHERE s.tenant_id = :tenant AND s.object_type = dropped.object_type AND s.term = dropped.term
            AND s.record_id = dropped.id
        """
    ),
    text(
        f"""
        INSERT INTO search_term AS s (tenant_id, object_type, term, record_id, fields)
        SELECT :tenant, told.object_type, each.term, told.id, CAST(each.bits AS smallint) {TOLD}
        ORDER BY told.object_type, each.term, told.id
        ON CONFLICT (tenant_id, object_type, term, record_id) DO UPDATE SET fields = excluded.fields
        WHERE s.fields <> excluded.fields
        """
    ),
    text(
        """
        UPDATE record r SET terms = string_to_array(told.terms, chr(31))
        FROM unnest(CAST(:ids AS uuid[]), CAST(:terms AS text[])) AS told(id, terms)
        WHERE r.tenant_id = :tenant AND r.id = told.id AND r.terms IS DISTINCT FROM string_to_array(told.terms, chr(31))
        """
    ),
)
TERMS_OF = """
    DELETE FROM search_term s USING (
        SELECT id, object_type, unnest(terms) AS term
        FROM record WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[]))
    ) r
    WHERE s.tenant_id = :tenant AND s.object_type = r.object_type AND s.term = r.term AND s.record_id = r.id
"""
INDEX_OF = """
    DELETE FROM property_index i USING property_definition d
    WHERE d.tenant_id = :tenant AND i.tenant_id = :tenant AND i.property_id = d.id
        AND i.record_id = ANY(CAST(:ids AS uuid[]))
"""
UNIQUE_OF = "DELETE FROM unique_value WHERE tenant_id = :tenant AND record_id = ANY(CAST(:ids AS uuid[]))"
ENDED = """
    UPDATE record SET deleted_at = clock_timestamp(), terms = '{}'
    WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[]))
"""
RETURNED = "UPDATE record SET deleted_at = NULL WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[]))"
LIFE = {
    Life.ENDS: tuple(map(text, (TERMS_OF, INDEX_OF, UNIQUE_OF, ENDED))),
    Life.RETURNS: (text(RETURNED),),
}
LOG = text(
    """
    INSERT INTO record_change (tenant_id, record_id, version, record_type, changes, actor_kind, actor_id, on_behalf_of,
        operation_id, at)
    SELECT :tenant, told.id, told.version, told.record_type, CAST(told.changes AS jsonb), :author_kind,
        CAST(:actor AS uuid), CAST(:on_behalf_of AS uuid), CAST(:operation AS uuid), told.at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]), CAST(:types AS text[]), CAST(:changes AS text[]),
        CAST(:moments AS timestamptz[])) AS told(id, version, record_type, changes, at)
    """
)


@cache
def given(table: Table) -> tuple[str, ...]:
    """The columns of a table that a plan may give."""
    return tuple(column.name for column in table.c if column.computed is None and column.name not in OWN)


def column_values(table: Table, name: str, values: Sequence[object]) -> str:
    """The values of a column as an array: documents as text."""
    if isinstance(table.c[name].type, JSONB):
        return array(None if value is None else json.dumps(value) for value in values)
    return array(values)


@cache
def sent_type(table: Table, name: str) -> str:
    """The type of a column's values while they are sent."""
    kind = table.c[name].type
    return "text" if isinstance(kind, JSONB) else kind.compile(DIALECT).partition(" COLLATE")[0]


def received(table: Table, name: str) -> str:
    """A column's value as it is stored."""
    return f"CAST(told.{name} AS jsonb)" if isinstance(table.c[name].type, JSONB) else f"told.{name}"


def arrays(table: Table, names: Sequence[str]) -> str:
    """Columns sent as arrays, further arguments of an unnest."""
    return "".join(f", CAST(:{name} AS {sent_type(table, name)}[])" for name in names)


def listed(names: Sequence[str]) -> str:
    """Column names after others."""
    return "".join(f", {name}" for name in names)


@cache
def inserting(table: Table, columns: tuple[str, ...]) -> TextClause:
    """Makes records of a table; all have one moment of creation unless they give their own."""
    taken = "".join(
        f", {'coalesce(told.created_at, present.at)' if name == 'created_at' else received(table, name)}"
        for name in columns
    )
    return text(
        f"""
        WITH present AS MATERIALIZED (SELECT clock_timestamp() AS at)
        INSERT INTO {table.name} (tenant_id, id, version, updated_at{listed(columns)})
        SELECT :tenant, told.id, 1, present.at{taken}
        FROM present, unnest(CAST(:ids AS uuid[]){arrays(table, columns)}) AS told(id{listed(columns)})
        RETURNING id, updated_at
        """
    )


@cache
def updating(table: Table, columns: tuple[str, ...], *, props: bool, life: bool) -> TextClause:
    """Raises records of a table to their next version where they still have the one they were planned from."""
    sets = [f"{name} = {received(table, name)}" for name in columns]
    sent = arrays(table, columns)
    names = listed(columns)
    if props:
        sets.append("props = (present.props || CAST(told.props_set AS jsonb)) - string_to_array(told.props_gone, ',')")
        sent += ", CAST(:props_set AS text[]), CAST(:props_gone AS text[])"
        names += ", props_set, props_gone"
    if life:
        sets.append("deleted_at = CASE WHEN told.ends THEN clock_timestamp() END")
        sets.append("deleted_by = CASE WHEN told.ends THEN CAST(:actor AS uuid) END")
        sent += ", CAST(:ends AS boolean[])"
        names += ", ends"
    return text(
        f"""
        UPDATE {table.name} AS present SET version = present.version + 1,
            updated_at = greatest(clock_timestamp(), present.updated_at + interval '1 microsecond'){listed(sets)}
        FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS int[]){sent}) AS told(id, version{names})
        WHERE present.tenant_id = :tenant AND present.id = told.id AND present.version = told.version
        RETURNING present.id, present.version, present.updated_at
        """
    )


@cache
def reviving(shelf: Shelf) -> TextClause:
    """Makes what identifies records count, or no longer."""
    return text(
        f"""
        UPDATE {shelf.table.name} SET live = :live
        WHERE tenant_id = :tenant AND {shelf.owner} = ANY(CAST(:ids AS uuid[])) AND live <> :live
        """
    )


@cache
def taken_meanwhile(shelf: Shelf) -> TextClause:
    """What another record identifies itself by since a deleted one no longer does."""
    same = " AND ".join(f"theirs.{name} = mine.{name}" for name in shelf.holds)
    return text(
        f"""
        SELECT mine.{shelf.owner} AS record, theirs.{shelf.owner} AS holder, mine.{shelf.keys[-1]} AS value
        FROM {shelf.table.name} mine
        JOIN {shelf.table.name} theirs ON theirs.tenant_id = :tenant AND {same} AND theirs.live
        WHERE mine.tenant_id = :tenant AND mine.{shelf.owner} = ANY(CAST(:ids AS uuid[])) AND NOT mine.live
        """
    )
