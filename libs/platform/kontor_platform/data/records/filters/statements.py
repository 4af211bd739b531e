"""Runs the statements of a search: each within its time, on plans that follow indexes."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

# Reading a table from end to end would read other tenants' rows too, as would a join that begins with all of one.
OFF = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
SWITCHED = ", ".join(f"set_config('{name}', :on, true)" for name in OFF)
PLANS = f"SELECT {SWITCHED}, set_config('max_parallel_workers_per_gather', :workers, true)"
LIMIT = "SELECT set_config('statement_timeout', :ms, true)"
UNLIMITED = "5s"


class TooSlow(Exception):
    """The statement was stopped by its time limit."""


@dataclass(slots=True)
class Statements:
    """The statements of one search in the session's transaction; `ms` is the time for all of them."""

    session: AsyncSession
    tenant: object
    ms: int
    _started: float = field(default_factory=time.monotonic)
    _entered: bool = False

    @property
    def left_ms(self) -> int:
        """The time left."""
        return self.ms - int((time.monotonic() - self._started) * 1000)

    async def rows(self, sql: str, values: Mapping[str, object], ms: int = 0) -> Sequence[Sequence[Any]]:
        """The rows of a statement; raises TooSlow when the search's time, or that of the statement, is over.

        After TooSlow the transaction is good for nothing unless the statement ran within `tried`.
        """
        limit = min(self.left_ms, ms or self.ms)
        if limit <= 0:
            raise TooSlow
        await self._enter()
        await self.session.execute(text(LIMIT), {"ms": str(limit)})
        connection = await self.session.connection()
        try:
            result = await connection.exec_driver_sql(sql, {**values, "tenant": self.tenant})
        except DBAPIError as error:
            if isinstance(error.orig, psycopg.errors.QueryCanceled):
                raise TooSlow from error
            raise
        return list(result)

    async def tried(self, sql: str, values: Mapping[str, object], ms: int) -> Sequence[Sequence[Any]] | None:
        """The rows of a statement, None if they took too long."""
        try:
            async with self.session.begin_nested():
                return await self.rows(sql, values, ms)
        except TooSlow:
            return None

    async def expected(self, sql: str, values: Mapping[str, object]) -> int:
        """How many rows the planner expects."""
        told = (await self.rows(f"EXPLAIN (FORMAT JSON) {sql}", values))[0][0]
        plan = json.loads(told) if isinstance(told, str) else told
        return int(plan[0]["Plan"]["Plan Rows"])

    async def leave(self) -> None:
        """Gives the transaction back its own limits."""
        await self.session.execute(text(PLANS), {"on": "on", "workers": "2"})
        await self.session.execute(text(LIMIT), {"ms": UNLIMITED})

    async def _enter(self) -> None:
        if not self._entered:
            await self.session.execute(text(PLANS), {"on": "off", "workers": "0"})
            self._entered = True
