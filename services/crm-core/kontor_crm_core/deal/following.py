"""What a new definition of a pipeline does to the deals in it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from kontor_crm_core.deal.intervals import enter, leave
from kontor_crm_core.deal.queries import CLOCK, deals_in, out_of_step
from kontor_crm_core.deal.rules import DealState, StageRules, entered, next_category, next_probability
from kontor_crm_core.deal.states import changes, columns, state_of
from kontor_crm_core.record.writer import updated_many
from kontor_platform.runtime.call import Call

INSTANT = timedelta(microseconds=1)
REASSIGNED = "The stage left the pipeline."

Pairs = Mapping[UUID, tuple[DealState, DealState]]


async def reassign_deals(call: Call, targets: Mapping[UUID, StageRules], labels: Mapping[UUID, str]) -> int:
    """Moves the deals of stages that leave to the stages given, and answers how many there were."""
    rows = (await call.session.execute(deals_in(call.actor.tenant, list(targets)))).mappings().all() if targets else []
    if not rows:
        return 0
    clock: datetime = (await call.session.execute(CLOCK)).scalar_one()
    at = max(clock, *(row["stage_entered_at"] + INSTANT for row in rows))
    before = {row["id"]: state_of(row, labels[row["stage_id"]]) for row in rows}
    pairs = {deal: (state, passed_on(state, targets[stage_of(state)], at)) for deal, state in before.items()}
    versions = await write(call, pairs, "deal.stage.changed")
    await leave(call, list(pairs), at)
    await enter(call, [(deal, versions[deal], after) for deal, (_, after) in pairs.items()], REASSIGNED)
    return len(pairs)


def stage_of(state: DealState) -> UUID:
    """The stage a stored deal is in."""
    if state.stage_id is None:
        raise ValueError("a stored deal is always in a stage")
    return state.stage_id


def passed_on(deal: DealState, stage: StageRules, at: datetime) -> DealState:
    """The deal in another stage of the same kind: what was decided when it closed stays."""
    return replace(entered(deal, stage, "", at), closed_at=deal.closed_at, lost_reason=deal.lost_reason)


async def follow_stages(call: Call, stages: Iterable[StageRules]) -> None:
    """Gives the deals that follow their stage its new percentage and category."""
    rules = {stage.id: stage for stage in stages}
    if not rules:
        return
    rows = (await call.session.execute(out_of_step(call.actor.tenant, rules.values()))).mappings().all()
    before = {row["id"]: state_of(row, rules[row["stage_id"]].label) for row in rows}
    await write(call, {deal: (state, in_step(state, rules[stage_of(state)])) for deal, state in before.items()}, "")


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


async def write(call: Call, pairs: Pairs, event: str) -> dict[UUID, int]:
    """Stores changed deals, those that get the same values together, and answers their versions."""
    groups: dict[tuple[tuple[str, object], ...], list[UUID]] = {}
    for deal, (before, after) in pairs.items():
        old = columns(before)
        values = tuple((field, value) for field, value in columns(after).items() if value != old[field])
        groups.setdefault(values, []).append(deal)
    versions: dict[UUID, int] = {}
    for values, deals in groups.items():
        versions |= await updated_many(
            call, "deal", {deal: changes(*pairs[deal]) for deal in deals}, dict(values), event
        )
    return versions
