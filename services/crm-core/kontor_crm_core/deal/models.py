"""Tables of deals and of the time they spent in each stage."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import CHAR, BigInteger, Computed
from sqlmodel import Field

from kontor_crm_core.record.models import REGISTRY, Entity, Table, moment
from kontor_platform.data.tables import Amount, key

Currency = CHAR(3, collation="C")


class DealRow(Entity, table=True):
    """A deal; company and contacts are associations."""

    __tablename__ = "deal"

    name: str = key()
    name_key: str = key()
    pipeline_id: UUID
    stage_id: UUID
    stage_kind: str = key()
    stage_entered_at: datetime = moment()
    amount: Decimal | None = Field(default=None, sa_type=Amount)
    amount_key: int | None = Field(
        default=None, sa_type=BigInteger, sa_column_args=[Computed("(amount * 10000)::bigint")]
    )
    currency: str = key()
    probability: int
    probability_source: str = key()
    forecast_category: str = key()
    forecast_category_source: str = key()
    close_date: date | None = None
    owner_id: UUID | None = None
    description: str | None = None
    lost_reason: str | None = None
    opened_at: datetime = moment()
    closed_at: datetime | None = moment(default=None)


class DealStageInterval(Table, table=True):
    """A stay of a deal in a stage; `version` is the deal's when it entered."""

    __tablename__ = "deal_stage_interval"

    id: UUID = Field(primary_key=True)
    version: int
    deal_id: UUID
    pipeline_id: UUID
    stage_id: UUID
    entered_at: datetime = moment()
    exited_at: datetime | None = moment(default=None)
    amount: Decimal | None = Field(default=None, sa_type=Amount)
    currency: str = Field(sa_type=Currency)
    probability: int
    forecast_category: str = key()
    close_date: date | None = None
    reason: str | None = None
    actor_kind: str = key()
    actor_id: UUID
    on_behalf_of: UUID | None = None
    operation_id: UUID


DEALS = REGISTRY.metadata.tables["deal"]
INTERVALS = REGISTRY.metadata.tables["deal_stage_interval"]
