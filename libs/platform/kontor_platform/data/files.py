"""Files of a tenant, kept for a time in rows of at most 1 MiB: written piece by piece, read while they grow."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self, cast
from uuid import UUID

from sqlalchemy import CursorResult, text
from sqlalchemy.ext.asyncio import AsyncSession

from kontor_platform.contract.problem import Gone, NotFound, RateLimited, TooLarge
from kontor_platform.data.database import Database, Row
from kontor_platform.data.ids import new_id

MIB = 1024 * 1024
CHUNK_BYTES = MIB
MAX_UPLOAD_BYTES = 256 * MIB
QUOTA_BYTES = 2048 * MIB
WRITING_AT_ONCE = 10
KEPT = timedelta(days=7)
KEPT_UNFINISHED = timedelta(hours=1)
TOLD_EXPIRED = timedelta(days=30)
FOLLOW_S = 0.2
SILENCE_S = 600.0
EMPTIED_AT_ONCE = 64
COLUMNS = "id, name, media_type, state, size, sha256, created_by, operation_id, created_at, expires_at"
FIND = f"""
    SELECT {COLUMNS}, state = 'expired' OR expires_at < clock_timestamp() AS expired
    FROM file WHERE tenant_id = %s AND id = %s
"""
PIECE = "SELECT data FROM file_chunk WHERE tenant_id = %s AND file_id = %s AND position = %s"
HELD = text(
    """
    SELECT coalesce(sum(size), 0) AS size, count(*) FILTER (WHERE state = 'writing') AS writing
    FROM file WHERE tenant_id = :tenant AND expires_at > clock_timestamp() AND state IN ('writing', 'finished')
    """
)
CREATE = text(
    """
    INSERT INTO file (tenant_id, id, name, media_type, state, created_by, operation_id, created_at, expires_at)
    VALUES (
        :tenant, :id, :name, :media_type, 'writing', :created_by, :operation_id, clock_timestamp(),
        clock_timestamp() + CAST(:kept AS interval)
    )
    """
)
WRITTEN = text("SELECT count(*) FROM file_chunk WHERE tenant_id = :tenant AND file_id = :id")
APPEND = text("INSERT INTO file_chunk (tenant_id, file_id, position, data) VALUES (:tenant, :id, :position, :data)")
GROW = text("UPDATE file SET size = :size WHERE tenant_id = :tenant AND id = :id AND state = 'writing' RETURNING size")
FINISH = text(
    """
    UPDATE file SET state = 'finished', sha256 = :sha256, expires_at = clock_timestamp() + CAST(:kept AS interval)
    WHERE tenant_id = :tenant AND id = :id AND state = 'writing' AND size = :size
    """
    f" RETURNING {COLUMNS}"
)
GIVE_UP = text("UPDATE file SET state = 'failed' WHERE tenant_id = :tenant AND id = :id AND state = 'writing'")
DISCARD = text("DELETE FROM file WHERE tenant_id = :tenant AND id = :id")
KEEP = text(
    """
    UPDATE file SET expires_at = greatest(expires_at, clock_timestamp() + CAST(:kept AS interval))
    WHERE tenant_id = :tenant AND id = :id
    """
)
EXPIRED = "UPDATE file SET state = 'expired', name = '', sha256 = NULL"
EXPIRE = text(
    f"""
    {EXPIRED}
    WHERE tenant_id = :tenant AND expires_at < clock_timestamp() AND state <> 'expired' RETURNING id
    """
)
WIPE = (
    text("DELETE FROM file_chunk WHERE tenant_id = :tenant AND file_id = ANY(CAST(:ids AS uuid[]))"),
    text(f"{EXPIRED}, expires_at = clock_timestamp() WHERE tenant_id = :tenant AND id = ANY(CAST(:ids AS uuid[]))"),
)
EMPTY = text(
    """
    DELETE FROM file_chunk WHERE tenant_id = :tenant AND file_id = :id AND position = ANY (ARRAY(
        SELECT position FROM file_chunk WHERE tenant_id = :tenant AND file_id = :id ORDER BY position LIMIT :rows
    ))
    """
)
FORGET = text("DELETE FROM file WHERE tenant_id = :tenant AND expires_at < clock_timestamp() - CAST(:told AS interval)")
TENANTS = text("SELECT id FROM tenant ORDER BY id")


class NoFile(NotFound):
    """There is no such file."""


class FileExpired(Gone):
    """The file was kept for a time that is over; make it or upload it again."""


class FileBroken(Exception):
    """Whoever wrote the file gave up, or fell silent."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file as it stands; `sha256` is empty until it is finished, in the state `finished`."""

    id: UUID
    name: str
    media_type: str
    state: str
    size: int
    sha256: str
    created_by: UUID
    operation_id: UUID
    created_at: datetime
    expires_at: datetime

    @property
    def is_finished(self) -> bool:
        """Whether nothing is added any more."""
        return self.state == "finished"


