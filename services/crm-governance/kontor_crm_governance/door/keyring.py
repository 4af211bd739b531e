"""Knows keys: looks them up, keeps them for five seconds, and judges them."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from kontor_crm_governance.key import rules
from kontor_crm_governance.key.queries import PRESENTED
from kontor_platform.runtime.memory import Memory
from kontor_platform.runtime.principal import Principal, TenantSettings

# DECISIONS.md 1: key rows at most 5 s old.
KEPT_SECONDS = 5.0
# Under the 2 s that the edge waits for an answer.
LOOK_UP_SECONDS = 1.0


class Reads(Protocol):
    """What a look-up needs of the database: one statement in one tenant."""

    async def read(self, tenant: UUID, statement: str, values: dict[str, Any], /) -> list[dict[str, Any]]:
        """Rows by column name; raises psycopg.Error."""
        ...


@dataclass(frozen=True, slots=True)
class Admission:
    """A credential that was let in, and as whom."""

    principal: Principal
    per_minute: int = 0
    interactive: bool = False
    seconds_left: float = float("inf")


@dataclass(frozen=True, slots=True)
class Key:
    """A key as it was looked up, with the database's time of that moment."""

    id: UUID
    tenant: UUID
    slug: str
    settings: TenantSettings
    name: str
    actor: UUID
    per_minute: int
    interactive: bool
    known: rules.Known
    read_at: datetime
    read_tick: float

    def now(self) -> datetime:
        """The database's time, as a monotonic clock carries it on."""
        return self.read_at + timedelta(seconds=time.monotonic() - self.read_tick)

    def admission(self, door: rules.Door) -> Admission:
        """What the key's holder is at a door."""
        holder = self.known.holder
        is_user = self.known.kind is rules.Kind.USER
        principal = Principal(
            tenant=self.tenant,
            slug=self.slug,
            actor=self.actor,
            kind=self.known.kind.value,
            roles=rules.rights(self.known),
            door=door.value,
            key=str(self.id),
            on_behalf_of=holder.id if holder and not is_user else None,
            name=holder.name if holder and is_user else self.name,
            settings=self.settings,
        )
        left = (self.known.expires_at - self.now()).total_seconds()
        return Admission(principal, self.per_minute, self.interactive, left)


class Keyring:
    """The keys of all tenants, each looked up in its own tenant."""

    def __init__(self, database: Reads) -> None:
        self._database = database
        self._keys: Memory[tuple[UUID, UUID], Key | None] = Memory(KEPT_SECONDS)

    async def find(self, presented: rules.Presented) -> Key | None:
        """The key a credential names, None if there is none; raises psycopg.Error or TimeoutError."""
        place = (presented.tenant, presented.key)
        return await self._keys.get(place, lambda: self._look_up(*place))

    async def _look_up(self, tenant: UUID, key: UUID) -> Key | None:
        tick = time.monotonic()
        async with asyncio.timeout(LOOK_UP_SECONDS):
            rows = await self._database.read(tenant, PRESENTED, {"tenant": tenant, "key": key})
        return key_of(rows[0], tenant, key, tick) if rows else None


def key_of(row: Mapping[str, Any], tenant: UUID, key: UUID, tick: float) -> Key:
    """A key from its row."""
    known = rules.Known(
        kind=rules.Kind(row["kind"]),
        roles=frozenset(row["roles"]),
        approver=row["approver"],
        doors=frozenset(row["doors"]),
        secret_sha256=row["secret_sha256"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
        holder=holder_of(row),
    )
    return Key(
        id=key,
        tenant=tenant,
        slug=row["slug"],
        settings=settings_of(row),
        name=row["name"],
        actor=row["actor_id"],
        per_minute=row["per_minute"] or 0,
        interactive=row["interactive"],
        known=known,
        read_at=row["now"],
        read_tick=tick,
    )


def holder_of(row: Mapping[str, Any]) -> rules.Holder | None:
    """The person in a row that joins one, if any."""
    if row["user_id"] is None:
        return None
    return rules.Holder(
        id=row["user_id"],
        name=row["user_name"],
        roles=frozenset(row["user_roles"]),
        approver=row["user_approver"],
        active=row["user_active"],
    )


def settings_of(row: Mapping[str, Any]) -> TenantSettings:
    """The tenant's settings in a row that joins them."""
    return TenantSettings(row["time_zone"], row["region"], row["currency"], row["fiscal_month"])
