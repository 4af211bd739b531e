"""Where an import stands and what became of each row."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text

from kontor_crm_core.imports.problems import Problem, problem_of
from kontor_platform.contract.problem import JSON
from kontor_platform.data.arrays import array
from kontor_platform.runtime.call import Call

MINE = "tenant_id = :tenant AND import_id = :import"
BEGIN = text(
    """
    INSERT INTO import_run (tenant_id, id, form, created_at)
    VALUES (:tenant, :import, CAST(:form AS jsonb), clock_timestamp())
    """
)
READ = text(
    """
    SELECT phase, is_staged, rows, resolved, applied, resolved_line, applied_line, form, digest, behind FROM import_run
    WHERE tenant_id = :tenant AND id = :import
    """
)
FORM = text("UPDATE import_run SET form = CAST(:form AS jsonb) WHERE tenant_id = :tenant AND id = :import")
MOVE = text(
    """
    UPDATE import_run SET phase = :phase, is_staged = :is_staged, rows = :rows, resolved = :resolved,
        applied = :applied, resolved_line = :resolved_line, applied_line = :applied_line,
        digest = :digest, behind = :behind
    WHERE tenant_id = :tenant AND id = :import
    """
)
KEEP = text(
    """
    INSERT INTO import_row (
        tenant_id, import_id, line, outcome, is_done, record_id, version, matched_by, lines, problems
    )
    SELECT :tenant, :import, each.line, each.outcome, each.outcome IN ('failed', 'skipped', 'unchanged'), each.record,
        each.version, each.matched_by, CAST(each.lines AS int[]), CAST(each.problems AS jsonb)
    FROM unnest(
        CAST(:lines AS int[]), CAST(:outcomes AS text[]), CAST(:records AS uuid[]), CAST(:versions AS int[]),
        CAST(:matched AS text[]), CAST(:others AS text[]), CAST(:problems AS text[])
    ) AS each(line, outcome, record, version, matched_by, lines, problems)
    """
)
OPEN = text(
    f"""
    SELECT line, outcome, record_id, version, matched_by, lines, problems FROM import_row
    WHERE {MINE} AND line > :after AND NOT is_done ORDER BY line LIMIT :limit
    """
)
DONE = text(
    f"""
    UPDATE import_row r SET is_done = true, outcome = each.outcome, record_id = coalesce(each.record, r.record_id),
        problems = CASE WHEN each.problems = '' THEN r.problems ELSE CAST(each.problems AS jsonb) END,
        link = CAST(each.link AS jsonb)
    FROM unnest(
        CAST(:lines AS int[]), CAST(:outcomes AS text[]), CAST(:records AS uuid[]), CAST(:problems AS text[]),
        CAST(:links AS text[])
    ) AS each(line, outcome, record, problems, link)
    WHERE r.{MINE.replace("AND import_id", "AND r.import_id")} AND r.line = each.line
    """
)
SEEN = text(
    f"""
    SELECT DISTINCT record_id FROM import_row
    WHERE {MINE} AND record_id = ANY(CAST(:records AS uuid[])) AND outcome IN ('created', 'updated', 'unchanged')
        AND (is_done OR NOT :done)
    """
)
REFUSED = text(
    f"""
    SELECT line, outcome, record_id, version, matched_by, lines, problems FROM import_row
    WHERE {MINE} AND line > :after AND outcome = 'failed' ORDER BY line LIMIT :limit
    """
)
TROUBLED = text(
    f"""
    SELECT line, outcome, record_id, version, matched_by, lines, problems FROM import_row
    WHERE {MINE} AND problems <> '[]' ORDER BY (outcome = 'failed') DESC, line LIMIT :limit
    """
)
COUNTED = text(f"SELECT outcome, count(*) AS times FROM import_row WHERE {MINE} GROUP BY outcome")
CODES = text(
    f"""
    SELECT problem ->> 0 AS code, count(*) AS times FROM import_row, jsonb_array_elements(problems) AS problem
    WHERE {MINE} GROUP BY 1 ORDER BY 2 DESC, 1
    """
)


@dataclass(slots=True)
class Run:
    """How far an import has come: its phase, its rows, those behind it and their last lines.

    `form` is how its file is read. Of an export, and of taking an import back, `behind` is the last record looked at.
    """

    id: UUID
    phase: str = "resolve"
    is_staged: bool = False
    rows: int = 0
    resolved: int = 0
    applied: int = 0
    resolved_line: int = 0
    applied_line: int = 0
    digest: str = ""
    behind: UUID | None = None
    form: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What becomes of a row; `lines` are further rows joined with it."""

    line: int
    outcome: str
    record: UUID | None = None
    version: int | None = None
    matched_by: str = ""
    lines: Sequence[int] = ()
    problems: Sequence[Problem] = ()

    @property
    def told(self) -> str:
        """Its problems as they are kept."""
        return json.dumps([each.to_json() for each in self.problems], ensure_ascii=False)


