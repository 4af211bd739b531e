"""Writes pipelines and their stages."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, insert, update

from kontor_crm_core.pipeline.models import EDITABLE, PIPELINES, STAGES, PipelineRow
from kontor_crm_core.pipeline.rules import Present, Wanted, label_key
from kontor_platform.contract.problem import JSON
from kontor_platform.data.ids import new_id
from kontor_platform.data.records.write import log
from kontor_platform.runtime.call import Call, Change, Event


async def create(
    call: Call, name: str, wanted: Sequence[Wanted], *, is_default: bool, editable: Sequence[str] = EDITABLE
) -> PipelineRow:
    """Makes a pipeline with its stages and announces it."""
    if is_default:
        await no_default(call)
    row = PipelineRow(
        tenant_id=call.actor.tenant,
        id=new_id(),
        version=1,
        name=name,
        name_key=label_key(name),
        is_default=is_default,
        editable_when_closed=list(editable),
        created_at=call.now,
        updated_at=call.now,
    )
    await call.session.execute(insert(PIPELINES).values(row.model_dump()))
    await write_stages(call, row.id, wanted, [None] * len(wanted))
    await announce(call, row, [Change("name", None, name), Change("stages", None, described(wanted))])
    return row


async def no_default(call: Call) -> None:
    """Takes the mark from the pipeline that is the default now, if there is one."""
    mine = (PIPELINES.c.tenant_id == call.actor.tenant, PIPELINES.c.is_default)
    values = {"is_default": False, "version": PIPELINES.c.version + 1, "updated_at": call.now}
    done = await call.session.execute(update(PIPELINES).where(*mine).values(values).returning(PIPELINES))
    for row in done.mappings().all():
        await announce(call, PipelineRow(**row), [Change("is_default", True, False)])


async def change(call: Call, row: PipelineRow, changes: Sequence[Change]) -> None:
    """Stores a changed pipeline under its next version and announces it."""
    row.version, row.updated_at = row.version + 1, call.now
    mine = (PIPELINES.c.tenant_id == row.tenant_id, PIPELINES.c.id == row.id)
    await call.session.execute(update(PIPELINES).where(*mine).values(row.model_dump(exclude={"tenant_id", "id"})))
    await announce(call, row, changes)


async def write_stages(
    call: Call, pipeline_id: UUID, wanted: Sequence[Wanted], kept: Sequence[Present | None]
) -> list[UUID]:
    """Stores the stages in their order, in place of those kept, and answers their ids."""
    ids = [present.id if present else new_id() for present in kept]
    labels = {label_key(stage.label): stage_id for stage, stage_id in zip(wanted, ids, strict=True)}
    await free_labels(call, [present.id for present in kept if present])
    key = {"tenant_id": call.actor.tenant, "pipeline_id": pipeline_id}
    for place, (stage, present) in enumerate(zip(wanted, kept, strict=True)):
        values = columns(stage, place, labels)
        if present:
            await call.session.execute(update(STAGES).where(*stage_key(call, [present.id])).values(values))
        else:
            await call.session.execute(insert(STAGES).values(key | {"id": ids[place]} | values))
    return ids


async def free_labels(call: Call, ids: Sequence[UUID]) -> None:
    """Lets stages exchange their labels: the unique index sees each row on its own."""
    await call.session.execute(update(STAGES).where(*stage_key(call, ids)).values(label_key=cast(STAGES.c.id, Text)))


async def archive(call: Call, ids: Sequence[UUID]) -> None:
    """Takes stages out of their pipeline and keeps them for history."""
    await call.session.execute(update(STAGES).where(*stage_key(call, ids)).values(archived_at=call.now))


async def succeed(call: Call, successors: Mapping[UUID, UUID]) -> None:
    """Names the stages that take the deals of archived ones."""
    for stage, successor in successors.items():
        await call.session.execute(update(STAGES).where(*stage_key(call, [stage])).values(successor_id=successor))


def stage_key(call: Call, ids: Sequence[UUID]) -> tuple[Any, ...]:
    """The condition that means these stages."""
    return STAGES.c.tenant_id == call.actor.tenant, STAGES.c.id.in_(ids)


def columns(stage: Wanted, place: int, labels: Mapping[str, UUID]) -> dict[str, object]:
    """The columns of a stage at its place."""
    return {
        "label": stage.label,
        "label_key": label_key(stage.label),
        "position": place,
        "kind": stage.kind,
        "probability": stage.percent,
        "forecast_category": stage.category,
        "rot_days": stage.rot_days,
        "required_fields": list(stage.required_fields),
        "allowed_next": [labels[label_key(label)] for label in stage.allowed_next],
    }


async def announce(call: Call, row: PipelineRow, changes: Sequence[Change]) -> None:
    """Logs and tells of a pipeline's definition."""
    await log(call, [(Event("pipeline.defined", "pipeline", row.id, row.version, tuple(changes)), row.updated_at)])


def described(stages: Sequence[Wanted]) -> JSON:
    """The stages as the change log keeps them."""
    return [
        {
            "label": stage.label,
            "kind": str(stage.kind),
            "probability": stage.percent,
            "forecast_category": stage.category,
            "rot_days": stage.rot_days,
            "required_fields": list(stage.required_fields),
            "allowed_next": list(stage.allowed_next),
        }
        for stage in stages
    ]
