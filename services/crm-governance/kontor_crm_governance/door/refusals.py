"""Counts who was refused at the doors, so that a flood of refusals costs a row a minute and not a row a call."""

from collections import Counter
from uuid import UUID

import structlog

from kontor_crm_governance.door import refused
from kontor_crm_governance.door.refused import Place, by_tenant, place_of
from kontor_platform.data.database import Database
from kontor_platform.data.refusals import DATABASE_ERRORS
from kontor_platform.runtime.principal import SYSTEM_TENANT

MAX_PLACES = 10_000
MANY = "many"

log = structlog.get_logger(__name__)


class Refusals:
    """Counts in memory; `flush` moves the counts into rows, `close_minutes` the rows into the audit."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: Counter[Place] = Counter()
        self._open: set[UUID] = {SYSTEM_TENANT}
        self._told: set[Place] = set()

    def count(self, address: str, reason: str) -> None:
        """Counts a refusal of somebody unknown, which belongs to the system's tenant."""
        self._add(place_of(SYSTEM_TENANT, address, reason, ""))

    async def tell(self, address: str, reason: str, tenant: UUID, credential: str) -> None:
        """Counts a refusal in a tenant; the first at its place goes into the audit at once, before the answer."""
        place = place_of(tenant, address, reason, credential)
        self._add(place)
        self._told = {told for told in self._told if told.minute == place.minute}
        if place in self._told or len(self._told) >= MAX_PLACES:
            return
        self._told.add(place)
        try:
            await self._audit(place)
        except DATABASE_ERRORS as error:
            log.warning("refusal_waits", error=type(error).__name__)
            self._told.discard(place)

    async def flush(self) -> None:
        """Writes what was counted; what the database refuses is counted again next time."""
        counts, self._counts = self._counts, Counter()
        try:
            await self._write(counts)
        finally:
            self._counts.update(counts)

    async def close_minutes(self) -> None:
        """Tells the audit of the minutes that are over."""
        for tenant in list(self._open):
            async with self._database.transaction(tenant) as (session, _):
                await refused.close(session, tenant)
                await session.commit()

    def _add(self, place: Place) -> None:
        if place not in self._counts and len(self._counts) >= MAX_PLACES:
            place = Place(SYSTEM_TENANT, place.minute, MANY, place.reason, "")
        self._counts[place] += 1

    async def _audit(self, place: Place) -> None:
        async with self._database.transaction(place.tenant) as (session, _):
            await refused.tell(session, place, 1)
            await session.commit()

    async def _write(self, counts: Counter[Place]) -> None:
        for tenant, places in by_tenant(counts).items():
            async with self._database.transaction(tenant) as (session, _):
                await refused.add(session, places, counts)
                await session.commit()
            self._open.add(tenant)
            for place in places:
                del counts[place]
