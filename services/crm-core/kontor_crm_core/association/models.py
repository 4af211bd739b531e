"""Tables of links between records."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Table, moment
from kontor_platform.contract.problem import JSON
from kontor_platform.data.tables import key


class AssociationType(Table, table=True):
    """What a link means, read in either direction, and what it holds."""

    __tablename__ = "association_type"

    type_key: str = key(primary_key=True)
    from_type: str = key()
    to_type: str = key()
    label: str
    reverse_label: str
    cardinality: str = key()
    reverse_cardinality: str = key()
    properties: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)


class Association(Table, table=True):
    """One link."""

    __tablename__ = "association"

    type_key: str = key(primary_key=True)
    from_id: UUID = Field(primary_key=True)
    to_id: UUID = Field(primary_key=True)
    from_type: str = key()
    to_type: str = key()
    labels: list[str] = Field(default_factory=list, sa_type=ARRAY(Text))
    is_primary: bool = False
    props: dict[str, JSON] = Field(default_factory=dict, sa_type=JSONB)
    version: int = 1
    created_at: datetime = moment()
    created_by: UUID
    created_by_kind: str = key()
    on_behalf_of: UUID | None = None


class LinkLog(Table, table=True):
    """What became of a link, once for each end: links that are gone, unlinking, and changes of those that stand."""

    __tablename__ = "link_log"

    record_id: UUID = Field(primary_key=True)
    at: datetime = moment(primary_key=True)
    other_id: UUID = Field(primary_key=True)
    tie: str = key(primary_key=True)
    kind: str = key()
    label: str
    changes: list[dict[str, JSON]] = Field(default_factory=list, sa_type=JSONB)
    actor_id: UUID
    actor_kind: str = key()
    on_behalf_of: UUID | None = None
    operation_id: UUID | None = None


ASSOCIATIONS = REGISTRY.metadata.tables["association"]
ASSOCIATION_TYPES = REGISTRY.metadata.tables["association_type"]
LINK_LOG = REGISTRY.metadata.tables["link_log"]
