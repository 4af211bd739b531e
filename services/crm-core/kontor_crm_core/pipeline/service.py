"""The rpc methods of pipelines."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from kontor_protos.kontor.crm.v1 import pipelines_pb as pb

from kontor_crm_core.paging import scope, size
from kontor_crm_core.pipeline.answers import answered
from kontor_crm_core.pipeline.choosing import all_pipelines, claim, held, meant
from kontor_crm_core.pipeline.defining import Definition, redefine, refuse
from kontor_crm_core.pipeline.fields import kept_editable, with_kept_fields
from kontor_crm_core.pipeline.models import EDITABLE, PipelineRow
from kontor_crm_core.pipeline.rules import Fault, Wanted, faults, label_key
from kontor_crm_core.pipeline.writing import create
from kontor_crm_core.record.wishes import expected_version
from kontor_platform.contract.problem import InvalidField, NotFound
from kontor_platform.data.records.fold import clean
from kontor_platform.runtime.call import Call

NONE = "none"


class Pipelines:
    """Defines and lists pipelines."""

    implements = "kontor.crm.v1.Pipelines"

    async def define_pipeline(self, request: pb.DefinePipelineRequest, call: Call) -> pb.DefinePipelineResponse:
        """Creates a pipeline or changes the one of that id or name."""
        wanted = await with_kept(call, definition(request))
        await claim(call)
        present = found(await all_pipelines(call), request, wanted.name)
        if present is None:
            return await created(call, wanted)
        row = await held(call, present.id, to_change=True)
        named = wanted if request.pipeline_id else replace(wanted, name=row.name)
        changes, moved = await redefine(call, row, named)
        return pb.DefinePipelineResponse(
            summary=told(row.name, "updated" if changes else "unchanged", moved.reassigned),
            outcome="updated" if changes else "unchanged",
            pipeline=(await answered(call, [row]))[0],
            changed=[change.field for change in changes],
            reassigned=moved.reassigned,
            moves=[pb.StageMove(from_=each.source, to=each.target, deals=each.deals) for each in moved.moves],
            followed=moved.followed,
            operation_id=str(moved.operation) if moved.operation and not call.dry_run else "",
            state="started" if moved.operation else "",
        )

    async def list_pipelines(self, request: pb.ListPipelinesRequest, call: Call) -> pb.ListPipelinesResponse:
        """Lists pipelines with what is in them."""
        known = await all_pipelines(call)
        if request.pipeline:
            chosen = meant(request.pipeline, [(row.id, row.name) for row in known], "pipeline")
            known = [row for row in known if row.id == chosen]
        rest = after(known, call.cursors.decode(request.cursor, scope(call, request)) if request.cursor else [])
        page = rest[: size(request)]
        return pb.ListPipelinesResponse(
            summary=listed(known),
            pipelines=await answered(call, page, archived=request.include_archived_stages),
            total=len(known),
            next_cursor=call.cursors.encode([str(page[-1].id)], scope(call, request)) if len(rest) > len(page) else "",
        )


def definition(request: pb.DefinePipelineRequest) -> Definition:
    """What the request asks for; raises InvalidField for a name of nothing but spaces."""
    name = clean(request.name)
    if not label_key(name):
        raise InvalidField("A pipeline needs a name.", field="name")
    return Definition(
        name=name,
        stages=[wanted_stage(stage) for stage in request.stages],
        reassign=[(each.from_, each.to) for each in request.reassign],
        is_default=request.is_default if request.has_field("is_default") else None,
        expected_version=expected_version(request),
        editable=editable(request.editable_when_closed),
    )


async def with_kept(call: Call, wanted: Definition) -> Definition:
    """A definition with its fields as they are kept; raises InvalidField for those that deals do not have."""
    allowed = await kept_editable(call, wanted.editable) if wanted.editable else wanted.editable
    return replace(wanted, stages=await with_kept_fields(call, wanted.stages), editable=allowed)


def editable(given: Sequence[str]) -> list[str] | None:
    """The fields closed deals still take, None where the request does not say; raises InvalidField."""
    if NONE in given and len(given) > 1:
        raise InvalidField(f"{NONE} stands alone or not at all.", field="editable_when_closed")
    return sorted(each for each in given if each != NONE) if given else None


def wanted_stage(stage: pb.StageDefinition) -> Wanted:
    """A stage as the caller defines it."""
    return Wanted(
        label=clean(stage.label),
        kind=stage.kind,
        id=UUID(stage.id) if stage.id else None,
        probability=stage.probability if stage.has_field("probability") else None,
        forecast_category=stage.forecast_category,
        rot_days=stage.rot_days if stage.has_field("rot_days") else None,
        required_fields=tuple(stage.required_fields),
        allowed_next=tuple(clean(label) for label in stage.allowed_next),
    )


def found(known: Sequence[PipelineRow], request: pb.DefinePipelineRequest, name: str) -> PipelineRow | None:
    """The pipeline to change, None where one is to be made; raises NotFound, or InvalidField for a name taken."""
    namesake = next((row for row in known if row.name_key == label_key(name)), None)
    if not request.pipeline_id:
        return namesake
    present = next((row for row in known if row.id == UUID(request.pipeline_id)), None)
    if present is None:
        raise NotFound()
    if namesake not in (None, present):
        raise InvalidField(f"Another pipeline is called {name}.", field="name")
    return present


async def created(call: Call, wanted: Definition) -> pb.DefinePipelineResponse:
    """Makes the pipeline; raises InvalidField with all that is wrong with it."""
    surplus = [Fault("reassign", "a new pipeline has no deals to reassign")] if wanted.reassign else []
    refuse([*faults(wanted.stages), *ids_given(wanted.stages), *surplus])
    closed = EDITABLE if wanted.editable is None else wanted.editable
    row = await create(call, wanted.name, wanted.stages, is_default=bool(wanted.is_default), editable=closed)
    return pb.DefinePipelineResponse(
        summary=told(row.name, "created", 0),
        outcome="created",
        pipeline=(await answered(call, [row]))[0],
        changed=["name", "stages"],
    )


def ids_given(stages: Sequence[Wanted]) -> list[Fault]:
    """Ids of stages where there are none yet."""
    return [
        Fault(f"stages[{place}].id", "a new pipeline has no stages yet; leave the id out")
        for place, stage in enumerate(stages)
        if stage.id
    ]


def after(known: Sequence[PipelineRow], position: Sequence[object]) -> Sequence[PipelineRow]:
    """The pipelines behind a cursor's position."""
    places = [place for place, row in enumerate(known) if str(row.id) in position]
    return known[places[0] + 1 :] if places else known


def listed(known: Sequence[PipelineRow]) -> str:
    """What was found, in one sentence."""
    number = f"{len(known)} pipeline{'s' * (len(known) != 1)}"
    return f"{number}, the default is {known[0].name}." if known[0].is_default else f"{number}: {known[0].name}."


def told(name: str, outcome: str, moved: int) -> str:
    """What happened, in one sentence."""
    deals = f"; {moved} deal{'s' * (moved != 1)} of stages that left go to another" if moved else ""
    return f"Pipeline {name} {outcome}{deals}."
