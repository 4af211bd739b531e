"""The service's database: transactions of one tenant, and reads of one round trip."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from psycopg import AsyncConnection, OperationalError
from psycopg.rows import TupleRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

Values: TypeAlias = Sequence[Any] | Mapping[str, Any]
Row: TypeAlias = dict[str, Any]

POOL_SIZE = 10
POOL_WAIT_S = 2.0
SHOWN = {False: "off", True: "on"}
ENTER = text(
    "SELECT set_config('app.tenant_id', :tenant, true), set_config('app.restricted', :restricted, true), "
    "clock_timestamp()"
)
# The role plans every statement anew, which suits filters; a read by key is planned once and for all.
SET_TENANT = "SELECT set_config('app.tenant_id', %s, true), set_config('app.restricted', %s, true)"
SET_TENANT_BY_KEY = f"{SET_TENANT}, set_config('plan_cache_mode', 'force_generic_plan', true)"
SEEN = text(
    """
    INSERT INTO tenant (id, slug, settings) VALUES (:id, :slug, CAST(:settings AS jsonb))
    ON CONFLICT (id) DO UPDATE SET slug = excluded.slug, settings = excluded.settings
    WHERE (tenant.slug, tenant.settings) IS DISTINCT FROM (excluded.slug, excluded.settings)
    """
)


class Database:
    """Connections of the application role; nothing is read or written outside one tenant's transaction."""

    def __init__(self, url: str, *, size: int = POOL_SIZE) -> None:
        dialect_url = url.replace("postgresql://", "postgresql+psycopg://", 1)
        self.engine: AsyncEngine = create_async_engine(
            dialect_url, pool_size=size, max_overflow=0, pool_timeout=POOL_WAIT_S, pool_pre_ping=True
        )
        self._reads: AsyncConnectionPool[AsyncConnection[TupleRow]] = AsyncConnectionPool(
            url, min_size=1, max_size=size, timeout=POOL_WAIT_S, open=False, kwargs={"autocommit": True}
        )
        self._seen: dict[UUID, tuple[str, str]] = {}

    async def open(self) -> None:
        """Opens the connections for single reads."""
        await self._reads.open()

    async def close(self) -> None:
        """Closes every connection."""
        await self._reads.close()
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(
        self, tenant: UUID, *, restricted: bool = False
    ) -> AsyncIterator[tuple[AsyncSession, datetime]]:
        """A session in one transaction of a tenant, and the database's time; the caller commits, leaving rolls back.

        `restricted` lets answers built in it show properties marked so.
        """
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            _, _, now = (await session.execute(ENTER, {"tenant": str(tenant), "restricted": SHOWN[restricted]})).one()
            yield session, now.astimezone(UTC)

    async def remember(self, tenant: UUID, slug: str, settings: str) -> None:
        """Keeps the tenant's settings as last seen, for the workers, in a transaction of its own that blocks nobody."""
        if self._seen.get(tenant) != (slug, settings):
            async with self.engine.begin() as connection:
                await connection.execute(SEEN, {"id": tenant, "slug": slug, "settings": settings})
            self._seen[tenant] = (slug, settings)

    async def read(
        self, tenant: UUID, statement: str, values: Values, *, by_key: bool = False, restricted: bool = False
    ) -> list[Row]:
        """Rows of one statement in one round trip: tenant and query travel as one pipeline, one implicit transaction.

        `by_key` keeps one plan for a statement that reads by keys alone; `restricted` is as in `transaction`. A
        connection that died is replaced and the read tried once more; raises psycopg.Error.
        """
        enter = SET_TENANT_BY_KEY if by_key else SET_TENANT
        told = (str(tenant), SHOWN[restricted])
        try:
            return await self._read(enter, told, statement, values)
        except PoolTimeout:
            raise
        except OperationalError:
            return await self._read(enter, told, statement, values)

    async def _read(self, enter: str, told: tuple[str, str], statement: str, values: Values) -> list[Row]:
        async with self._reads.connection() as connection, connection.pipeline():
            await connection.execute(enter, told, prepare=True)
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(statement, values, prepare=True)
            return await cursor.fetchall()
