"""Filters of segments: checked for a caller, stored by ids, shown by names."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kontor_protos.kontor.records.v1.filters_pb import Filter
from protobuf.wkt import Value

from kontor_crm_core.advanced.knowing import knowledge
from kontor_crm_core.record.kinds import KINDS
from kontor_crm_core.segment.reading import filter_of
from kontor_platform.contract.problem import Conflict, InvalidField
from kontor_platform.data.records.definitions import PropertyType
from kontor_platform.data.records.filters.checking import Checked, checked
from kontor_platform.data.records.filters.knowledge import BY_ID, Knowledge
from kontor_platform.data.records.filters.operands import read as read_value
from kontor_platform.data.records.filters.operands import texts
from kontor_platform.data.records.filters.tree import Group, Linked, Member, Node
from kontor_platform.data.records.objects import FieldType, ObjectType
from kontor_platform.runtime.call import Call

LINKED_BY_ACTIVITY = "last_activity_at"


class SegmentBroken(Conflict):
    """The segment's filter no longer works; give it another one."""


@dataclass(frozen=True, slots=True)
class Meant:
    """A filter as it was checked, with what it was read with."""

    checked: Checked
    knowledge: Knowledge


async def read(call: Call, filter: Filter | None, object_type: str) -> Meant:
    """A filter that a caller gives; raises InvalidField."""
    known = await knowledge(call, object_type, filter)
    return Meant(checked(filter, object_type, known), known)


async def stored(call: Call, row: Mapping[Any, Any]) -> Meant:
    """The filter of a segment; of a static one the membership itself. Raises SegmentBroken."""
    filter = filter_of(row) if row["kind"] == "dynamic" else Filter(in_segment=str(row["id"]))
    try:
        return await read(call, filter, row["object_type"])
    except InvalidField as error:
        raise SegmentBroken(f"The filter of the segment {row['key']} no longer works. {error.message}") from error


def kept(filter: Filter, kind: ObjectType, known: Knowledge) -> dict[str, Any]:
    """A filter as it is stored: properties and segments by their ids, so that renaming them changes nothing."""
    copy = Filter.from_binary(filter.to_binary())
    by_ids(copy, kind, known)
    told: dict[str, Any] = json.loads(copy.to_json())
    return told


def by_ids(node: Filter, kind: ObjectType, known: Knowledge) -> None:
    """Names properties and segments by their ids."""
    for inner in (*node.all, *node.any, *node.none):
        by_ids(inner, kind, known)
    if node.field and node.field not in kind.relation:
        people_by_ids(node, known.field(kind, node.field), known)
        node.field = known.field(kind, node.field).in_log if is_custom(node.field, kind, known) else node.field
    if node.op.endswith("_field") and node.value is not None and is_custom(str(node.value.to_python()), kind, known):
        node.value = type(node.value).from_json(json.dumps(known.field(kind, str(node.value.to_python())).in_log))
    if node.changed is not None and is_custom(node.changed.field, kind, known):
        node.changed.field = known.field(kind, node.changed.field).in_log
    if node.in_segment:
        node.in_segment = str(known.segment(node.in_segment).id)
    if node.assoc is not None and node.assoc.where is not None:
        by_ids(node.assoc.where, known.types[kind.relation[node.assoc.type].far_type], known)


def people_by_ids(node: Filter, field: FieldType, known: Knowledge) -> None:
    """Names users by their ids, so that `me` stays who it was."""
    if field.type is not PropertyType.USER or node.op.endswith("_field"):
        return
    told = [str(one.value) for text in texts(node.value, node.values) for one in read_value(field, text, known)]
    ids = [Value.from_json(json.dumps(each)) for each in told]
    node.value, node.values = (ids[0], []) if node.value is not None and len(ids) == 1 else (None, ids)


def is_custom(name: str, kind: ObjectType, known: Knowledge) -> bool:
    """Whether a name is that of a custom property."""
    return name not in kind.by_name and name not in kind.relation and known.field(kind, name).definition is not None


def shown(filter: Filter, kind: ObjectType, known: Knowledge) -> Filter:
    """A stored filter by the names of today."""
    copy = Filter.from_binary(filter.to_binary())
    by_names(copy, kind, known)
    return copy


def by_names(node: Filter, kind: ObjectType, known: Knowledge) -> None:
    """Names properties and segments as callers know them."""
    for inner in (*node.all, *node.any, *node.none):
        by_names(inner, kind, known)
    if node.field.startswith(BY_ID):
        node.field = known.stored(kind, node.field).name
    if node.changed is not None and node.changed.field.startswith(BY_ID):
        node.changed.field = known.stored(kind, node.changed.field).name
    if node.in_segment:
        node.in_segment = known.segment(node.in_segment).key
    if node.assoc is not None and node.assoc.where is not None:
        by_names(node.assoc.where, known.types[kind.relation[node.assoc.type].far_type], known)


def dependencies(meant: Meant) -> dict[str, Any]:
    """What the segment's row tells of its filter."""
    traits = meant.checked.traits
    return {
        "property_ids": sorted(traits.properties),
        "segment_ids": sorted(traits.segments),
        "follows": sorted({*traits.relations, *(["activity"] if uses_activity(meant.checked.node) else [])}),
        "by_day": traits.by_day,
    }


def uses_activity(node: Node | None) -> bool:
    """Whether a filter asks when something last happened."""
    match node:
        case Group(_, children):
            return any(map(uses_activity, children))
        case Linked(where=inner) | Member(filter=inner):
            return uses_activity(inner)
    return getattr(getattr(node, "field", None), "name", "") == LINKED_BY_ACTIVITY


def as_id(text: str) -> UUID | None:
    """The id a text is."""
    try:
        return UUID(text)
    except ValueError:
        return None


def object_type(name: str) -> ObjectType:
    """A type of record."""
    return KINDS[name]
