"""The rules every table of every service keeps, read from the database that the migrations make."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from kontor_platform.data.migrate import migrate
from kontor_platform.dev.postgres import EmbeddedPostgres
from support.ddl import refuse_ddl

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in (ROOT / "services").glob("*/migrations"))
WITHOUT_TENANT = {
    "tenant": "lists the tenants a service has seen, so that its workers find them",
    "alembic_version": "alembic's own",
    "service_image": "descriptor images are the same for every tenant",
    "import_stage": "COPY is refused on tables with row security; one module names it, always with the tenant",
    "procrastinate_jobs": "a job names a tenant and an operation by id and holds nothing else",
    "procrastinate_events": "tells when a job began and ended",
    "procrastinate_workers": "tells which workers live",
    "procrastinate_periodic_defers": "procrastinate's own, empty here",
}
# What a service's worker sees across tenants, by table: the rows, and the columns it may read of them.
WORKER_SEES = {
    "outbox": ("(seq IS NULL)", {"tenant_id", "n", "seq", "at"}),
    "chore": ("true", {"tenant_id", "name", "done_on"}),
    "outbox_head": ("true", {"tenant_id", "seq"}),
    "segment_head": ("true", {"tenant_id", "seq"}),
}
PLATFORM_TABLES = {"tenant", "outbox", "outbox_head", "idempotency", "read_log"}

TABLES = """
    SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %s AND c.relkind IN ('r', 'p')
"""
POLICIES = "SELECT tablename, qual, with_check, roles::text[], cmd FROM pg_policies WHERE schemaname = %s"
COLUMNS = """
    SELECT a.attname FROM pg_attribute a
    WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND has_column_privilege(%s, a.attrelid, a.attnum, 'SELECT')
"""
WRITES = "INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER"
KEYS = """
    SELECT t.relname, k.conname, k.contype,
           (SELECT array_agg(a.attname ORDER BY o.n) FROM unnest(k.conkey) WITH ORDINALITY o(num, n)
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.num) AS columns
    FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
    WHERE n.nspname = %s AND k.contype IN ('p', 'f', 'u')
"""
INDEXES = """
    SELECT t.relname, i.relname, m.amname, pg_get_expr(x.indexprs, x.indrelid) IS NOT NULL AS computed, a.attname
    FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_am m ON m.oid = i.relam
    LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
    WHERE n.nspname = %s
"""
INDEXED_TEXT = """
    SELECT t.relname, a.attname, y.typname, c.collname
    FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = ANY (x.indkey) JOIN pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_collation c ON c.oid = a.attcollation
    WHERE n.nspname = %s AND t.relname <> ALL (%s)