def mine(call: Call, run: UUID) -> dict[str, object]:
    """The keys of an import."""
    return {"tenant": call.actor.tenant, "import": run}


async def begin_run(call: Call, id: UUID, form: Mapping[str, Any]) -> Run:
    """Makes the row of a new import."""
    await call.session.execute(BEGIN, mine(call, id) | {"form": json.dumps(dict(form))})
    return Run(id, form=form)


async def read_run(call: Call, id: UUID) -> Run | None:
    """How far an import has come; None where it has not begun."""
    row = (await call.session.execute(READ, mine(call, id))).mappings().one_or_none()
    return Run(id, **row) if row else None


async def move(call: Call, run: Run) -> None:
    """Keeps how far an import has come."""
    values = {
        "phase": run.phase,
        "is_staged": run.is_staged,
        "rows": run.rows,
        "resolved": run.resolved,
        "applied": run.applied,
        "resolved_line": run.resolved_line,
        "applied_line": run.applied_line,
        "digest": run.digest,
        "behind": run.behind,
    }
    await call.session.execute(MOVE, mine(call, run.id) | values)


async def keep_form(call: Call, run: Run) -> None:
    """Keeps how the file is read."""
    await call.session.execute(FORM, mine(call, run.id) | {"form": json.dumps(dict(run.form))})


async def keep_rows(call: Call, run: UUID, rows: Sequence[RowOutcome]) -> None:
    """Keeps what becomes of rows."""
    if not rows:
        return
    values = {
        "lines": array(each.line for each in rows),
        "outcomes": array(each.outcome for each in rows),
        "records": array(each.record for each in rows),
        "versions": array(each.version for each in rows),
        "matched": array(each.matched_by for each in rows),
        "others": array("{" + ",".join(map(str, each.lines)) + "}" for each in rows),
        "problems": array(each.told for each in rows),
    }
    await call.session.execute(KEEP, mine(call, run) | values)


async def finish_rows(call: Call, run: UUID, rows: Sequence[RowOutcome], links: Mapping[int, JSON]) -> None:
    """Keeps what became of rows, their problems only where there are new ones, and by line what changed of links."""
    if not rows:
        return
    values = {
        "lines": array(each.line for each in rows),
        "outcomes": array(each.outcome for each in rows),
        "records": array(each.record for each in rows),
        "problems": array(each.told if each.problems else "" for each in rows),
        "links": array(json.dumps(links[each.line]) if each.line in links else None for each in rows),
    }
    await call.session.execute(DONE, mine(call, run) | values)


async def open_rows(call: Call, run: UUID, after: int, limit: int) -> list[RowOutcome]:
    """The next rows that are still to be written."""
    found = await call.session.execute(OPEN, mine(call, run) | {"after": after, "limit": limit})
    return outcomes(found.mappings().all())


async def refused_rows(call: Call, run: UUID, after: int, limit: int) -> list[RowOutcome]:
    """The next rows that were refused."""
    found = await call.session.execute(REFUSED, mine(call, run) | {"after": after, "limit": limit})
    return outcomes(found.mappings().all())


async def troubled_rows(call: Call, run: UUID, limit: int) -> list[RowOutcome]:
    """The first rows with problems, those refused first."""
    found = await call.session.execute(TROUBLED, mine(call, run) | {"limit": limit})
    return outcomes(found.mappings().all())


async def met_before(call: Call, run: UUID, records: Iterable[UUID], *, done: bool = False) -> set[UUID]:
    """Which of these records earlier rows of the import mean, or only those already written."""
    wanted = sorted(set(records))
    if not wanted:
        return set()
    return set((await call.session.execute(SEEN, mine(call, run) | {"records": wanted, "done": done})).scalars())


async def counted(call: Call, run: UUID) -> dict[str, int]:
    """How many rows have each outcome."""
    found = await call.session.execute(COUNTED, mine(call, run))
    return {row.outcome: row.times for row in found}


async def codes(call: Call, run: UUID) -> dict[str, int]:
    """How often each code occurred, the most frequent first."""
    found = await call.session.execute(CODES, mine(call, run))
    return {row.code: row.times for row in found}


def outcomes(rows: Iterable[RowMapping]) -> list[RowOutcome]:
    """Rows as they were kept."""
    return [
        RowOutcome(
            row["line"],
            row["outcome"],
            row["record_id"],
            row["version"],
            row["matched_by"],
            row["lines"],
            [problem_of(each) for each in row["problems"]],
        )
        for row in rows
    ]
