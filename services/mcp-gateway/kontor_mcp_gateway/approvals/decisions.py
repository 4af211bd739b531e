"""The people's side: what waits, and a person's word on it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from kontor_mcp_gateway.approvals import records
from kontor_mcp_gateway.approvals.preview import message
from kontor_mcp_gateway.approvals.records import Approval
from kontor_mcp_gateway.approvals.rules import Decider, Status, level_given, may_see, why_not
from kontor_mcp_gateway.audit.rows import of_step
from kontor_mcp_gateway.identity.caller import Caller
from kontor_platform.contract.problem import Conflict, NotFound, PermissionDenied
from kontor_platform.data.database import Database
from kontor_platform.data.outbox import write_audit

APPROVER = "approver"
LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on an approval."""

    approved: bool
    reason: str


class Decisions:
    """Lists, shows and decides approvals for people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, caller: Caller, *, status: str, before: UUID | None, size: int) -> list[Approval]:
        """Approvals the person may see, the newest first; raises PermissionDenied for an agent."""
        person = person_of(caller)
        tenant = caller.principal.tenant
        async with self._database.transaction(tenant) as (session, _):
            return await records.page(
                session,
                tenant,
                person.actor,
                everything=person.is_approver,
                status=status,
                before=before or LAST_ID,
                size=size,
            )

    async def one(self, caller: Caller, approval_id: UUID) -> Approval:
        """One approval; raises NotFound for one the person may not see."""
        person = person_of(caller)
        async with self._database.transaction(caller.principal.tenant) as (session, _):
            found = await records.one(session, caller.principal.tenant, approval_id)
        if found is None or not may_see(found.asked, person):
            raise NotFound("There is no such approval.")
        return found

    async def decide(self, caller: Caller, approval_id: UUID, decision: Decision, call_id: UUID) -> Approval:
        """Enters the decision; raises NotFound, PermissionDenied, or Conflict if it is too late."""
        person, found = person_of(caller), await self.one(caller, approval_id)
        if found.present is not Status.PENDING:
            raise too_late(found)
        # Whoever may not approve a call may still say no to it, except with the very key that asked.
        level, refused = level_given(found.asked, person), why_not(found.asked, person)
        if refused and (decision.approved or person.key == found.client):
            raise PermissionDenied(refused)
        tenant = caller.principal.tenant
        async with self._database.transaction(tenant) as (session, _):
            decided = await records.decide(
                session, tenant, approval_id, person.actor, level, approved=decision.approved, reason=decision.reason
            )
            if decided is None:
                raise too_late(found)
            step = "approval.voted" if decided.status is Status.PENDING else f"approval.{decided.status}"
            row = of_step(
                decided, step, call_id, decided_by=str(person.actor), decided_with=person.key, reason=decision.reason
            )
            await write_audit(session, tenant, call_id, step, row, decided.subjects)
            await session.commit()
        return decided


def person_of(caller: Caller) -> Decider:
    """The person behind a key; raises PermissionDenied for agents and services."""
    principal = caller.principal
    if principal.kind != "user":
        raise PermissionDenied("Only people see and decide approvals; this key belongs to an agent or a service.")
    return Decider(principal.actor, principal.kind, principal.key, APPROVER in principal.roles)


def too_late(found: Approval) -> Conflict:
    """Why a decision no longer counts."""
    if found.present is Status.EXPIRED:
        return Conflict("This approval has expired; the caller may ask again.")
    return Conflict(f"This approval is {found.present.value} already.")


def moment(at: datetime) -> str:
    """A time as JSON has it."""
    return at.isoformat().replace("+00:00", "Z")


def printed(approval: Approval) -> dict[str, Any]:
    """An approval as people see it."""
    return {
        "id": str(approval.id),
        "status": approval.present.value,
        "tool": approval.tool,
        "level": "operator" if approval.level_needed.value == 4 else "user",
        "level_needed": f"E{approval.level_needed.value}",
        "evidence": f"E{approval.level.value}",
        "votes_needed": approval.votes_needed,
        "approved_by": [str(each) for each in approval.voters],
        "standing_grant": str(approval.standing) if approval.standing else None,
        "actor": str(approval.actor),
        "on_behalf_of": str(approval.on_behalf_of) if approval.on_behalf_of else None,
        "client": approval.client,
        "client_name": approval.client_name,
        "arguments": approval.arguments,
        "preview": approval.preview,
        "text": message(approval.preview),
        "tainted": approval.tainted,
        "created_at": moment(approval.created_at),
        "expires_at": moment(approval.expires_at),
        "decided_at": moment(approval.decided_at) if approval.decided_at else None,
        "decided_by": str(approval.decided_by) if approval.decided_by else None,
        "reason": approval.reason,
    }
