"""What a new definition of a pipeline does to the deals in it: at once where they are few, else as a job."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from kontor_crm_core.deal.intervals import enter, leave
from kontor_crm_core.deal.queries import CLOCK, deals_in, held_out_of_step, number_out_of_step
from kontor_crm_core.deal.rules import DealState, StageRules, entered
from kontor_crm_core.deal.states import changes, columns, state_of
from kontor_crm_core.deal.update_rules import in_step
from kontor_crm_core.operation.rules import State
from kontor_crm_core.operation.store import advance, claim, finish, in_operation, opened
from kontor_crm_core.pipeline.choosing import held, rules_of, stages_of
from kontor_crm_core.pipeline.models import StageRow
from kontor_crm_core.pipeline.rules import heirs
from kontor_crm_core.record.objects import write
from kontor_platform.data.records.planned import Planned
from kontor_platform.data.records.write import Written
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.work import Work

# DECISIONS.md 10: what touches more records than this runs as a job.
MOST_IN_CALL = 1000
CHUNK = 1000
JOB = "follow_stages"
INSTANT = timedelta(microseconds=1)
REASSIGNED = "The stage left the pipeline."

Pair = tuple[int, DealState, DealState]


@dataclass(frozen=True, slots=True)
class Done:
    """How many deals went to another stage, and how many took a new percentage or category."""

    reassigned: int = 0
    followed: int = 0


async def number_to_follow(call: Call, stages: Iterable[StageRow]) -> int:
    """How many deals follow their stage and are not in step with it."""
    rules = [rules_of(stage) for stage in stages]
    if not rules:
        return 0
    return int((await call.session.execute(number_out_of_step(call.actor.tenant, rules))).scalar_one())


async def bring_along(call: Call, pipeline_id: UUID, most: int) -> Done:
    """Takes so many deals of a held pipeline to where their stage has gone, or to the values it has now."""
    stages = await stages_of(call, pipeline_id, archived=True)
    reassigned = await reassign_deals(call, stages, most)
    followed = await follow_stages(call, [each for each in stages if each.archived_at is None], most - reassigned)
    return Done(reassigned, followed)


async def reassign_deals(call: Call, stages: Sequence[StageRow], most: int) -> int:
    """Moves deals of stages that left to the stages that take them, and answers how many."""
    targets = heirs({each.id: each.successor_id for each in stages})
    if not targets:
        return 0
    rows = (await call.session.execute(deals_in(call.actor.tenant, list(targets), most))).mappings().all()
    if not rows:
        return 0
    rules, labels = {each.id: rules_of(each) for each in stages}, {each.id: each.label for each in stages}
    clock: datetime = (await call.session.execute(CLOCK)).scalar_one()
    at = max(clock, *(row["stage_entered_at"] + INSTANT for row in rows))
    pairs = {}
    for row in rows:
        before = state_of(row, labels[row["stage_id"]])
        pairs[row["id"]] = (row["version"], before, passed_on(before, rules[targets[row["stage_id"]]], at))
    written = await store(call, pairs, "deal.stage.changed")
    await leave(call, list(pairs), at)
    await enter(call, [(deal, written[deal].version, after) for deal, (_, _, after) in pairs.items()], REASSIGNED)
    return len(pairs)


def passed_on(deal: DealState, stage: StageRules, at: datetime) -> DealState:
    """The deal in another stage of the same kind: what was decided when it closed stays."""
    return replace(entered(deal, stage, "", at), closed_at=deal.closed_at, lost_reason=deal.lost_reason)


async def follow_stages(call: Call, stages: Iterable[StageRow], most: int) -> int:
    """Gives so many deals that follow their stage its new percentage and category, and answers how many."""
    rules = {stage.id: rules_of(stage) for stage in stages}
    if not rules or most <= 0:
        return 0
    found = await call.session.execute(held_out_of_step(call.actor.tenant, rules.values(), most))
    pairs = {}
    for row in found.mappings():
        before = state_of(row, rules[row["stage_id"]].label)
        pairs[row["id"]] = (row["version"], before, in_step(before, rules[row["stage_id"]]))
    await store(call, pairs, "")
    return len(pairs)


async def store(call: Call, pairs: Mapping[UUID, Pair], event: str) -> Mapping[UUID, Written]:
    """Stores changed deals, all at once."""
    planned = []
    for deal, (version, before, after) in pairs.items():
        old = columns(before)
        values = {name: value for name, value in columns(after).items() if value != old[name]}
        planned.append(Planned("deal", deal, version, values, changes(before, after), event=event))
    return await write(call, *planned)


async def run_follow_stages(work: Work, tenant: UUID, id: UUID) -> None:
    """The job that brings along what were too many deals for one call, in chunks that others may come between."""
    row = await opened(work, tenant, id)
    pipeline = UUID(str(row.data["pipeline_id"]))
    while True:
        async with in_operation(work, row) as call:
            present = await claim(call, id)
            if present.cancel_requested:
                await finish(call, id, State.CANCELED)
                return
            await held(call, pipeline)
            done = await bring_along(call, pipeline, CHUNK)
            number = done.reassigned + done.followed
            if not number:
                await finish(call, id, State.DONE)
                return
            counters = {"reassigned": done.reassigned, "followed": done.followed}
            await advance(call, id, present.position + number, counters)
