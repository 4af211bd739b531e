"""Rows of a file between reading and planning, in a table without row security; only this module names it.

PostgreSQL refuses COPY on tables with row security, and a temporary table would be DDL at run time. The table is
unlogged: after a crash it is empty, and whoever staged rows stages them again.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from psycopg import AsyncConnection
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

COPY = "COPY import_stage (tenant_id, import_id, line, cells, wish, problems, keys, failed) FROM STDIN"
MINE = "tenant_id = :tenant AND import_id = :import"
COLUMNS = "line, cells, wish, problems, failed, first_line, last_line"
NEXT = text(f"SELECT {COLUMNS} FROM import_stage WHERE {MINE} AND line > :after ORDER BY line LIMIT :limit")
AT = text(f"SELECT {COLUMNS} FROM import_stage WHERE {MINE} AND line = ANY(CAST(:lines AS int[])) ORDER BY line")
COUNT = text(f"SELECT count(*) FROM import_stage WHERE {MINE}")
CLEAR = text(f"DELETE FROM import_stage WHERE {MINE}")
REPEATS = text(
    f"""
    UPDATE import_stage s SET first_line = seen.first_line, last_line = seen.last_line
    FROM (
        SELECT line, min(first_line) AS first_line, max(last_line) AS last_line FROM (
            SELECT line, min(line) OVER same AS first_line, max(line) OVER same AS last_line,
                count(*) OVER same AS times
            FROM (
                SELECT line, unnest(keys) AS key FROM import_stage WHERE {MINE} AND NOT failed
            ) AS each WINDOW same AS (PARTITION BY key)
        ) AS each WHERE times > 1 GROUP BY line
    ) AS seen
    WHERE s.tenant_id = :tenant AND s.import_id = :import AND s.line = seen.line
    """
)
SHARING = text(
    f"""
    SELECT {COLUMNS} FROM import_stage WHERE {MINE} AND first_line = ANY(CAST(:firsts AS int[])) ORDER BY line
    """
)


@dataclass(frozen=True, slots=True)
class Staged:
    """One row: its line, its cells as the file has them, what it wants, what is wrong, and what tells it from others.

    `first_line` and `last_line` are those of the rows that share a key with it; None where no other does.
    """

    line: int
    cells: str
    wish: str
    problems: str = ""
    keys: Sequence[str] = ()
    is_failed: bool = False
    first_line: int | None = None
    last_line: int | None = None


class Stage:
    """The staged rows of one import of one tenant."""

    def __init__(self, session: AsyncSession, tenant: UUID, import_id: UUID) -> None:
        self._session = session
        self._tenant, self._import = tenant, import_id

    async def put(self, rows: Iterable[Staged]) -> None:
        """Adds rows by COPY."""
        prefix = f"{self._tenant}\t{self._import}\t"
        lines = "".join(prefix + copied(row) for row in rows)
        raw = await (await self._session.connection()).get_raw_connection()
        connection = raw.driver_connection
        assert isinstance(connection, AsyncConnection)
        async with connection.cursor() as cursor, cursor.copy(COPY) as copy:
            await copy.write(lines.encode())

    async def after(self, line: int, limit: int) -> list[Staged]:
        """The next rows behind a line, in order."""
        return await self._rows(NEXT, after=line, limit=limit)

    async def at(self, lines: Sequence[int]) -> list[Staged]:
        """The rows of these lines, in order."""
        return await self._rows(AT, lines=list(lines)) if lines else []

    async def sharing(self, firsts: Sequence[int]) -> list[Staged]:
        """The rows that share keys with the rows of these lines, in order."""
        return await self._rows(SHARING, firsts=list(firsts)) if firsts else []

    async def count(self) -> int:
        """How many rows there are."""
        return int((await self._session.execute(COUNT, self._mine())).scalar_one())

    async def find_repeats(self) -> None:
        """Notes at every row which others of the file share a key with it."""
        await self._session.execute(REPEATS, self._mine())

    async def clear(self) -> None:
        """Takes all rows away."""
        await self._session.execute(CLEAR, self._mine())

    async def _rows(self, statement: object, **values: object) -> list[Staged]:
        found = await self._session.execute(statement, self._mine() | values)  # type: ignore[call-overload]
        return [
            Staged(each.line, each.cells, each.wish, each.problems, (), each.failed, each.first_line, each.last_line)
            for each in found
        ]

    def _mine(self) -> dict[str, object]:
        return {"tenant": self._tenant, "import": self._import}


def copied(row: Staged) -> str:
    """A row in COPY's text form; the JSON in it has no tabs and line breaks of its own."""
    keys = "{" + json.dumps(list(row.keys), ensure_ascii=False)[1:-1] + "}"
    cells = (row.cells, row.wish, row.problems, keys)
    escaped = "\t".join(each.replace("\\", "\\\\") for each in cells)
    return f"{row.line}\t{escaped}\t{'t' if row.is_failed else 'f'}\n"
