"""Remembers when keys were used and writes it now and then."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from kontor_crm_governance.key.queries import USED
from kontor_platform.data.database import Database


class LastUsed:
    """When each key was last used; only `flush` touches the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: dict[tuple[UUID, UUID], datetime] = {}

    def note(self, tenant: UUID, key: UUID, at: datetime) -> None:
        """Remembers a use."""
        self._used[tenant, key] = at

    async def flush(self) -> None:
        """Writes the uses since the last time; what the database refuses is kept."""
        used, self._used = self._used, {}
        try:
            await self._write(used)
        finally:
            self._used = used | self._used

    async def _write(self, used: dict[tuple[UUID, UUID], datetime]) -> None:
        tenants: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for tenant, key in sorted(used):
            tenants[tenant].append(key)
        for tenant, keys in tenants.items():
            async with self._database.transaction(tenant) as (session, _):
                await session.execute(USED, [{"tenant": tenant, "id": key, "at": used[tenant, key]} for key in keys])
                await session.commit()
            for key in keys:
                del used[tenant, key]
