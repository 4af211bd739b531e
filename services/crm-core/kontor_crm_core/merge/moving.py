"""Moves what hangs on a contact to the one it is merged into, and back; all of it, in one statement a table.

Every row that moves remembers the record it was made on, its origin, so that it can follow that record whatever other
merges come and go. A row that its new record has already, or cannot have twice, stays where it is and is hidden with
its record.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from kontor_platform.data.arrays import array
from kontor_platform.runtime.call import Call

FROM_SIDE = {"near": "from", "far": "to", "cardinality": "cardinality", "far_cardinality": "reverse_cardinality"}
TO_SIDE = {"near": "to", "far": "from", "cardinality": "reverse_cardinality", "far_cardinality": "cardinality"}

# The winner's link gains the labels of the loser's of the same kind to the same record, and remembers its own.
JOIN_LABELS = """
    UPDATE association w SET own_labels = coalesce(w.own_labels, w.labels), version = w.version + 1,
        labels = ARRAY(SELECT DISTINCT unnest(w.labels || l.labels) ORDER BY 1)
    FROM association l
    WHERE w.tenant_id = :tenant AND l.tenant_id = :tenant AND w.{near}_id = :winner AND l.{near}_id = :loser
        AND w.type_key = l.type_key AND w.{far}_id = l.{far}_id AND cardinality(l.labels) > 0
"""
# Its own, those added since, and those of the links that records still merged into it have.
PART_LABELS = """
    UPDATE association w SET version = w.version + 1,
        own_labels = CASE WHEN cardinality(still.labels) > 0 THEN w.own_labels END,
        labels = ARRAY(
            SELECT each FROM unnest(w.labels) AS each WHERE each <> ALL(was.labels)
            UNION SELECT unnest(w.own_labels) UNION SELECT unnest(still.labels) ORDER BY 1)
    FROM association o,
    LATERAL (SELECT coalesce(array_agg(DISTINCT each), '{{}}') AS labels FROM association h, unnest(h.labels) AS each
        WHERE h.tenant_id = :tenant AND h.{near}_id = ANY(CAST(:before AS uuid[])) AND h.{near}_id <> o.{near}_id
            AND h.type_key = o.type_key AND h.{far}_id = o.{far}_id) AS was,
    LATERAL (SELECT coalesce(array_agg(DISTINCT each), '{{}}') AS labels FROM association h, unnest(h.labels) AS each
        WHERE h.tenant_id = :tenant AND h.{near}_id = ANY(CAST(:now AS uuid[])) AND h.{near}_id <> o.{near}_id
            AND h.type_key = o.type_key AND h.{far}_id = o.{far}_id) AS still
    WHERE o.tenant_id = :tenant AND o.{near}_id = :owner AND o.own_labels IS NOT NULL
        AND w.tenant_id = :tenant AND w.type_key = o.type_key AND w.from_id = o.from_id AND w.to_id = o.to_id
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
PARTS = tuple(text(PART_LABELS.format(**side)) for side in (FROM_SIDE, TO_SIDE))

