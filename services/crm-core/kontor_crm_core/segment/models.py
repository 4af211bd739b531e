"""Tables of segments."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Table, moment
from kontor_platform.data.tables import key as text_key


class SegmentRow(Table, table=True):
    """A segment. `follows` are the links whose far records its filter asks about, `by_day` tells that its filter means
    another period each day; `compared_on` is the tenant's day on which its members were last compared as a whole.
    """

    __tablename__ = "segment"

    id: UUID = Field(primary_key=True)
    version: int = 1
    key: str = text_key()
    name: str
    description: str = ""
    object_type: str = text_key()
    kind: str = text_key()
    filter: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    property_ids: list[UUID] = Field(default_factory=list, sa_type=ARRAY(Uuid))
    segment_ids: list[UUID] = Field(default_factory=list, sa_type=ARRAY(Uuid))
    follows: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))
    by_day: bool = False
    state: str = text_key(default="ready")
    operation_id: UUID | None = None
    size: int = 0
    compared_on: date | None = None
    created_at: datetime = moment()
    created_by: UUID
    updated_at: datetime = moment()
    deleted_at: datetime | None = moment(default=None)
    deleted_by: UUID | None = None


class SegmentMemberRow(Table, table=True):
    """A record in a segment, since when."""

    __tablename__ = "segment_member"

    segment_id: UUID = Field(primary_key=True)
    record_id: UUID = Field(primary_key=True)
    joined_at: datetime = moment()


class SegmentSizeRow(Table, table=True):
    """How many members a segment had at the end of a day of the tenant."""

    __tablename__ = "segment_size"

    segment_id: UUID = Field(primary_key=True)
    day: date = Field(primary_key=True)
    size: int


SEGMENTS = REGISTRY.metadata.tables["segment"]
MEMBERS = REGISTRY.metadata.tables["segment_member"]
SIZES = REGISTRY.metadata.tables["segment_size"]
