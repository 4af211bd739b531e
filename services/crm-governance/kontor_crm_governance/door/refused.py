"""The table of refusals at the doors, and what the audit says of them."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_platform.contract.problem import JSON
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import write_audit
from kontor_platform.runtime.principal import SYSTEM_TENANT

AUDIT_TYPE = "door.refused"

ADD = text(
    """
    INSERT INTO refused (tenant_id, minute, address, reason, credential, count)
    VALUES (:tenant, :minute, :address, :reason, :credential, :count)
    ON CONFLICT (tenant_id, minute, address, reason, credential) DO UPDATE SET count = refused.count + excluded.count
    """
)
# A minute is closed once it cannot grow any more.
CLOSE = text(
    """
    UPDATE refused SET audited = true
    WHERE tenant_id = :tenant AND NOT audited AND minute < date_trunc('minute', clock_timestamp()) - interval '1 minute'
    RETURNING minute, address, reason, credential, count
    """
)
# DECISIONS.md 7: what was read or tried is kept for 90 days.
PURGE = text(
    """
    DELETE FROM refused
    WHERE tenant_id = :tenant AND audited AND minute < clock_timestamp() - interval '90 days'
    """
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where refusals are counted together."""

    tenant: UUID
    minute: datetime
    address: str
    reason: str
    credential: str


def place_of(tenant: UUID, address: str, reason: str, credential: str) -> Place:
    """The place of a refusal that happens now."""
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    return Place(tenant, minute, plain_address(address), reason, credential)


def plain_address(address: str) -> str:
    """An IP address in its one spelling, or `unknown`."""
    try:
        return str(ipaddress.ip_address(address.strip()))
    except ValueError:
        return "unknown"


def by_tenant(places: Iterable[Place]) -> Mapping[UUID, Sequence[Place]]:
    """The places of each tenant, in one order for everybody so that no two writers wait for each other."""
    grouped: defaultdict[UUID, list[Place]] = defaultdict(list)
    for place in sorted(places, key=lambda place: (place.minute, place.address, place.reason, place.credential)):
        grouped[place.tenant].append(place)
    return grouped


async def add(session: AsyncSession, places: Sequence[Place], counts: Mapping[Place, int]) -> None:
    """Adds counts to the rows of their places."""
    await session.execute(ADD, [row(place, counts[place]) for place in places])


def row(place: Place, count: int) -> dict[str, object]:
    """The row that adds a count to a place."""
    return {
        "tenant": place.tenant,
        "minute": place.minute,
        "address": place.address,
        "reason": place.reason,
        "credential": place.credential,
        "count": count,
    }


async def close(session: AsyncSession, tenant: UUID) -> None:
    """Tells the audit of the minutes that are over, but for refusals told already, and forgets the oldest."""
    for closed in (await session.execute(CLOSE, {"tenant": tenant})).mappings().all():
        place = Place(tenant, closed["minute"], closed["address"], closed["reason"], closed["credential"])
        if tenant == SYSTEM_TENANT or closed["count"] > 1:
            await tell(session, place, closed["count"])
    await session.execute(PURGE, {"tenant": tenant})


async def tell(session: AsyncSession, place: Place, count: int) -> None:
    """Writes an audit row: how many refusals there were at a place by then."""
    facts: dict[str, JSON] = {
        "outcome": "refused",
        "reason": place.reason,
        "address": place.address,
        "key": place.credential,
        "minute": place.minute.astimezone(UTC).isoformat(),
        "count": count,
    }
    await write_audit(session, place.tenant, new_id(), AUDIT_TYPE, facts)
