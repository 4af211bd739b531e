"""Changes fields of deals."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID
from zoneinfo import ZoneInfo

from kontor_protos.kontor.crm.v1 import common_pb
from kontor_protos.kontor.crm.v1 import deals_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem

from kontor_crm_core.association.edges import held as held_records
from kontor_crm_core.association.edges import link, unlink
from kontor_crm_core.deal.closed import require_open_to
from kontor_crm_core.deal.opening import require_links
from kontor_crm_core.deal.queries import CLOCK, COMPANY, CONTACT, deal, external_ids
from kontor_crm_core.deal.reading import field_problems, read_edits, system_problems
from kontor_crm_core.deal.refusals import refuse
from kontor_crm_core.deal.rules import DealState, Edits
from kontor_crm_core.deal.states import changes, columns, links_of, shelves, state_of
from kontor_crm_core.deal.update_rules import (
    Update,
    after_update,
    closed_fields,
    contradictions,
    is_overdue,
    lacking,
    update_violations,
)
from kontor_crm_core.pipeline.choosing import held, rules_of, stages_of
from kontor_crm_core.pipeline.fields import with_properties
from kontor_crm_core.pipeline.models import PipelineRow
from kontor_crm_core.property.wishes import blank_warnings, wanted_properties
from kontor_crm_core.record.objects import write
from kontor_crm_core.record.redirects import led_on
from kontor_crm_core.record.wishes import expected_version
from kontor_crm_core.record.writer import check_version, locked
from kontor_platform.contract.problem import Gone, NotFound, Unavailable
from kontor_platform.data.records.answers import told_changes
from kontor_platform.data.records.planned import Planned
from kontor_platform.data.records.setting import Settled, settled
from kontor_platform.data.records.setting import after as props_after
from kontor_platform.runtime.call import Call, Change

LINKS = ("company_id", "contact_ids")


@dataclass(frozen=True, slots=True)
class Updated:
    """What changed in a deal, and what its caller should know."""

    changes: Sequence[Change]
    warnings: Sequence[common_pb.Warning]


async def update_deal(call: Call, request: pb.UpdateDealRequest) -> Updated:
    """Changes the deal and its links; raises with every fault, DealClosed, or VersionConflict with what differs."""
    request = await led_on(call, request, "contact_ids")
    deal_id, edits = UUID(request.deal_id), await wished(call, request)
    pipeline = await own_pipeline(call, deal_id)
    wish = await wanted_properties(call, "deal", request.properties, request.clear_properties)
    wish.settle()
    row = await locked(call, "deal", deal_id)
    if row["pipeline_id"] != pipeline.id:
        raise Unavailable("Another call moved the deal to another pipeline; try again.")
    stages = await stages_of(call, pipeline.id, archived=True)
    stage = await with_properties(call, rules_of(next(each for each in stages if each.id == row["stage_id"])))
    before = await whole(call, deal_id, state_of(row, stage.label))
    custom = settled(wish, before.props)
    wish.settle()
    after = replace(
        after_update(before, edits, request.clear, stage), props=props_after(before.props, custom.properties)
    )
    properties = [each.field for each in custom.changes]
    update = Update(before, after, edits, stage, properties)
    refuse(field_problems(request, emptied(before, request.clear), before.currency), update_violations(update))
    await require_open_to(call, pipeline.id, closed_fields(update))
    own = changes(before, after)
    what = [*own, *told_changes(wish.definitions, custom.changes)]
    check_version(expected_version(request), row["version"], what)
    await store(call, deal_id, row["version"], update, own, custom)
    return Updated(what, [*blank_warnings(wish), *await warnings(call, update)])


async def wished(call: Call, request: pb.UpdateDealRequest) -> Edits:
    """What the request sets, read before anything is held; raises InvalidField, and as `owner_named` does."""
    problems = [*field_problems(request, None, ""), *system_problems(request)]
    if problems:
        refuse(problems, [])
    edits = await read_edits(call, request)
    refuse([FieldProblem(field=each.field, message=each.message) for each in contradictions(edits, request.clear)], [])
    return edits


def emptied(deal: DealState, clear: Collection[str]) -> DealState:
    """The deal without an amount that is cleared, so that a currency given need not fit it."""
    return replace(deal, amount=None) if "amount" in clear else deal


async def own_pipeline(call: Call, deal_id: UUID) -> PipelineRow:
    """The pipeline of a deal, held before the deal as every definition holds them; raises NotFound or Gone."""
    found = (await call.session.execute(deal(call.actor.tenant, deal_id))).mappings().one_or_none()
    if found is None:
        raise NotFound()
    if found["deleted_at"] is not None:
        raise Gone(ids=[str(deal_id)])
    return await held(call, found["pipeline_id"])


async def whole(call: Call, deal_id: UUID, state: DealState) -> DealState:
    """The state of a deal with its links and its ids in other systems."""
    company, contacts = await links_of(call, deal_id)
    known = await call.session.execute(external_ids(call.actor.tenant, deal_id))
    return replace(
        state,
        company_id=company,
        contact_ids=contacts,
        external_ids=tuple((row.system, row.value) for row in known),
    )


async def store(
    call: Call, deal_id: UUID, version: int, update: Update, what: Sequence[Change], custom: Settled
) -> None:
    """Writes the fields that differ under the deal's next version, and its links, which leave the version."""
    before, after = update.before, update.after
    if custom.changes or any(each.field not in LINKS for each in what):
        old = columns(before)
        values = {name: value for name, value in columns(after).items() if value != old[name]}
        ids = shelves(before.external_ids, after.external_ids)
        planned = Planned(
            "deal", deal_id, version, values, [*what, *custom.changes], shelves=ids, properties=custom.properties
        )
        await write(call, planned)
    if any(each.field in LINKS for each in what):
        await require_links(call, after)
        await relink(call, deal_id, before, after)


async def relink(call: Call, deal_id: UUID, before: DealState, after: DealState) -> None:
    """Makes the deal's company and contacts those it shall have, all held in one order."""
    companies = [each for each in (before.company_id, after.company_id) if each]
    await held_records(call, [deal_id, *companies, *before.contact_ids, *after.contact_ids])
    if before.company_id and after.company_id is None:
        await unlink(call, [(deal_id, before.company_id)], COMPANY)
    if after.company_id and after.company_id != before.company_id:
        await link(call, [(deal_id, after.company_id)], COMPANY, replacing=True)
    gone = [(deal_id, each) for each in before.contact_ids if each not in after.contact_ids]
    new = [(deal_id, each) for each in after.contact_ids if each not in before.contact_ids]
    if gone:
        await unlink(call, gone, CONTACT)
    if new:
        await link(call, new, CONTACT)


async def warnings(call: Call, update: Update) -> list[common_pb.Warning]:
    """What the caller should know of the deal as it is now."""
    told = [
        common_pb.Warning(
            code="required_by_stage",
            message=f"{update.stage.label} asks deals that enter it for {field}, which is empty now.",
            field=field,
        )
        for field in (update.stage.names.get(each, each) for each in lacking(update))
    ]
    now = (await call.session.execute(CLOCK)).scalar_one()
    if is_overdue(update, now.astimezone(ZoneInfo(call.actor.settings.time_zone)).date()):
        message = f"The deal is open and its close date {update.after.close_date} has passed."
        told.append(common_pb.Warning(code="close_date_past", message=message, field="close_date"))
    return told
