"""Changes a pipeline: keeps, adds and archives stages, and takes the deals in them along."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem, Reason

from kontor_crm_core.deal.following import follow_stages, reassign_deals
from kontor_crm_core.deal.rules import StageRules
from kontor_crm_core.pipeline.choosing import rules_of, stages_of
from kontor_crm_core.pipeline.models import PipelineRow, StageRow
from kontor_crm_core.pipeline.queries import usage
from kontor_crm_core.pipeline.rules import Fault, Plan, Present, Wanted, faults, in_use, label_key, plan, unknown_ids
from kontor_crm_core.pipeline.writing import archive, change, described, no_default, write_stages
from kontor_crm_core.record.writer import check_version
from kontor_platform.contract.problem import JSON, Conflict, InvalidField, TooLarge
from kontor_platform.runtime.call import Call, Change

MOST_DEALS = 2000


class StageInUse(Conflict):
    """The stage has deals in it; name the stage that takes them in reassign."""

    reason = Reason.STAGE_IN_USE


@dataclass(frozen=True, slots=True)
class Definition:
    """A pipeline as the caller wants it; no stages means those it has."""

    name: str
    stages: Sequence[Wanted]
    reassign: Sequence[tuple[str, str]]
    is_default: bool | None
    expected_version: int | None
    editable: Sequence[str] | None = None


def refuse(found: Sequence[Fault]) -> None:
    """Raises InvalidField with all faults, if there are any."""
    if found:
        problems = [FieldProblem(field=each.field, message=each.message, allowed=list(each.allowed)) for each in found]
        message = "; ".join(f"{each.field}: {each.message}" for each in found)
        raise InvalidField(message, fields=problems, allowed=found[0].allowed)


async def redefine(call: Call, row: PipelineRow, wanted: Definition) -> tuple[list[Change], int]:
    """Changes a locked pipeline and answers what changed and how many deals moved.

    Raises InvalidField, StageInUse, VersionConflict or TooLarge.
    """
    present = await stages_of(call, row.id)
    before = [wanted_of(stage, present) for stage in present]
    stages = wanted.stages or before
    changes = changes_of(row, before, stages, wanted)
    check_version(wanted.expected_version, row.version, changes)
    if wanted.is_default is False and row.is_default:
        raise InvalidField(
            "One pipeline is always the default; make another one the default instead.", field="is_default"
        )
    if not changes:
        return [], 0
    planned = await checked_plan(call, present, stages, wanted.reassign)
    moved = await write(call, row, stages, planned) if wanted.stages else 0
    await write_pipeline(call, row, wanted, changes)
    return changes, moved


def wanted_of(row: StageRow, stages: Sequence[StageRow]) -> Wanted:
    """The definition that would leave a stage as it is."""
    labels = {stage.id: stage.label for stage in stages}
    return Wanted(
        label=row.label,
        kind=row.kind,
        probability=row.probability,
        forecast_category=row.forecast_category,
        rot_days=row.rot_days,
        required_fields=tuple(row.required_fields),
        allowed_next=tuple(labels[each] for each in row.allowed_next if each in labels),
    )


def changes_of(row: PipelineRow, before: Sequence[Wanted], after: Sequence[Wanted], wanted: Definition) -> list[Change]:
    """What a definition changes."""
    changes = []
    if wanted.name != row.name:
        changes.append(Change("name", row.name, wanted.name))
    if wanted.is_default is not None and wanted.is_default != row.is_default:
        changes.append(Change("is_default", row.is_default, wanted.is_default))
    if wanted.editable is not None and list(wanted.editable) != row.editable_when_closed:
        changes.append(Change("editable_when_closed", row.editable_when_closed, list(wanted.editable)))
    if described(before) != described(after):
        changes.append(Change("stages", described(before), described(after)))
    return changes


async def checked_plan(
    call: Call, present: Sequence[StageRow], wanted: Sequence[Wanted], reassign: Sequence[tuple[str, str]]
) -> Plan:
    """What becomes of the stages; raises InvalidField, StageInUse with the counts, TooLarge."""
    counts = await deals_by_stage(call, [stage.id for stage in present])
    known = [Present(stage.id, stage.label, stage.kind, counts.get(stage.id, 0)) for stage in present]
    refuse([*faults(wanted), *unknown_ids(known, wanted)])
    planned = plan(known, wanted, reassign)
    if isinstance(planned, list):
        refuse(planned)
        raise AssertionError("a list of faults is never empty")
    held_back = in_use(planned, wanted)
    if held_back:
        details: dict[str, JSON] = {"stages": [{"stage": each.label, "deals": each.deals} for each, _ in held_back]}
        problems = [FieldProblem(field="reassign", message=why) for _, why in held_back]
        raise StageInUse("; ".join(why for _, why in held_back), fields=problems, details=details)
    if sum(counts.get(stage, 0) for stage in planned.moves) > MOST_DEALS:
        raise TooLarge(
            f"At most {MOST_DEALS} deals are reassigned in one call; move some with crm_update_pipeline first."
        )
    return planned


async def deals_by_stage(call: Call, stages: Sequence[UUID]) -> dict[UUID, int]:
    """How many live deals each stage holds."""
    counts: dict[UUID, int] = {}
    for stage, _, deals, _ in await call.session.execute(usage(call.actor.tenant, stages)):
        counts[stage] = counts.get(stage, 0) + deals
    return counts


async def write(call: Call, row: PipelineRow, stages: Sequence[Wanted], planned: Plan) -> int:
    """Stores the stages, moves the deals of those that leave and lets the others follow new percentages."""
    await archive(call, [stage.id for stage in planned.leaving])
    ids = await write_stages(call, row.id, stages, planned.kept)
    after: dict[UUID, StageRules] = {stage.id: rules_of(stage) for stage in await stages_of(call, row.id)}
    leaving = {stage.id: stage.label for stage in planned.leaving}
    moved = await reassign_deals(call, {stage: after[ids[place]] for stage, place in planned.moves.items()}, leaving)
    await follow_stages(call, [after[stage.id] for stage in planned.kept if stage])
    return moved


async def write_pipeline(call: Call, row: PipelineRow, wanted: Definition, changes: Sequence[Change]) -> None:
    """Stores the pipeline's own fields."""
    if wanted.is_default and not row.is_default:
        await no_default(call)
    row.name, row.name_key = wanted.name, label_key(wanted.name)
    row.is_default = row.is_default if wanted.is_default is None else wanted.is_default
    row.editable_when_closed = row.editable_when_closed if wanted.editable is None else list(wanted.editable)
    await change(call, row, changes)
