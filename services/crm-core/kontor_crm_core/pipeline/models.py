"""Tables of pipelines and their stages."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid
from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Table, moment
from kontor_platform.data.tables import key

EDITABLE = ("description",)


class PipelineRow(Table, table=True):
    """A pipeline; its version grows with every change to it or its stages."""

    __tablename__ = "pipeline"

    id: UUID = Field(primary_key=True)
    version: int
    name: str = key()
    name_key: str = key()
    is_default: bool = False
    editable_when_closed: list[str] = Field(default_factory=lambda: list(EDITABLE), sa_type=ARRAY(Text))
    created_at: datetime = moment()
    updated_at: datetime = moment()


class StageRow(Table, table=True):
    """A stage; archived ones keep the names that history needs, and may name the stage that takes their deals."""

    __tablename__ = "stage"

    id: UUID = Field(primary_key=True)
    pipeline_id: UUID
    label: str = key()
    label_key: str = key()
    position: int
    kind: str = key()
    probability: int
    forecast_category: str = key()
    rot_days: int | None = None
    required_fields: list[str] = Field(sa_type=ARRAY(Text))
    allowed_next: list[UUID] = Field(sa_type=ARRAY(Uuid))
    archived_at: datetime | None = moment(default=None)
    successor_id: UUID | None = None


PIPELINES = REGISTRY.metadata.tables["pipeline"]
STAGES = REGISTRY.metadata.tables["stage"]
