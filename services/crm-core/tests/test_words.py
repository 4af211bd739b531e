"""Words that nothing uses go; words that something uses stay, whoever writes meanwhile."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kontor_crm_core.record.objects import EMAILS, WRITER
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import Change
from kontor_platform.data.records.planned import Life, Planned, ShelfChange
from kontor_platform.data.records.terms import Field, grams
from kontor_platform.data.records.words import clean_words
from kontor_platform.runtime.principal import Principal
from kontor_platform.runtime.work import Work

from .conftest import person
from .inside import calling, working

WORDS = [f"{first}{second}word" for first in "abcde" for second in "fghij"]
HELD = """
    SELECT (SELECT array_agg(word ORDER BY word) FROM search_word WHERE tenant_id = :tenant) AS words,
        (SELECT count(*) FROM word_gram WHERE tenant_id = :tenant) AS grams,
        (SELECT array_agg(DISTINCT s.term) FROM search_term s WHERE s.tenant_id = :tenant AND NOT EXISTS (
            SELECT FROM search_word w WHERE w.tenant_id = :tenant AND w.word = s.term)) AS lost
"""


@pytest.fixture
async def work(stack: Any) -> AsyncIterator[Work]:
    """What jobs of the running service work with."""
    async with working(stack) as work:
        yield work


def made(*words: str) -> Planned:
    """A new contact found by some words."""
    address = f"{new_id()}@a.example"
    row = {"email_key": address, "raw": address, "position": 0}
    values = {"name": "Jane", "name_key": "jane"}
    terms = {word: int(Field.NAME) for word in words}
    changes = [Change("emails", None, [address])]
    return Planned("contact", new_id(), 0, values, changes, shelves=[ShelfChange(EMAILS, added=[row])], terms=terms)


async def write(work: Work, who: Principal, *planned: Planned) -> None:
    """Writes in a transaction of its own."""
    async with calling(work, who) as call:
        await WRITER.apply(call, planned)


async def held(database: Database, tenant: UUID) -> Any:
    """The tenant's words, the number of their grams, and terms that have no word."""
    async with database.transaction(tenant) as (session, _):
        return (await session.execute(text(HELD), {"tenant": tenant})).one()


async def test_unused_words_go_with_their_grams(work: Work) -> None:
    """After a record is deleted its words go, unless another record, of this tenant, has them too."""
    ada, other = person(), person()
    record = made("onlyhere", "everywhere")
    await write(work, ada, record, made("everywhere"))
    await write(work, other, made("onlyhere"))
    await write(work, ada, Planned("contact", record.id, 1, life=Life.ENDS, terms={}))
    assert await clean_words(work.database, ada.tenant) == 1
    found = await held(work.database, ada.tenant)
    assert (found.words, found.grams) == (["everywhere"], len(grams("everywhere")))
    assert (await held(work.database, other.tenant)).words == ["onlyhere"]
    assert await clean_words(work.database, ada.tenant) == 0


async def test_no_word_is_lost_to_the_cleaner(work: Work) -> None:
    """Writers that delete and make records of the same words beside the cleaner find every word in its place."""
    ada = person()

    async def churn(start: int) -> None:
        for turn in range(12):
            record = made(*WORDS[(start + turn) % 20 :][:5])
            await write(work, ada, record)
            if turn % 2:
                await write(work, ada, Planned("contact", record.id, 1, life=Life.ENDS, terms={}))

    async def clean(until: asyncio.Event) -> int:
        gone = 0
        while not until.is_set():
            gone += await clean_words(work.database, ada.tenant)
        return gone

    done = asyncio.Event()
    cleaning = asyncio.create_task(clean(done))
    await asyncio.gather(*(churn(at) for at in range(0, 20, 5)))
    done.set()
    await cleaning
    assert (await held(work.database, ada.tenant)).lost is None


async def test_a_word_used_again_by_an_open_transaction_is_kept(work: Work) -> None:
    """A writer that holds the tenant's lock is waited for in vain, and its word stays."""
    ada = person()
    record = made("again")
    await write(work, ada, record)
    await write(work, ada, Planned("contact", record.id, 1, life=Life.ENDS, terms={}))
    async with calling(work, ada) as call:
        await WRITER.apply(call, [made("again")])
        await call.close()
        with pytest.raises(DBAPIError, match="lock timeout"):
            await clean_words(work.database, ada.tenant)
    assert await clean_words(work.database, ada.tenant) == 0
    assert (await held(work.database, ada.tenant)).words == ["again"]
