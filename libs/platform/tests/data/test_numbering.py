"""Every committed event gets one number, in an order that is right for each record, whoever numbers."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from itertools import groupby
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kontor_platform.data.database import Database, Row
from kontor_platform.data.numbering import WAITING, last_number, number_events, number_tenant, read_outbox
from kontor_platform.data.outbox import Event, write_events

WRITERS = 20
WRITES = 40
SECONDS = 60.0
RAISE = text("UPDATE counter SET version = version + 1 WHERE tenant_id = :tenant AND id = :id RETURNING version")

NUMBERED = """
    INSERT INTO sample.outbox (tenant_id, seq, kind, type, operation_id)
    SELECT %s, n, 'event', 'x.created', %s FROM generate_series(1, 20000) AS each (n)
"""


@pytest.fixture
async def database(app_url: str) -> AsyncIterator[Database]:
    """The application's connections, one for each writer and the numbering."""
    opened = Database(app_url, size=WRITERS + 6)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def finder(worker_url: str) -> AsyncIterator[Database]:
    """The worker's connections."""
    opened = Database(worker_url, size=4)
    yield opened
    await opened.close()


@pytest.fixture
def records(admin_url: str) -> Iterator[dict[UUID, list[UUID]]]:
    """Records of two tenants that can be locked, as `counter` rows; by tenant."""
    by_tenant = {uuid4(): [uuid4() for _ in range(6)] for _ in range(2)}
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("SET search_path TO sample")
        admin.execute("CREATE TABLE counter (tenant_id uuid, id uuid, version int, PRIMARY KEY (tenant_id, id))")
        admin.execute("GRANT ALL ON counter TO sample_app")
        for tenant, ids in by_tenant.items():
            for id in ids:
                admin.execute("INSERT INTO counter VALUES (%s, %s, 0)", [tenant, id])
        yield by_tenant
        admin.execute("DROP TABLE counter")


async def change(database: Database, tenant: UUID, records: list[UUID], *, commit: bool, pause_s: float) -> int:
    """Changes records in one transaction, an event each, slowly; answers how many events were committed."""
    async with database.transaction(tenant) as (session, _):
        events = []
        for record in sorted(records):
            version = (await session.execute(RAISE, {"tenant": tenant, "id": record})).scalar_one()
            events.append(Event("x.updated", "x", record, version))
            await write_events(session, tenant, uuid4(), events[-1:], ())
            await asyncio.sleep(pause_s)
        if not commit:
            return 0
        await session.commit()
        return len(events)


async def write(database: Database, by_tenant: dict[UUID, list[UUID]], chance: random.Random) -> int:
    """One writer among many."""
    done = 0
    for _ in range(WRITES):
        tenant = chance.choice(list(by_tenant))
        records = chance.sample(by_tenant[tenant], chance.randint(1, 3))
        done += await change(
            database, tenant, records, commit=chance.random() > 0.1, pause_s=chance.choice([0, 0, 0.001, 0.01])
        )
    return done


async def number_until(stop: asyncio.Event, database: Database, finder: Database) -> None:
    """One numbering worker."""
    while not stop.is_set():
        await number_events(database, finder)
        await asyncio.sleep(0)


def assert_orderly(rows: list[Row]) -> None:
    """Numbers without a gap, and the versions of each record in order."""
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    for _, events in groupby(sorted(rows, key=lambda row: row["record_id"]), key=lambda row: row["record_id"]):
        versions = [row["version"] for row in events]
        assert versions == list(range(1, len(versions) + 1))


async def test_twenty_writers_two_workers(
    database: Database, finder: Database, records: dict[UUID, list[UUID]]
) -> None:
    """With pauses and rollbacks: none lost, none twice, no gap, each record's events in the order of its versions."""
    chance, stop = random.Random(7), asyncio.Event()
    workers = [asyncio.create_task(number_until(stop, database, finder)) for _ in range(2)]
    async with asyncio.timeout(SECONDS):
        writers = (write(database, records, random.Random(chance.random())) for _ in range(WRITERS))
        written = sum(await asyncio.gather(*writers))
    stop.set()
    await asyncio.gather(*workers)
    await number_events(database, finder)
    read = {tenant: await read_outbox(database, tenant, 0, 100_000) for tenant in records}
    assert sum(len(rows) for rows in read.values()) == written
    for rows in read.values():
        assert_orderly(rows)


async def test_an_open_transaction_loses_nothing(
    database: Database, finder: Database, records: dict[UUID, list[UUID]]
) -> None:
    """What is committed late gets a later number: a reader who stands at the head meets it after those it has read."""
    tenant, (slow, quick, *_) = next(iter(records.items()))
    async with database.transaction(tenant) as (session, _):
        await session.execute(RAISE, {"tenant": tenant, "id": slow})
        await write_events(session, tenant, uuid4(), [Event("x.updated", "x", slow, 1)], ())
        for _ in range(5):
            await change(database, tenant, [quick], commit=True, pause_s=0)
            await number_events(database, finder)
        before = await read_outbox(database, tenant, 0, 100)
        position = await last_number(database, tenant)
        await session.commit()
    await number_events(database, finder)
    after = await read_outbox(database, tenant, position, 100)
    assert [row["record_id"] for row in before] == [quick] * 5
    assert [row["record_id"] for row in after] == [slow]
    assert_orderly(before + after)


async def test_batches_follow_each_other(database: Database, records: dict[UUID, list[UUID]]) -> None:
    """More events than a batch holds are numbered in several, without a gap."""
    tenant, ids = next(iter(records.items()))
    await change(database, tenant, ids, commit=True, pause_s=0)
    done = await number_tenant(database, tenant, rows=4)
    assert done.rows == len(ids)
    assert_orderly(await read_outbox(database, tenant, 0, 100))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT type FROM outbox",
        "SELECT * FROM thing",
        "UPDATE outbox SET seq = 1",
        "CREATE TABLE planted (a int)",
        "CREATE TEMP TABLE planted (a int)",
    ],
)
async def test_the_worker_sees_whose_events_wait_and_nothing_of_them(finder: Database, statement: str) -> None:
    """Its role reads no column that tells what happened, writes nothing and makes no table."""
    async with finder.engine.connect() as connection:
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text(statement))


def test_looking_for_work_passes_over_what_is_numbered(admin_url: str, worker_url: str) -> None:
    """The search for tenants with work reads an index of what waits, and sees no row that has its number."""
    tenant = uuid4()
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(NUMBERED, [tenant, tenant])
        admin.execute("ANALYZE sample.outbox")
    with psycopg.connect(worker_url) as worker:
        rows = worker.execute(f"EXPLAIN (ANALYZE, VERBOSE) {WAITING.text}".encode()).fetchall()
        seen = worker.execute("SELECT count(*) FROM outbox WHERE tenant_id = %s", [tenant]).fetchone()
    plan = "\n".join(str(row[0]) for row in rows)
    assert seen == (0,)
    assert plan.count("outbox_unnumbered") == 2, plan
    assert "Seq Scan" not in plan, plan