"""
LEAKPROOF = {"uuid", "text", "int2", "int4", "int8", "bool", "date", "timestamptz", "float8"}
every_service = pytest.mark.parametrize("service", SERVICES)


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A database with the schema of every service, as its administrator sees it."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("schemas"))
    server.start()
    for service in SERVICES:
        migrate(service, server.url, ROOT / "services" / service / "migrations", lambda role: f"secret of {role}")
    with psycopg.connect(server.url, autocommit=True) as connection:
        yield connection
    server.remove()


Database = psycopg.Connection[tuple[object, ...]]


def schema(service: str) -> str:
    """The schema of a service."""
    return service.replace("-", "_")


@every_service
def test_every_table_forces_row_security_with_a_policy_both_ways(database: Database, service: str) -> None:
    """No row is read or written without a tenant; exceptions are named with their reason."""
    tables = {name: (enabled, forced) for name, enabled, forced in database.execute(TABLES, [schema(service)])}
    assert set(tables) >= PLATFORM_TABLES
    guarded = {name for name in tables if name not in WITHOUT_TENANT}
    assert {name for name in guarded if tables[name] != (True, True)} == set()
    worker = [f"{schema(service)}_worker"]
    rows = database.execute(POLICIES, [schema(service)]).fetchall()
    policies = {row[0]: row[1:] for row in rows if row[3] != worker}
    for name in guarded:
        using, check, roles, _ = policies[name]
        assert "app.tenant_id" in str(using), name
        assert "app.tenant_id" in str(check), name
        assert roles == ["public"], f"the policy of {name} must bind the owner too"
    for name, using, _, _, command in (row for row in rows if row[3] == worker):
        assert (using, command) == (WORKER_SEES[str(name)][0], "SELECT"), name


@every_service
def test_the_worker_finds_work_and_reads_nothing_of_it(database: Database, service: str) -> None:
    """Across tenants its role reads the columns that are named, of tables with a policy of its own, and writes none."""
    worker = f"{schema(service)}_worker"
    for name, _, _ in database.execute(TABLES, [schema(service)]):
        table = f"{schema(service)}.{name}"
        seen = {row[0] for row in database.execute(COLUMNS, [table, worker])}
        writes = database.execute("SELECT has_table_privilege(%s, %s, %s)", [worker, table, WRITES]).fetchone()
        if str(name).startswith("procrastinate_"):
            continue
        assert writes == (False,), name
        assert name == "tenant" or seen <= WORKER_SEES.get(str(name), ("", set()))[1], name


@every_service
def test_the_tenant_leads_every_key(database: Database, service: str) -> None:
    """Primary keys, unique constraints and foreign keys begin with the tenant: no link can leave it."""
    wrong = [
        (table, name)
        for table, name, _, columns in database.execute(KEYS, [schema(service)])
        if table not in WITHOUT_TENANT and columns[0] != "tenant_id"  # type: ignore[index]
    ]
    assert wrong == []


@every_service
def test_indexes_work_under_row_security(database: Database, service: str) -> None:
    """B-trees over leakproof columns, led by the tenant; an expression or a GIN index would be read whole."""
    for table, name, method, computed, first in database.execute(INDEXES, [schema(service)]):
        if table in WITHOUT_TENANT:
            continue
        assert (method, computed, first) == ("btree", False, "tenant_id"), f"{table}.{name}"
    for table, column, kind, collation in database.execute(INDEXED_TEXT, [schema(service), list(WITHOUT_TENANT)]):
        assert kind in LEAKPROOF, f"{table}.{column} is {kind}"
        assert kind != "text" or collation == "C", f'{table}.{column} needs COLLATE "C"'


@every_service
def test_without_a_tenant_there_are_no_rows(database: Database, service: str) -> None:
    """The owner, who may do anything else, sees nothing either."""
    tables = [row[0] for row in database.execute(TABLES, [schema(service)]) if row[0] not in WITHOUT_TENANT]
    database.execute(f"SET ROLE {schema(service)}_owner".encode())
    for table in tables:
        count = database.execute(f"SELECT count(*) FROM {schema(service)}.{table}".encode()).fetchone()
        assert count == (0,)
    database.execute("RESET ROLE")


@every_service
def test_roles_own_nothing_they_should_not(database: Database, service: str) -> None:
    """The application and the worker may create nothing and bypass nothing; no schema lets another service in."""
    for role in (f"{schema(service)}_app", f"{schema(service)}_worker"):
        ((superuser, bypass),) = database.execute(
            "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = %s", [role]
        ).fetchall()
        assert (superuser, bypass) == (False, False)
        may = "SELECT has_database_privilege(%s, current_database(), 'CREATE, TEMPORARY')"
        assert database.execute(may, [role]).fetchone() == (False,), role
        for other in SERVICES:
            usage, create = database.execute(
                "SELECT has_schema_privilege(%s, %s, 'USAGE'), has_schema_privilege(%s, %s, 'CREATE')",
                [role, schema(other), role, schema(other)],
            ).fetchone()  # type: ignore[misc]
            assert (usage, create) == (other == service, False), (role, other)


@every_service
def test_no_role_at_run_time_changes_a_schema(database: Database, service: str) -> None:
    """Not even by a temporary table; and where the test run refuses such statements, its log tells of them."""
    database.execute(f"SET search_path TO {schema(service)}".encode())
    statements = ("CREATE TABLE planted (a int)", "CREATE TEMP TABLE planted (a int)", "DROP TABLE outbox")
    for refused in (psycopg.errors.InsufficientPrivilege, psycopg.errors.RaiseException):
        for role in (f"{schema(service)}_app", f"{schema(service)}_worker"):
            database.execute(f"SET ROLE {role}".encode())
            for statement in statements:
                with pytest.raises(refused):
                    database.execute(statement.encode())
            database.execute("RESET ROLE")
        refuse_ddl(database)
    database.execute("DROP EVENT TRIGGER no_ddl")


@every_service
def test_a_backfill_changes_the_rows_of_every_tenant(database: Database, service: str) -> None:
    """A data migration that walks the tenants as the owner changes what it means to change."""
    one, other = "019a0000-0000-7000-8000-000000000001", "019a0000-0000-7000-8000-000000000002"
    database.execute(f"SET ROLE {schema(service)}_owner".encode())
    database.execute(f"SET search_path TO {schema(service)}".encode())
    changed = []
    for tenant in (one, other):
        with database.transaction(force_rollback=True):
            database.execute("SELECT set_config('app.tenant_id', %s, true)", [tenant])
            database.execute(
                "INSERT INTO outbox (tenant_id, kind, type, operation_id) VALUES (%s, 'event', 'x.created', %s)",
                [tenant, tenant],
            )
            changed.append(database.execute("UPDATE outbox SET type = 'x.made'").rowcount)
    database.execute("RESET ROLE")
    assert changed == [1, 1]
