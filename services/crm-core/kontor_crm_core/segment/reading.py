"""Reads segments, as far as the caller may know of them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from kontor_protos.kontor.records.v1.filters_pb import Filter
from sqlalchemy import text

from kontor_platform.data.records.filters.tree import Segment
from kontor_platform.runtime.call import Call

READ = text(
    """
    SELECT s.*, EXISTS (SELECT FROM property_definition d WHERE d.tenant_id = s.tenant_id AND d.id = ANY(s.property_ids)
        AND d.personal = 'restricted') AS restricted
    FROM segment s WHERE s.tenant_id = :tenant AND (s.deleted_at IS NULL OR :deleted) ORDER BY s.key, s.id
    """
)


async def rows(call: Call, *, deleted: bool = False) -> Sequence[Mapping[Any, Any]]:
    """The segments of the tenant that the caller may know of, by key; with those deleted if asked for.

    A segment that asks about a restricted property, itself or through another, tells of it: who does not see the
    property does not see the segment.
    """
    found = (await call.session.execute(READ, {"tenant": call.actor.tenant, "deleted": deleted})).mappings().all()
    if call.actor.sees_restricted:
        return found
    hidden = hidden_ids(found)
    return [row for row in found if row["id"] not in hidden]


def hidden_ids(found: Sequence[Mapping[Any, Any]]) -> set[UUID]:
    """Segments that ask about restricted properties, or about such segments."""
    hidden = {row["id"] for row in found if row["restricted"]}
    while more := {row["id"] for row in found if row["id"] not in hidden and not hidden.isdisjoint(row["segment_ids"])}:
        hidden |= more
    return hidden


async def segments(call: Call) -> list[Segment]:
    """The segments that filters may refer to."""
    return [segment_of(row) for row in await rows(call)]


def segment_of(row: Mapping[Any, Any]) -> Segment:
    """A segment as filters refer to it."""
    return Segment(row["id"], row["key"], row["name"], row["object_type"], row["kind"], filter_of(row))


def filter_of(row: Mapping[Any, Any]) -> Filter | None:
    """The filter of a segment, as it is stored."""
    return Filter.from_json(json.dumps(row["filter"])) if row["filter"] is not None else None
