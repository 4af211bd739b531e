"""Where rows of a person stand, and what is read of them."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import TextClause, text

from kontor_crm_core.privacy.subject import Subject
from kontor_crm_core.record.purging import ROWS as PURGED
from kontor_platform.runtime.call import Call

IDS, RECORDS = "CAST(:ids AS uuid[])", "CAST(:records AS uuid[])"


def naming(tables: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The conditions on rows that name a record of the person, by table."""
    conditions: dict[str, list[str]] = {}
    for table, column in tables:
        conditions.setdefault(table, []).append(f"t.{column} = ANY({RECORDS})")
    return {table: " OR ".join(each) for table, each in conditions.items()}


# The rows of each table that are about the person: those that go with a purged record, and what else tells of them.
ROWS: Mapping[str, str] = {
    **naming(PURGED),
    "activity_participant": f"t.activity_id = ANY({RECORDS}) OR t.contact_id = ANY({IDS}) "
    "OR t.email_key = ANY(CAST(:addresses AS text[])) OR t.e164 = ANY(CAST(:addresses AS text[]))",
    "property_index": f"t.record_id = ANY({RECORDS})",
    "unique_value": f"t.record_id = ANY({RECORDS})",
    "redirect": f"t.old_id = ANY({IDS}) OR t.present_id = ANY({IDS})",
    "import_row": f"t.record_id = ANY({IDS})",
    "idempotency": f"t.subjects && {IDS}",
    "read_log": f"t.subjects && {IDS}",
    "outbox": f"t.subjects && {IDS} OR t.record_id = ANY({RECORDS})",
}
# What is stored and not the person's to read: an answer lies there as bytes that the other rows tell.
UNTOLD = frozenset({"idempotency"})
PAGE = """
    SELECT told.mark, told.row FROM (
        SELECT encode(sha256(convert_to(to_jsonb(t)::text, 'UTF8')), 'hex') AS mark, to_jsonb(t)::text AS row
        FROM {table} t WHERE t.tenant_id = :tenant AND ({condition})
    ) AS told WHERE told.mark > :after ORDER BY told.mark LIMIT :most
"""
# Records of others with the person's name, address or number in a text that people write.
MENTIONS = text(
    f"""
    WITH needles AS (
        SELECT lower(address) AS needle FROM unnest(CAST(:addresses AS text[])) AS address
        UNION SELECT lower(c.name) FROM contact c
        WHERE c.tenant_id = :tenant AND c.id = ANY({IDS}) AND position(' ' IN c.name) > 0
    ), texts AS (
        SELECT a.id, lower(concat_ws(' ', a.subject, a.body, a.outcome, a.location)) AS told FROM activity a
        WHERE a.tenant_id = :tenant AND a.deleted_at IS NULL
        UNION ALL SELECT d.id, lower(concat_ws(' ', d.name, d.description, d.lost_reason)) FROM deal d
        WHERE d.tenant_id = :tenant AND d.deleted_at IS NULL
        UNION ALL SELECT o.id, lower(concat_ws(' ', o.name, o.description)) FROM company o
        WHERE o.tenant_id = :tenant AND o.deleted_at IS NULL
    )
    SELECT t.id FROM texts t
    WHERE t.id <> ALL({RECORDS}) AND EXISTS (SELECT FROM needles n WHERE position(n.needle IN t.told) > 0)
    ORDER BY t.id LIMIT :most
    """
)
MOST_MENTIONS = 100


def counting(table: str) -> TextClause:
    """Counts a table's rows of a person."""
    return text(f"SELECT count(*) FROM {table} t WHERE t.tenant_id = :tenant AND ({ROWS[table]})")


async def counted(call: Call, subject: Subject) -> dict[str, int]:
    """How many rows of a person each table has, without those that have none."""
    values = subject.values(call.actor.tenant)
    found = {table: (await call.session.execute(counting(table), values)).scalar_one() for table in ROWS}
    return {table: number for table, number in found.items() if number}


async def mentions(call: Call, subject: Subject) -> list[UUID]:
    """Records of others whose texts name the person; a person decides what becomes of them."""
    values = {**subject.values(call.actor.tenant), "most": MOST_MENTIONS}
    return list((await call.session.execute(MENTIONS, values)).scalars())


async def page(call: Call, subject: Subject, table: str, after: str, most: int) -> list[tuple[str, str]]:
    """So many of a table's rows behind a mark, each a JSON object with its own mark."""
    values = {**subject.values(call.actor.tenant), "after": after, "most": most}
    statement = text(PAGE.format(table=table, condition=ROWS[table]))
    return [(row.mark, row.row) for row in await call.session.execute(statement, values)]
