"""A job outlives its worker, happens once, and ends even if it cannot be done."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from kontor_platform.data.database import Database
from kontor_platform.data.jobs import put_off

PROGRAM = Path(__file__).with_name("worker_program.py")
CHUNKS = 30
KILLS = 20
SECONDS = 60.0

Sql = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
async def database(app_url: str) -> AsyncIterator[Database]:
    """The application's connections."""
    opened = Database(app_url, size=2)
    yield opened
    await opened.close()


@pytest.fixture
def sql(admin_url: str) -> Iterator[Sql]:
    """Asks as the administrator."""
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SET search_path TO sample")
        yield lambda statement, *values: admin.execute(statement.encode(), values).fetchall()
        admin.execute("DELETE FROM procrastinate_jobs")


@pytest.fixture
def environment(app_url: str, worker_url: str) -> dict[str, str]:
    """What a worker process is told; the server ends a transaction of one that hangs after a second."""
    impatient = "&options=-c%20idle_in_transaction_session_timeout%3D1s"
    return {**os.environ, "APP_URL": app_url + impatient, "WORKER_URL": worker_url}


@contextmanager
def worker(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A worker process that looks for jobs, killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM)], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


async def queue(database: Database, job: str, tenant: UUID, id: UUID) -> None:
    """Puts a job off as a call would."""
    async with database.transaction(tenant) as (session, _):
        await put_off(session, job, tenant, id, str(id))
        await session.commit()


def wait_for(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Asks again and again; fails the test after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def things(sql: Sql, tenant: UUID) -> list[str]:
    """What jobs of a tenant wrote."""
    return [str(name) for (name,) in sql("SELECT name FROM thing WHERE tenant_id = %s ORDER BY name", tenant)]


def expected(ids: list[UUID]) -> list[str]:
    """What jobs that write things leave if each chunk happens once."""
    return sorted(f"{id} {number}" for id in ids for number in range(CHUNKS))


async def test_twenty_kills_leave_one_effect(database: Database, sql: Sql, environment: dict[str, str]) -> None:
    """However often the worker dies in mid-job: every chunk of every job is there once, and no job is left over."""
    tenant, ids, chance = uuid4(), [uuid4() for _ in range(16)], random.Random(7)
    for id in ids:
        await queue(database, "write", tenant, id)
    for _ in range(KILLS):
        with worker(environment) as process:
            before = len(things(sql, tenant))
            wanted = min(before + chance.randint(1, 10), CHUNKS * len(ids) - 1)
            wait_for(lambda wanted=wanted: len(things(sql, tenant)) >= wanted)  # type: ignore[misc]
            process.kill()
            process.wait()
    with worker(environment):
        wait_for(lambda: sql("SELECT id FROM procrastinate_jobs") == [])
    assert things(sql, tenant) == expected(ids)


async def test_a_worker_told_to_stop_ends_between_two_chunks(
    database: Database, sql: Sql, environment: dict[str, str]
) -> None:
    """It leaves by itself, what it had begun is queued again at once, and another worker goes on with it."""
    tenant, id = uuid4(), uuid4()
    await queue(database, "write", tenant, id)
    with worker(environment) as process:
        wait_for(lambda: len(things(sql, tenant)) > 3)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    assert 3 < len(things(sql, tenant)) < CHUNKS
    assert sql("SELECT status::text FROM procrastinate_jobs") == [("todo",)]
    assert sql("SELECT id FROM procrastinate_workers WHERE last_heartbeat > now() - interval '1 second'") == []
    with worker(environment):
        wait_for(lambda: things(sql, tenant) == expected([id]))


async def test_two_workers_never_run_one_job(database: Database, sql: Sql, environment: dict[str, str]) -> None:
    """Jobs are shared among workers, each done once."""
    tenant, ids = uuid4(), [uuid4() for _ in range(8)]
    for id in ids:
        await queue(database, "write", tenant, id)
        await queue(database, "write", tenant, id)
    with worker(environment), worker(environment):
        wait_for(lambda: sql("SELECT id FROM procrastinate_jobs") == [])
    assert things(sql, tenant) == expected(ids)


async def test_a_worker_that_hangs_loses_its_job(database: Database, sql: Sql, environment: dict[str, str]) -> None:
    """One that gives no sign of life is given up; when it wakes it changes nothing that is done."""
    tenant, id = uuid4(), uuid4()
    await queue(database, "write", tenant, id)
    with worker(environment) as hung:
        wait_for(lambda: len(things(sql, tenant)) > 3)
        hung.send_signal(signal.SIGSTOP)
        with worker(environment):
            wait_for(lambda: things(sql, tenant) == expected([id]))
        hung.send_signal(signal.SIGCONT)
        hung.send_signal(signal.SIGTERM)
        hung.wait(timeout=20)
    assert things(sql, tenant) == expected([id])


async def test_what_may_pass_is_tried_again(database: Database, sql: Sql, environment: dict[str, str]) -> None:
    """A job that met something out of reach runs again after a while."""
    tenant, id = uuid4(), uuid4()
    await queue(database, "fail", tenant, id)
    with worker(environment):
        wait_for(lambda: sql("SELECT id FROM procrastinate_jobs") == [])
    assert things(sql, tenant) == [f"{id} run"] * 3


async def test_what_will_not_pass_is_given_up(database: Database, sql: Sql, environment: dict[str, str]) -> None:
    """A job that met what nobody foresaw runs once, and whoever began it is told."""
    tenant, id = uuid4(), uuid4()
    await queue(database, "break", tenant, id)
    with worker(environment):
        wait_for(lambda: sql("SELECT status::text FROM procrastinate_jobs") == [("failed",)])
    assert things(sql, tenant) == [f"{id} ZeroDivisionError"]


async def test_a_call_that_is_rolled_back_queues_nothing(database: Database, sql: Sql) -> None:
    """The job is part of the call's transaction."""
    tenant = uuid4()
    async with database.transaction(tenant) as (session, _):
        await put_off(session, "write", tenant, uuid4(), "")
    assert sql("SELECT id FROM procrastinate_jobs") == []
