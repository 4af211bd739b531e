"""A real PostgreSQL for the tests of the platform, with the schema every service has."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from kontor_platform.data.migrate import migrate
from kontor_platform.dev.postgres import EmbeddedPostgres

MIGRATIONS = Path(__file__).parent / "migrations"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """A server of its own for this run."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def admin_url(postgres: EmbeddedPostgres) -> str:
    """The administrator's URL of a database whose schema `sample` has the platform's tables and a `thing`."""
    migrate("sample", postgres.url, MIGRATIONS, lambda role: f"secret of {role}")
    return postgres.url


@pytest.fixture(scope="session")
def app_url(admin_url: str) -> str:
    """The URL of the application role."""
    return url_of("sample_app", admin_url)


@pytest.fixture(scope="session")
def worker_url(admin_url: str) -> str:
    """The URL of the worker's role."""
    return url_of("sample_worker", admin_url)


def url_of(role: str, admin_url: str) -> str:
    """The URL of a role on the same server."""
    parts = psycopg.conninfo.conninfo_to_dict(admin_url)
    return f"postgresql://{role}:secret%20of%20{role}@/postgres?host={parts['host']}"
