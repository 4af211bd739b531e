"""Segments as callers see them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from kontor_protos.kontor.crm.v1 import segments_pb as pb
from protobuf.wkt import Timestamp
from sqlalchemy import text

from kontor_crm_core.advanced.knowing import knowledge
from kontor_crm_core.segment.filters import object_type, shown
from kontor_crm_core.segment.reading import filter_of
from kontor_crm_core.segment.rules import Kind
from kontor_platform.contract.problem import InvalidField
from kontor_platform.data.arrays import array
from kontor_platform.data.records.filters.checking import checked
from kontor_platform.data.records.filters.knowledge import Unclear
from kontor_platform.data.records.filters.periods import today_of
from kontor_platform.data.records.filters.wording import words
from kontor_platform.runtime.call import Call

DAYS = 30
SIZES = text(
    """
    SELECT segment_id, day, size FROM segment_size
    WHERE tenant_id = :tenant AND segment_id = ANY(CAST(:ids AS uuid[])) AND day > :since ORDER BY day
    """
)


async def answers(call: Call, rows: Sequence[Mapping[Any, Any]], *, sizes: bool = False) -> list[pb.Segment]:
    """Segments with their filters by the names of today."""
    told = await sizes_of(call, [row["id"] for row in rows]) if sizes else {}
    return [await answer(call, row, told.get(row["id"], ())) for row in rows]


async def answer(call: Call, row: Mapping[Any, Any], sizes: Sequence[pb.SegmentSize] = ()) -> pb.Segment:
    """One segment."""
    segment = pb.Segment(
        id=str(row["id"]),
        key=row["key"],
        version=row["version"],
        name=row["name"],
        description=row["description"],
        type=row["object_type"],
        kind=row["kind"],
        state=row["state"],
        operation_id=str(row["operation_id"] or "") if row["state"] == "building" else "",
        size=row["size"],
        sizes=list(sizes),
        created_at=Timestamp.from_datetime(row["created_at"]),
        updated_at=Timestamp.from_datetime(row["updated_at"]),
        deleted_at=Timestamp.from_datetime(row["deleted_at"]) if row["deleted_at"] else None,
    )
    return await with_filter(call, row, segment)


async def with_filter(call: Call, row: Mapping[Any, Any], segment: pb.Segment) -> pb.Segment:
    """The segment with its filter and that in words; `broken` where it no longer works."""
    filter = filter_of(row)
    if filter is None:
        return segment
    known = await knowledge(call, row["object_type"], filter)
    try:
        segment.reading = words(checked(filter, row["object_type"], known).node)
        segment.filter = shown(filter, object_type(row["object_type"]), known)
    except (InvalidField, Unclear) as error:
        segment.reading = error.message
        segment.state = "broken" if row["kind"] == Kind.DYNAMIC else segment.state
    return segment


async def sizes_of(call: Call, ids: Sequence[UUID]) -> dict[UUID, list[pb.SegmentSize]]:
    """The sizes of segments on the last days."""
    since = today(call) - timedelta(days=DAYS)
    rows = await call.session.execute(SIZES, {"tenant": call.actor.tenant, "ids": array(ids), "since": since})
    found: dict[UUID, list[pb.SegmentSize]] = {}
    for id, day, size in rows:
        found.setdefault(id, []).append(pb.SegmentSize(day=day.isoformat(), size=size))
    return found


def today(call: Call) -> date:
    """The tenant's day."""
    return today_of(call.now, ZoneInfo(call.actor.settings.time_zone))
