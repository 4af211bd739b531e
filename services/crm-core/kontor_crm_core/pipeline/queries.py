"""Reads of pipelines, their stages and the deals in them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select, text

from kontor_crm_core.deal.models import DEALS, INTERVALS
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
    """Deals in each stage by currency: count, sum of the amounts, and how many are longer there than the stage says."""
    deals = DEALS.c
    since = func.clock_timestamp() - func.make_interval(0, 0, 0, STAGES.c.rot_days)
    is_rotting = (STAGES.c.kind == "open") & (deals.stage_entered_at < since)
    return (
        select(
            deals.stage_id,
            deals.currency,
            func.count().label("deals"),
            func.coalesce(func.sum(deals.amount), 0).label("amount"),
            func.count().filter(is_rotting).label("rotting"),
        )
        .join(STAGES, (STAGES.c.tenant_id == deals.tenant_id) & (STAGES.c.id == deals.stage_id))
        .where(
            deals.tenant_id == tenant,
            deals.stage_id.in_(stages),
            deals.deleted_at.is_(None),
            STAGES.c.tenant_id == tenant,
        )
        .group_by(deals.stage_id, deals.currency)
        .order_by(deals.stage_id, deals.currency)
    )


def observed(tenant: UUID, stages: Collection[UUID]) -> Select[Any]:
    """How many of the deals that ever entered each stage are closed now, and how many of them won."""
    stays, deals = INTERVALS.c, DEALS.c
    ever = (
        select(stays.stage_id, stays.deal_id)
        .distinct()
        .where(stays.tenant_id == tenant, stays.stage_id.in_(stages))
        .subquery()
    )
    won = func.count().filter(deals.stage_kind == "won")
    return (
        select(ever.c.stage_id, func.count().label("closed"), won.label("won"))
        .join(DEALS, deals.id == ever.c.deal_id)
        .where(deals.tenant_id == tenant, deals.stage_kind.in_(("won", "lost")), deals.deleted_at.is_(None))
        .group_by(ever.c.stage_id)
    )
