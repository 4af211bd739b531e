"""What hangs on a record: counted, and the first of it named."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from kontor_protos.kontor.crm.v1 import records_pb as pb
from kontor_protos.kontor.crm.v1.common_pb import RecordRef
from sqlalchemy import RowMapping, text

from kontor_crm_core.record.queries import COUNTS
from kontor_platform.runtime.call import Call

NAMED = 10
COUNTED = text(f"SELECT ({COUNTS.format(tenant=':tenant', id=':id')})::text AS counts")
LINKS = text(
    """
    SELECT
        (SELECT count(*) FROM (
            SELECT a.to_id AS far FROM association a WHERE a.tenant_id = :tenant AND a.from_id = :id
            UNION ALL
            SELECT a.from_id FROM association a WHERE a.tenant_id = :tenant AND a.to_id = :id
            UNION ALL
            SELECT l.record_id FROM activity_link l WHERE l.tenant_id = :tenant AND l.activity_id = :id AND l.live
        ) linked JOIN record r ON r.tenant_id = :tenant AND r.id = linked.far AND r.deleted_at IS NULL)
        + (SELECT count(*) FROM activity_link l WHERE l.tenant_id = :tenant AND l.record_id = :id AND l.live) AS links
    """
)
# In dynamic segments a record is by what it holds, and leaves them by itself.
SEGMENTS = text(
    """
    SELECT count(*) FROM segment_member m JOIN segment s ON s.tenant_id = :tenant AND s.id = m.segment_id
    WHERE m.tenant_id = :tenant AND m.record_id = :id AND s.deleted_at IS NULL AND s.kind <> 'dynamic'
    """
)
DEALS = text(
    f"""
    SELECT d.id, 'deal' AS type, d.name FROM association a JOIN deal d ON d.tenant_id = :tenant AND d.id = a.from_id
    WHERE a.tenant_id = :tenant AND a.to_id = :id AND a.from_type = 'deal' AND d.stage_kind = 'open'
        AND d.deleted_at IS NULL
    ORDER BY d.close_date NULLS LAST, d.id LIMIT {NAMED}
    """
)
TASKS = text(
    f"""
    SELECT v.id, 'task' AS type, v.subject AS name
    FROM activity_link l JOIN activity v ON v.tenant_id = :tenant AND v.id = l.activity_id
    WHERE l.tenant_id = :tenant AND l.record_id = :id AND l.live AND l.kind = 'task' AND v.status = 'open'
    ORDER BY v.due_key, v.id LIMIT {NAMED}
    """
)


@dataclass(frozen=True, slots=True)
class Hanging:
    """What hangs on a record."""

    counts: pb.RecordCounts
    links: int
    segments: int
    deals: Sequence[RecordRef]
    tasks: Sequence[RecordRef]


async def hanging(call: Call, record: UUID) -> Hanging:
    """What hangs on a record now."""
    asked = {"tenant": call.actor.tenant, "id": record}
    return Hanging(
        counts=await counted(call, record),
        links=(await call.session.execute(LINKS, asked)).scalar_one(),
        segments=(await call.session.execute(SEGMENTS, asked)).scalar_one(),
        deals=[named(row) for row in (await call.session.execute(DEALS, asked)).mappings()],
        tasks=[named(row) for row in (await call.session.execute(TASKS, asked)).mappings()],
    )


async def counted(call: Call, record: UUID) -> pb.RecordCounts:
    """How much of each kind hangs on a record now."""
    asked = {"tenant": call.actor.tenant, "id": record}
    return pb.RecordCounts.from_json((await call.session.execute(COUNTED, asked)).scalar_one())


def named(row: RowMapping) -> RecordRef:
    """A record that hangs on another."""
    return RecordRef(id=str(row["id"]), type=str(row["type"]), name=str(row["name"]))
