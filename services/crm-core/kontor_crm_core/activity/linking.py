"""The records activities are about, and when those were last attended to."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, literal_column, select, text, update
from sqlalchemy.dialects.postgresql import insert

from kontor_crm_core.activity.models import LINKS, STATS
from kontor_platform.runtime.call import Call

# What an activity's links repeat of it.
REPEATED = ("occurred_at", "kind", "actor_id", "actor_kind")
# Open tasks are still to come; what is planned for later counts from when it was last written.
LATEST = text(
    """
    WITH told AS (
        SELECT record_id FROM activity_link WHERE tenant_id = :tenant AND activity_id = ANY(CAST(:activities AS uuid[]))
        UNION SELECT unnest(CAST(:records AS uuid[]))
    )
    SELECT told.record_id, greatest(past.at, planned.at) AS at
    FROM told
    LEFT JOIN LATERAL (
        SELECT l.occurred_at AS at
        FROM activity_link l JOIN activity a ON a.tenant_id = l.tenant_id AND a.id = l.activity_id
        WHERE l.tenant_id = :tenant AND l.record_id = told.record_id AND l.live AND l.occurred_at <= :now
            AND (l.kind <> 'task' OR a.status = 'done')
        ORDER BY l.occurred_at DESC LIMIT 1) past ON true
    LEFT JOIN LATERAL (
        SELECT max(a.updated_at) AS at
        FROM activity_link l JOIN activity a ON a.tenant_id = l.tenant_id AND a.id = l.activity_id
        WHERE l.tenant_id = :tenant AND l.record_id = told.record_id AND l.live AND l.occurred_at > :now
        ) planned ON true
    ORDER BY told.record_id
    """
)


async def link(call: Call, row: Mapping[str, object], records: Sequence[UUID], people: Sequence[UUID]) -> list[UUID]:
    """Links an activity to records and to contacts that take part, and answers those it was not linked to before."""
    call.concerns(*records, *people)
    taking_part = set(people) - set(records)
    rows = [
        {
            "tenant_id": call.actor.tenant,
            "activity_id": row["id"],
            "record_id": record,
            "as_participant": record in taking_part,
            **{name: row[name] for name in REPEATED},
        }
        for record in sorted({*records, *taking_part})
    ]
    if not rows:
        return []
    wanted = insert(LINKS).values(rows)
    named = wanted.on_conflict_do_update(
        index_elements=[LINKS.c.tenant_id, LINKS.c.record_id, LINKS.c.activity_id],
        set_={"as_participant": False},
        where=LINKS.c.as_participant & ~wanted.excluded.as_participant,
    )
    done = await call.session.execute(named.returning(LINKS.c.record_id, literal_column("xmax = 0").label("is_new")))
    return [each.record_id for each in done if each.is_new]


async def unlink_guests(call: Call, activity: UUID, staying: Collection[UUID]) -> list[UUID]:
    """Takes away the links of contacts that no longer take part, and answers whose they were."""
    mine = (LINKS.c.tenant_id == call.actor.tenant, LINKS.c.activity_id == activity, LINKS.c.as_participant)
    gone = delete(LINKS).where(*mine, LINKS.c.record_id.not_in(list(staying))).returning(LINKS.c.record_id)
    return list((await call.session.execute(gone)).scalars())


async def shift(call: Call, activity: UUID, at: datetime) -> None:
    """Moves an activity to another place on the timelines of its records."""
    mine = (LINKS.c.tenant_id == call.actor.tenant, LINKS.c.activity_id == activity)
    await call.session.execute(update(LINKS).where(*mine).values(occurred_at=at))


async def records_of(call: Call, activity: UUID) -> tuple[UUID, ...]:
    """The records an activity is about."""
    mine = (LINKS.c.tenant_id == call.actor.tenant, LINKS.c.activity_id == activity)
    found = await call.session.execute(select(LINKS.c.record_id).where(*mine).order_by(LINKS.c.record_id))
    return tuple(found.scalars())


async def touch(call: Call, moments: Mapping[UUID, datetime]) -> None:
    """Notes when records were last attended to, which leaves their version; any number in one statement."""
    if not moments:
        return
    rows = [
        {"tenant_id": call.actor.tenant, "record_id": record, "last_activity_at": min(moments[record], call.now)}
        for record in sorted(moments)
    ]
    wanted = insert(STATS).values(rows)
    latest = func.greatest(STATS.c.last_activity_at, wanted.excluded.last_activity_at)
    key = [STATS.c.tenant_id, STATS.c.record_id]
    await call.session.execute(
        wanted.on_conflict_do_update(
            index_elements=key,
            set_={"last_activity_at": latest},
            where=STATS.c.last_activity_at < wanted.excluded.last_activity_at,
        )
    )


async def set_live(call: Call, activities: Sequence[UUID], *, live: bool) -> None:
    """Takes activities off the timelines of their records, or puts them back, and recounts their last activity.

    For whoever deletes or restores activities and tasks; any number in the same few statements.
    """
    mine = (LINKS.c.tenant_id == call.actor.tenant, LINKS.c.activity_id.in_(list(activities)))
    await call.session.execute(update(LINKS).where(*mine).values(live=live))
    await recount(call, activities=activities)


async def recount(call: Call, records: Sequence[UUID] = (), *, activities: Sequence[UUID] = ()) -> None:
    """Finds anew when records, and those that activities are about, were last attended to."""
    values = {
        "tenant": call.actor.tenant,
        "records": list(records),
        "activities": list(activities),
        "now": call.now,
    }
    rows = (await call.session.execute(LATEST, values)).all()
    ids = [row.record_id for row in rows]
    mine = (STATS.c.tenant_id == call.actor.tenant, STATS.c.record_id.in_(ids))
    held = select(STATS.c.record_id).where(*mine).order_by(STATS.c.record_id).with_for_update()
    await call.session.execute(held)
    await call.session.execute(delete(STATS).where(*mine))
    await touch(call, {row.record_id: row.at for row in rows if row.at})
