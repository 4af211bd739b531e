"""Makes keys and their secrets."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from kontor_crm_governance.key import rules
from kontor_crm_governance.models import ApiKey
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import Change


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything about a key that is decided before it is made."""

    tenant: UUID
    name: str
    kind: rules.Kind
    roles: frozenset[str]
    expires_at: datetime
    user_id: UUID | None = None
    actor_id: UUID | None = None
    doors: tuple[str, ...] = rules.DOORS
    approver: bool = False
    interactive: bool = False
    per_minute: int | None = None
    created_by: UUID | None = None


def draw() -> str:
    """A new secret of 32 random bytes."""
    return secrets.token_urlsafe(rules.SECRET_BYTES)


def drafted(draft: Draft, now: datetime) -> ApiKey:
    """The key as a row, without a secret; an agent or service that is not known yet becomes an actor of its own."""
    own = draft.user_id if draft.kind is rules.Kind.USER else draft.actor_id or new_id()
    if own is None:
        raise ValueError("a key of kind user needs its user")
    return ApiKey(
        tenant_id=draft.tenant,
        id=new_id(),
        version=1,
        name=draft.name,
        kind=draft.kind.value,
        roles=sorted(draft.roles),
        approver=draft.approver,
        doors=list(draft.doors),
        per_minute=draft.per_minute,
        interactive=draft.interactive,
        actor_id=own,
        user_id=draft.user_id,
        created_by=draft.created_by,
        created_at=now,
        expires_at=draft.expires_at,
    )


def give_secret(key: ApiKey) -> str:
    """Gives the key a new secret and answers the credential, which nobody can read again."""
    secret = draw()
    key.secret_sha256 = rules.sha256(secret)
    return rules.written(key.tenant_id, key.id, secret)


def give_claim(key: ApiKey, now: datetime) -> str:
    """Gives the key a claim in place of a secret: whoever redeems it in time draws the secret."""
    token = draw()
    key.claim_sha256, key.claim_expires_at = rules.sha256(token), now + rules.CLAIM_LIFE
    return token


def granted(key: ApiKey) -> Sequence[Change]:
    """What the new key gives, as its event and preview tell it."""
    given = {
        "name": key.name,
        "kind": key.kind,
        "roles": list(key.roles),
        "doors": list(key.doors),
        "user_id": str(key.user_id) if key.user_id else None,
        "approver": key.approver,
        "interactive": key.interactive,
        "per_minute": key.per_minute,
        "expires_at": key.expires_at.isoformat(),
    }
    return [Change(field, None, value) for field, value in given.items()]
