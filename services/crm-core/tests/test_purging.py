"""After ninety days a deleted record is gone for good, with everything that named it."""

from typing import Any

from kontor_crm_core.record.purging import EMPTIED, ROWS, purge_deleted
from kontor_platform.runtime.principal import TenantSettings
from kontor_platform.runtime.work import Tenant

from .crowds import copies
from .inside import working

# Logs of work, kept for their own time.
LOGS = {"outbox", "idempotency", "read_log"}
AGED = """
    UPDATE record SET deleted_at = deleted_at - interval '90 days' - interval '1 minute'
    WHERE tenant_id = %s AND deleted_at IS NOT NULL
"""
HOLDERS = """
    SELECT k.conrelid::regclass::text, a.attname
    FROM pg_constraint k
    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[array_length(k.conkey, 1)]
    WHERE k.contype = 'f' AND k.connamespace = 'crm_core'::regnamespace
        AND k.confrelid = ANY (ARRAY['record', 'contact', 'company', 'deal', 'activity']::regclass[])
"""


async def purge(stack: Any, crm: Any) -> None:
    """Lets ninety days pass and purges."""
    with stack.sql("crm-core") as connection:
        connection.execute(AGED, (crm.principal.tenant,))
    async with working(stack) as work:
        await purge_deleted(work, Tenant(crm.principal.tenant, crm.principal.slug, TenantSettings()))


def traces(stack: Any, crm: Any, record: str) -> list[str]:
    """The tables that still name a record."""
    with stack.sql("crm-core") as connection:
        tables = connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' "
            "WHERE c.relnamespace = 'crm_core'::regnamespace AND c.relkind = 'r'"
        ).fetchall()
        query = "SELECT count(*) FROM {} t WHERE tenant_id = %s AND position(%s in to_jsonb(t)::text) > 0"
        return [
            name
            for (name,) in tables
            if name not in LOGS
            and connection.execute(query.format(name).encode(), (crm.principal.tenant, record)).fetchone() != (0,)
        ]


async def test_a_purged_record_leaves_no_trace(crm: Any, stack: Any, deal: str, company: str, contact: str) -> None:
    """No row names it any more, of whatever type it was; what hung on it stays and shows nothing of it."""
    task = crm.do("crm_create_task", title="Call", record_ids=[deal, contact, company])["task"]["id"]
    note = crm.do("crm_create_note", body="Met.", record_ids=[deal, contact, company])["note"]["id"]
    crm.do("crm_link_entities", pairs=[{"from_id": contact, "to_id": company}])
    for record in (contact, company, task, note):
        crm.do("crm_delete_record", id=record)
    await purge(stack, crm)
    kept = crm.do("crm_get_record", id=deal, include=["associations", "counts"])
    assert kept["associations"] == []
    for record in (contact, company, task, note):
        assert crm.refused("crm_get_record", id=record)["code"] == "not_found"
        assert crm.refused("crm_restore_record", id=record)["code"] == "not_found"
        assert [each for each in traces(stack, crm, record) if each not in ("record_change",)] == []
    crm.do("crm_delete_record", id=deal)
    await purge(stack, crm)
    assert traces(stack, crm, deal) == []


async def test_what_is_younger_or_merged_stays(crm: Any, stack: Any, contact: str, company: str) -> None:
    """A record of the bin can be restored until its time, and one that became part of another is history."""
    crm.do("crm_delete_record", id=contact)
    async with working(stack) as work:
        await purge_deleted(work, Tenant(crm.principal.tenant, crm.principal.slug, TenantSettings()))
    crm.do("crm_restore_record", id=contact)
    crm.do("crm_delete_record", id=contact)
    with stack.sql("crm-core") as connection:
        values = (crm.principal.tenant, contact, company)
        connection.execute("INSERT INTO redirect (tenant_id, old_id, present_id) VALUES (%s, %s, %s)", values)
    await purge(stack, crm)
    assert crm.do("crm_get_record", id=contact)["redirected_from"] == contact
    with stack.sql("crm-core") as connection:
        kept = connection.execute("SELECT count(*) FROM contact WHERE id = %s", (contact,)).fetchone()
    assert kept == (1,)


async def test_many_go_batch_by_batch(crm: Any, stack: Any, contact: str) -> None:
    """However many there are, none is left."""
    crm.do("crm_delete_record", id=contact)
    with stack.sql("crm-core") as connection:
        copies(connection, "contact", contact, 450)
        connection.execute("UPDATE record SET deleted_at = now() WHERE tenant_id = %s", (crm.principal.tenant,))
    await purge(stack, crm)
    with stack.sql("crm-core") as connection:
        query = "SELECT count(*) FROM contact WHERE tenant_id = %s"
        assert connection.execute(query, (crm.principal.tenant,)).fetchone() == (0,)


def test_every_table_that_names_records_is_purged(stack: Any) -> None:
    """A new table with a foreign key to records has its place in the purge."""
    with stack.sql("crm-core") as connection:
        holders = set(connection.execute(HOLDERS).fetchall())
    assert holders - {("redirect", "old_id")} <= {*ROWS, *EMPTIED}
