"""The table of definitions."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Table, moment
from kontor_platform.contract.problem import JSON
from kontor_platform.data.tables import key


class PropertyRow(Table, table=True):
    """A custom property of one type of record."""

    __tablename__ = "property_definition"

    id: UUID = Field(primary_key=True)
    version: int = 1
    object_type: str = key()
    name: str = key()
    label: str
    description: str = ""
    type: str = key()
    options: list[dict[str, Any]] = Field(default_factory=list, sa_type=JSONB)
    rules: dict[str, JSON] = Field(default_factory=dict, sa_type=JSONB)
    required: bool = False
    is_unique: bool = False
    filterable: bool = True
    searchable: bool = False
    personal: str = key(default="none")
    index_state: str = key(default="ready")
    archived_at: datetime | None = moment(default=None)
    created_at: datetime = moment()
    updated_at: datetime = moment()


PROPERTIES = REGISTRY.metadata.tables["property_definition"]
