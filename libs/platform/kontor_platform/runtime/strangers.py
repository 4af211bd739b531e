"""Refusals of callers nobody knows: one row for each address, reason and minute, with a count."""

import asyncio
import json
import time
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import text

from kontor_platform.contract.problem import Refusal
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import write_audit
from kontor_platform.data.refusals import DATABASE_ERRORS
from kontor_platform.runtime.principal import SYSTEM_TENANT

EVERY_S = 1.0
MAX_ADDRESSES = 1_000
MINUTE = 60
TYPE = "door.refused"
COUNT = text(
    """
    UPDATE outbox SET data = jsonb_set(data, '{count}', CAST(:count AS jsonb))
    WHERE tenant_id = :tenant AND operation_id = :id AND kind = 'audit' AND seq IS NULL
    """
)
log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Tally:
    """How often one address was refused for one reason in one minute."""

    id: UUID
    count: int = 1
    told: int = 1


class Strangers:
    """Counts refused strangers; the first of a minute has its row before it is answered, the rest raise its count."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tallies: dict[tuple[int, str, str], Tally] = {}

    async def refused(self, address: str, refusal: Refusal) -> None:
        """Counts one refusal."""
        minute = int(time.time()) // MINUTE
        key = (minute, address if len(self._tallies) < MAX_ADDRESSES else "", refusal.code)
        tally = self._tallies.get(key)
        if tally is not None:
            tally.count += 1
            return
        self._tallies[key] = tally = Tally(new_id())
        await self._insert(tally.id, {"address": key[1], "reason": key[2], "outcome": "refused", "count": 1})

    async def run(self) -> None:
        """Brings the rows up to their counts until cancelled."""
        try:
            while True:
                await asyncio.sleep(EVERY_S)
                await self.settle()
        finally:
            await self.settle()

    async def settle(self) -> None:
        """Brings the rows up to their counts once, and forgets past minutes."""
        now = int(time.time()) // MINUTE
        for key, tally in list(self._tallies.items()):
            if tally.count > tally.told:
                await self._update(tally)
            if key[0] < now and tally.count == tally.told:
                del self._tallies[key]

    async def _insert(self, row_id: UUID, row: dict[str, str | int]) -> None:
        try:
            async with self._database.transaction(SYSTEM_TENANT) as (session, _):
                await write_audit(session, SYSTEM_TENANT, row_id, TYPE, row)
                await session.commit()
        except DATABASE_ERRORS as error:
            log.error(
                "refusal_not_audited",
                error=type(error).__name__,
                address=str(row["address"]),
                reason=str(row["reason"]),
            )

    async def _update(self, tally: Tally) -> None:
        count = tally.count
        try:
            async with self._database.transaction(SYSTEM_TENANT) as (session, _):
                await session.execute(COUNT, {"tenant": SYSTEM_TENANT, "id": tally.id, "count": json.dumps(count)})
                await session.commit()
        except DATABASE_ERRORS as error:
            log.warning("refusals_wait", error=type(error).__name__, count=count)
            return
        tally.told = count
