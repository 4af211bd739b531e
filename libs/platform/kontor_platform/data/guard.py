"""What a service checks of its database before it serves."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text

from kontor_platform.data.database import Database

ROLE = text(
    """
    SELECT rolname, rolsuper, rolbypassrls,
           EXISTS (SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
                   WHERE s.nspname = :schema AND c.relkind = 'r' AND pg_has_role(r.oid, c.relowner, 'MEMBER')) AS owns
    FROM pg_roles r WHERE rolname = current_user
    """
)
VERSION = text("SELECT version_num FROM alembic_version")


class UnsafeRole(Exception):
    """The service may not run as this database role."""


class WrongSchema(Exception):
    """The schema is not of the version this build was made for."""


async def require_application_role(database: Database, schema: str, role_of: str = "app") -> None:
    """Refuses to serve as a superuser, with BYPASSRLS or as owner of the tables; raises UnsafeRole.

    `role_of` is whose role is wanted: that of the application, or of its `worker`.
    """
    async with database.engine.connect() as connection:
        role = (await connection.execute(ROLE, {"schema": schema})).one()
    if role.rolsuper or role.rolbypassrls or role.owns:
        raise UnsafeRole(
            f"The database role {role.rolname!r} is superuser, bypasses row-level security or owns the tables of "
            f"{schema!r}: give the service its role {schema}_{role_of}"
        )


async def require_version(database: Database, migrations: Path) -> None:
    """Refuses to serve on another version of the schema than the newest migration makes; raises WrongSchema."""
    config = Config()
    config.set_main_option("script_location", str(migrations))
    newest = ScriptDirectory.from_config(config).get_current_head()
    async with database.engine.connect() as connection:
        present = (await connection.execute(VERSION)).scalar_one_or_none()
    if present != newest:
        raise WrongSchema(f"The schema is at version {present}, this build needs {newest}: run `kontor migrate`")
