"""Moves deals from stage to stage."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from kontor_protos.kontor.crm.v1 import deals_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem
from sqlalchemy import RowMapping

from kontor_crm_core.deal.closed import require_open_to
from kontor_crm_core.deal.intervals import enter, leave
from kontor_crm_core.deal.opening import link_deal, require_links
from kontor_crm_core.deal.queries import CLOCK, deal
from kontor_crm_core.deal.reading import field_problems, read_edits
from kontor_crm_core.deal.refusals import refuse
from kontor_crm_core.deal.rules import (
    DealState,
    Edits,
    Kind,
    Move,
    edited,
    entered,
    manual_violations,
    move_violations,
    overwritten,
)
from kontor_crm_core.deal.states import changes, columns, links_of, state_of
from kontor_crm_core.moments import moment
from kontor_crm_core.pipeline.choosing import chosen_pipeline, chosen_stage, held, rules_of, stages_of
from kontor_crm_core.pipeline.fields import names_of, with_properties
from kontor_crm_core.pipeline.models import StageRow
from kontor_crm_core.property.wishes import wanted_properties
from kontor_crm_core.record.objects import write as store
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.record.writer import check_version, locked
from kontor_platform.contract.problem import Gone, NotFound, Unavailable
from kontor_platform.data.records.fold import clean
from kontor_platform.data.records.planned import Planned
from kontor_platform.data.records.setting import Settled, settled
from kontor_platform.data.records.setting import after as after_properties
from kontor_platform.runtime.call import Call, Change

INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Moved:
    """Where a deal was, where it is, and what changed on the way; nothing if it was there already."""

    source: str
    target: str
    changes: Sequence[Change]


async def move_deal(call: Call, request: pb.UpdatePipelineRequest) -> Moved:
    """Moves the deal by the rules of the target stage, all in one; raises with every rule that is broken."""
    request = await led_on(call, request, "set.contact_ids")
    deal_id, expected = UUID(request.deal_id), expected_version(request)
    stages = await stages_to_choose(call, request, deal_id)
    given = request.set or pb.DealFields()
    edits = await read_edits(call, given, "set.")
    wish = await wanted_properties(call, "deal", given.properties, path="set.properties")
    row = await locked(call, "deal", deal_id)
    if not request.pipeline and row["pipeline_id"] != stages[0].pipeline_id:
        raise Unavailable("Another call moved the deal to another pipeline; try again.")
    present = next(
        each for each in await stages_of(call, row["pipeline_id"], archived=True) if each.id == row["stage_id"]
    )
    target = await with_properties(call, chosen_stage(stages, request.stage))
    if target.id == present.id:
        check_version(expected, row["version"], [])
        return Moved(present.label, present.label, [])
    before = with_links(state_of(row, present.label), *await links_of(call, deal_id))
    custom = settled(wish, before.props)
    problems = [*set_problems(call, given, before), *wish.faults]
    move = Move(
        deal=replace(edited(before, edits), props=after_properties(before.props, custom.properties)),
        present=rules_of(present),
        target=target,
        reason=clean(request.reason),
        at=moment(request.occurred_at, "occurred_at") or await later(call, before.stage_entered_at),
        now=(await call.session.execute(CLOCK)).scalar_one(),
        labels=tuple((each.id, each.label) for each in stages),
    )
    refuse(problems, [*move_violations(move), *manual_violations(edits, target, "set.")])
    if closed_throughout(move):
        replaced = [*overwritten(before, edits), *(each.field for each in custom.changes if each.before is not None)]
        await require_open_to(call, row["pipeline_id"], replaced, "set.")
    return await write(call, row, expected, before, move, custom)


async def stages_to_choose(call: Call, request: pb.UpdatePipelineRequest, deal_id: UUID) -> Sequence[StageRow]:
    """The stages of the pipeline named, else of the deal's own, held before the deal as every definition holds them.

    Raises NotFound or Gone for the deal.
    """
    found = (await call.session.execute(deal(call.actor.tenant, deal_id))).mappings().one_or_none()
    if found is None:
        raise NotFound()
    if found["deleted_at"] is not None:
        raise Gone(ids=[str(deal_id)])
    own = found["pipeline_id"]
    pipeline = await chosen_pipeline(call, request.pipeline) if request.pipeline else await held(call, own)
    return await stages_of(call, pipeline.id)


def with_links(state: DealState, company: UUID | None, contacts: tuple[UUID, ...]) -> DealState:
    """The state of a deal with its company and contacts."""
    return edited(state, Edits(company_id=company, contact_ids=contacts))


def set_problems(call: Call, given: pb.DealFields, present: DealState) -> list[FieldProblem]:
    """What is wrong with what the call sets besides the stage."""
    problems = field_problems(given, present, call.actor.settings.currency, "set.")
    if given.has_field("probability") and given.probability_source == "stage":
        message = "give a probability, or take the stage's with probability_source stage, not both"
        problems.append(FieldProblem(field="set.probability_source", message=message))
    return problems


async def later(call: Call, since: datetime) -> datetime:
    """The database's time now that the deal is held, after the last move at any rate."""
    clock: datetime = (await call.session.execute(CLOCK)).scalar_one()
    return max(clock, since + INSTANT)


def closed_throughout(move: Move) -> bool:
    """Whether a closed deal stays closed."""
    return Kind.OPEN not in (move.present.kind, move.target.kind)


async def write(
    call: Call, row: RowMapping, expected: int | None, before: DealState, move: Move, custom: Settled
) -> Moved:
    """Stores the moved deal, ends its stay and begins the next, and makes the links that were set."""
    deal_id, after = row["id"], entered(move.deal, move.target, move.reason, move.at)
    await require_links(call, after)
    what = [*changes(before, after), *custom.changes]
    check_version(expected, row["version"], what)
    planned = Planned(
        "deal",
        deal_id,
        row["version"],
        columns(after),
        what,
        properties=custom.properties,
        event="deal.stage.changed",
    )
    version = (await store(call, planned))[deal_id].version
    await leave(call, [deal_id], move.at)
    await enter(call, [(deal_id, version, after)], move.reason)
    company = after.company_id if after.company_id != before.company_id else None
    await link_deal(call, deal_id, company, [each for each in after.contact_ids if each not in before.contact_ids])
    names = await names_of(call, [each.field for each in what])
    told = [Change(names.get(each.field, each.field), each.before, each.after) for each in what]
    return Moved(move.present.label, move.target.label, told)