@dataclass(frozen=True, slots=True)
class Draft:
    """A file about to be written: by whom, in which operation, and how long it may take."""

    name: str
    media_type: str
    created_by: UUID
    operation_id: UUID
    kept: timedelta = KEPT


class FileWriter:
    """Appends to one file, each time in a transaction of the caller's; what was committed is there to be read."""

    def __init__(self, tenant: UUID, id: UUID) -> None:
        self.tenant, self.id, self.size = tenant, id, 0
        self._position, self._digest = 0, hashlib.sha256()

    @classmethod
    async def create(cls, session: AsyncSession, tenant: UUID, draft: Draft) -> Self:
        """Begins a file; raises TooLarge where the tenant keeps too much, RateLimited where too much is written."""
        await require_room(session, tenant, 0)
        writer = cls(tenant, new_id())
        row = {
            "tenant": tenant,
            "id": writer.id,
            "name": draft.name,
            "media_type": draft.media_type,
            "created_by": draft.created_by,
            "operation_id": draft.operation_id,
            "kept": draft.kept,
        }
        await session.execute(CREATE, row)
        return writer

    @classmethod
    async def resume(cls, database: Database, tenant: UUID, id: UUID) -> Self:
        """Goes on with a file where its last committed piece ends; nobody else may be writing it."""
        writer = cls(tenant, id)
        async for piece in pieces(database, tenant, id):
            writer._count(piece)
        return writer

    async def append(self, session: AsyncSession, data: bytes) -> None:
        """Adds bytes; raises FileBroken if the file is no longer written."""
        view = memoryview(data)
        for start in range(0, len(view), CHUNK_BYTES):
            piece = bytes(view[start : start + CHUNK_BYTES])
            await session.execute(APPEND, self._key() | {"position": self._position, "data": piece})
            self._count(piece)
        grown = await session.execute(GROW, self._key() | {"size": self.size})
        if grown.first() is None:
            raise FileBroken

    async def finish(self, session: AsyncSession, kept: timedelta = KEPT) -> StoredFile:
        """Ends the file; raises FileBroken if it is not the file that was written here."""
        values = {"sha256": self.sha256, "size": self.size, "kept": kept}
        row = (await session.execute(FINISH, self._key() | values)).mappings().one_or_none()
        if row is None:
            raise FileBroken
        return stored(dict(row))

    @property
    def sha256(self) -> str:
        """The hash of what was written so far, in hex."""
        return self._digest.hexdigest()

    def _count(self, piece: bytes) -> None:
        self._digest.update(piece)
        self.size += len(piece)
        self._position += 1

    def _key(self) -> dict[str, object]:
        return {"tenant": self.tenant, "id": self.id}


async def require_room(session: AsyncSession, tenant: UUID, more: int) -> None:
    """Raises TooLarge where the tenant would keep too much, RateLimited where too many files are being written."""
    held = (await session.execute(HELD, {"tenant": tenant})).one()
    if held.size + more > QUOTA_BYTES:
        raise TooLarge(f"Files of at most {QUOTA_BYTES // MIB} MiB are kept at a time; they go after {KEPT.days} days.")
    if held.writing >= WRITING_AT_ONCE:
        raise RateLimited(f"{held.writing} files are being written; wait until one is finished.", retry_after_s=10)


