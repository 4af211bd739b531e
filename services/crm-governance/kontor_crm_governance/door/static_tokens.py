"""Tokens that stand in `server.yaml` instead of the database."""

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid5

import structlog

from kontor_crm_governance.door.keyring import KEPT_SECONDS, LOOK_UP_SECONDS, Admission, Reads, holder_of, settings_of
from kontor_crm_governance.key import rules
from kontor_crm_governance.key.queries import STATIC_ACTOR, STATIC_TENANT
from kontor_platform.runtime.memory import Memory
from kontor_platform.runtime.principal import SYSTEM_TENANT, Principal
from kontor_platform.runtime.server_config import ServerConfig, StaticToken
from kontor_platform.runtime.settings import MIN_SECRET_BYTES

KEY_PREFIX = "static:"

log = structlog.get_logger(__name__)


class StaticTokens:
    """Resolves static tokens: they open both doors, are no approver's and end when the file no longer has them."""

    def __init__(self, config: ServerConfig, database: Reads) -> None:
        self._config, self._database = config, database
        self._digests: Memory[str, Sequence[tuple[str, StaticToken]]] = Memory(KEPT_SECONDS)
        self._actors: Memory[tuple[str, StaticToken], Admission | None] = Memory(KEPT_SECONDS)

    async def find(self, credential: str, door: rules.Door) -> Admission | None:
        """Whom a token stands for, None if it is none; raises psycopg.Error or TimeoutError."""
        digest = rules.sha256(credential)
        matches = [token for known, token in await self._known() if hmac.compare_digest(known, digest)]
        if not matches or door not in rules.OPENS:
            return None
        token = matches[0]
        if len(credential.encode()) < MIN_SECRET_BYTES:
            log.warning("static_token_too_short", name=token.tenant)
            return None
        found = await self._actors.get((digest, token), lambda: self._look_up(token, digest))
        return at_door(found, door) if found else None

    async def _known(self) -> Sequence[tuple[str, StaticToken]]:
        return await self._digests.get("", self._read)

    async def _read(self) -> Sequence[tuple[str, StaticToken]]:
        found = [(token.digest(), token) for token in self._config.tokens]
        return [entry for entry in found if entry[0]]

    async def _look_up(self, token: StaticToken, digest: str) -> Admission | None:
        async with asyncio.timeout(LOOK_UP_SECONDS):
            return await self._actor(token, KEY_PREFIX + digest[:16])

    async def _actor(self, token: StaticToken, key: str) -> Admission | None:
        tenants = await self._database.read(SYSTEM_TENANT, STATIC_TENANT, {"slug": token.tenant})
        if not tenants:
            log.warning("static_token_without_tenant", name=token.tenant)
            return None
        tenant: UUID = tenants[0]["id"]
        rows = await self._database.read(tenant, STATIC_ACTOR, {"tenant": tenant, "actor": token.actor.lower()})
        return admission(token, tenant, rows[0], key) if rows else None


def admission(token: StaticToken, tenant: UUID, row: Mapping[str, Any], key: str) -> Admission | None:
    """Whom the token stands for; None if a user is meant who is not there or is locked out."""
    holder = holder_of(row)
    if holder is not None and not holder.active:
        return None
    if holder is None and token.kind == rules.Kind.USER:
        log.warning("static_token_without_user", name=token.tenant)
        return None
    is_user = token.kind == rules.Kind.USER
    principal = Principal(
        tenant=tenant,
        slug=token.tenant,
        actor=holder.id if holder and is_user else uuid5(tenant, token.actor),
        kind=token.kind,  # type: ignore[arg-type]
        roles=rules.within(token.roles, holder),
        door="edge",
        key=key,
        on_behalf_of=holder.id if holder and not is_user else None,
        name=holder.name if holder and is_user else token.actor,
        settings=settings_of(row),
    )
    return Admission(principal)


def at_door(found: Admission, door: rules.Door) -> Admission:
    """The admission as this door tells it."""
    return replace(found, principal=replace(found.principal, door=door.value))
