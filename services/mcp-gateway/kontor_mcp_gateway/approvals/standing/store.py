"""Standing grants as rows."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_mcp_gateway.approvals.records import Bound, Terms
from kontor_mcp_gateway.approvals.standing.rules import Draft, Pattern, StandingGrant

INSERT = text(
    """
    INSERT INTO standing_grants (
        tenant_id, id, agent, tool, fingerprint, policy_version, pinned, records, uses, uses_left, reason, given_by,
        given_with, expires_at
    )
    VALUES (
        :tenant, :id, :agent, :tool, :fingerprint, :policy_version, CAST(:pinned AS jsonb), :records, :uses, :uses,
        :reason, :given_by, :given_with, now() + :life
    )
    RETURNING *, now() AS seen_at
    """
)
LIVE = text(
    """
    SELECT *, now() AS seen_at FROM standing_grants
    WHERE tenant_id = :tenant AND agent = :agent AND tool = :tool AND fingerprint = :fingerprint
        AND policy_version = :policy_version AND revoked_at IS NULL AND uses_left > 0 AND expires_at > now()
    ORDER BY expires_at, id
    """
)
USE = text(
    """
    UPDATE standing_grants SET uses_left = uses_left - 1
    WHERE tenant_id = :tenant AND id = :id AND revoked_at IS NULL AND uses_left > 0 AND expires_at > now()
    RETURNING id
    """
)
REVOKE = text(
    """
    UPDATE standing_grants SET revoked_at = now(), revoked_by = :person
    WHERE tenant_id = :tenant AND id = :id AND revoked_at IS NULL
    RETURNING *, now() AS seen_at
    """
)
ONE = text("SELECT *, now() AS seen_at FROM standing_grants WHERE tenant_id = :tenant AND id = :id")
PAGE = text(
    """
    SELECT *, now() AS seen_at FROM standing_grants
    WHERE tenant_id = :tenant AND (:everything OR given_by = :person) AND id < :before ORDER BY id DESC LIMIT :size
    """
)


async def add(session: AsyncSession, tenant: UUID, id: UUID, draft: Draft) -> StandingGrant:
    """Adds a grant."""
    columns = {
        "tenant": tenant,
        "id": id,
        "agent": draft.pattern.agent,
        "tool": draft.pattern.tool,
        "fingerprint": draft.fingerprint,
        "policy_version": draft.policy_version,
        "pinned": json.dumps(dict(draft.pattern.pinned)),
        "records": list(draft.pattern.records),
        "uses": draft.uses,
        "reason": draft.reason,
        "given_by": draft.given_by,
        "given_with": draft.given_with,
        "life": draft.life,
    }
    return grant_of((await session.execute(INSERT, columns)).mappings().one())


async def live(session: AsyncSession, bound: Bound, terms: Terms) -> list[StandingGrant]:
    """The grants that count for an agent's calls of a tool as it is now, the soonest to expire first."""
    columns = {
        "tenant": bound.tenant,
        "agent": bound.actor,
        "tool": bound.tool,
        "fingerprint": terms.fingerprint,
        "policy_version": terms.policy_version,
    }
    return [grant_of(row) for row in (await session.execute(LIVE, columns)).mappings()]


async def use(session: AsyncSession, grant: StandingGrant) -> bool:
    """Takes one use, unless the grant was used up, revoked or past its time meanwhile."""
    done = await session.execute(USE, {"tenant": grant.tenant_id, "id": grant.id})
    return done.one_or_none() is not None


async def revoke(session: AsyncSession, tenant: UUID, id: UUID, person: UUID) -> StandingGrant | None:
    """Ends a grant at once; None if that was done before."""
    found = (await session.execute(REVOKE, {"tenant": tenant, "id": id, "person": person})).mappings().one_or_none()
    return grant_of(found) if found else None


async def one(session: AsyncSession, tenant: UUID, id: UUID) -> StandingGrant | None:
    """The grant of that id."""
    found = (await session.execute(ONE, {"tenant": tenant, "id": id})).mappings().one_or_none()
    return grant_of(found) if found else None


async def page(
    session: AsyncSession, tenant: UUID, person: UUID, *, everything: bool, before: UUID, size: int
) -> Sequence[StandingGrant]:
    """Grants that a person gave, or all of the tenant, the newest first."""
    columns = {"tenant": tenant, "person": person, "everything": everything, "before": before, "size": size}
    return [grant_of(row) for row in (await session.execute(PAGE, columns)).mappings()]


def grant_of(row: Mapping[Any, Any]) -> StandingGrant:
    """A row as a grant."""
    columns = dict(row)
    pattern = Pattern(*(columns.pop(name) for name in ("agent", "tool", "pinned", "records")))
    return StandingGrant(pattern=pattern, **columns)
