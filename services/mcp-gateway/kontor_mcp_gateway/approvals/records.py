"""Approvals as rows: one statement for each step, each bound to the whole call."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_mcp_gateway.approvals import statements
from kontor_mcp_gateway.approvals.rules import Asked, Channel, Level, Status


@dataclass(frozen=True, slots=True)
class Bound:
    """The call an approval is given for, exactly."""

    tenant: UUID
    actor: UUID
    client: str
    tool: str
    args_hash: str

    def columns(self) -> dict[str, Any]:
        """The binding as parameters."""
        return {
            "tenant": self.tenant,
            "actor": self.actor,
            "client": self.client,
            "tool": self.tool,
            "args_hash": self.args_hash,
        }


@dataclass(frozen=True, slots=True)
class Terms:
    """What held when it was asked for; an approval is void once any of it changed."""

    fingerprint: str
    policy_version: str
    level: Level

    def columns(self) -> dict[str, Any]:
        """The terms as parameters."""
        return {"fingerprint": self.fingerprint, "policy_version": self.policy_version, "level_needed": int(self.level)}


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new approval keeps besides its binding and its terms."""

    id: UUID
    on_behalf_of: UUID | None
    client_name: str
    service: str
    arguments: dict[str, Any]
    preview: dict[str, Any]
    records: Sequence[tuple[str, int]]
    subjects: Sequence[UUID]
    mode: str
    tainted: bool
    idempotency_key: str
    votes_needed: int = 1


@dataclass(frozen=True, slots=True)
class Given:
    """Consent that was there before the call: on whose word, how it came, and under which standing grant."""

    level: Level
    channel: Channel
    by: UUID
    standing: UUID | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval as it stands; `seen_at` is the database's time when it was read."""

    tenant_id: UUID
    id: UUID
    actor: UUID
    on_behalf_of: UUID | None
    client: str
    client_name: str
    tool: str
    service: str
    fingerprint: str
    policy_version: str
    args_hash: str
    arguments: dict[str, Any]
    preview: dict[str, Any]
    records: list[tuple[str, int]]
    subjects: list[UUID]
    level_needed: Level
    level: Level
    mode: str
    tainted: bool
    idempotency_key: str
    status: Status
    channel: Channel | None
    decided_by: UUID | None
    reason: str
    created_at: datetime
    expires_at: datetime
    decided_at: datetime | None
    consumed_at: datetime | None
    votes_needed: int
    voters: list[UUID]
    standing: UUID | None
    seen_at: datetime

    @property
    def asked(self) -> Asked:
        """Who asked, for what level, and who agreed so far."""
        return Asked(self.actor, self.on_behalf_of, self.client, self.level_needed, self.voters)

    @property
    def bound(self) -> Bound:
        """The call it is given for."""
        return Bound(self.tenant_id, self.actor, self.client, self.tool, self.args_hash)

    @property
    def present(self) -> Status:
        """Its status now: one that waits past its expiry has expired."""
        waits = self.status in (Status.PENDING, Status.APPROVED)
        return Status.EXPIRED if waits and self.expires_at <= self.seen_at else self.status

    def holds(self, terms: Terms) -> bool:
        """Whether tool and policy are still those it was asked under."""
        return (self.fingerprint, self.policy_version) == (terms.fingerprint, terms.policy_version)


async def latest(session: AsyncSession, bound: Bound) -> Approval | None:
    """The last approval asked for this very call."""
    return await _one(session, statements.LATEST, bound.columns())


async def one(session: AsyncSession, tenant: UUID, approval_id: UUID) -> Approval | None:
    """The approval of that id."""
    return await _one(session, statements.ONE, {"tenant": tenant, "id": approval_id})


async def pending(session: AsyncSession, tenant: UUID, actor: UUID) -> tuple[int, int]:
    """How many approvals wait for a decision: of the actor, of the tenant."""
    row = (await session.execute(statements.PENDING, {"tenant": tenant, "actor": actor})).one()
    return row.of_actor, row.of_tenant


