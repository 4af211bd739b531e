"""One number for all that a tenant's records are: equal before a change and after it was taken back.

SHA-256 over every live business row in the order of its key, without version, times of writing and actor. What follows
from work rather than states it lies outside: logs, outbox, imports, files, words and their trigrams.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

# Tables that tell of work, or of what others are made of.
OUTSIDE = frozenset(
    {
        "association_log",
        "blocklist_entry",
        "blocklist_key",
        "chore",
        "duplicate_no",
        "file",
        "file_chunk",
        "idempotency",
        "import_mapping",
        "import_row",
        "import_run",
        "import_stage",
        "link_log",
        "merge_log",
        "merge_row",
        "operation",
        "outbox",
        "outbox_head",
        "read_log",
        "record_change",
        "record_stat",
        "search_word",
        "segment_head",
        "segment_size",
        "word_gram",
    }
)
# What a row says of its writing and not of the record.
NEUTRAL = (
    "tenant_id",
    "version",
    "created_at",
    "updated_at",
    "created_by",
    "created_by_kind",
    "actor_id",
    "actor_kind",
    "on_behalf_of",
    "operation_id",
    "deleted_at",
    "deleted_by",
    "joined_at",
    "compared_on",
    "index_state",
    "size",
    "state",
)
# Who is in a dynamic segment follows from its filter, and the worker notes it in its own time.
MEMBERS = """
    AND EXISTS (SELECT FROM segment s WHERE s.tenant_id = t.tenant_id AND s.id = t.segment_id AND s.kind <> 'dynamic')
"""
# Columns that name a record: a row that names a deleted one is not live.
ENDS = ("record_id", "from_id", "to_id", "deal_id", "contact_id", "company_id", "activity_id")
TABLES = """
    SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attname) AS columns,
        array_agg(a.attname::text) FILTER (WHERE a.atttypid = 'timestamptz'::regtype) AS moments,
        (SELECT array_agg(k.attname::text ORDER BY at.place) FROM pg_index i,
            unnest(i.indkey) WITH ORDINALITY AS at(number, place)
            JOIN pg_attribute k ON k.attnum = at.number
            WHERE i.indrelid = c.oid AND i.indisprimary AND k.attrelid = c.oid) AS key
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname <> ALL (%(outside)s)
    GROUP BY c.oid, c.relname
    HAVING 'tenant_id' = ANY(array_agg(a.attname::text))
    ORDER BY c.relname
"""
# The rows of terms are many and short: one text a term is hashed, not one row.
SEARCH_TERMS = """
    SELECT count(*) AS number, string_agg(sha256(convert_to(told, 'UTF8')), '' ORDER BY object_type, term) AS hashes
    FROM (SELECT t.object_type, t.term, t.object_type || ' ' || t.term || ' '
            || string_agg(t.record_id::text || t.fields, ',' ORDER BY t.record_id) AS told
        FROM search_term t WHERE t.tenant_id = %(tenant)s GROUP BY t.object_type, t.term) AS terms
"""


@dataclass(frozen=True, slots=True)
class Told:
    """A table as the catalogue tells of it."""

    name: str
    columns: Sequence[str]
    moments: Sequence[str] | None
    key: Sequence[str]

    @property
    def statement(self) -> str:
        """Hashes each live row of the tenant and puts the hashes in the order of the key."""
        if self.name == "search_term":
            return SEARCH_TERMS
        kept = ", ".join(map(self.told, (name for name in self.columns if name not in NEUTRAL)))
        order = ", ".join(f"t.{name}" for name in self.key)
        return (
            f"SELECT count(*) AS number, string_agg(sha256(convert_to(ROW({kept})::text, 'UTF8')), '' ORDER BY {order})"
            f" AS hashes FROM {self.name} t WHERE t.tenant_id = %(tenant)s{''.join(self.conditions)}"
        )

    def told(self, column: str) -> str:
        """A column as it is hashed: moments in the same words whatever zone the connection reads them in."""
        return f"t.{column} AT TIME ZONE 'UTC'" if column in (self.moments or ()) else f"t.{column}"

    @property
    def conditions(self) -> Iterable[str]:
        """What makes a row live."""
        if "deleted_at" in self.columns:
            yield " AND t.deleted_at IS NULL"
        if "live" in self.columns:
            yield " AND t.live"
        if self.name == "segment_member":
            yield MEMBERS
        for end in ENDS:
            if end in self.columns:
                yield (
                    " AND NOT EXISTS (SELECT FROM record r WHERE r.tenant_id = t.tenant_id "
                    f"AND r.id = t.{end} AND r.deleted_at IS NOT NULL)"
                )


def state_hash(connection: psycopg.Connection[Any], tenant: UUID) -> str:
    """The hash of a tenant's state as a connection to the service's schema sees it, in hex."""
    return digest(parts(connection, tenant))


def parts(connection: psycopg.Connection[Any], tenant: UUID) -> list[tuple[str, int, bytes]]:
    """Each table with the number of its live rows and their hashes, for tests that look for a difference."""
    tables = [Told(*row) for row in connection.execute(TABLES, {"outside": list(OUTSIDE)})]
    found = []
    for each in tables:
        row = connection.execute(each.statement.encode(), {"tenant": tenant}).fetchone()
        number, hashes = row if row else (0, None)
        found.append((each.name, number, hashlib.sha256(hashes or b"").digest()))
    return found


def digest(told: Iterable[tuple[str, int, bytes]]) -> str:
    """One hash of the tables' hashes; a table without rows counts as one that is not there."""
    whole = hashlib.sha256()
    for name, number, hashes in told:
        if number:
            whole.update(f"{name} {number} ".encode() + hashes)
    return whole.hexdigest()
