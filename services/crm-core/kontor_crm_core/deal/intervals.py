"""The stays of deals in stages: exactly one is open, and each begins where the last one ended."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, update

from kontor_crm_core.deal.models import INTERVALS
from kontor_crm_core.deal.rules import DealState
from kontor_platform.data.ids import new_id
from kontor_platform.runtime.call import Call

Stay = tuple[UUID, int, DealState]


async def enter(call: Call, stays: Sequence[Stay], reason: str) -> None:
    """Begins a stay for each deal, given with its version and the state it has from now on."""
    await call.session.execute(insert(INTERVALS), [interval(call, *stay, reason) for stay in stays])


async def leave(call: Call, deals: Sequence[UUID], at: datetime) -> None:
    """Ends the present stay of each deal."""
    open_ones = (
        INTERVALS.c.tenant_id == call.actor.tenant,
        INTERVALS.c.deal_id.in_(deals),
        INTERVALS.c.exited_at.is_(None),
    )
    await call.session.execute(update(INTERVALS).where(*open_ones).values(exited_at=at))


def interval(call: Call, deal_id: UUID, version: int, state: DealState, reason: str) -> dict[str, object]:
    """The row of a stay that begins."""
    return {
        "tenant_id": call.actor.tenant,
        "id": new_id(),
        "deal_id": deal_id,
        "version": version,
        "pipeline_id": state.pipeline_id,
        "stage_id": state.stage_id,
        "entered_at": state.stage_entered_at,
        "amount": state.amount,
        "currency": state.currency,
        "probability": state.probability,
        "forecast_category": state.forecast_category,
        "close_date": state.close_date,
        "reason": reason or None,
        "actor_kind": call.author,
        "actor_id": call.actor.actor,
        "on_behalf_of": call.actor.on_behalf_of,
        "operation_id": call.call_id,
    }
