"""Decisions about API keys."""

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

ADMIN, APPROVER = "admin", "approver"
SECRET_BYTES = 32
DEFAULT_LIFE = timedelta(days=90)
LONGEST_LIFE = timedelta(days=365)
CLAIM_LIFE = timedelta(minutes=15)
HOST_LIFE = timedelta(days=365)
MAX_CHARACTERS = 512
_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_FORM = re.compile(f"kontor_({_ID})_({_ID})_([A-Za-z0-9_-]{{43}})", re.ASCII)


class Kind(StrEnum):
    """Who holds a key."""

    USER = "user"
    AGENT = "agent"
    SERVICE = "service"


class Door(StrEnum):
    """Where a call comes in; the facade is the gateway's REST side, where no model stands between."""

    EDGE = "edge"
    GATEWAY = "gateway"
    FACADE = "facade"
    INTERNAL = "internal"


OPENS = {Door.EDGE: "edge", Door.GATEWAY: "gateway", Door.FACADE: "gateway"}
DOORS = ("edge", "gateway")


class Verdict(StrEnum):
    """What became of a credential at a door."""

    LIVE = "live"
    MISSING = "credential_missing"
    MALFORMED = "credential_malformed"
    UNKNOWN = "credential_unknown"
    REVOKED = "credential_revoked"
    EXPIRED = "credential_expired"
    LOCKED_OUT = "holder_deactivated"
    WRONG_DOOR = "wrong_door"


@dataclass(frozen=True, slots=True)
class Presented:
    """A credential taken apart; nothing in it is proven yet."""

    tenant: UUID
    key: UUID
    secret: str


@dataclass(frozen=True, slots=True)
class Holder:
    """The person a key belongs to, or for whom its agent acts."""

    id: UUID
    name: str
    roles: frozenset[str]
    approver: bool
    active: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What is stored of a key."""

    kind: Kind
    roles: frozenset[str]
    approver: bool
    doors: frozenset[str]
    secret_sha256: str | None
    expires_at: datetime
    revoked_at: datetime | None
    holder: Holder | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for a key to be made or changed, and where."""

    kind: str
    door: str
    roles: frozenset[str]

    @property
    def is_model(self) -> bool:
        """Whether a model may have written the call, or will read its answer."""
        return self.kind == Kind.AGENT or self.door == Door.GATEWAY


@dataclass(frozen=True, slots=True)
class Wanted:
    """A key to be made."""

    kind: Kind
    roles: frozenset[str]
    approver: bool
    interactive: bool
    user_id: UUID | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fault:
    """A field that does not go with the others."""

    field: str
    message: str


def written(tenant: UUID, key: UUID, secret: str) -> str:
    """The credential as its holder sends it."""
    return f"kontor_{tenant}_{key}_{secret}"


def read(credential: str) -> Presented | None:
    """Takes a credential apart; None if it is not one of ours."""
    if len(credential) > MAX_CHARACTERS or (found := _FORM.fullmatch(credential)) is None:
        return None
    return Presented(UUID(found[1]), UUID(found[2]), found[3])


def sha256(secret: str) -> str:
    """What is stored of a secret of 32 random bytes, which needs no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def bearer(headers: list[str]) -> str | None:
    """The credential in the one Authorization header (RFC 6750); None for none, another scheme or more than one."""
    if len(headers) != 1:
        return None
    scheme, _, credential = headers[0].partition(" ")
    return credential.strip() or None if scheme.lower() == "bearer" else None


def judge(key: Known, secret: str, door: Door, now: datetime) -> Verdict:
    """Says whether a key lets its holder in at a door; a wrong secret learns nothing else."""
    if key.secret_sha256 is None or not hmac.compare_digest(key.secret_sha256, sha256(secret)):
        return Verdict.UNKNOWN
    if key.revoked_at is not None:
        return Verdict.REVOKED
    if key.expires_at <= now:
        return Verdict.EXPIRED
    if key.holder is not None and not key.holder.active:
        return Verdict.LOCKED_OUT
    return Verdict.LIVE if OPENS.get(door) in key.doors else Verdict.WRONG_DOOR


def within(roles: frozenset[str], holder: Holder | None) -> frozenset[str]:
    """The roles that the person behind a credential still has; all of them if there is no person."""
    return roles if holder is None or ADMIN in holder.roles else roles & holder.roles


def rights(key: Known) -> frozenset[str]:
    """What a key's holder may be now: never more than the person behind it still is."""
    decides = key.kind is Kind.USER and key.approver and key.holder is not None and key.holder.approver
    return within(key.roles, key.holder) | ({APPROVER} if decides else frozenset())


def beyond(wanted: frozenset[str], held: frozenset[str]) -> frozenset[str]:
    """The roles that someone holding these cannot give; an admin can give every one."""
    return frozenset() if ADMIN in held else wanted - held


def needs_person(kind: str, *, interactive: bool, approver: bool) -> bool:
    """Whether only a person may make or change such a key: a model could otherwise make itself one."""
    return kind != Kind.AGENT or interactive or approver


def faults(wanted: Wanted, now: datetime) -> Iterator[Fault]:
    """The fields of a new key that do not go together."""
    if wanted.kind is Kind.USER and wanted.user_id is None:
        yield Fault("user_id", "A key of kind 'user' needs the id of its user in 'user_id'.")
    if wanted.kind is Kind.SERVICE and wanted.user_id is not None:
        yield Fault("user_id", "A key of kind 'service' belongs to no user; leave 'user_id' out.")
    if wanted.kind is not Kind.USER and wanted.interactive:
        yield Fault("interactive", "Only a key of kind 'user' can be interactive.")
    if wanted.kind is not Kind.USER and wanted.approver:
        yield Fault("approver", "Only a key of kind 'user' can be an approver's.")
    if wanted.expires_at is not None and not now < wanted.expires_at <= now + LONGEST_LIFE:
        yield Fault("expires_at", f"'expires_at' must lie ahead, at most {LONGEST_LIFE.days} days.")


def unfit(wanted: Wanted, holder: Holder) -> Fault | None:
    """Why the key cannot be this person's, None if it can."""
    if wanted.approver and not holder.approver:
        return Fault("approver", "This user is no approver; make them one by crm_upsert_user first.")
    excess = beyond(wanted.roles, holder.roles)
    if excess:
        return Fault("roles", f"The user in 'user_id' is not: {', '.join(sorted(excess))}.")
    return None
