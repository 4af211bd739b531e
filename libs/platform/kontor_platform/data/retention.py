"""What is kept for a time and then purged, tenant by tenant, in small deletes that hold nobody up."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import structlog
from sqlalchemy import CursorResult, text

from kontor_platform.data.database import Database
from kontor_platform.data.refusals import DATABASE_ERRORS

EVERY_S = 3600.0
BATCH_ROWS = 1000
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Retention:
    """A table whose rows go when the time in a column is so long ago."""

    table: str
    column: str
    kept: timedelta

    def statement(self) -> str:
        """Deletes one batch of a tenant's old rows."""
        old = f"tenant_id = :tenant AND {self.column} < clock_timestamp() - CAST(:kept AS interval)"
        rows = f"SELECT ctid FROM {self.table} WHERE {old} LIMIT {BATCH_ROWS} FOR UPDATE SKIP LOCKED"
        return f"DELETE FROM {self.table} WHERE tenant_id = :tenant AND ctid = ANY (ARRAY({rows}))"


PLATFORM = (
    Retention("idempotency", "created_at", timedelta(hours=24)),
    Retention("read_log", "at", timedelta(days=90)),
)


async def purge(database: Database, retentions: Sequence[Retention]) -> int:
    """Deletes what is past its time in every tenant the service has seen; answers the number of rows."""
    async with database.engine.connect() as connection:
        tenants = (await connection.execute(text("SELECT id FROM tenant ORDER BY id"))).scalars().all()
    return sum([await purge_tenant(database, tenant, each) for tenant in tenants for each in retentions])


async def purge_tenant(database: Database, tenant: UUID, retention: Retention) -> int:
    """Deletes a tenant's old rows of one table in batches."""
    gone, statement = 0, text(retention.statement())
    while True:
        async with database.transaction(tenant) as (session, _):
            result = await session.execute(statement, {"tenant": tenant, "kept": retention.kept})
            await session.commit()
        rows = cast(CursorResult[Any], result).rowcount
        gone += rows
        if rows < BATCH_ROWS:
            return gone


async def purge_for_ever(database: Database, retentions: Sequence[Retention], every_s: float = EVERY_S) -> None:
    """Purges at intervals until it is cancelled; a database that is away is asked again the next time."""
    while True:
        try:
            rows = await purge(database, retentions)
            log.info("purged", count=rows)
        except DATABASE_ERRORS as error:
            log.warning("purge_waits", error=type(error).__name__)
        await asyncio.sleep(every_s)
