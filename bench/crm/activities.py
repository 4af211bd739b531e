"""Histories: 3 to 40 activities on a tenth of the contacts, written as the owner of the tables."""

from crm.house import House

MADE = """
CREATE TEMP TABLE told AS
    SELECT c.id AS contact, gen_random_uuid() AS id, n,
        now() - ((abs(hashtext(c.id::text || n)) % 1000) * interval '1 day') AS at
    FROM contact c, generate_series(1, 3 + abs(hashtext(c.id::text)) % 38) AS n
    WHERE c.tenant_id = %(tenant)s AND abs(hashtext(c.id::text)) % 10 = 0;
"""
WRITTEN = """
INSERT INTO record (tenant_id, id, object_type)
    SELECT %(tenant)s, id, CASE WHEN n %% 4 = 1 THEN 'task' ELSE 'activity' END FROM told;
INSERT INTO activity (tenant_id, id, version, kind, occurred_at, subject, body, actor_kind, actor_id, owner_id, status,
        priority, due_key, created_at, updated_at)
    SELECT %(tenant)s, id, 1, CASE WHEN n %% 4 = 1 THEN 'task' ELSE 'note' END, at, 'Spoke about offer ' || n,
        repeat('They asked for a better price. ', 1 + n %% 5), 'user', %(actor)s, %(actor)s,
        CASE WHEN n %% 4 = 1 THEN 'open' END, CASE WHEN n %% 4 = 1 THEN 'normal' END, CASE WHEN n %% 4 = 1 THEN at END,
        at, at
    FROM told;
INSERT INTO activity_link (tenant_id, record_id, activity_id, occurred_at, kind, actor_id, actor_kind)
    SELECT %(tenant)s, contact, id, at, CASE WHEN n %% 4 = 1 THEN 'task' ELSE 'note' END, %(actor)s, 'user' FROM told;
INSERT INTO record_stat (tenant_id, record_id, last_activity_at)
    SELECT %(tenant)s, contact, max(at) FROM told GROUP BY contact
    ON CONFLICT (tenant_id, record_id) DO UPDATE SET last_activity_at = excluded.last_activity_at;
"""
SETTLED = "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'crm_core'::regnamespace AND c.relkind = 'r'"
SIZES = """
SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c
WHERE c.relnamespace = 'crm_core'::regnamespace AND c.relkind = 'r' ORDER BY 2 DESC
"""


def write(house: House) -> int:
    """Writes the histories; how many activities there are."""
    values = {"tenant": house.tenant, "actor": house.admin.actor}
    with house.owner() as connection:
        connection.execute("SET session_replication_role TO replica")
        connection.execute(MADE.replace("% ", "%% ").encode(), values)
        for statement in WRITTEN.split(";\n")[:-1]:
            connection.execute(statement.encode(), values)
        row = connection.execute("SELECT count(*) FROM told").fetchone()
    assert row is not None
    return int(row[0])


def settle(house: House) -> None:
    """Does what autovacuum would have done after hours."""
    with house.owner() as connection:
        for (table,) in connection.execute(SETTLED).fetchall():
            connection.execute(f"VACUUM (ANALYZE) crm_core.{table}".encode())


def sizes(house: House) -> dict[str, int]:
    """Bytes by table, with its indexes."""
    with house.owner() as connection:
        return dict(connection.execute(SIZES).fetchall())
