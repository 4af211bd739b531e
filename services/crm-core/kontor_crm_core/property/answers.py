"""Properties as callers see them."""

import json
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from kontor_protos.kontor.crm.v1 import properties_pb as pb
from protobuf.wkt import Timestamp
from sqlalchemy import select

from kontor_crm_core.property.models import PROPERTIES
from kontor_crm_core.property.rules import Standard
from kontor_crm_core.property.usage import Filled
from kontor_platform.data.records.definitions import Definition
from kontor_platform.runtime.call import Call

RULES = ("min", "max", "min_length", "max_length", "pattern", "reference_type")


async def moments(call: Call, ids: list[UUID]) -> Mapping[UUID, tuple[datetime, datetime]]:
    """When properties were defined, and when they last changed."""
    columns = PROPERTIES.c
    wanted = select(columns.id, columns.created_at, columns.updated_at)
    rows = await call.session.execute(wanted.where(columns.tenant_id == call.actor.tenant, columns.id.in_(ids)))
    return {row.id: (row.created_at, row.updated_at) for row in rows}


async def property_message(call: Call, definition: Definition) -> pb.Property:
    """A property as it is now, without what is counted."""
    return custom(definition, (await moments(call, [definition.id]))[definition.id])


def custom(definition: Definition, times: tuple[datetime, datetime], filled: Filled | None = None) -> pb.Property:
    """A custom property."""
    told = pb.Property(
        id=str(definition.id),
        version=definition.version,
        object_type=definition.object_type,
        name=definition.name,
        label=definition.label,
        description=definition.description,
        type=str(definition.type),
        options=[pb.Option(value=each.value, label=each.label, archived=each.archived) for each in definition.options],
        rules=rules_message(definition),
        required=definition.required,
        unique=definition.is_unique,
        filterable=definition.filterable,
        searchable=definition.searchable,
        personal=str(definition.personal),
        index=str(definition.index_state),
        archived=definition.archived,
        created_at=Timestamp.from_datetime(times[0]),
        updated_at=Timestamp.from_datetime(times[1]),
    )
    if filled:
        told.filled, told.filled_share, told.estimated = filled.records, filled.share, filled.estimated
        told.used = list(filled.used)
    return told


def rules_message(definition: Definition) -> pb.PropertyRules | None:
    """The rules as a request gives them."""
    told = {name: definition.rules[name] for name in RULES if name in definition.rules}
    told |= {name: str(told[name]) for name in ("min", "max") if name in told}
    return pb.PropertyRules.from_json(json.dumps(told)) if told else None


def standard(object_type: str, field: Standard) -> pb.Property:
    """A standard field."""
    return pb.Property(
        object_type=object_type,
        name=field.name,
        label=field.label,
        type=field.type,
        standard=True,
        options=[pb.Option(value=each, label=each) for each in field.options],
        filterable=field.filterable,
        personal="none",
        index="ready" if field.filterable else "none",
    )
