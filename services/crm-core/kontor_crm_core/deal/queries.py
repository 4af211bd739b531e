"""Reads of deals, their links and their way through the stages."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, or_, select

from kontor_crm_core.association.models import ASSOCIATIONS
from kontor_crm_core.deal.models import DEALS
from kontor_crm_core.deal.rules import Kind, Source, StageRules
from kontor_crm_core.record.models import EXTERNAL_IDS, RECORDS

CLOCK = select(func.clock_timestamp())
COMPANY, CONTACT = "deal_company", "deal_contact"


def deal(tenant: UUID, deal_id: UUID) -> Select[Any]:
    """A deal by its id."""
    return select(DEALS).where(DEALS.c.tenant_id == tenant, DEALS.c.id == deal_id)


def linked(tenant: UUID, deals: Collection[UUID]) -> Select[Any]:
    """Live companies and contacts of deals, the oldest link first."""
    return (
        select(ASSOCIATIONS.c.from_id, ASSOCIATIONS.c.type_key, ASSOCIATIONS.c.to_id)
        .join(RECORDS, (RECORDS.c.tenant_id == ASSOCIATIONS.c.tenant_id) & (RECORDS.c.id == ASSOCIATIONS.c.to_id))
        .where(
            ASSOCIATIONS.c.tenant_id == tenant,
            ASSOCIATIONS.c.from_id.in_(deals),
            ASSOCIATIONS.c.type_key.in_((COMPANY, CONTACT)),
            RECORDS.c.tenant_id == tenant,
            RECORDS.c.deleted_at.is_(None),
        )
        .order_by(ASSOCIATIONS.c.created_at, ASSOCIATIONS.c.to_id)
    )


def holder(tenant: UUID, object_type: str, system: str, value: str) -> Select[Any]:
    """The record of a type that has an id in another system."""
    return select(EXTERNAL_IDS.c.record_id).where(
        EXTERNAL_IDS.c.tenant_id == tenant,
        EXTERNAL_IDS.c.object_type == object_type,
        EXTERNAL_IDS.c.system == system,
        EXTERNAL_IDS.c.value == value,
        EXTERNAL_IDS.c.live,
    )


def external_ids(tenant: UUID, record: UUID) -> Select[Any]:
    """What a record is called in other systems, in order."""
    columns = EXTERNAL_IDS.c
    mine = (columns.tenant_id == tenant, columns.record_id == record, columns.live)
    return select(columns.system, columns.value).where(*mine).order_by(columns.system, columns.value)


def similar_open(tenant: UUID, name_key: str, company: UUID, besides: UUID) -> Select[Any]:
    """Open deals of the same name with the same company."""
    return (
        select(DEALS.c.id, DEALS.c.name)
        .join(ASSOCIATIONS, (ASSOCIATIONS.c.tenant_id == DEALS.c.tenant_id) & (ASSOCIATIONS.c.from_id == DEALS.c.id))
        .where(
            DEALS.c.tenant_id == tenant,
            DEALS.c.name_key == name_key,
            DEALS.c.stage_kind == Kind.OPEN,
            DEALS.c.deleted_at.is_(None),
            DEALS.c.id != besides,
            ASSOCIATIONS.c.tenant_id == tenant,
            ASSOCIATIONS.c.type_key == COMPANY,
            ASSOCIATIONS.c.to_id == company,
        )
        .order_by(DEALS.c.id)
        .limit(5)
    )


def deals_in(tenant: UUID, stages: Collection[UUID], most: int) -> Select[Any]:
    """So many deals in stages, held, in the order in which every change of many deals holds them."""
    mine = (DEALS.c.tenant_id == tenant, DEALS.c.stage_id.in_(stages), DEALS.c.deleted_at.is_(None))
    return select(DEALS).where(*mine).order_by(DEALS.c.id).limit(most).with_for_update()


def out_of_step(tenant: UUID, stages: Iterable[StageRules]) -> Select[Any]:
    """The deals that follow their stage and do not have its percentage or category."""
    differing = [
        (DEALS.c.stage_id == stage.id)
        & or_(
            (DEALS.c.probability_source == Source.STAGE) & (DEALS.c.probability != stage.probability),
            (DEALS.c.forecast_category_source == Source.STAGE) & (DEALS.c.forecast_category != stage.forecast_category),
        )
        for stage in stages
    ]
    return select(DEALS).where(DEALS.c.tenant_id == tenant, DEALS.c.deleted_at.is_(None), or_(*differing))


def held_out_of_step(tenant: UUID, stages: Iterable[StageRules], most: int) -> Select[Any]:
    """So many of them, held."""
    return out_of_step(tenant, stages).order_by(DEALS.c.id).limit(most).with_for_update()


def number_out_of_step(tenant: UUID, stages: Iterable[StageRules]) -> Select[Any]:
    """How many there are."""
    return select(func.count()).select_from(out_of_step(tenant, stages).subquery())
