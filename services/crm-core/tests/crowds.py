"""Makes many records of one by copying its rows, as a tenant has after years."""

from typing import Any

import psycopg

MADE = "CREATE TEMP TABLE made ON COMMIT DROP AS SELECT gen_random_uuid() AS id FROM generate_series(1, %(number)s)"
REGISTERED = """
    INSERT INTO record (tenant_id, id, object_type)
    SELECT r.tenant_id, made.id, r.object_type FROM record r, made WHERE r.id = %(id)s
"""
TABLES = {"deal": ("deal",), "contact": ("contact",), "company": ("company",), "task": ("activity",)}


def copies(connection: psycopg.Connection[Any], kind: str, record: str, number: int) -> None:
    """So many further records like one, without its links and identities; deals have a stay in their stage."""
    values = {"id": record, "number": number}
    with connection.transaction():
        connection.execute(MADE, values)
        connection.execute(REGISTERED, values)
        for table in TABLES[kind]:
            copy(connection, table, "id", values)
        if kind == "deal":
            copy(connection, "deal_stage_interval", "deal_id", values)


def copy(connection: psycopg.Connection[Any], table: str, key: str, values: dict[str, Any]) -> None:
    """Copies the rows of one record in a table to all that were made."""
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_schema = 'crm_core' AND table_name = %s AND is_generated = 'NEVER'",
        (table,),
    ).fetchall()
    fresh = {key: "made.id", "id": "made.id"}
    names = [name for (name,) in found]
    chosen = ", ".join(fresh.get(name, f"t.{name}") for name in names)
    statement = f"INSERT INTO {table} ({', '.join(names)}) SELECT {chosen} FROM {table} t, made WHERE t.{key} = %(id)s"
    connection.execute(statement.encode(), values)
