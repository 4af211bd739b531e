"""A repeated write happens once: its key, its payload and its answer are stored with its effect.

Semantics of draft-ietf-httpapi-idempotency-key-header: a running key is a conflict, a reused one is refused.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from protobuf import Message
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_platform.contract.marks import without_secrets
from kontor_platform.contract.problem import IdempotencyReused, IdempotencyRunning, InvalidField

MAX_KEY_CHARACTERS = 255
LOCK = text("SELECT pg_try_advisory_xact_lock(:number)")
FIND = text(
    """
    SELECT payload_hash, answer, secret_withheld FROM idempotency
    WHERE tenant_id = :tenant AND actor = :actor AND operation = :operation AND key = :key
    """
)
STORE = text(
    """
    INSERT INTO idempotency
        (tenant_id, actor, operation, key, payload_hash, answer, secret_withheld, grant_jti, subjects)
    VALUES (:tenant, :actor, :operation, :key, :payload_hash, :answer, :secret_withheld, :grant_jti, :subjects)
    """
)


@dataclass(frozen=True, slots=True)
class Key:
    """What makes two calls the same call."""

    tenant: UUID
    actor: UUID
    operation: str
    key: str

    def columns(self) -> dict[str, object]:
        """The key as columns."""
        return {"tenant": self.tenant, "actor": self.actor, "operation": self.operation, "key": self.key}

    def lock(self) -> int:
        """The number of the advisory lock, a signed 64-bit integer."""
        parts = "\0".join((str(self.tenant), str(self.actor), self.operation, self.key))
        return int.from_bytes(hashlib.sha256(parts.encode()).digest()[:8], signed=True)


@dataclass(frozen=True, slots=True)
class Stored:
    """The answer of a call that already ran."""

    answer: bytes
    secret_withheld: bool


def checked_key(key: str) -> str:
    """The caller's key; raises InvalidField for one that is too long or not printable ASCII."""
    if len(key) > MAX_KEY_CHARACTERS or not key.isascii() or not key.isprintable():
        raise InvalidField(
            f"The idempotency key must be at most {MAX_KEY_CHARACTERS} printable ASCII characters.",
            field="idempotency_key",
        )
    return key


async def find(session: AsyncSession, key: Key, payload_hash: str) -> Stored | None:
    """Takes the key for this transaction and answers what an earlier call with it answered.

    Raises IdempotencyRunning while that call runs, IdempotencyReused if its payload was another.
    """
    if not (await session.execute(LOCK, {"number": key.lock()})).scalar_one():
        raise IdempotencyRunning
    row = (await session.execute(FIND, key.columns())).one_or_none()
    if row is None:
        return None
    if row.payload_hash != payload_hash:
        raise IdempotencyReused(field="idempotency_key")
    return Stored(bytes(row.answer), row.secret_withheld)


async def store(
    session: AsyncSession, key: Key, payload_hash: str, answer: Message, grant_jti: str | None, subjects: Sequence[UUID]
) -> None:
    """Keeps the answer, without what is secret in it, in the transaction of the effect."""
    kept, withheld = without_secrets(answer)
    row = {
        "payload_hash": payload_hash,
        "answer": kept.to_binary(),
        "secret_withheld": withheld,
        "grant_jti": grant_jti,
        "subjects": list(subjects),
    }
    await session.execute(STORE, key.columns() | row)
