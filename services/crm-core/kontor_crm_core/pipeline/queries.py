"""Reads of pipelines, their stages and the deals in them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text

from kontor_crm_core.deal.models import DEALS
from kontor_crm_core.pipeline.models import PIPELINES, STAGES

CLAIM = text("SELECT pg_advisory_xact_lock(hashtextextended('pipelines ' || :tenant, 0))")
# Advisory locks are granted in the order of asking; row locks let those who share one keep a writer waiting for good.
HOLD = text("SELECT pg_advisory_xact_lock_shared(hashtextextended('pipeline ' || :pipeline, 0))")
HOLD_TO_CHANGE = text("SELECT pg_advisory_xact_lock(hashtextextended('pipeline ' || :pipeline, 0))")


def pipelines(tenant: UUID) -> Select[Any]:
    """All pipelines, the default first, then by name."""
    order = (PIPELINES.c.is_default.desc(), PIPELINES.c.name_key, PIPELINES.c.id)
    return select(PIPELINES).where(PIPELINES.c.tenant_id == tenant).order_by(*order)


def one_pipeline(tenant: UUID, pipeline_id: UUID) -> Select[Any]:
    """A pipeline by its id."""
    return select(PIPELINES).where(PIPELINES.c.tenant_id == tenant, PIPELINES.c.id == pipeline_id)


def stages(tenant: UUID, pipelines: Collection[UUID], *, archived: bool = False) -> Select[Any]:
    """The stages of pipelines in their order, archived ones last if asked for."""
    found = select(STAGES).where(STAGES.c.tenant_id == tenant, STAGES.c.pipeline_id.in_(pipelines))
    if not archived:
        found = found.where(STAGES.c.archived_at.is_(None))
    return found.order_by(STAGES.c.archived_at.is_not(None), STAGES.c.position, STAGES.c.id)


def usage(tenant: UUID, stages: Collection[UUID]) -> Select[Any]:
    """Deals in each stage by currency: stage, currency, count and sum of the amounts."""
    deals = DEALS.c
    return (
        select(deals.stage_id, deals.currency, func.count(), func.coalesce(func.sum(deals.amount), 0))
        .where(deals.tenant_id == tenant, deals.stage_id.in_(stages), deals.deleted_at.is_(None))
        .group_by(deals.stage_id, deals.currency)
        .order_by(deals.stage_id, deals.currency)
    )