async def stored_file(database: Database, tenant: UUID, id: UUID) -> StoredFile:
    """A file as it stands; raises NoFile, and FileExpired once its time is over."""
    rows = await database.read(tenant, FIND, (tenant, id), by_key=True)
    if not rows:
        raise NoFile
    if rows[0].pop("expired"):
        raise FileExpired(ids=[str(id)])
    return stored(rows[0])


def stored(row: Row) -> StoredFile:
    """A file from its row."""
    return StoredFile(**{**row, "sha256": row["sha256"] or ""})


async def pieces(database: Database, tenant: UUID, id: UUID, start: int = 0) -> AsyncIterator[bytes]:
    """The pieces written so far, from one on, each read when it is asked for."""
    position = start
    while rows := await database.read(tenant, PIECE, (tenant, id, position), by_key=True):
        yield bytes(rows[0]["data"])
        position += 1


async def chunks(database: Database, tenant: UUID, id: UUID) -> AsyncIterator[bytes]:
    """All bytes of a file, following whoever writes it until it is finished.

    Raises NoFile and FileExpired, and FileBroken if the writer gave up or wrote nothing for ten minutes.
    """
    position, heard = 0, time.monotonic()
    while True:
        present = await stored_file(database, tenant, id)
        async for piece in pieces(database, tenant, id, position):
            position, heard = position + 1, time.monotonic()
            yield piece
        if present.is_finished:
            return
        if present.state == "failed" or time.monotonic() - heard > SILENCE_S:
            raise FileBroken
        await asyncio.sleep(FOLLOW_S)


async def give_up(session: AsyncSession, tenant: UUID, id: UUID) -> None:
    """Tells those who follow a file that it will not be finished."""
    await session.execute(GIVE_UP, {"tenant": tenant, "id": id})


async def discard(session: AsyncSession, tenant: UUID, id: UUID) -> None:
    """Takes a file away."""
    await session.execute(DISCARD, {"tenant": tenant, "id": id})


async def wipe(session: AsyncSession, tenant: UUID, ids: Sequence[UUID]) -> None:
    """Empties files at once, whatever time they had left; whoever asks for one is told that it is gone."""
    for statement in WIPE:
        await session.execute(statement, {"tenant": tenant, "ids": list(ids)})


async def keep(session: AsyncSession, tenant: UUID, id: UUID, kept: timedelta = KEPT) -> None:
    """Keeps a file for so long from now on, if it would have gone before."""
    await session.execute(KEEP, {"tenant": tenant, "id": id, "kept": kept})


async def purge_files(database: Database) -> int:
    """Empties what is past its time in every tenant, and forgets it a month later; answers how many were emptied."""
    async with database.engine.connect() as connection:
        tenants = (await connection.execute(TENANTS)).scalars().all()
    return sum([await purge_tenant(database, tenant) for tenant in tenants])


async def purge_tenant(database: Database, tenant: UUID) -> int:
    """Empties one tenant's old files."""
    async with database.transaction(tenant) as (session, _):
        old = (await session.execute(EXPIRE, {"tenant": tenant})).scalars().all()
        await session.execute(FORGET, {"tenant": tenant, "told": TOLD_EXPIRED})
        await session.commit()
    for id in old:
        await empty(database, tenant, id)
    return len(old)


async def empty(database: Database, tenant: UUID, id: UUID) -> None:
    """Takes a file's pieces away, a few in each transaction."""
    gone = EMPTIED_AT_ONCE
    while gone == EMPTIED_AT_ONCE:
        async with database.transaction(tenant) as (session, _):
            done = await session.execute(EMPTY, {"tenant": tenant, "id": id, "rows": EMPTIED_AT_ONCE})
            gone = cast(CursorResult[Any], done).rowcount
            await session.commit()
