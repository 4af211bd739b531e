"""The audit rows a service writes: of writes at the edge, of refusals, and of reads by way of the read log."""

import time
from dataclasses import dataclass
from uuid import UUID

import structlog
from protobuf import Message

from kontor_platform.contract.canonical import arguments_hash
from kontor_platform.contract.problem import JSON, Refusal
from kontor_platform.data.database import Database
from kontor_platform.data.outbox import write_audit
from kontor_platform.data.refusals import DATABASE_ERRORS
from kontor_platform.runtime.call import Call, Incoming
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.read_log import ReadLog
from kontor_platform.runtime.strangers import Strangers

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Audit:
    """Writes what happened, each kind of row where it belongs."""

    database: Database
    reads: ReadLog
    strangers: Strangers

    def read(self, incoming: Incoming, call: Call, request: Message) -> None:
        """Notes a read at the edge; the gateway notes its own."""
        if call.actor.through_gateway:
            return
        self.reads.append(
            tenant=call.actor.tenant,
            at=time.time(),
            operation=call.operation.name,
            actor=call.actor.actor,
            call_id=call.call_id,
            subjects=sorted(call.subjects),
            data=row_of(incoming, call.actor, call.call_id, request, outcome="ok"),
        )

    async def refused(
        self, incoming: Incoming, principal: Principal | None, call_id: UUID, request: Message | None, refusal: Refusal
    ) -> None:
        """Commits the row of a refusal in a transaction of its own; a database that is down leaves a log line."""
        if principal is None:
            await self.strangers.refused(incoming.address, refusal)
            return
        tenant = principal.tenant
        row = row_of(incoming, principal, call_id, request, outcome="refused", reason=refusal.code)
        try:
            async with self.database.transaction(tenant) as (session, _):
                await write_audit(session, tenant, call_id, incoming.operation.name, row)
                await session.commit()
        except DATABASE_ERRORS as error:
            log.error("refusal_not_audited", error=type(error).__name__, **row)


def row_of(
    incoming: Incoming,
    principal: Principal | None,
    call_id: UUID,
    request: Message | None,
    *,
    outcome: str,
    reason: str = "",
) -> dict[str, JSON]:
    """What a row tells: who, what, how it ended and a hash of the arguments, never the arguments themselves."""
    row: dict[str, JSON] = {
        "operation": incoming.operation.name,
        "call_id": str(call_id),
        "face": incoming.face,
        "address": incoming.address,
        "dry_run": incoming.dry_run,
        "outcome": outcome,
        "reason": reason,
        "arguments_hash": arguments_hash(request) if request is not None else "",
    }
    return row | (actor_columns(principal) if principal else {})


def actor_columns(principal: Principal) -> dict[str, JSON]:
    """Who acted, for whom and with which credential."""
    return {
        "actor": str(principal.actor),
        "kind": principal.kind,
        "roles": sorted(principal.roles),
        "on_behalf_of": str(principal.on_behalf_of) if principal.on_behalf_of else None,
        "door": principal.door,
        "key": principal.key,
        "evidence": "E3" if principal.door == "edge" and principal.kind == "user" else "E0",
    }
