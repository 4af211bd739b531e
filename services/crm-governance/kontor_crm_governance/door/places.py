"""The tenants in which services work, looked up by id and kept for five seconds."""

import asyncio
from uuid import UUID

from kontor_crm_governance.door.keyring import KEPT_SECONDS, LOOK_UP_SECONDS, Reads, settings_of
from kontor_crm_governance.door.service_keys import Place
from kontor_crm_governance.key.queries import PLACE
from kontor_platform.contract.problem import NotFound, Unavailable
from kontor_platform.data.refusals import DATABASE_ERRORS
from kontor_platform.runtime.memory import Memory


class Places:
    """Knows tenants by their ids."""

    def __init__(self, database: Reads) -> None:
        self._database = database
        self._known: Memory[UUID, Place] = Memory(KEPT_SECONDS)

    async def find(self, tenant: UUID) -> Place:
        """The tenant of an id; raises NotFound, or Unavailable while the database does not answer."""
        try:
            return await self._known.get(tenant, lambda: self._look_up(tenant))
        except (*DATABASE_ERRORS, TimeoutError) as error:
            raise Unavailable("Tenants cannot be looked up at the moment; try again.") from error

    async def _look_up(self, tenant: UUID) -> Place:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            rows = await self._database.read(tenant, PLACE, {"tenant": tenant})
        if not rows:
            raise NotFound
        return Place(tenant, rows[0]["slug"], settings_of(rows[0]))
