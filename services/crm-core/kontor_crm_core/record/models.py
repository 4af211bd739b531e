"""Tables that every kind of record shares: the registry and the change log."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, SmallInteger, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field

from kontor_platform.contract.problem import JSON
from kontor_platform.data.tables import Keyed, Tenanted, key

REGISTRY = registry()
Moment = DateTime(timezone=True)


def moment(**options: Any) -> Any:
    """A column that holds a moment with its zone."""
    return Field(sa_type=Moment, **options)


class Table(Tenanted, registry=REGISTRY):
    """A table of this service that is not itself a record."""


class Entity(Keyed, registry=REGISTRY):
    """A record: what the writer versions, logs and announces; `props` holds custom properties by their ids."""

    props: dict[str, JSON] = Field(default_factory=dict, sa_type=JSONB)
    created_at: datetime = moment()
    updated_at: datetime = moment()
    deleted_at: datetime | None = moment(default=None)
    deleted_by: UUID | None = None
    merged_into: UUID | None = None


class Record(Table, table=True):
    """One row per record of any type: the far end of every link."""

    __tablename__ = "record"

    id: UUID = Field(primary_key=True)
    object_type: str = key()
    deleted_at: datetime | None = moment(default=None)
    terms: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))


class RecordChange(Table, table=True):
    """One accepted change of one record; append-only."""

    __tablename__ = "record_change"

    record_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    record_type: str = key()
    changes: list[dict[str, JSON]] = Field(sa_type=JSONB)
    actor_kind: str = key()
    actor_id: UUID
    on_behalf_of: UUID | None = None
    operation_id: UUID
    at: datetime = moment()


class ExternalIdRow(Table, table=True):
    """A record's id in another system; `live` ones are unique per system and type of record."""

    __tablename__ = "external_id"

    record_id: UUID = Field(primary_key=True)
    system: str = key(primary_key=True)
    value: str = key(primary_key=True)
    object_type: str = key()
    live: bool = True
    origin_id: UUID | None = None
    added_at: datetime = moment()


class SearchTerm(Table, table=True):
    """A term a record is found by; `fields` are the bits of where it stands."""

    __tablename__ = "search_term"

    object_type: str = key(primary_key=True)
    term: str = key(primary_key=True)
    record_id: UUID = Field(primary_key=True)
    fields: int = Field(sa_type=SmallInteger)


RECORDS = REGISTRY.metadata.tables["record"]
EXTERNAL_IDS = REGISTRY.metadata.tables["external_id"]
