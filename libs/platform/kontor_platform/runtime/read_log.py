"""Which single reads were made: kept off the hot path, yet lost by no crash.

Each entry is appended to a file before the answer goes out; a task moves whole files into the table.
"""

import asyncio
import fcntl
import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

import structlog
from sqlalchemy import text

from kontor_platform.contract.problem import JSON
from kontor_platform.data.database import Database
from kontor_platform.data.ids import new_id
from kontor_platform.data.refusals import DATABASE_ERRORS

BATCH_ROWS = 100
BATCH_S = 0.2
INSERT = text(
    """
    INSERT INTO read_log (tenant_id, id, at, operation, actor, call_id, subjects, data)
    VALUES (
        :tenant, :id, to_timestamp(:at), :operation, :actor, :call_id,
        CAST(:subjects AS uuid[]), CAST(:data AS jsonb)
    )
    ON CONFLICT DO NOTHING
    """
)
log = structlog.get_logger(__name__)


class ReadLog:
    """Appends reads to a spool and moves them into `read_log` in batches of at most 100 rows or 200 ms."""

    def __init__(self, database: Database, spool: Path) -> None:
        self._database, self._spool = database, spool
        self._file: BinaryIO | None = None
        self._rows = 0
        self._full = asyncio.Event()

    def append(
        self,
        *,
        tenant: UUID,
        at: float,
        operation: str,
        actor: UUID,
        call_id: UUID,
        subjects: Sequence[UUID],
        data: Mapping[str, JSON],
    ) -> None:
        """Hands an entry to the operating system; it outlives this process."""
        entry = {
            "tenant": str(tenant),
            "id": str(new_id()),
            "at": at,
            "operation": operation,
            "actor": str(actor),
            "call_id": str(call_id),
            "subjects": "{" + ",".join(str(subject) for subject in subjects) + "}",
            "data": data,
        }
        if self._file is None:
            self._file = self._segment()
        self._file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        self._rows += 1
        if self._rows >= BATCH_ROWS:
            self._full.set()

    async def run(self) -> None:
        """Moves entries until cancelled, beginning with what a killed process left; then moves the rest."""
        try:
            while True:
                await self.flush()
                try:
                    await asyncio.wait_for(self._full.wait(), BATCH_S)
                except TimeoutError:
                    continue
        finally:
            await self.flush()

    async def flush(self) -> None:
        """Moves what lies in the spool into the table; what the database refuses stays for the next time."""
        self._full.clear()
        if self._file is not None:
            self._file.close()
            self._file, self._rows = None, 0
        for segment in sorted(self._spool.glob("*.jsonl")):
            try:
                await self._move(segment)
            except DATABASE_ERRORS as error:
                log.warning("read_log_waits", error=type(error).__name__)
                return

    async def _move(self, segment: Path) -> None:
        with segment.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            await self._store(file.read().split(b"\n")[:-1])
            segment.unlink()

    async def _store(self, lines: Sequence[bytes]) -> None:
        by_tenant: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in lines:
            entry = json.loads(line)
            by_tenant[entry["tenant"]].append(entry | {"data": json.dumps(entry["data"])})
        for tenant, entries in by_tenant.items():
            async with self._database.transaction(UUID(tenant)) as (session, _):
                for start in range(0, len(entries), BATCH_ROWS):
                    await session.execute(INSERT, entries[start : start + BATCH_ROWS])
                await session.commit()

    def _segment(self) -> BinaryIO:
        self._spool.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._spool / f"{new_id()}.{os.getpid()}.jsonl"
        file = path.open("ab", buffering=0)
        fcntl.flock(file, fcntl.LOCK_EX)
        return file
