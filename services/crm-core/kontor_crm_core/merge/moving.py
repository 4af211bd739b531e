"""Moves what hangs on a contact to the one it is merged into; all of it, in one statement a table.

Every row that moves remembers the record it was made on, its origin, so that it can follow that record whatever other
merges come and go. A row that its new record has already, or cannot have twice, stays where it is and is hidden with
its record.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import text

from kontor_platform.data.arrays import array
from kontor_platform.runtime.call import Call

FROM_SIDE = {"near": "from", "far": "to", "cardinality": "cardinality", "far_cardinality": "reverse_cardinality"}
TO_SIDE = {"near": "to", "far": "from", "cardinality": "reverse_cardinality", "far_cardinality": "cardinality"}

# The winner's link gains the labels of the loser's of the same kind to the same record, and remembers its own.
JOIN_LABELS = """
    UPDATE association w SET own_labels = coalesce(w.own_labels, w.labels), version = w.version + 1,
        labels = w.labels || ARRAY(SELECT new.label FROM unnest(l.labels) WITH ORDINALITY AS new(label, place)
            WHERE new.label <> ALL(w.labels) ORDER BY new.place)
    FROM association l
    WHERE w.tenant_id = :tenant AND l.tenant_id = :tenant AND w.{near}_id = :winner AND l.{near}_id = :loser
        AND w.type_key = l.type_key AND w.{far}_id = l.{far}_id AND cardinality(l.labels) > 0
"""
MOVE_LINKS = """
    UPDATE association l SET {near}_id = :winner, {near}_origin = coalesce(l.{near}_origin, l.{near}_id),
        was_primary = coalesce(l.was_primary, l.is_primary),
        is_primary = l.is_primary AND NOT EXISTS (SELECT FROM association w WHERE w.tenant_id = :tenant
            AND w.from_id = CASE WHEN '{near}' = 'from' THEN CAST(:winner AS uuid) ELSE l.from_id END
            AND w.type_key = l.type_key AND w.is_primary AND w.{near}_id <> l.{near}_id)
    FROM association_type t
    WHERE l.tenant_id = :tenant AND l.{near}_id = :loser AND l.{far}_id <> :winner
        AND t.tenant_id = :tenant AND t.type_key = l.type_key
        AND NOT EXISTS (SELECT FROM association w WHERE w.tenant_id = :tenant AND w.{near}_id = :winner
            AND w.type_key = l.type_key AND (w.{far}_id = l.{far}_id OR t.{cardinality} = 'one'))
"""
MOVE_ACTIVITIES = """
    UPDATE activity_link l SET record_id = :winner, origin_id = coalesce(l.origin_id, l.record_id)
    WHERE l.tenant_id = :tenant AND l.record_id = :loser AND NOT EXISTS (SELECT FROM activity_link w
        WHERE w.tenant_id = :tenant AND w.record_id = :winner AND w.activity_id = l.activity_id)
"""
MOVE_PARTICIPANTS = """
    UPDATE activity_participant SET contact_id = :winner, origin_id = coalesce(origin_id, contact_id)
    WHERE tenant_id = :tenant AND contact_id = :loser
"""
MOVE_MEMBERS = """
    UPDATE segment_member l SET record_id = :winner, origin_id = coalesce(l.origin_id, l.record_id)
    WHERE l.tenant_id = :tenant AND l.record_id = :loser AND NOT EXISTS (SELECT FROM segment_member w
        WHERE w.tenant_id = :tenant AND w.record_id = :winner AND w.segment_id = l.segment_id)
"""
KEEP_LATEST = """
    INSERT INTO record_stat (tenant_id, record_id, last_activity_at)
    SELECT tenant_id, CAST(:winner AS uuid), last_activity_at FROM record_stat
    WHERE tenant_id = :tenant AND record_id = :loser
    ON CONFLICT (tenant_id, record_id)
        DO UPDATE SET last_activity_at = greatest(record_stat.last_activity_at, excluded.last_activity_at)
"""
MOVES = tuple(
    text(statement)
    for statement in (
        MOVE_LINKS.format(**FROM_SIDE),
        MOVE_LINKS.format(**TO_SIDE),
        MOVE_ACTIVITIES,
        MOVE_PARTICIPANTS,
        MOVE_MEMBERS,
        KEEP_LATEST,
    )
)
JOINS = tuple(text(JOIN_LABELS.format(**side)) for side in (FROM_SIDE, TO_SIDE))

COUNTS = text(
    """
    SELECT
        (SELECT count(*) FROM association a JOIN record r ON r.tenant_id = :tenant AND r.id = a.to_id
            WHERE a.tenant_id = :tenant AND a.from_id = ANY(CAST(:ids AS uuid[])))
        + (SELECT count(*) FROM association a JOIN record r ON r.tenant_id = :tenant AND r.id = a.from_id
            WHERE a.tenant_id = :tenant AND a.to_id = ANY(CAST(:ids AS uuid[])) AND r.object_type <> 'deal')
            AS associations,
        (SELECT count(*) FROM association a JOIN record r ON r.tenant_id = :tenant AND r.id = a.from_id
            WHERE a.tenant_id = :tenant AND a.to_id = ANY(CAST(:ids AS uuid[])) AND r.object_type = 'deal') AS deals,
        (SELECT count(*) FROM activity_link l WHERE l.tenant_id = :tenant AND l.record_id = ANY(CAST(:ids AS uuid[]))
            AND l.kind <> 'task') AS activities,
        (SELECT count(*) FROM activity_link l WHERE l.tenant_id = :tenant AND l.record_id = ANY(CAST(:ids AS uuid[]))
            AND l.kind = 'task') AS tasks,
        (SELECT count(*) FROM segment_member m WHERE m.tenant_id = :tenant
            AND m.record_id = ANY(CAST(:ids AS uuid[]))) AS segments,
        (SELECT count(*) FROM contact_email e WHERE e.tenant_id = :tenant AND e.live
            AND e.contact_id = ANY(CAST(:ids AS uuid[]))) AS emails,
        (SELECT count(*) FROM contact_phone p WHERE p.tenant_id = :tenant AND p.live
            AND p.contact_id = ANY(CAST(:ids AS uuid[]))) AS phones,
        (SELECT count(*) FROM external_id x WHERE x.tenant_id = :tenant AND x.live
            AND x.record_id = ANY(CAST(:ids AS uuid[]))) AS external_ids
    """
)


async def counts(call: Call, ids: Collection[UUID]) -> Mapping[str, int]:
    """How much hangs on contacts together."""
    found = await call.session.execute(COUNTS, {"tenant": call.actor.tenant, "ids": array(ids)})
    return dict(found.mappings().one())


async def move(call: Call, loser: UUID, winner: UUID) -> None:
    """Moves everything that hangs on one contact to another."""
    values = {"tenant": call.actor.tenant, "loser": loser, "winner": winner}
    for statement in (*JOINS, *MOVES):
        await call.session.execute(statement, values)
