"""Writes who is in a segment, and tells of it: one statement for any number of records."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from sqlalchemy import text

from kontor_platform.data.arrays import array
from kontor_platform.runtime.call import Call

TOLD = """
    INSERT INTO outbox (tenant_id, kind, type, record_type, record_id, operation_id, subjects, data)
    SELECT :tenant, 'event', '{event}', :object_type, done.record_id, :operation,
        CASE WHEN :object_type = 'contact' THEN ARRAY[done.record_id] ELSE CAST('{{}}' AS uuid[]) END,
        jsonb_build_object('fields', jsonb_build_array('segments'), 'segment_id', CAST(:segment AS uuid),
            'segment', CAST(:key AS text))
    FROM done ORDER BY done.record_id
"""
ADD = text(
    f"""
    WITH done AS (
        INSERT INTO segment_member (tenant_id, segment_id, record_id, joined_at)
        SELECT :tenant, :segment, told.id, clock_timestamp() FROM unnest(CAST(:ids AS uuid[])) AS told(id)
        ON CONFLICT DO NOTHING RETURNING record_id
    ), told AS ({TOLD.format(event="segment.member.added")})
    UPDATE segment SET size = size + (SELECT count(*) FROM done)
    WHERE tenant_id = :tenant AND id = :segment RETURNING (SELECT count(*) FROM done)
    """
)
REMOVE = text(
    f"""
    WITH done AS (
        DELETE FROM segment_member
        WHERE tenant_id = :tenant AND segment_id = :segment AND record_id = ANY(CAST(:ids AS uuid[]))
        RETURNING record_id
    ), told AS ({TOLD.format(event="segment.member.removed")})
    UPDATE segment SET size = size - (SELECT count(*) FROM done)
    WHERE tenant_id = :tenant AND id = :segment RETURNING (SELECT count(*) FROM done)
    """
)
PRESENT = text(
    """
    SELECT record_id FROM segment_member
    WHERE tenant_id = :tenant AND segment_id = :segment AND record_id = ANY(CAST(:ids AS uuid[]))
    """
)
EMPTY = text("DELETE FROM segment_member WHERE tenant_id = :tenant AND segment_id = :segment")
SIZED = text(
    """
    INSERT INTO segment_size (tenant_id, segment_id, day, size)
    SELECT tenant_id, id, :day, size FROM segment
    WHERE tenant_id = :tenant AND deleted_at IS NULL AND (CAST(:segment AS uuid) IS NULL OR id = :segment)
    ON CONFLICT (tenant_id, segment_id, day) DO UPDATE SET size = excluded.size
    WHERE segment_size.size <> excluded.size
    """
)


async def add(call: Call, segment: UUID, key: str, object_type: str, ids: Collection[UUID]) -> int:
    """Adds records that are not in the segment yet; answers how many."""
    return await written(call, ADD, segment, key, object_type, ids)


async def remove(call: Call, segment: UUID, key: str, object_type: str, ids: Collection[UUID]) -> int:
    """Takes records out of the segment; answers how many were in it."""
    return await written(call, REMOVE, segment, key, object_type, ids)


async def written(
    call: Call, statement: object, segment: UUID, key: str, object_type: str, ids: Collection[UUID]
) -> int:
    """Runs a statement over ids, in their order so that two such calls never wait for each other in a circle."""
    if not ids:
        return 0
    values = {
        "tenant": call.actor.tenant,
        "segment": segment,
        "key": key,
        "object_type": object_type,
        "ids": array(sorted(ids)),
        "operation": call.call_id,
    }
    done = await call.session.execute(statement, values)  # type: ignore[call-overload]
    return int(done.scalar_one())


async def present(call: Call, segment: UUID, ids: Collection[UUID]) -> set[UUID]:
    """Which of the records are in the segment."""
    values = {"tenant": call.actor.tenant, "segment": segment, "ids": array(ids)}
    return set((await call.session.execute(PRESENT, values)).scalars())


async def sized(call: Call, day: date, segment: UUID | None = None) -> None:
    """Keeps the size of one segment, or of all, as that of a day."""
    await call.session.execute(SIZED, {"tenant": call.actor.tenant, "day": day, "segment": segment})
