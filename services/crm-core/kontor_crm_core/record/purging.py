"""Purges records that were deleted long ago, with everything that names them; what is part of a merge is kept."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import TextClause, text

from kontor_crm_core.record.bin import KEPT
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.work import Tenant, Work

BATCH = 200
# Rows that name a purged record go with it, those that others hold before what they hold.
ROWS: Sequence[tuple[str, str]] = (
    ("association", "from_id"),
    ("association", "to_id"),
    ("activity_link", "record_id"),
    ("activity_link", "activity_id"),
    ("link_log", "record_id"),
    ("link_log", "other_id"),
    ("activity_participant", "activity_id"),
    ("record_stat", "record_id"),
    ("segment_member", "record_id"),
    ("not_duplicate", "first_id"),
    ("not_duplicate", "second_id"),
    ("merge_log", "loser_id"),
    ("merge_log", "winner_id"),
    ("contact_email", "contact_id"),
    ("contact_phone", "contact_id"),
    ("company_domain", "company_id"),
    ("external_id", "record_id"),
    ("deal_stage_interval", "deal_id"),
    ("record_change", "record_id"),
    ("contact", "id"),
    ("company", "id"),
    ("deal", "id"),
    ("activity", "id"),
    ("record", "id"),
)
# Columns of rows that stay: a meeting keeps who came by name, a task that it is not the first of its series.
EMPTIED: Sequence[tuple[str, str]] = (("activity_participant", "contact_id"), ("activity", "follows"))
OLD = text(
    f"""
    SELECT r.id FROM record r
    WHERE r.tenant_id = :tenant AND r.deleted_at < :before
        AND NOT EXISTS (SELECT FROM redirect x WHERE x.tenant_id = :tenant AND x.old_id = r.id)
        AND NOT EXISTS (SELECT FROM redirect x WHERE x.tenant_id = :tenant AND x.present_id = r.id)
    ORDER BY r.deleted_at, r.id LIMIT {BATCH} FOR UPDATE OF r SKIP LOCKED
    """
)


async def purge_deleted(work: Work, tenant: Tenant) -> None:
    """Purges what a tenant deleted too long ago, batch after batch, each in a transaction of its own."""
    gone = BATCH
    while gone == BATCH:
        async with work.chore("purge_deleted", tenant) as call:
            gone = await purge_batch(call)


async def purge_batch(call: Call) -> int:
    """Purges the records deleted longest ago, and answers how many they were."""
    old = {"tenant": call.actor.tenant, "before": call.now - KEPT}
    ids: Sequence[UUID] = (await call.session.execute(OLD, old)).scalars().all()
    if ids:
        await purge(call, ids)
    return len(ids)


async def purge(call: Call, ids: Sequence[UUID]) -> None:
    """Deletes records that have ended, for good, with every row that names them."""
    gone = {"tenant": call.actor.tenant, "ids": list(ids)}
    for table, column in EMPTIED:
        await call.session.execute(emptying(table, column), gone)
    for table, column in ROWS:
        await call.session.execute(deleting(table, column), gone)


def emptying(table: str, column: str) -> TextClause:
    """Takes records out of a column of the rows that name them."""
    mine = f"tenant_id = :tenant AND {column} = ANY(CAST(:ids AS uuid[]))"
    return text(f"UPDATE {table} SET {column} = NULL WHERE {mine}")


def deleting(table: str, column: str) -> TextClause:
    """Deletes the rows of a table that name records."""
    return text(f"DELETE FROM {table} WHERE tenant_id = :tenant AND {column} = ANY(CAST(:ids AS uuid[]))")
