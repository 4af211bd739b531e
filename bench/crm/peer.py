"""The peer of the importer: the same rows into the same tables by COPY and INSERT ... SELECT, as their owner.

The rows that the importer wrote are read back, get other ids and identities, and are written once more: no reading of
a file, no matching, no planning, no row security.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from crm.house import House

CHUNK = 1_000
# Where a record's rows lie, and the column with its id; in the order of the foreign keys.
TABLES = {
    "record": "id",
    "contact": "id",
    "company": "id",
    "contact_email": "contact_id",
    "contact_phone": "contact_id",
    "company_domain": "company_id",
    "external_id": "record_id",
    "property_index": "record_id",
    "search_term": "record_id",
    "association": "from_id",
    "record_change": "record_id",
    "outbox": "record_id",
    "import_row": "record_id",
}
# What no two live records share.
IDENTITIES = {
    ("contact_email", "email_key"),
    ("company_domain", "domain"),
    ("external_id", "value"),
}
DAY_MS = 86_400_000
# A UUID of version 7 begins with its time (RFC 9562, 5.7): those made since the import began get a later one.
SHIFTED = f"""
CREATE FUNCTION pg_temp.shifted(given uuid, since uuid) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN given < since THEN given ELSE (
        lpad(to_hex(('x' || left(replace(given::text, '-', ''), 12))::bit(48)::bigint + {DAY_MS}), 12, '0')
        || right(replace(given::text, '-', ''), 20))::uuid END
$$
"""
COLUMNS = """
SELECT column_name, data_type FROM information_schema.columns
WHERE table_schema = 'crm_core' AND table_name = %s AND is_generated = 'NEVER' AND is_identity = 'NO'
ORDER BY ordinal_position
"""
CONTACTS = """
SELECT record_id FROM record_change WHERE tenant_id = %(tenant)s AND operation_id = %(operation)s
    AND record_type = 'contact' AND version = 1 ORDER BY record_id LIMIT %(limit)s
"""
RECORDS = """
SELECT c.record_id FROM record_change c
WHERE c.tenant_id = %(tenant)s AND c.operation_id = %(operation)s AND c.version = 1
    AND c.record_id > %(after)s AND c.record_id <= %(until)s ORDER BY c.record_id
"""


@dataclass(frozen=True, slots=True)
class Copied:
    """What the peer wrote and how long that took."""

    contacts: int
    rows: dict[str, int]
    seconds: float

    @property
    def rate(self) -> float:
        """Contacts a second."""
        return self.contacts / self.seconds


def copied(house: House, operation: str, contacts: int) -> Copied:
    """Writes the rows of so many contacts of an import once more, in chunks of 1,000, and times the writing alone."""
    with house.owner() as connection:
        values: dict[str, Any] = {"tenant": house.tenant, "operation": operation, "limit": contacts}
        ids = [id for (id,) in connection.execute(CONTACTS, values).fetchall()]
        connection.execute(SHIFTED)
        tables = {name: columns_of(connection, name) for name in TABLES}
        for name in tables:
            named = ", ".join(column for column, _ in tables[name])
            connection.execute(f"CREATE TEMP TABLE peer_{name} AS SELECT {named} FROM {name} LIMIT 0".encode())
        seconds, counts, after = 0.0, dict.fromkeys(TABLES, 0), UUID(int=0)
        for start in range(0, len(ids), CHUNK):
            until = ids[min(start + CHUNK, len(ids)) - 1]
            chunk = [
                row for (row,) in connection.execute(RECORDS, values | {"after": after, "until": until}).fetchall()
            ]
            pieces = {name: piece(connection, house, name, tables[name], chunk, operation) for name in tables}
            after = until
            began = time.perf_counter()
            with connection.transaction():
                for name, data in pieces.items():
                    counts[name] += written(connection, name, tables[name], data)
            seconds += time.perf_counter() - began
    return Copied(len(ids), counts, seconds)


def columns_of(connection: psycopg.Connection[Any], table: str) -> list[tuple[str, str]]:
    """Names and types of the columns that are written."""
    return [(name, type_) for name, type_ in connection.execute(COLUMNS, (table,)).fetchall() if name != "seq"]


def piece(
    connection: psycopg.Connection[Any],
    house: House,
    table: str,
    columns: Sequence[tuple[str, str]],
    records: Sequence[UUID],
    operation: str,
) -> bytes:
    """The rows of some records with other ids, as COPY takes them."""

    def chosen(name: str, type_: str) -> str:
        if (table, name) in IDENTITIES:
            return f"'p' || {name}"
        if type_ == "uuid" and name not in ("tenant_id", "operation_id", "import_id"):
            return f"pg_temp.shifted({name}, '{operation}')"
        if table == "import_row" and name == "line":
            return "line + 10000000"
        return name

    named = ", ".join(chosen(name, type_) for name, type_ in columns)
    own = "" if table != "import_row" else f"AND import_id = '{operation}'"
    listed = "{" + ",".join(map(str, records)) + "}"
    statement = (
        f"COPY (SELECT {named} FROM {table} WHERE tenant_id = '{house.tenant}' "
        f"AND {TABLES[table]} = ANY('{listed}'::uuid[]) {own}) TO STDOUT"
    )
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        return b"".join(bytes(each) for each in copy)


def written(connection: psycopg.Connection[Any], table: str, columns: Sequence[tuple[str, str]], data: bytes) -> int:
    """Copies rows into the temporary table and from it into the real one."""
    named = ", ".join(name for name, _ in columns)
    connection.execute(f"TRUNCATE peer_{table}".encode())
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY peer_{table} FROM STDIN".encode()) as copy:
            copy.write(data)
        cursor.execute(f"INSERT INTO {table} ({named}) SELECT {named} FROM peer_{table}".encode())
        return cursor.rowcount
