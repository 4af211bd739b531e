"""The one writer keeps every table in step, for one record as for many, and names what clashes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from sqlalchemy import text

from kontor_crm_core.record.objects import EMAILS, WRITER
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.outbox import Change
from kontor_platform.data.records.planned import Clash, Clashes, IndexRow, Life, Planned, PropertyChange, ShelfChange
from kontor_platform.data.records.terms import Field, grams
from kontor_platform.runtime.call import Call

from .conftest import person
from .inside import calling, connected

NAME = {"name": "Jane Doe", "name_key": "jane doe"}
COUNTS = """
    SELECT (SELECT count(*) FROM record WHERE tenant_id = :tenant AND deleted_at IS NULL) AS records,
        (SELECT count(*) FROM contact WHERE tenant_id = :tenant AND deleted_at IS NULL) AS contacts,
        (SELECT count(*) FROM contact_email WHERE tenant_id = :tenant AND live) AS emails,
        (SELECT count(*) FROM search_term WHERE tenant_id = :tenant) AS terms,
        (SELECT count(*) FROM search_word WHERE tenant_id = :tenant) AS words,
        (SELECT count(*) FROM property_index WHERE tenant_id = :tenant) AS indexed,
        (SELECT count(*) FROM unique_value WHERE tenant_id = :tenant) AS uniques,
        (SELECT count(*) FROM record_change WHERE tenant_id = :tenant) AS changes,
        (SELECT count(*) FROM outbox WHERE tenant_id = :tenant) AS events
