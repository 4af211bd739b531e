"""Erases a person for good: rows go, and what others need stays without them."""

from collections.abc import Mapping, Sequence
from typing import Any

from kontor_protos.kontor.platform.v1 import privacy_pb as pb
from sqlalchemy import Row, TextClause, text

from kontor_crm_core.activity.linking import recount
from kontor_crm_core.operation.rules import ENDED
from kontor_crm_core.privacy.kept import RECORDS, ROWS, counted
from kontor_crm_core.privacy.subject import Subject
from kontor_crm_core.record.objects import write
from kontor_crm_core.record.purging import purge
from kontor_platform.contract.problem import Conflict
from kontor_platform.data.files import wipe
from kontor_platform.data.records.planned import Life, Planned
from kontor_platform.data.records.words import forget_words
from kontor_platform.runtime.call import Call, Event

ERASED = "contact.erased"
HELD = text(
    """
    SELECT r.id, r.object_type, r.deleted_at, r.terms, coalesce(c.version, a.version) AS version
    FROM record r
    LEFT JOIN contact c ON c.tenant_id = :tenant AND c.id = r.id
    LEFT JOIN activity a ON a.tenant_id = :tenant AND a.id = r.id
    WHERE r.tenant_id = :tenant AND r.id = ANY(CAST(:records AS uuid[])) ORDER BY r.id FOR UPDATE OF r
    """
)
BUSY = text(
    """
    SELECT o.id FROM operation o
    WHERE o.tenant_id = :tenant AND o.kind IN ('import', 'import_revert', 'export') AND o.state <> ALL(:ended) LIMIT 1
    """
)
# Files with rows of the person: those that were imported or refused, and every export, which may hold anybody.
FILES = text(
    """
    SELECT f.id FROM operation o
    JOIN file f ON f.tenant_id = :tenant AND f.state <> 'expired'
        AND f.id IN (o.result_file, o.error_file, CAST(o.data ->> 'file' AS uuid))
    WHERE o.tenant_id = :tenant AND (o.kind = 'export' OR o.id = ANY(CAST(:imports AS uuid[])))
    """
)
NEIGHBOURS = text(
    """
    SELECT DISTINCT l.record_id FROM activity_link l
    WHERE l.tenant_id = :tenant AND l.activity_id = ANY(CAST(:activities AS uuid[]))
        AND l.record_id <> ALL(CAST(:ids AS uuid[])) ORDER BY l.record_id
    """
)
# Rows that stay without what tells of the person; an activity with others keeps its log, but not who took part.
MASKS: Mapping[str, TextClause] = {
    "import_row": text(
        f"UPDATE import_row t SET problems = '[]', link = NULL "
        f"WHERE t.tenant_id = :tenant AND ({ROWS['import_row']}) RETURNING 1"
    ),
    "read_log": text(
        f"UPDATE read_log t SET data = '{{}}' WHERE t.tenant_id = :tenant AND ({ROWS['read_log']}) RETURNING 1"
    ),
    "record_change": text(
        f"""
        UPDATE record_change t SET changes = (
            SELECT jsonb_agg(CASE WHEN each ->> 'field' IN ('attendees', 'participants')
                THEN each || '{{"before": null, "after": null}}' ELSE each END ORDER BY place)
            FROM jsonb_array_elements(t.changes) WITH ORDINALITY AS told(each, place))
        WHERE t.tenant_id = :tenant AND t.record_id IN (
            SELECT t.activity_id FROM activity_participant t
            WHERE t.tenant_id = :tenant AND ({ROWS["activity_participant"]})
            UNION SELECT t.activity_id FROM activity_link t
            WHERE t.tenant_id = :tenant AND ({ROWS["activity_link"]}))
            AND t.record_id <> ALL({RECORDS}) AND EXISTS (
            SELECT FROM jsonb_array_elements(t.changes) AS each WHERE each ->> 'field' IN ('attendees', 'participants'))
        RETURNING 1
        """
    ),
}
SWEPT = (
    text("DELETE FROM import_stage WHERE tenant_id = :tenant AND import_id = ANY(CAST(:imports AS uuid[]))"),
    text(
        "UPDATE operation SET report = '{}' WHERE tenant_id = :tenant AND (kind = 'export' "
        "OR id = ANY(CAST(:imports AS uuid[])))"
    ),
    *(
        text(f"DELETE FROM {table} t WHERE t.tenant_id = :tenant AND ({ROWS[table]})")
        for table in ("activity_participant", "redirect", "idempotency")
    ),
)
# What stays tells that something happened, and holds ids and names of fields alone.
STAYS = {
    "outbox": "The chain of events and audit rows stays whole; it holds ids and names of fields, no values.",
    "import_row": "An import keeps which line became which id, without what was in it.",
    "record_change": "Activities with others keep their log, without who took part.",
    "read_log": "Who read in bulk stays known, without what was asked.",
}


async def erase(call: Call, subject: Subject) -> list[pb.ErasedTable]:
    """Erases a person and tells what became of every table's rows; raises Conflict while files are read or written.

    All of it is one transaction: after a failure nothing is gone, and another call begins anew.
    """
    if not subject.ids:
        return []
    values = subject.values(call.actor.tenant)
    ended = {"tenant": call.actor.tenant, "ended": [str(each) for each in ENDED]}
    if (await call.session.execute(BUSY, ended)).first():
        raise Conflict("An import, its revert or an export is running; erase the person when it has ended.")
    records = (await call.session.execute(HELD, values)).all()
    before = await counted(call, subject)
    others = (await call.session.execute(NEIGHBOURS, values)).scalars().all()
    await end(call, subject, records)
    files = (await call.session.execute(FILES, values)).scalars().all()
    await wipe(call.session, call.actor.tenant, files)
    masked = {table: await rows_changed(call, mask, values) for table, mask in MASKS.items()}
    for statement in SWEPT:
        await call.session.execute(statement, values)
    await purge(call, subject.records)
    await recount(call, others)
    after = await counted(call, subject)
    words = {(each.object_type, term) for each in records for term in each.terms}
    await forget_words(call.session, call.actor.tenant, sorted(words))
    told = [of_table(table, found, after.get(table, 0), masked.get(table, 0)) for table, found in before.items()]
    return [*told, *([pb.ErasedTable(name="file", found=len(files), deleted=len(files))] if files else [])]


async def end(call: Call, subject: Subject, records: Sequence[Row[Any]]) -> None:
    """Takes the live records out of every index, and tells of the erasure."""
    living = [each for each in records if each.deleted_at is None]
    written = await write(call, *(Planned(each.object_type, each.id, each.version, life=Life.ENDS) for each in living))
    versions = {each.id: each.version for each in records} | {id: now.version for id, now in written.items()}
    call.emit(Event(ERASED, "contact", subject.ids[0], versions[subject.ids[0]]))


async def rows_changed(call: Call, statement: TextClause, values: Mapping[str, object]) -> int:
    """Runs a statement and answers how many rows it changed."""
    return len((await call.session.execute(statement, values)).all())


def of_table(table: str, found: int, left: int, masked: int) -> pb.ErasedTable:
    """What became of a table's rows."""
    return pb.ErasedTable(
        name=table,
        found=found,
        deleted=max(found - left, 0),
        masked=masked,
        retained=left if table not in MASKS else 0,
        reason=STAYS.get(table, "") if left or masked else "",
    )
