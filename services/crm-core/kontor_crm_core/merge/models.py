"""The table of merges, and what is known of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Table, moment
from kontor_platform.data.tables import key


class MergeLog(Table, table=True):
    """One contact merged into another: the choices made, the values written, and whether it was undone."""

    __tablename__ = "merge_log"

    operation_id: UUID = Field(primary_key=True)
    loser_id: UUID = Field(primary_key=True)
    winner_id: UUID
    place: int
    choices: dict[str, str] = Field(sa_type=JSONB)
    wrote: dict[str, Any] = Field(sa_type=JSONB)
    created: dict[str, str] = Field(sa_type=JSONB)
    at: datetime = moment()
    actor_id: UUID
    actor_kind: str = key()
    on_behalf_of: UUID | None = None
    undone_by: UUID | None = None
    undone_at: datetime | None = moment(default=None)
    undone_actor_id: UUID | None = None
    undone_actor_kind: str | None = key(default=None)
    undone_on_behalf_of: UUID | None = None


MERGES = REGISTRY.metadata.tables["merge_log"]
