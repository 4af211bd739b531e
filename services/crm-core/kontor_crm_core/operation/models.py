"""The table of long work."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Table, moment
from kontor_platform.data.tables import key


class LongWork(Table, table=True):
    """One piece of long work; `data` holds ids and options, `counters` numbers by name, per code as `code:<code>`."""

    __tablename__ = "operation"

    id: UUID = Field(primary_key=True)
    kind: str = key()
    state: str = key()
    tool: str = key()
    actor: dict[str, Any] = Field(sa_type=JSONB)
    position: int = 0
    total: int | None = None
    counters: dict[str, int] = Field(default_factory=dict, sa_type=JSONB)
    report: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    error: str | None = None
    result_file: UUID | None = None
    error_file: UUID | None = None
    cancel_requested: bool = False
    reverts: UUID | None = None
    reverted_by: UUID | None = None
    created_at: datetime = moment()
    started_at: datetime | None = moment(default=None)
    updated_at: datetime = moment()
    finished_at: datetime | None = moment(default=None)


OPERATIONS = REGISTRY.metadata.tables["operation"]
