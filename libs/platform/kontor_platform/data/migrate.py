"""Brings a service's schema up to date: roles, rights and migrations, as the administrator and nobody else."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

LOCK_TIMEOUT = "3s"
APPLICATION_SETTINGS = {
    "statement_timeout": "5s",
    "lock_timeout": LOCK_TIMEOUT,
    "idle_in_transaction_session_timeout": "30s",
    "jit": "off",
    "plan_cache_mode": "force_custom_plan",
    "timezone": "UTC",
}

Password = Callable[[str], str]


def migrate(service: str, admin_url: str, migrations: Path, password: Password) -> str:
    """Migrates one service and answers the version reached; a second one at the same time waits.

    `password` gives the password of a login role. Raises sqlalchemy.exc.DBAPIError.
    """
    schema = service.replace("-", "_")
    engine = create_engine(dialect_url(admin_url), poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": lock_number(schema)})
        prepare(connection, schema, password)
        connection.execute(text(f"SET ROLE {schema}_owner"))
        connection.execute(text(f"SET search_path TO {schema}"))
        connection.execute(text(f"SET lock_timeout TO '{LOCK_TIMEOUT}'"))
        upgrade(connection, migrations)
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    engine.dispose()
    return str(version)


def prepare(connection: Connection, schema: str, password: Password) -> None:
    """Makes the schema and its three roles: an owner nobody logs in as, the application, the worker."""
    owner, app, worker = f"{schema}_owner", f"{schema}_app", f"{schema}_worker"
    ensure_role(connection, owner, "NOLOGIN")
    for role in (app, worker):
        ensure_role(connection, role, "LOGIN")
        literal = sql.Literal(password(role)).as_string(None)
        run(connection, f"ALTER ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE PASSWORD {literal}")
        run(connection, f"ALTER ROLE {role} SET search_path TO {schema}")
        for setting, value in APPLICATION_SETTINGS.items():
            run(connection, f"ALTER ROLE {role} SET {setting} TO '{value}'")
    database = connection.execute(text("SELECT current_database()")).scalar_one()
    run(connection, f"GRANT {owner} TO CURRENT_USER")
    run(connection, f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {owner}")
    run(connection, "REVOKE ALL ON SCHEMA public FROM PUBLIC")
    run(connection, f'REVOKE CREATE, TEMPORARY ON DATABASE "{database}" FROM PUBLIC')
    run(connection, f"GRANT USAGE ON SCHEMA {schema} TO {app}, {worker}")
    rights = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner} IN SCHEMA {schema} GRANT"
    run(connection, f"{rights} SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}")
    run(connection, f"{rights} USAGE ON SEQUENCES TO {app}")


def ensure_role(connection: Connection, role: str, login: str) -> None:
    """Makes a role unless there is one."""
    if not connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role}).first():
        run(connection, f"CREATE ROLE {role} {login}")


def upgrade(connection: Connection, migrations: Path) -> None:
    """Runs the service's migrations on the connection."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def run_env() -> None:
    """What `migrations/env.py` of every service does: each migration in a transaction of its own."""
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def run(connection: Connection, statement: str) -> None:
    """Runs one statement as it stands."""
    connection.exec_driver_sql(statement.replace("%", "%%"))


def lock_number(schema: str) -> int:
    """The number of the advisory lock, a signed 64-bit integer."""
    return int.from_bytes(hashlib.sha256(f"migrate {schema}".encode()).digest()[:8], signed=True)


def dialect_url(url: str) -> str:
    """The URL with the driver named, as SQLAlchemy wants it."""
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
