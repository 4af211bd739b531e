"""Writes with idempotency keys while the service they reach is killed again and again; on a stack of its own."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from support.stack import Stack, running

WRITES = 500
AT_ONCE = 20
KILLS = 5
PATIENCE_S = 90.0
RETRY_S = 0.1


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack to break."""
    with running(tmp_path_factory.mktemp("faults") / "data") as stack:
        yield stack


@asynccontextmanager
async def person(stack: Stack) -> AsyncIterator[httpx2.AsyncClient]:
    """A person of the tenant demo, whose limits are wide, at the edge."""
    headers = {"authorization": f"Bearer {stack.credentials.demo.key('sales')}"}
    async with httpx2.AsyncClient(base_url=stack.edge_url, headers=headers, timeout=10, trust_env=False) as http:
        yield http


async def written(http: httpx2.AsyncClient, number: int) -> tuple[str, bool]:
    """Repeats one write under its key until it is answered; the contact's id and whether the answer was a replay."""
    body = {"last_name": f"Once {number}", "email": f"once{number}@example.com"}
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                answer = await http.post(
                    "/crm/upsert_contact", json=body, headers={"idempotency-key": f"once-{number}"}
                )
            except httpx2.TransportError:
                continue
            if answer.status_code == httpx2.codes.OK:
                return answer.json()["contact"]["id"], answer.headers.get("idempotency-replayed") == "true"
            problem = answer.json()
            assert problem["retryable"], problem
            await asyncio.sleep(min(float(problem["retry_after_s"]), RETRY_S))


async def test_every_write_happens_exactly_once(broken: Stack) -> None:
    """Five kill -9 during 500 retried writes: 500 contacts, 500 events, 500 keys, and each repeat answers the same."""
    limit, done = asyncio.Semaphore(AT_ONCE), 0

    async def limited(number: int) -> str:
        nonlocal done
        async with limit:
            contact, _ = await written(http, number)
        done += 1
        return contact

    async with person(broken) as http:
        writes = [asyncio.create_task(limited(number)) for number in range(WRITES)]
        for kill in range(1, KILLS + 1):
            while done < WRITES * kill // (KILLS + 1):
                await asyncio.wait(writes, timeout=RETRY_S, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(0)
            await asyncio.to_thread(broken.kill, "crm-core")
        contacts = await asyncio.gather(*writes)
        again = [await written(http, number) for number in range(0, WRITES, 50)]

    assert len(set(contacts)) == WRITES
    assert again == [(contacts[number], True) for number in range(0, WRITES, 50)]
    with broken.sql("crm-core") as connection:
        counts = connection.execute(
            """
            SELECT (SELECT count(*) FROM contact WHERE last_name LIKE 'Once %'),
                   (SELECT count(*) FROM outbox WHERE kind = 'event' AND type = 'contact.created'),
                   (SELECT count(*) FROM outbox WHERE kind = 'audit' AND data->>'outcome' = 'ok'),
                   (SELECT count(*) FROM idempotency WHERE key LIKE 'once-%')
            """
        ).fetchone()
    assert counts == (WRITES, WRITES, WRITES, WRITES)
