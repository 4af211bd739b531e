"""Finds the pipeline and the stage that a caller names, and makes a tenant's first pipeline."""

from collections.abc import Sequence
from uuid import UUID

from kontor_crm_core.deal.rules import StageRules
from kontor_crm_core.pipeline.models import PipelineRow, StageRow
from kontor_crm_core.pipeline.queries import CLAIM, HOLD, HOLD_TO_CHANGE, one_pipeline, pipelines, stages
from kontor_crm_core.pipeline.rules import DEFAULT_NAME, DEFAULT_STAGES, Kind, matching
from kontor_crm_core.pipeline.writing import create
from kontor_platform.contract.names import nearest
from kontor_platform.contract.problem import AmbiguousMatch, InvalidField
from kontor_platform.runtime.call import Call


async def all_pipelines(call: Call) -> Sequence[PipelineRow]:
    """The tenant's pipelines, the default first; a tenant without any gets its first one."""
    found = await read_pipelines(call)
    if found:
        return found
    await claim(call)
    return await read_pipelines(call) or [await create(call, DEFAULT_NAME, DEFAULT_STAGES, is_default=True)]


async def read_pipelines(call: Call) -> Sequence[PipelineRow]:
    """The tenant's pipelines as they are."""
    found = await call.session.execute(pipelines(call.actor.tenant))
    return [PipelineRow(**row) for row in found.mappings()]


async def claim(call: Call) -> None:
    """Waits until no other call of the tenant defines a pipeline, to the end of the transaction."""
    await call.session.execute(CLAIM, {"tenant": str(call.actor.tenant)})


async def chosen_pipeline(call: Call, named: str, *, field: str = "pipeline") -> PipelineRow:
    """The pipeline of an id or name, the default one if empty, held so that its stages stay.

    Raises InvalidField or AmbiguousMatch.
    """
    known = await all_pipelines(call)
    chosen = known[0].id if not named else meant(named, [(each.id, each.name) for each in known], field)
    return await held(call, chosen)


async def held(call: Call, pipeline_id: UUID, *, to_change: bool = False) -> PipelineRow:
    """A pipeline that nobody else redefines before this transaction ends; its deals move on unless it is to change."""
    await call.session.execute(HOLD_TO_CHANGE if to_change else HOLD, {"pipeline": str(pipeline_id)})
    found = await call.session.execute(one_pipeline(call.actor.tenant, pipeline_id))
    return PipelineRow(**found.mappings().one())


async def stages_of(call: Call, pipeline_id: UUID, *, archived: bool = False) -> Sequence[StageRow]:
    """The stages of a pipeline in their order."""
    found = await call.session.execute(stages(call.actor.tenant, [pipeline_id], archived=archived))
    return [StageRow(**row) for row in found.mappings()]


def chosen_stage(known: Sequence[StageRow], named: str) -> StageRules:
    """The stage of an id or label, the first open one if empty; raises InvalidField or AmbiguousMatch."""
    if not named:
        return rules_of(next(each for each in known if each.kind == Kind.OPEN))
    chosen = meant(named, [(each.id, each.label) for each in known], "stage")
    return rules_of(next(each for each in known if each.id == chosen))


def meant(named: str, known: Sequence[tuple[UUID, str]], field: str) -> UUID:
    """The one that an id or name means; raises InvalidField with what there is, AmbiguousMatch with what matches."""
    found = matching(named, known)
    if len(found) > 1:
        names = [name for _, name in found]
        message = f"{named} may mean {' or '.join(names)}; write it exactly or give the id."
        raise AmbiguousMatch(message, field=field, allowed=names, ids=[str(each) for each, _ in found])
    if not found:
        names = [name for _, name in known]
        raise InvalidField(
            f"There is no {field} {named}.", field=field, allowed=names, did_you_mean=nearest(named, names)
        )
    return found[0][0]


def rules_of(row: StageRow) -> StageRules:
    """The stage as deals are decided by it."""
    return StageRules(
        id=row.id,
        pipeline_id=row.pipeline_id,
        label=row.label,
        kind=row.kind,
        probability=row.probability,
        forecast_category=row.forecast_category,
        required_fields=tuple(row.required_fields),
        allowed_next=tuple(row.allowed_next),
    )
