"""Changes a pipeline: keeps, adds and archives stages, and takes the deals in them along."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.platform.v1.errors_pb import FieldProblem, Reason

from kontor_crm_core.deal.following import JOB, MOST_IN_CALL, bring_along, number_to_follow
from kontor_crm_core.operation.store import begin
from kontor_crm_core.pipeline.choosing import stages_of
from kontor_crm_core.pipeline.models import PipelineRow, StageRow
from kontor_crm_core.pipeline.queries import usage
from kontor_crm_core.pipeline.rules import (
    Fault,
    Plan,
    Present,
    Wanted,
    faults,
    heirs,
    in_use,
    label_key,
    plan,
    unknown_ids,
    with_heritage,
)
from kontor_crm_core.pipeline.writing import archive, change, described, no_default, succeed, write_stages
from kontor_crm_core.record.writer import check_version
from kontor_platform.contract.problem import JSON, Conflict, InvalidField
from kontor_platform.runtime.call import Call, Change


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


@dataclass(frozen=True, slots=True)
class StageMove:
    """How many deals went from a stage that left to another."""

    source: str
    target: str
    deals: int


@dataclass(frozen=True, slots=True)
class Followed:
    """What a definition did to deals; with an operation a job is still at it."""

    moves: Sequence[StageMove] = ()
    followed: int = 0
    operation: UUID | None = None

    @property
    def reassigned(self) -> int:
        """How many deals went to another stage."""
        return sum(each.deals for each in self.moves)


def refuse(found: Sequence[Fault]) -> None:
    """Raises InvalidField with all faults, if there are any."""
    if found:
        problems = [FieldProblem(field=each.field, message=each.message, allowed=list(each.allowed)) for each in found]
        message = "; ".join(f"{each.field}: {each.message}" for each in found)
        raise InvalidField(message, fields=problems, allowed=found[0].allowed)


async def redefine(call: Call, row: PipelineRow, wanted: Definition) -> tuple[list[Change], Followed]:
    """Changes a locked pipeline and answers what changed and what became of the deals in it.

    Raises InvalidField, StageInUse or VersionConflict.
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
        return [], Followed()
    planned = await checked_plan(call, row, present, stages, wanted.reassign)
    moved = await write(call, row, stages, planned) if wanted.stages else Followed()
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
    call: Call,
    row: PipelineRow,
    present: Sequence[StageRow],
    wanted: Sequence[Wanted],
    reassign: Sequence[tuple[str, str]],
) -> Plan:
    """What becomes of the stages; raises InvalidField, StageInUse with the counts."""
    counts = await deals_by_stage(call, await stages_of(call, row.id, archived=True))
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
    return planned


async def deals_by_stage(call: Call, stages: Sequence[StageRow]) -> dict[UUID, int]:
    """How many live deals each stage holds, or will hold once all have come from the stages it succeeds."""
    counts: dict[UUID, int] = {}
    for row in await call.session.execute(usage(call.actor.tenant, [each.id for each in stages])):
        counts[row.stage_id] = counts.get(row.stage_id, 0) + row.deals
    return with_heritage(counts, heirs({each.id: each.successor_id for each in stages}))


async def write(call: Call, row: PipelineRow, stages: Sequence[Wanted], planned: Plan) -> Followed:
    """Stores the stages, and takes the deals in them along: at once, or by a job where they are many."""
    await archive(call, [stage.id for stage in planned.leaving])
    ids = await write_stages(call, row.id, stages, planned.kept)
    await succeed(call, {stage: ids[place] for stage, place in planned.moves.items()})
    moves = [
        StageMove(stage.label, stages[planned.moves[stage.id]].label, stage.deals)
        for stage in planned.leaving
        if stage.deals
    ]
    waiting = sum(each.deals for each in moves) + await number_to_follow(call, await stages_of(call, row.id))
    if waiting > MOST_IN_CALL:
        operation = await begin(call, JOB, {"pipeline_id": str(row.id)}, waiting)
        return Followed(moves, waiting - sum(each.deals for each in moves), operation)
    done = await bring_along(call, row.id, MOST_IN_CALL)
    return Followed(moves, done.followed)


async def write_pipeline(call: Call, row: PipelineRow, wanted: Definition, changes: Sequence[Change]) -> None:
    """Stores the pipeline's own fields."""
    if wanted.is_default and not row.is_default:
        await no_default(call)
    row.name, row.name_key = wanted.name, label_key(wanted.name)
    row.is_default = row.is_default if wanted.is_default is None else wanted.is_default
    row.editable_when_closed = row.editable_when_closed if wanted.editable is None else list(wanted.editable)
    await change(call, row, changes)