"""


@pytest.fixture
async def database(stack: Any) -> AsyncIterator[Database]:
    """The database of the running service."""
    async with connected(stack) as database:
        yield database


def made(address: str, *words: str, **more: Any) -> Planned:
    """A new contact with one address, found by some words."""
    row = {"email_key": address, "raw": address, "position": 0}
    terms = {word: int(Field.NAME) for word in words}
    shelves = [ShelfChange(EMAILS, added=[row])]
    changes = [Change("emails", None, [address])]
    return Planned("contact", new_id(), 0, NAME, changes, shelves=shelves, terms=terms, **more)


async def counts(call: Call) -> Mapping[str, int]:
    """How many rows of the tenant there are."""
    row = (await call.session.execute(text(COUNTS), {"tenant": call.actor.tenant})).mappings().one()
    return dict(row)


async def test_many_records_are_written_as_one_is(database: Database) -> None:
    """Every table gets its rows, every record its version, change and event, every word its trigrams."""
    ada, owner = person(), new_id()
    planned = [made(f"{at}@a.example", "smith", f"word{'abcdefghij'[at]}") for at in range(10)]
    company = Planned("company", new_id(), 0, {"name": "Acme", "name_key": "acme"}, [Change("name", None, "Acme")])
    async with calling(database, ada) as call:
        written = await WRITER.apply(call, [company, *planned])
    assert {each.version for each in written.values()} == {1}
    async with calling(database, ada) as call:
        found = await counts(call)
        expected = {"records": 11, "contacts": 10, "emails": 10, "terms": 20, "words": 11, "changes": 11, "events": 11}
        assert {name: found[name] for name in expected} == expected
        stored = await call.session.execute(text("SELECT gram FROM word_gram WHERE word = 'smith'"))
        assert set(stored.scalars()) == set(grams("smith"))
        changed = [
            Planned("contact", each.id, 1, {"owner_id": owner}, [Change("owner_id", None, "x")]) for each in planned
        ]
        again = await WRITER.apply(call, changed)
    assert {each.version for each in again.values()} == {2}


async def test_a_taken_address_is_named_with_its_holder(database: Database) -> None:
    """Of many, only the one that clashes is named, and nothing of the transaction stays."""
    ada = person()
    holder = made("jane@a.example")
    async with calling(database, ada) as call:
        await WRITER.apply(call, [holder])
    wanting = made("jane@a.example")
    with pytest.raises(Clashes) as clashes:
        async with calling(database, ada) as call:
            await WRITER.apply(call, [made("other@a.example"), wanting])
    (clash,) = clashes.value.clashing
    assert (clash.record, clash.clash, clash.holder, clash.value) == (
        wanting.id,
        Clash.IDENTITY,
        holder.id,
        "jane@a.example",
    )
    async with calling(database, ada) as call:
        assert (await counts(call))["contacts"] == 1


async def test_a_record_that_moved_on_is_named(database: Database) -> None:
    """A plan made from an older version changes nothing."""
    ada, contact = person(), made("jane@a.example")
    async with calling(database, ada) as call:
        await WRITER.apply(call, [contact])
    stale = Planned("contact", contact.id, 7, {"city": "Berlin"}, [Change("city", None, "Berlin")])
    with pytest.raises(Clashes) as clashes:
        async with calling(database, ada) as call:
            await WRITER.apply(call, [stale])
    assert [(each.record, each.clash) for each in clashes.value.clashing] == [(contact.id, Clash.VERSION)]


async def test_unique_values_belong_to_one_record(database: Database) -> None:
    """A second record with the value is refused by name; the first may leave it and another take it."""
    ada, number = person(), new_id()

    def numbered(key: str | None) -> list[PropertyChange]:
        return [PropertyChange(number, key, [IndexRow(txt=key)] if key else [], key)]

    first, second = made("a@a.example", properties=numbered("7")), made("b@a.example", properties=numbered("7"))
    async with calling(database, ada) as call:
        await WRITER.apply(call, [first])
    with pytest.raises(Clashes) as clashes:
        async with calling(database, ada) as call:
            await WRITER.apply(call, [second])
    assert [(each.record, each.clash, each.holder) for each in clashes.value.clashing] == [
        (second.id, Clash.UNIQUE, first.id)
    ]
    emptied = Planned("contact", first.id, 1, properties=numbered(None), changes=[Change("n", "7", None)])
    async with calling(database, ada) as call:
        await WRITER.apply(call, [emptied, second])
        found = await counts(call)
    assert (found["uniques"], found["indexed"]) == (1, 1)


async def test_an_ended_record_leaves_every_index_and_may_return(database: Database) -> None:
    """What it was found and identified by is free while it is gone; taken meanwhile, it cannot return."""
    ada, contact = person(), made("jane@a.example", "jane")
    async with calling(database, ada) as call:
        await WRITER.apply(call, [contact])
        await WRITER.apply(call, [Planned("contact", contact.id, 1, life=Life.ENDS)])
        ended = await counts(call)
    assert (ended["records"], ended["contacts"], ended["emails"], ended["terms"]) == (0, 0, 0, 0)
    returning = Planned("contact", contact.id, 2, life=Life.RETURNS, terms=contact.terms)
    async with calling(database, ada) as call:
        await WRITER.apply(call, [returning])
        back = await counts(call)
        await WRITER.apply(call, [Planned("contact", contact.id, 3, life=Life.ENDS), made("jane@a.example")])
    assert (back["records"], back["contacts"], back["emails"], back["terms"]) == (1, 1, 1, 1)
    with pytest.raises(Clashes) as clashes:
        async with calling(database, ada) as call:
            await WRITER.apply(call, [Planned("contact", contact.id, 4, life=Life.RETURNS)])
    assert [each.clash for each in clashes.value.clashing] == [Clash.IDENTITY]


async def test_writers_of_the_same_new_words_do_not_hold_each_other_up(database: Database) -> None:
    """Twenty at once add overlapping words in different orders: none fails, and every word has all its trigrams."""
    ada = person()
    vocabulary = [f"{first}{second}ward" for first in "abcdefgh" for second in "klmnopqr"]

    async def write(at: int) -> None:
        words = vocabulary[at:] + vocabulary[:at]
        async with calling(database, ada) as call:
            await WRITER.apply(call, [made(f"{at}-{each}@a.example", each, *words[:20]) for each in words[:5]])

    async with asyncio.TaskGroup() as group:
        for at in range(20):
            group.create_task(write(at))
    async with calling(database, ada) as call:
        rows = await call.session.execute(
            text("SELECT word, array_agg(gram) AS grams FROM word_gram WHERE tenant_id = :tenant GROUP BY word"),
            {"tenant": ada.tenant},
        )
        found = {row.word: set(row.grams) for row in rows}
    used = {word for at in range(20) for word in (vocabulary[at:] + vocabulary[:at])[:20]}
    assert found.keys() == used
    assert all(found[word] == set(grams(word)) for word in used)