async def make_room(session: AsyncSession, bound: Bound, terms: Terms) -> list[Approval]:
    """Ends what no longer fits this call; answers what was revoked because tool, policy or need changed."""
    await session.execute(statements.LOCK_TENANT, {"tenant": str(bound.tenant)})
    await session.execute(statements.EXPIRE, bound.columns())
    rows = await session.execute(statements.REVOKE, bound.columns() | terms.columns())
    return [_approval(row) for row in rows.mappings()]


async def insert(
    session: AsyncSession, bound: Bound, terms: Terms, draft: Draft, life: timedelta, given: Given | None = None
) -> Approval | None:
    """Adds an approval that waits, or one consumed at once where consent is given; None if the same call waits."""
    columns = {
        "id": draft.id,
        "on_behalf_of": draft.on_behalf_of,
        "client_name": draft.client_name,
        "service": draft.service,
        "arguments": json.dumps(draft.arguments),
        "preview": json.dumps(draft.preview),
        "records": json.dumps([list(pair) for pair in draft.records]),
        "subjects": list(draft.subjects),
        "mode": draft.mode,
        "tainted": draft.tainted,
        "idempotency_key": draft.idempotency_key,
        "votes_needed": draft.votes_needed,
        "life": life,
        "level": int(given.level if given else Level.NONE),
        "status": Status.CONSUMED.value if given else Status.PENDING.value,
        "channel": given.channel.value if given else None,
        "decided_by": given.by if given else None,
        "standing": given.standing if given else None,
        "given": given is not None,
    }
    return await _one(session, statements.INSERT, bound.columns() | terms.columns() | columns)


async def elicited(
    session: AsyncSession, bound: Bound, approval_id: UUID, *, accepted: bool, reason: str
) -> Approval | None:
    """Enters what the person answered at an interactive client; None unless the approval waits for just that."""
    status = Status.APPROVED if accepted else Status.DENIED
    columns = {"id": approval_id, "status": status.value, "level": int(Level.ELICITED), "reason": reason}
    return await _one(session, statements.ELICITED, bound.columns() | columns)


async def decide(
    session: AsyncSession, tenant: UUID, approval_id: UUID, decider: UUID, level: Level, *, approved: bool, reason: str
) -> Approval | None:
    """Enters a person's decision, which ends the waiting once enough agreed; None if the approval no longer waits."""
    status = Status.APPROVED if approved else Status.DENIED
    columns = {
        "tenant": tenant,
        "id": approval_id,
        "decider": decider,
        "level": int(level),
        "status": status.value,
        "reason": reason,
    }
    return await _one(session, statements.DECIDE, columns)


async def consume(session: AsyncSession, bound: Bound, approval_id: UUID, terms: Terms) -> Approval | None:
    """Takes the one use of an approval; None unless it is approved for exactly this call on these terms."""
    return await _one(session, statements.CONSUME, bound.columns() | terms.columns() | {"id": approval_id})


async def page(
    session: AsyncSession, tenant: UUID, person: UUID, *, everything: bool, status: str, before: UUID, size: int
) -> list[Approval]:
    """Approvals a person may see, the newest first."""
    columns = {
        "tenant": tenant,
        "person": person,
        "everything": everything,
        "status": status,
        "before": before,
        "size": size,
    }
    return [_approval(row) for row in (await session.execute(statements.LIST, columns)).mappings()]


async def _one(session: AsyncSession, statement: TextClause, columns: dict[str, Any]) -> Approval | None:
    row = (await session.execute(statement, columns)).mappings().one_or_none()
    return _approval(row) if row is not None else None


def _approval(row: Any) -> Approval:
    columns = dict(row)
    columns["records"] = [(str(record), int(version)) for record, version in columns["records"]]
    columns["level_needed"], columns["level"] = Level(columns["level_needed"]), Level(columns["level"])
    columns["status"] = Status(columns["status"])
    columns["channel"] = Channel(columns["channel"]) if columns["channel"] else None
    return Approval(**columns)
