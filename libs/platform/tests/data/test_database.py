"""Tenancy: whatever a query forgets, another tenant's rows do not exist."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kontor_platform.data.database import Database
from kontor_platform.data.guard import UnsafeRole, WrongSchema, require_application_role, require_version
from kontor_platform.data.jobs import TABLES
from kontor_platform.data.migrate import migrate
from kontor_platform.data.retention import PLATFORM, purge

INSERT = text("INSERT INTO thing (tenant_id, id, name) VALUES (:tenant, :id, :name)")
STORED = text(
    """
    INSERT INTO idempotency (tenant_id, actor, operation, key, payload_hash, answer, created_at)
    VALUES (:tenant, :tenant, 'x', CAST(:key AS text), '', '', clock_timestamp() - CAST(CAST(:key AS text) AS interval))
    """
)
MIGRATIONS = Path(__file__).parents[1] / "migrations"


@pytest.fixture
async def database(app_url: str) -> AsyncIterator[Database]:
    """The application's connections."""
    opened = Database(app_url, size=2)
    await opened.open()
    yield opened
    await opened.close()


async def add(database: Database, tenant: UUID, name: str) -> None:
    """Writes a thing of a tenant."""
    async with database.transaction(tenant) as (session, _):
        await session.execute(INSERT, {"tenant": tenant, "id": uuid4(), "name": name})
        await session.commit()


async def names(database: Database, tenant: UUID) -> list[str]:
    """Every thing there is, as a query without a predicate sees it."""
    return sorted(row["name"] for row in await database.read(tenant, "SELECT name FROM thing", ()))


async def test_a_query_without_a_predicate_sees_one_tenant(database: Database) -> None:
    """Row-level security is in force for sessions and for single reads alike."""
    one, other = uuid4(), uuid4()
    await add(database, one, "mine")
    await add(database, other, "theirs")
    assert await names(database, one) == ["mine"]
    async with database.transaction(other) as (session, _):
        assert (await session.execute(text("SELECT name FROM thing"))).scalars().all() == ["theirs"]


async def test_a_row_for_another_tenant_cannot_be_written(database: Database) -> None:
    """The policy checks what is written, too."""
    async with database.transaction(uuid4()) as (session, _):
        with pytest.raises(DBAPIError, match="row-level security"):
            await session.execute(INSERT, {"tenant": uuid4(), "id": uuid4(), "name": "planted"})


async def test_a_connection_keeps_no_tenant(database: Database, app_url: str) -> None:
    """After a call its connection sees nothing, whichever way the call ended."""
    tenant = uuid4()
    await add(database, tenant, "mine")
    await names(database, tenant)
    async with database.engine.connect() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM thing"))).scalar_one() == 0
    with psycopg.connect(app_url) as direct:
        assert direct.execute("SELECT count(*) FROM thing").fetchone() == (0,)


async def test_leaving_without_commit_changes_nothing(database: Database) -> None:
    """A dry run and a refusal both end this way."""
    tenant = uuid4()
    async with database.transaction(tenant) as (session, _):
        await session.execute(INSERT, {"tenant": tenant, "id": uuid4(), "name": "tried"})
    assert await names(database, tenant) == []


async def test_a_single_read_outlives_its_connection(database: Database, admin_url: str) -> None:
    """A read whose connection was cut is made again on a new one."""
    tenant = uuid4()
    await add(database, tenant, "mine")
    assert await names(database, tenant) == ["mine"]
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'sample_app'")
    assert await names(database, tenant) == ["mine"]


async def test_the_application_role_may_do_no_more_than_it_must(database: Database, admin_url: str) -> None:
    """It makes no table, not even a temporary one; and a service refuses to run as anyone mightier."""
    await require_application_role(database, "sample")
    for statement in ("CREATE TABLE sample.planted (a int)", "CREATE TEMP TABLE planted (a int)"):
        async with database.engine.connect() as connection:
            with pytest.raises(DBAPIError, match="permission denied"):
                await connection.execute(text(statement))
    as_admin = Database(admin_url)
    with pytest.raises(UnsafeRole, match="sample_app"):
        await require_application_role(as_admin, "sample")
    await as_admin.close()


async def test_a_schema_of_another_version_is_not_served(database: Database, tmp_path: Path) -> None:
    """A build serves the schema it was made for."""
    await require_version(database, MIGRATIONS)
    (tmp_path / "versions").mkdir()
    (tmp_path / "versions" / "0003.py").write_text("revision = '0003'\ndown_revision = None\n")
    with pytest.raises(WrongSchema, match="kontor migrate"):
        await require_version(database, tmp_path)


async def test_what_is_past_its_time_is_purged_in_every_tenant(database: Database) -> None:
    """Old rows go, young ones stay, and no tenant is forgotten."""
    tenants = [uuid4(), uuid4()]
    for tenant in tenants:
        await database.remember(tenant, f"t-{tenant}", "{}")
        for age in ("25 hours", "23 hours"):
            async with database.transaction(tenant) as (session, _):
                await session.execute(STORED, {"tenant": tenant, "key": age})
                await session.commit()
    await purge(database, PLATFORM)
    for tenant in tenants:
        left = await database.read(tenant, "SELECT key FROM idempotency", ())
        assert [row["key"] for row in left] == ["23 hours"]


def test_migrating_again_changes_nothing(admin_url: str) -> None:
    """The command may run at every start."""
    assert migrate("sample", admin_url, MIGRATIONS, lambda role: f"secret of {role}") == "0002"


def test_every_table_leads_with_the_tenant_and_forces_row_security(admin_url: str) -> None:
    """The platform's own tables keep the rule; `tenant`, alembic's and procrastinate's are the exceptions named."""
    with psycopg.connect(admin_url) as admin:
        rows = admin.execute(
            """
            SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
                   (SELECT a.attname FROM pg_index i
                    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
                    WHERE i.indrelid = c.oid AND i.indisprimary)
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'sample' AND c.relkind = 'r'
            """
        ).fetchall()
    exceptions = {"tenant", "alembic_version", *TABLES}
    assert {name for name, _, _ in rows} > exceptions
    assert [row for row in rows if row[0] not in exceptions and row[1:] != (True, "tenant_id")] == []