GIVE_BACK_LINKS = """
    UPDATE association SET {near}_id = :loser, {near}_origin = nullif({near}_origin, :loser),
        is_primary = coalesce(was_primary, is_primary),
        was_primary = CASE WHEN {near}_origin <> :loser OR {far}_origin IS NOT NULL THEN was_primary END
    WHERE tenant_id = :tenant AND {near}_id = :winner AND {near}_origin = ANY(CAST(:origins AS uuid[]))
    RETURNING type_key, {far}_id AS far_id
"""
GIVE_BACK_ACTIVITIES = """
    UPDATE activity_link SET record_id = :loser, origin_id = nullif(origin_id, :loser)
    WHERE tenant_id = :tenant AND record_id = :winner AND origin_id = ANY(CAST(:origins AS uuid[]))
    RETURNING activity_id
"""
GIVE_BACK_PARTICIPANTS = text(
    """
    UPDATE activity_participant SET contact_id = :loser, origin_id = nullif(origin_id, :loser)
    WHERE tenant_id = :tenant AND contact_id = :winner AND origin_id = ANY(CAST(:origins AS uuid[]))
    """
)
GIVE_BACK_MEMBERS = """
    UPDATE segment_member SET record_id = :loser, origin_id = nullif(origin_id, :loser)
    WHERE tenant_id = :tenant AND record_id = :winner AND origin_id = ANY(CAST(:origins AS uuid[]))
    RETURNING segment_id
"""
# What the winner lost and a record still merged into it has as well: the first of those takes its place.
PROMOTE_LINKS = """
    WITH hidden AS (
        SELECT DISTINCT ON (l.type_key, l.{far}_id) l.type_key, l.from_id, l.to_id
        FROM association l
        JOIN unnest(CAST(:types AS text[]), CAST(:fars AS uuid[])) AS lost(type_key, far_id)
            ON lost.type_key = l.type_key AND (lost.far_id = l.{far}_id OR l.type_key = ANY(CAST(:single AS text[])))
        JOIN unnest(CAST(:remaining AS uuid[])) WITH ORDINALITY AS still(id, place) ON still.id = l.{near}_id
        WHERE l.tenant_id = :tenant AND l.{far}_id <> :winner
            AND NOT EXISTS (SELECT FROM association w WHERE w.tenant_id = :tenant AND w.{near}_id = :winner
                AND w.type_key = l.type_key
                AND (w.{far}_id = l.{far}_id OR l.type_key = ANY(CAST(:single AS text[]))))
        ORDER BY l.type_key, l.{far}_id, still.place
    )
    UPDATE association l SET {near}_id = :winner, {near}_origin = coalesce(l.{near}_origin, l.{near}_id),
        was_primary = coalesce(l.was_primary, l.is_primary), is_primary = false
    FROM hidden
    WHERE l.tenant_id = :tenant AND l.type_key = hidden.type_key AND l.from_id = hidden.from_id
        AND l.to_id = hidden.to_id
"""
PROMOTE_ACTIVITIES = text(
    """
    WITH hidden AS (
        SELECT DISTINCT ON (l.activity_id) l.activity_id, l.record_id
        FROM activity_link l
        JOIN unnest(CAST(:remaining AS uuid[])) WITH ORDINALITY AS still(id, place) ON still.id = l.record_id
        WHERE l.tenant_id = :tenant AND l.activity_id = ANY(CAST(:lost AS uuid[]))
        ORDER BY l.activity_id, still.place
    )
    UPDATE activity_link l SET record_id = :winner, origin_id = coalesce(l.origin_id, l.record_id)
    FROM hidden
    WHERE l.tenant_id = :tenant AND l.activity_id = hidden.activity_id AND l.record_id = hidden.record_id
    """
)
PROMOTE_MEMBERS = text(
    """
    WITH hidden AS (
        SELECT DISTINCT ON (l.segment_id) l.segment_id, l.record_id
        FROM segment_member l
        JOIN unnest(CAST(:remaining AS uuid[])) WITH ORDINALITY AS still(id, place) ON still.id = l.record_id
        WHERE l.tenant_id = :tenant AND l.segment_id = ANY(CAST(:lost AS uuid[]))
        ORDER BY l.segment_id, still.place
    )
    UPDATE segment_member l SET record_id = :winner, origin_id = coalesce(l.origin_id, l.record_id)
    FROM hidden
    WHERE l.tenant_id = :tenant AND l.segment_id = hidden.segment_id AND l.record_id = hidden.record_id
    """
)
# The first of the links that were the main one of their kind is so again where none is.
SETTLE_PRIMARY = text(
    """
    UPDATE association a SET is_primary = true
    FROM (
        SELECT DISTINCT ON (m.type_key) m.type_key, m.from_id, m.to_id
        FROM association m
        JOIN unnest(CAST(:remaining AS uuid[])) WITH ORDINALITY AS still(id, place) ON still.id = m.from_origin
        WHERE m.tenant_id = :tenant AND m.from_id = :winner AND m.was_primary
            AND NOT EXISTS (SELECT FROM association p WHERE p.tenant_id = :tenant AND p.from_id = :winner
                AND p.type_key = m.type_key AND p.is_primary)
        ORDER BY m.type_key, still.place
    ) AS first
    WHERE a.tenant_id = :tenant AND a.type_key = first.type_key AND a.from_id = first.from_id AND a.to_id = first.to_id
    """
)
GIVE_BACKS = tuple(text(GIVE_BACK_LINKS.format(**side)) for side in (FROM_SIDE, TO_SIDE))
PROMOTIONS = tuple(text(PROMOTE_LINKS.format(**side)) for side in (FROM_SIDE, TO_SIDE))
SINGLE = tuple(
    text(f"SELECT type_key FROM association_type WHERE tenant_id = :tenant AND {side['cardinality']} = 'one'")
    for side in (FROM_SIDE, TO_SIDE)
)
LATEST = text(
    """
    WITH latest AS (
        SELECT record_id, max(occurred_at) AS at FROM activity_link
        WHERE tenant_id = :tenant AND record_id IN (:winner, :loser) AND live GROUP BY record_id
    ),
    gone AS (
        DELETE FROM record_stat WHERE tenant_id = :tenant AND record_id IN (:winner, :loser)
            AND record_id NOT IN (SELECT record_id FROM latest)
    )
    INSERT INTO record_stat (tenant_id, record_id, last_activity_at) SELECT :tenant, record_id, at FROM latest
    ON CONFLICT (tenant_id, record_id) DO UPDATE SET last_activity_at = excluded.last_activity_at
    """
)
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


