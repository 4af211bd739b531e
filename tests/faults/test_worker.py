"""The worker is killed again and again while calls write; on a stack of its own."""

import asyncio
from collections.abc import Iterator
from itertools import groupby

import httpx2
import pytest

from support.clients import edge_client
from support.stack import Stack, running
from support.waiting import wait_until

WRITES = 150
AT_ONCE = 10
KILLS = 3
WORKER = "crm-core-worker"
UNNUMBERED = "SELECT count(*) FROM outbox WHERE seq IS NULL"
NUMBERED = "SELECT record_id, version, seq FROM outbox WHERE tenant_id = %s ORDER BY seq"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack to break."""
    with running(tmp_path_factory.mktemp("worker") / "data") as stack:
        yield stack


def health(stack: Stack) -> dict[str, str]:
    """The states that the edge tells."""
    told: dict[str, str] = httpx2.get(f"{stack.edge_url}/health", trust_env=False).json()["services"]
    return told


async def test_killed_while_calls_write_it_numbers_every_event(broken: Stack) -> None:
    """Calls do not notice; then each event has one number, without a gap, in the order of its record's versions."""
    limit, done = asyncio.Semaphore(AT_ONCE), 0

    async def write(number: int) -> None:
        nonlocal done
        async with limit:
            body = {"email": f"{number % 20}@worker.example", "title": f"Title {number}"}
            await person.do("/crm/upsert_contact", body)
            done += 1

    async with edge_client(broken, broken.credentials.demo.key("sales")) as person:
        writes = [asyncio.create_task(write(number)) for number in range(WRITES)]
        for kill in range(1, KILLS + 1):
            while done < WRITES * kill // (KILLS + 1):
                await asyncio.wait(writes, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(0)
            await asyncio.to_thread(broken.kill, WORKER)
            wait_until(lambda: broken.process(WORKER).state == "ready", 30, "another worker is ready")
        await asyncio.gather(*writes)
    with broken.sql("crm-core") as admin:
        admin.autocommit = True
        wait_until(lambda: admin.execute(UNNUMBERED).fetchone() == (0,), 10, "every event has its number")
        rows = admin.execute(NUMBERED, [broken.credentials.demo.tenant]).fetchall()
    assert [row[2] for row in rows] == list(range(1, len(rows) + 1))
    events = sorted((row for row in rows if row[0] is not None), key=lambda row: (row[0], row[2]))
    for _, each in groupby(events, key=lambda row: row[0]):
        versions = [row[1] for row in each]
        assert versions == list(range(1, len(versions) + 1))


def test_its_death_is_told_and_heals(broken: Stack) -> None:
    """The whole is degraded, crm-core itself stays ready, and the supervisor's next worker mends it."""
    broken.kill(WORKER)
    wait_until(lambda: health(broken)[WORKER] == "unavailable", 10, "health tells of it")
    assert health(broken)["crm-core"] == "ready"
    wait_until(broken.is_well, 30, "the stack is well again")
