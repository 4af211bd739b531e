"""Numbers events after they are committed, so that a plain position serves every reader, and reads them by it.

A position drawn at insert would lose what is committed late. `n`, drawn while a record's row is locked, orders the
events of one record. The tenant's head row is locked before they are looked for, so that no number is given twice.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from kontor_platform.data.database import Database, Row

BATCH_ROWS = 5000
# A loose scan: one step an index entry for each tenant, however many events it has.
WAITING = text(
    """
    WITH RECURSIVE waiting AS (
        (SELECT tenant_id FROM outbox WHERE seq IS NULL ORDER BY tenant_id, n LIMIT 1)
        UNION ALL
        SELECT (SELECT later.tenant_id FROM outbox AS later
                WHERE later.seq IS NULL AND later.tenant_id > waiting.tenant_id
                ORDER BY later.tenant_id, later.n LIMIT 1)
        FROM waiting WHERE waiting.tenant_id IS NOT NULL
    )
    SELECT tenant_id FROM waiting WHERE tenant_id IS NOT NULL
    """
)
HEAD = text("INSERT INTO outbox_head (tenant_id) VALUES (:tenant) ON CONFLICT DO NOTHING")
HOLD = text("SELECT seq FROM outbox_head WHERE tenant_id = :tenant FOR UPDATE")
NUMBER = text(
    """
    WITH found AS (
        SELECT n, row_number() OVER (ORDER BY n) AS place
        FROM (SELECT n FROM outbox WHERE tenant_id = :tenant AND seq IS NULL ORDER BY n LIMIT :rows) AS first
    ), numbered AS (
        UPDATE outbox SET seq = :head + found.place FROM found
        WHERE outbox.tenant_id = :tenant AND outbox.n = found.n
        RETURNING outbox.at
    ), counted AS (
        SELECT count(*) AS rows, extract(epoch FROM clock_timestamp() - min(at)) AS oldest FROM numbered
    )
    UPDATE outbox_head SET seq = outbox_head.seq + counted.rows FROM counted
    WHERE outbox_head.tenant_id = :tenant RETURNING counted.rows, counted.oldest
    """
)
READ = """
    SELECT seq, kind, type, record_type, record_id, version, operation_id, change_id, at, subjects, data
    FROM outbox WHERE tenant_id = %s AND seq > %s ORDER BY seq LIMIT %s
"""
LAST = "SELECT seq FROM outbox_head WHERE tenant_id = %s"


@dataclass(frozen=True, slots=True)
class Numbered:
    """How many events got their number, and how many seconds the oldest of them had waited."""

    rows: int = 0
    oldest_s: float = 0.0

    def __add__(self, other: "Numbered") -> "Numbered":
        """Both together."""
        return Numbered(self.rows + other.rows, max(self.oldest_s, other.oldest_s))


async def number_events(database: Database, finder: Database) -> Numbered:
    """Numbers the events of every tenant that has some; `finder` sees whose, `database` writes as the application."""
    async with finder.engine.connect() as connection:
        tenants = (await connection.execute(WAITING)).scalars().all()
    return sum([await number_tenant(database, tenant) for tenant in tenants], Numbered())


async def number_tenant(database: Database, tenant: UUID, rows: int = BATCH_ROWS) -> Numbered:
    """Numbers a tenant's events in batches, each its own transaction, until none is left."""
    done = Numbered()
    while True:
        batch = await number_batch(database, tenant, rows)
        done += batch
        if batch.rows < rows:
            return done


async def number_batch(database: Database, tenant: UUID, rows: int) -> Numbered:
    """Numbers the first events that have no number."""
    async with database.transaction(tenant) as (session, _):
        await session.execute(HEAD, {"tenant": tenant})
        head = (await session.execute(HOLD, {"tenant": tenant})).scalar_one()
        told = (await session.execute(NUMBER, {"tenant": tenant, "head": head, "rows": rows})).one()
        await session.commit()
    return Numbered(told.rows, float(told.oldest or 0))


async def read_outbox(database: Database, tenant: UUID, after: int, limit: int) -> list[Row]:
    """A tenant's events and audit rows after a position, in order; the values changed lie in the change log."""
    return await database.read(tenant, READ, (tenant, after, limit))


async def last_number(database: Database, tenant: UUID) -> int:
    """The position of a tenant's last numbered event; 0 before the first."""
    rows = await database.read(tenant, LAST, (tenant,), by_key=True)
    return int(rows[0]["seq"]) if rows else 0
