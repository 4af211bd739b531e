"""Tables of people, keys, settings, changes and refusals."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import DateTime, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field

from kontor_platform.data.tables import Keyed, Tenanted, key

REGISTRY = registry()
Moment = DateTime(timezone=True)
Words = ARRAY(Text)


class Row(Tenanted, registry=REGISTRY):
    """A row of this service that is not itself a record."""


class Record(Keyed, registry=REGISTRY):
    """A record of this service."""


class Settings(Row, table=True):
    """How a tenant reads dates, phone numbers and amounts."""

    __tablename__ = "tenant_settings"

    time_zone: str
    region: str = key()
    currency: str = key()
    fiscal_month: int


class User(Record, table=True):
    """A person who works in the tenant."""

    __tablename__ = "users"

    email: str
    email_key: str = key()
    name: str
    roles: list[str] = Field(sa_type=Words)
    approver: bool
    active: bool
    created_at: datetime = Field(sa_type=Moment)
    updated_at: datetime = Field(sa_type=Moment)


class ApiKey(Record, table=True):
    """A credential; its secret is known by its SHA-256 alone, or not at all until a person collects it."""

    __tablename__ = "api_key"

    name: str
    kind: str = key()
    roles: list[str] = Field(sa_type=Words)
    approver: bool
    doors: list[str] = Field(sa_type=Words)
    per_minute: int | None = None
    interactive: bool
    secret_sha256: str | None = key(default=None)
    claim_sha256: str | None = key(default=None)
    claim_expires_at: datetime | None = Field(default=None, sa_type=Moment)
    actor_id: UUID
    user_id: UUID | None = None
    created_by: UUID | None = None
    created_at: datetime = Field(sa_type=Moment)
    expires_at: datetime = Field(sa_type=Moment)
    revoked_at: datetime | None = Field(default=None, sa_type=Moment)
    revoked_by: UUID | None = None
    last_used_at: datetime | None = Field(default=None, sa_type=Moment)


class Refused(Row, table=True):
    """How often an address was refused at a door in one minute, for one reason and credential."""

    __tablename__ = "refused"

    minute: datetime = Field(primary_key=True, sa_type=Moment)
    address: str = key(primary_key=True)
    reason: str = key(primary_key=True)
    credential: str = key(primary_key=True)
    count: int
    audited: bool = False


class RecordChange(Row, table=True):
    """One accepted change of one record; append-only."""

    __tablename__ = "record_change"

    record_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    record_type: str = key()
    changes: list[dict[str, Any]] = Field(sa_type=JSONB)
    actor_kind: str = key()
    actor_id: UUID
    on_behalf_of: UUID | None = None
    operation_id: UUID
    at: datetime = Field(sa_type=Moment)
