"""What a new definition of a pipeline does to the deals in it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import RowMapping

from kontor_crm_core.deal.intervals import enter, leave
from kontor_crm_core.deal.queries import CLOCK, deals_in, out_of_step
from kontor_crm_core.deal.rules import DealState, StageRules, entered, next_category, next_probability
from kontor_crm_core.deal.states import changes, columns, state_of
from kontor_crm_core.record.objects import write
from kontor_platform.data.records.planned import Planned
from kontor_platform.runtime.call import Call

INSTANT = timedelta(microseconds=1)
REASSIGNED = "The stage left the pipeline."


async def reassign_deals(call: Call, targets: Mapping[UUID, StageRules], labels: Mapping[UUID, str]) -> int:
    """Moves the deals of stages that leave to the stages given, and answers how many there were."""
    rows = (await call.session.execute(deals_in(call.actor.tenant, list(targets)))).mappings().all() if targets else []
    if not rows:
        return 0
    clock: datetime = (await call.session.execute(CLOCK)).scalar_one()
    at = max(clock, *(row["stage_entered_at"] + INSTANT for row in rows))
    planned: list[Planned] = []
    states: dict[UUID, DealState] = {}
    for row in rows:
        before = state_of(row, labels[row["stage_id"]])
        states[row["id"]] = after = passed_on(before, targets[row["stage_id"]], at)
        planned.append(next_version(row, before, after, "deal.stage.changed"))
    written = await write(call, *planned)
    await leave(call, list(states), at)
    await enter(call, [(deal, written[deal].version, after) for deal, after in states.items()], REASSIGNED)
    return len(rows)


def passed_on(deal: DealState, stage: StageRules, at: datetime) -> DealState:
    """The deal in another stage of the same kind: what was decided when it closed stays."""
    return replace(entered(deal, stage, "", at), closed_at=deal.closed_at, lost_reason=deal.lost_reason)


async def follow_stages(call: Call, stages: Iterable[StageRules]) -> None:
    """Gives the deals that follow their stage its new percentage and category."""
    rules = {stage.id: stage for stage in stages}
    if not rules:
        return
    rows = (await call.session.execute(out_of_step(call.actor.tenant, rules.values()))).mappings().all()
    planned: list[Planned] = []
    for row in rows:
        stage = rules[row["stage_id"]]
        before = state_of(row, stage.label)
        planned.append(next_version(row, before, in_step(before, stage)))
    await write(call, *planned)


def in_step(deal: DealState, stage: StageRules) -> DealState:
    """The deal with the percentage and category that its stage gives it."""
    chance, (category, source) = next_probability(deal, stage), next_category(deal, stage)
    return replace(
        deal,
        probability=chance.percent,
        probability_source=chance.source,
        forecast_category=category,
        forecast_category_source=source,
    )


def next_version(row: RowMapping, before: DealState, after: DealState, event: str = "") -> Planned:
    """A held deal as it shall be; only the columns that differ are stored."""
    old = columns(before)
    values = {field: value for field, value in columns(after).items() if value != old[field]}
    return Planned("deal", row["id"], row["version"], values, changes(before, after), event=event)
