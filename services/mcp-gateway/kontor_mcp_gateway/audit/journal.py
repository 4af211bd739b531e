"""The gateway's audit: a row per call and per step of an approval, none of them lost."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

import structlog

from kontor_mcp_gateway.audit.intents import Intents
from kontor_mcp_gateway.audit.rows import Row
from kontor_platform.contract.problem import Unavailable
from kontor_platform.data.database import Database
from kontor_platform.data.outbox import write_audit
from kontor_platform.data.refusals import DATABASE_ERRORS
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.read_log import ReadLog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Journal:
    """Writes audit rows: of reads in batches, of writes before their answer, of refusals in their own transaction."""

    database: Database
    reads: ReadLog
    intents: Intents

    def read(self, principal: Principal, at: float, call_id: UUID, row: Row, subjects: Sequence[UUID]) -> None:
        """Notes a read."""
        self.reads.append(
            tenant=principal.tenant,
            at=at,
            operation=row["operation"],
            actor=principal.actor,
            call_id=call_id,
            subjects=subjects,
            data=row,
        )

    def begin(self, principal: Principal, call_id: UUID, row: Row, subjects: Sequence[UUID]) -> None:
        """Notes a write before it goes out, so that its row exists whatever happens next; raises Unavailable."""
        try:
            self.intents.keep(principal.tenant, call_id, row | {"outcome": "unknown"}, subjects)
        except OSError as error:
            raise Unavailable("The call cannot be audited at the moment, so it was not made.") from error

    async def end(self, principal: Principal, call_id: UUID, row: Row, subjects: Sequence[UUID]) -> None:
        """Commits the row of a write that was begun; if the database is away the row waits on disk."""
        if await self._committed(principal, call_id, row, subjects):
            self.intents.drop(call_id)
        else:
            self.leave(principal, call_id, row, subjects)

    def leave(self, principal: Principal, call_id: UUID, row: Row, subjects: Sequence[UUID]) -> None:
        """Leaves the row of a write that was begun to be committed later."""
        try:
            self.intents.keep(principal.tenant, call_id, row, subjects)
        except OSError as error:
            log.error("audit_row_waits", operation=row["operation"], call_id=str(call_id), error=type(error).__name__)
        self.intents.hand_over(call_id)

    async def refused(self, principal: Principal, call_id: UUID, row: Row) -> None:
        """Commits the row of a refusal before it is answered; if the database is away the row waits on disk."""
        if not await self._committed(principal, call_id, row, ()):
            self.leave(principal, call_id, row, ())

    async def _committed(self, principal: Principal, call_id: UUID, row: Row, subjects: Sequence[UUID]) -> bool:
        tenant, settings = principal.tenant, json.dumps(asdict(principal.settings), sort_keys=True)
        try:
            await self.database.remember(tenant, principal.slug, settings)
            async with self.database.transaction(tenant) as (session, _):
                await write_audit(session, tenant, call_id, row["operation"], row, subjects)
                await session.commit()
        except DATABASE_ERRORS as error:
            log.error("audit_row_waits", operation=row["operation"], call_id=str(call_id), error=type(error).__name__)
            return False
        return True
