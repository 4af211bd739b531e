"""Writes under way, each noted in a file until its audit row is committed."""

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import structlog
from sqlalchemy import text

from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.refusals import DATABASE_ERRORS

LOCK = "lock"
EVERY_S = 2.0
INSERT_ONCE = text(
    """
    INSERT INTO outbox (tenant_id, kind, type, operation_id, subjects, data)
    SELECT :tenant, 'audit', :type, :call_id, CAST(:subjects AS uuid[]), CAST(:data AS jsonb)
    WHERE NOT EXISTS (
        SELECT FROM outbox WHERE tenant_id = :tenant AND operation_id = :call_id AND kind = 'audit' AND type = :type
    )
    """
)
log = structlog.get_logger(__name__)


class Intents:
    """Files of writes under way, in a folder that is this process's alone while it lives.

    Whoever finds the folder of a dead process commits the rows in it, with the outcome `unknown` where none is known.
    """

    def __init__(self, database: Database, spool: Path) -> None:
        self._database, self._spool = database, spool
        self._own = spool / f"{new_id()}.writes"
        self._lock: BinaryIO | None = None
        self._left: set[UUID] = set()

    def keep(self, tenant: UUID, call_id: UUID, row: dict[str, Any], subjects: Sequence[UUID]) -> None:
        """Notes a write, or how it ended; raises OSError."""
        if self._lock is None:
            self._lock = self._claim()
        entry = {
            "tenant": str(tenant),
            "call_id": str(call_id),
            "row": row,
            "subjects": [str(each) for each in subjects],
        }
        fresh = self._own / f"{call_id}.new"
        fresh.write_text(json.dumps(entry))
        fresh.replace(self._path(call_id))

    def drop(self, call_id: UUID) -> None:
        """Forgets a write whose row is committed."""
        self._path(call_id).unlink(missing_ok=True)

    def hand_over(self, call_id: UUID) -> None:
        """Leaves the row of an ended write to be committed by `run`."""
        self._left.add(call_id)

    async def run(self) -> None:
        """Commits what was left, here and by processes that died, until cancelled."""
        while True:
            try:
                await self.settle()
            except DATABASE_ERRORS as error:
                log.warning("audit_rows_wait", error=type(error).__name__)
            await asyncio.sleep(EVERY_S)

    async def settle(self) -> None:
        """Commits the rows of ended writes once; raises the database's error if it is away."""
        for call_id in sorted(self._left):
            await self._commit(self._path(call_id))
            self._left.discard(call_id)
        for folder in sorted(self._spool.glob("*.writes")):
            if folder != self._own:
                await self._adopt(folder)

    def close(self) -> None:
        """Gives up the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
            with contextlib.suppress(OSError):
                (self._own / LOCK).unlink()
                self._own.rmdir()

    async def _adopt(self, folder: Path) -> None:
        with contextlib.suppress(FileNotFoundError), (folder / LOCK).open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            for path in sorted(folder.glob("*.json")):
                await self._commit(path)
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()

    async def _commit(self, path: Path) -> None:
        if not path.exists():
            return
        entry = json.loads(path.read_text())
        tenant, row = UUID(entry["tenant"]), entry["row"]
        columns = {
            "tenant": tenant,
            "type": row["operation"],
            "call_id": UUID(entry["call_id"]),
            "subjects": "{" + ",".join(entry["subjects"]) + "}",
            "data": json.dumps(row),
        }
        async with self._database.transaction(tenant) as (session, _):
            await session.execute(INSERT_ONCE, columns)
            await session.commit()
        path.unlink()

    def _claim(self) -> BinaryIO:
        self._own.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.fdopen(os.open(self._own / LOCK, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        fcntl.flock(lock, fcntl.LOCK_EX)
        return lock

    def _path(self, call_id: UUID) -> Path:
        return self._own / f"{call_id}.json"
