"""Creates deals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from kontor_protos.kontor.crm.v1 import deals_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem

from kontor_crm_core.association.edges import held, link
from kontor_crm_core.deal.intervals import enter
from kontor_crm_core.deal.models import DealRow
from kontor_crm_core.deal.opening_rules import Opening, opening_violations
from kontor_crm_core.deal.queries import COMPANY, CONTACT, holder, similar_open
from kontor_crm_core.deal.reading import field_problems, read_edits, system_problems
from kontor_crm_core.deal.refusals import refuse
from kontor_crm_core.deal.rules import (
    DealState,
    Edits,
    Kind,
    StageRules,
    edited,
    entered,
    manual_violations,
    name_key,
)
from kontor_crm_core.deal.states import columns, fields, shelves
from kontor_crm_core.moments import moment
from kontor_crm_core.pipeline.choosing import chosen_pipeline, chosen_stage, stages_of
from kontor_crm_core.pipeline.fields import with_properties
from kontor_crm_core.property.wishes import wanted_properties
from kontor_crm_core.record.lookups import foreign_ids
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.record.writer import created
from kontor_crm_core.refs import live_refs
from kontor_platform.contract.problem import JSON, NotFound
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.fold import clean
from kontor_platform.data.records.setting import Settled, after, settled
from kontor_platform.data.records.setting import missing as missing_properties
from kontor_platform.runtime.call import Call


@dataclass(frozen=True, slots=True)
class Made:
    """A created deal, and open ones that resemble it."""

    id: UUID
    state: DealState
    similar: Sequence[UUID]


async def open_deal(call: Call, request: pb.CreateDealRequest) -> Made:
    """Creates the deal with its links, its ids in other systems and its first stay; raises with every fault."""
    request = await led_on(call, request, "contact_ids")
    pipeline = await chosen_pipeline(call, request.pipeline)
    stage = await with_properties(call, chosen_stage(await stages_of(call, pipeline.id), request.stage))
    wish = await wanted_properties(call, "deal", request.properties)
    custom = settled(wish, {})
    problems = [*field_problems(request, None, call.actor.settings.currency), *id_problems(request)]
    problems += [*wish.faults, *missing_properties(wish)]
    if problems:
        refuse(problems, [])
    edits = replace(await read_edits(call, request), company_id=await company_of(call, request))
    opening = opening_of(call, request, edits, stage, after({}, custom.properties))
    refuse([], [*opening_violations(opening), *manual_violations(edits, stage, "")])
    state = entered(opening.deal, stage, opening.reason, opening.deal.stage_entered_at)
    await require_links(call, state)
    deal_id = await store(call, state, opening.reason, custom)
    return Made(deal_id, state, await similar(call, deal_id, state))


def id_problems(request: pb.CreateDealRequest) -> list[FieldProblem]:
    """What is wrong with the ids given."""
    found = system_problems(request)
    if request.company_id and request.company_external_id:
        found.append(
            FieldProblem(field="company_external_id", message="give company_id or company_external_id, not both")
        )
    return found


async def company_of(call: Call, request: pb.CreateDealRequest) -> UUID | None:
    """The company named by id or by its id in another system; raises NotFound."""
    if not request.company_external_id:
        return UUID(request.company_id) if request.company_id else None
    (given,) = foreign_ids([(request.company_external_id.system, request.company_external_id.value)])
    found = await call.session.execute(holder(call.actor.tenant, "company", given.system, given.value))
    company: UUID | None = found.scalar_one_or_none()
    if company is None:
        raise NotFound(field="company_external_id")
    return company


def opening_of(
    call: Call, request: pb.CreateDealRequest, edits: Edits, stage: StageRules, props: Mapping[str, JSON]
) -> Opening:
    """The deal as it begins, with the times the caller gave."""
    opened, closed = moment(request.opened_at, "opened_at"), moment(request.closed_at, "closed_at")
    begins = opened or closed or call.now
    enters = begins if stage.kind == Kind.OPEN else closed or call.now
    blank = DealState(
        name="", currency=call.actor.settings.currency, opened_at=begins, stage_entered_at=enters, props=props
    )
    draft = edited(replace(blank, owner_id=call.actor.owner), edits)
    return Opening(draft, stage, clean(request.reason), opened, closed, call.now)


async def require_links(call: Call, state: DealState) -> None:
    """Refuses a company or contacts that do not exist; raises NotFound or Gone."""
    await live_refs(call, [state.company_id] if state.company_id else [], ["company"])
    await live_refs(call, state.contact_ids, ["contact"])
    call.concerns(*state.contact_ids)


async def store(call: Call, state: DealState, reason: str, custom: Settled) -> UUID:
    """Writes the deal, its first stay and its links, and answers its id."""
    deal_id = new_id()
    key: dict[str, Any] = {
        "tenant_id": call.actor.tenant,
        "id": deal_id,
        "created_at": call.now,
        "updated_at": call.now,
    }
    row = DealRow(**key, **columns(state))
    await created(call, "deal", row, fields(state), shelves=shelves((), state.external_ids), custom=custom)
    await enter(call, [(deal_id, 1, state)], reason)
    await link_deal(call, deal_id, state.company_id, state.contact_ids)
    return deal_id


async def link_deal(call: Call, deal_id: UUID, company: UUID | None, contacts: Sequence[UUID]) -> None:
    """Links a deal to a company and contacts, all held in one order; raises LinkExists if it has another company."""
    await held(call, [deal_id, *([company] if company else []), *contacts])
    if company:
        await link(call, [(deal_id, company)], COMPANY)
    if contacts:
        await link(call, [(deal_id, contact) for contact in contacts], CONTACT)


async def similar(call: Call, deal_id: UUID, state: DealState) -> list[UUID]:
    """Open deals of the same name with the same company."""
    if state.company_id is None or state.stage_kind != Kind.OPEN:
        return []
    found = await call.session.execute(similar_open(call.actor.tenant, name_key(state.name), state.company_id, deal_id))
    return [row.id for row in found]
