"""The database: embedded unless DATABASE_URL names one elsewhere."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from sqlalchemy.exc import DBAPIError

from kontor_cli.console import err
from kontor_cli.failure import Failure
from kontor_cli.settings import Settings
from kontor_cli.stack.home import Home
from kontor_cli.stack.secret_files import database_password
from kontor_cli.stack.services import InstalledService
from kontor_platform.data.migrate import migrate
from kontor_platform.dev.pgfiles import PostgresFailed
from kontor_platform.dev.postgres import EmbeddedPostgres

CONNECT_SECONDS = 5
LOOK_SECONDS = 1.0
OLDEST = 150000  # PostgreSQL 15, as server_version_num counts


@dataclass(frozen=True, slots=True)
class DatabaseServer:
    """Where the schemas lie; `embedded` is None for a server elsewhere."""

    admin_url: str
    embedded: EmbeddedPostgres | None

    async def keep_running(self) -> None:
        """Starts our server again whenever it is gone, until cancelled; what it says of a failure is told."""
        while self.embedded is not None:
            await asyncio.sleep(LOOK_SECONDS)
            if not await asyncio.to_thread(self.embedded.running):
                err.print("[warn]![/] PostgreSQL is gone; starting it again")
                try:
                    await asyncio.to_thread(self.embedded.start)
                except (PostgresFailed, OSError) as error:
                    err.print(f"[warn]![/] it does not start: {error}")

    def stop(self) -> None:
        """Stops the server if it is ours; raises Failure if it will not go."""
        if self.embedded is not None:
            try:
                self.embedded.stop()
            except PostgresFailed as error:
                raise Failure("PostgreSQL cannot be stopped.", details=str(error)) from error


def embedded_at(home: Home) -> EmbeddedPostgres:
    """The embedded server of a stack, running or not."""
    return EmbeddedPostgres(home.postgres)


def database_of(settings: Settings, home: Home) -> DatabaseServer:
    """The server of a stack that has been started before; raises Failure if it is not there."""
    if settings.admin_url:
        return DatabaseServer(plain_url(settings.admin_url), None)
    embedded = embedded_at(home)
    if not embedded.running():
        raise Failure(f"No database runs in {home.data_dir}.", "Start the stack: kontor up")
    return DatabaseServer(embedded.url, embedded)


def start_database(settings: Settings, home: Home) -> DatabaseServer:
    """Starts or adopts the embedded server, or checks the one elsewhere; raises Failure with what to do."""
    if settings.admin_url:
        url = plain_url(settings.admin_url)
        check(url)
        return DatabaseServer(url, None)
    embedded = embedded_at(home)
    try:
        embedded.start()
    except (PostgresFailed, OSError) as error:
        raise Failure("The embedded PostgreSQL does not start.", remedy_for(error), details=str(error)) from error
    return DatabaseServer(embedded.url, embedded)


def remedy_for(error: Exception) -> str:
    """What helps against a failed start."""
    if isinstance(error, PostgresFailed) and "not installed" in str(error):
        return "Install it with make environment, or name a server: DATABASE_URL=postgresql://..."
    return "Its log says more; kontor doctor checks the rest. Or name a server: DATABASE_URL=postgresql://..."


def check(url: str) -> None:
    """Raises Failure unless a server new enough answers with an account that may make roles and schemas."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_SECONDS) as connection:
            able = connection.execute(
                "SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            version = connection.info.server_version
    except psycopg.OperationalError as error:
        raise unanswered(url, error) from error
    except psycopg.ProgrammingError as error:
        raise Failure("DATABASE_URL is not a URL that PostgreSQL understands.", details=str(error)) from error
    if version < OLDEST:
        raise Failure(f"The database at {place(url)} is PostgreSQL {version // 10000}; 15 or newer is needed.")
    if able is None or not able[0]:
        raise Failure(f"The account of DATABASE_URL at {place(url)} may not make roles.", "Give it CREATEROLE.")


def unanswered(url: str, error: Exception) -> Failure:
    """What to say of a database that does not answer."""
    return Failure(
        f"The database at {place(url)} does not answer.",
        "Start it, correct DATABASE_URL, or unset DATABASE_URL to use the embedded one.",
        details=str(error).strip(),
    )


def migrate_service(service: InstalledService, server: DatabaseServer, home: Home) -> str:
    """Brings one service's schema up to date and answers its version; raises Failure."""
    try:
        return migrate(service.name, server.admin_url, service.migrations, password_of(home))
    except DBAPIError as error:
        said = str(error.orig).strip()
        if isinstance(error.orig, psycopg.OperationalError):
            raise unanswered(server.admin_url, error.orig) from error
        raise Failure(f"The schema of {service.name} cannot be migrated.", details=said) from error


def password_of(home: Home) -> Callable[[str], str]:
    """Tells the password of a database role."""
    return lambda role: database_password(home.secrets, role)


def application_url(server: DatabaseServer, service: InstalledService, home: Home, role_of: str = "app") -> str:
    """The URL with which a service logs in as its application role, or its worker as `worker`."""
    role = f"{service.schema}_{role_of}"
    parts = urlsplit(server.admin_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password_of(home)(role))}@{host}"))


def plain_url(url: str) -> str:
    """The URL as libpq reads it, whatever driver it names."""
    scheme, separator, rest = url.partition("://")
    known = scheme.partition("+")[0] in ("postgres", "postgresql")
    if not separator or not known:
        raise Failure("DATABASE_URL must begin with postgresql://.")
    return f"postgresql://{rest}"


def place(url: str) -> str:
    """The server and database of a URL, without its password."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or "the local socket"
    return f"{host}{parts.path}"