@dataclass(frozen=True, slots=True)
class Parting:
    """A contact that leaves another: with it go the `origins` merged into it, with the other stay the `remaining`.

    Both are in the order of their merges.
    """

    loser: UUID
    winner: UUID
    origins: Collection[UUID]
    remaining: Collection[UUID]


async def counts(call: Call, ids: Collection[UUID]) -> Mapping[str, int]:
    """How much hangs on contacts together."""
    found = await call.session.execute(COUNTS, {"tenant": call.actor.tenant, "ids": array(ids)})
    return dict(found.mappings().one())


async def move(call: Call, loser: UUID, winner: UUID) -> None:
    """Moves everything that hangs on one contact to another."""
    values = {"tenant": call.actor.tenant, "loser": loser, "winner": winner}
    for statement in (*JOINS, *MOVES):
        await call.session.execute(statement, values)


async def give_back(call: Call, parting: Parting) -> None:
    """Moves everything back that came with a contact; what others still merged have as well takes its place."""
    values = {
        "tenant": call.actor.tenant,
        "loser": parting.loser,
        "winner": parting.winner,
        "origins": array(parting.origins),
        "remaining": array(parting.remaining),
    }
    await give_back_links(call, values)
    for returning, promoting, column in (
        (text(GIVE_BACK_ACTIVITIES), PROMOTE_ACTIVITIES, "activity_id"),
        (text(GIVE_BACK_MEMBERS), PROMOTE_MEMBERS, "segment_id"),
    ):
        lost = [getattr(row, column) for row in await call.session.execute(returning, values)]
        await call.session.execute(promoting, values | {"lost": array(lost)})
    await call.session.execute(GIVE_BACK_PARTICIPANTS, values)
    await call.session.execute(LATEST, values)
    await part_labels(call, parting)


async def give_back_links(call: Call, values: Mapping[str, object]) -> None:
    """Moves links back, in both directions."""
    for returning, promoting, single in zip(GIVE_BACKS, PROMOTIONS, SINGLE, strict=True):
        lost = (await call.session.execute(returning, values)).all()
        kinds = (await call.session.execute(single, {"tenant": values["tenant"]})).scalars().all()
        told = {
            "types": array(row.type_key for row in lost),
            "fars": array(row.far_id for row in lost),
            "single": array(kinds),
        }
        await call.session.execute(promoting, {**values, **told})
    await call.session.execute(SETTLE_PRIMARY, values)


async def part_labels(call: Call, parting: Parting) -> None:
    """Takes the labels apart that links had together."""
    before = array([parting.winner, parting.loser, *parting.origins, *parting.remaining])
    for owner, now in ((parting.winner, parting.remaining), (parting.loser, parting.origins)):
        for statement in PARTS:
            values = {"tenant": call.actor.tenant, "owner": owner, "before": before, "now": array(now)}
            await call.session.execute(statement, values)
