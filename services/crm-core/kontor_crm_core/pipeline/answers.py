"""Pipelines as callers see them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from kontor_protos.kontor.crm.v1 import pipelines_pb as pb
from protobuf.wkt import Timestamp

from kontor_crm_core.deal.money import shown
from kontor_crm_core.pipeline.fields import names_of
from kontor_crm_core.pipeline.fields import shown as fields_shown
from kontor_crm_core.pipeline.models import PipelineRow, StageRow
from kontor_crm_core.pipeline.queries import observed as endings
from kontor_crm_core.pipeline.queries import stages, usage
from kontor_crm_core.pipeline.rules import Kind, Observed, observed
from kontor_platform.runtime.call import Call


@dataclass(slots=True)
class Usage:
    """The deals in a stage."""

    deals: int = 0
    rotting: int = 0
    values: list[pb.StageValue] = field(default_factory=list)
    observed: Observed = field(default_factory=lambda: Observed(0, None))


async def answered(call: Call, rows: Sequence[PipelineRow], *, archived: bool = False) -> list[pb.Pipeline]:
    """Pipelines with their stages and the deals in each."""
    found = await call.session.execute(stages(call.actor.tenant, [row.id for row in rows], archived=archived))
    known = [StageRow(**row) for row in found.mappings()]
    used = await usages(call, [stage.id for stage in known])
    fields = [field for row in rows for field in row.editable_when_closed]
    names = await names_of(call, [*fields, *(field for stage in known for field in stage.required_fields)])
    return [
        pipeline_message(row, [stage for stage in known if stage.pipeline_id == row.id], used, names) for row in rows
    ]


async def usages(call: Call, ids: Sequence[UUID]) -> dict[UUID, Usage]:
    """The deals in each stage, and how those that were there ended."""
    used = {stage: Usage() for stage in ids}
    for row in await call.session.execute(usage(call.actor.tenant, ids)):
        entry = used[row.stage_id]
        entry.deals += row.deals
        entry.rotting += row.rotting
        entry.values.append(stage_value(row.currency, row.deals, row.amount))
    for row in await call.session.execute(endings(call.actor.tenant, ids)):
        used[row.stage_id].observed = observed(row.closed, row.won)
    return used


def stage_value(currency: str, deals: int, amount: Decimal) -> pb.StageValue:
    """Deals of one currency."""
    return pb.StageValue(currency=currency, deals=deals, amount=shown(Decimal(amount), currency))


def summed(values: Iterable[pb.StageValue]) -> list[pb.StageValue]:
    """The deals of several stages by currency."""
    sums: dict[str, tuple[int, Decimal]] = {}
    for each in values:
        deals, amount = sums.get(each.currency, (0, Decimal(0)))
        sums[each.currency] = deals + each.deals, amount + Decimal(each.amount)
    return [stage_value(currency, *both) for currency, both in sorted(sums.items())]


def pipeline_message(
    row: PipelineRow, known: Iterable[StageRow], used: Mapping[UUID, Usage], names: Mapping[str, str]
) -> pb.Pipeline:
    """A pipeline with its stages."""
    rows = list(known)
    labels = {stage.id: stage.label for stage in rows}
    open_stages = [used[stage.id] for stage in rows if stage.kind == Kind.OPEN]
    return pb.Pipeline(
        id=str(row.id),
        version=row.version,
        name=row.name,
        is_default=row.is_default,
        editable_when_closed=fields_shown(row.editable_when_closed, names),
        stages=[stage_message(stage, labels, used[stage.id], names) for stage in rows],
        open_deals=sum(each.deals for each in open_stages),
        open_values=summed(value for each in open_stages for value in each.values),
        created_at=Timestamp.from_datetime(row.created_at),
        updated_at=Timestamp.from_datetime(row.updated_at),
    )


def stage_message(row: StageRow, labels: Mapping[UUID, str], used: Usage, names: Mapping[str, str]) -> pb.Stage:
    """A stage with its rules and what is in it."""
    return pb.Stage(
        id=str(row.id),
        label=row.label,
        kind=row.kind,
        probability=row.probability,
        forecast_category=row.forecast_category,
        rot_days=row.rot_days,
        required_fields=fields_shown(row.required_fields, names),
        allowed_next=[labels[each] for each in row.allowed_next if each in labels],
        archived=row.archived_at is not None,
        deals=used.deals,
        values=used.values,
        rotting=used.rotting,
        observed=observed_message(used.observed) if row.kind == Kind.OPEN else None,
    )


def observed_message(known: Observed) -> pb.ObservedProbability:
    """What became of the deals that were in a stage."""
    if known.percent is None:
        return pb.ObservedProbability(basis="too_few", closed=known.closed)
    return pb.ObservedProbability(basis="observed", closed=known.closed, percent=known.percent)
