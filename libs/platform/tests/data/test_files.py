"""Files are written piece by piece, read while they grow, and go when their time is over."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from kontor_platform.contract.problem import RateLimited, TooLarge
from kontor_platform.data.database import Database
from kontor_platform.data.files import (
    CHUNK_BYTES,
    QUOTA_BYTES,
    WRITING_AT_ONCE,
    Draft,
    FileBroken,
    FileExpired,
    FileWriter,
    NoFile,
    chunks,
    give_up,
    keep,
    purge_files,
    require_room,
    stored_file,
)

AGE = text("UPDATE file SET expires_at = clock_timestamp() - CAST(:age AS interval) WHERE id = :id")
PIECES = "SELECT count(*) AS pieces FROM file_chunk"


@pytest.fixture
async def database(app_url: str) -> AsyncIterator[Database]:
    """The application's connections."""
    opened = Database(app_url, size=3)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def tenant(database: Database) -> UUID:
    """A tenant that the service has seen."""
    id = uuid4()
    await database.remember(id, f"t-{id}", "{}")
    return id


def draft(name: str = "x.csv") -> Draft:
    """A file about to be written."""
    return Draft(name, "text/csv", uuid4(), uuid4())


async def written(database: Database, tenant: UUID, *parts: bytes, finish: bool = True) -> FileWriter:
    """A file of these parts, each committed."""
    async with database.transaction(tenant) as (session, _):
        writer = await FileWriter.create(session, tenant, draft())
        await session.commit()
    for part in parts:
        async with database.transaction(tenant) as (session, _):
            await writer.append(session, part)
            await session.commit()
    if finish:
        async with database.transaction(tenant) as (session, _):
            await writer.finish(session)
            await session.commit()
    return writer


async def age(database: Database, tenant: UUID, id: UUID, past: timedelta) -> None:
    """Moves a file's end into the past."""
    async with database.transaction(tenant) as (session, _):
        await session.execute(AGE, {"age": past, "id": id})
        await session.commit()


async def content(database: Database, tenant: UUID, id: UUID) -> bytes:
    """All bytes of a file."""
    return b"".join([each async for each in chunks(database, tenant, id)])


async def test_what_was_written_is_read(database: Database, tenant: UUID) -> None:
    """Parts of any length come back as one, with their length and hash; a part over 1 MiB lies in several rows."""
    parts = [b"a" * (2 * CHUNK_BYTES + 1), b"", b"b"]
    writer = await written(database, tenant, *parts)
    file = await stored_file(database, tenant, writer.id)
    assert await content(database, tenant, writer.id) == b"".join(parts)
    assert (file.size, file.sha256) == (len(b"".join(parts)), hashlib.sha256(b"".join(parts)).hexdigest())
    assert (await database.read(tenant, PIECES, ()))[0]["pieces"] == 4


async def test_a_writer_goes_on_where_another_ended(database: Database, tenant: UUID) -> None:
    """What was rolled back is not in the file; size and hash are those of what is."""
    first = await written(database, tenant, b"one ", b"two ", finish=False)
    async with database.transaction(tenant) as (session, _):
        await first.append(session, b"lost")
    second = await FileWriter.resume(database, tenant, first.id)
    async with database.transaction(tenant) as (session, _):
        await second.append(session, b"three")
        file = await second.finish(session)
        await session.commit()
    assert await content(database, tenant, first.id) == b"one two three"
    assert file.sha256 == hashlib.sha256(b"one two three").hexdigest()


async def test_two_writers_never_share_a_file(database: Database, tenant: UUID) -> None:
    """One that was left behind can neither add to the file nor end it."""
    first = await written(database, tenant, b"one", finish=False)
    second = await FileWriter.resume(database, tenant, first.id)
    async with database.transaction(tenant) as (session, _):
        await second.append(session, b"two")
        await second.finish(session)
        await session.commit()
    async with database.transaction(tenant) as (session, _):
        with pytest.raises(FileBroken):
            await first.finish(session)
    assert await content(database, tenant, first.id) == b"onetwo"


async def test_a_reader_learns_that_the_writer_gave_up(database: Database, tenant: UUID) -> None:
    """It gets what there is, and then no end as of a whole file."""
    writer = await written(database, tenant, b"one", finish=False)
    async with database.transaction(tenant) as (session, _):
        await give_up(session, tenant, writer.id)
        await session.commit()
    following = chunks(database, tenant, writer.id)
    assert await anext(following) == b"one"
    with pytest.raises(FileBroken):
        await anext(following)


async def test_old_files_go(database: Database, tenant: UUID) -> None:
    """Past its time a file is gone at once, its bytes soon after, its name with them, and every trace in a month."""
    old, kept, older = [await written(database, tenant, b"x") for _ in range(3)]
    await age(database, tenant, old.id, timedelta(seconds=1))
    await age(database, tenant, kept.id, timedelta(seconds=1))
    await age(database, tenant, older.id, timedelta(days=31))
    with pytest.raises(FileExpired):
        await stored_file(database, tenant, old.id)
    async with database.transaction(tenant) as (session, _):
        await keep(session, tenant, kept.id)
        await session.commit()
    assert await purge_files(database) == 2
    assert await content(database, tenant, kept.id) == b"x"
    assert (await database.read(tenant, PIECES, ()))[0]["pieces"] == 1
    assert [row["name"] for row in await database.read(tenant, "SELECT name FROM file ORDER BY name", ())] == [
        "",
        "x.csv",
    ]
    with pytest.raises(FileExpired):
        await stored_file(database, tenant, old.id)
    with pytest.raises(NoFile):
        await stored_file(database, tenant, older.id)


async def test_a_tenant_keeps_only_so_much(database: Database, tenant: UUID) -> None:
    """Beyond its quota, and while many files are being written, the next one is refused."""
    async with database.transaction(tenant) as (session, _):
        await require_room(session, tenant, QUOTA_BYTES)
        with pytest.raises(TooLarge):
            await require_room(session, tenant, QUOTA_BYTES + 1)
        for _ in range(WRITING_AT_ONCE):
            await FileWriter.create(session, tenant, draft())
        with pytest.raises(RateLimited):
            await FileWriter.create(session, tenant, draft())


async def test_files_are_the_tenants_own(database: Database, tenant: UUID) -> None:
    """To another tenant there is no such file."""
    writer = await written(database, tenant, b"x")
    with pytest.raises(NoFile):
        await stored_file(database, uuid4(), writer.id)
