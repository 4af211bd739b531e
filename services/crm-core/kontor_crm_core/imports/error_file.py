"""The file of rows that were refused: its own columns untouched, and what was wrong with each."""

import csv
import io
import json
from collections.abc import Sequence
from uuid import UUID

from kontor_crm_core.imports.preparing import Prepared
from kontor_crm_core.imports.problems import Problem
from kontor_crm_core.imports.store import RowOutcome, Run, refused_rows
from kontor_platform.data.files import Draft, FileWriter
from kontor_platform.data.records.stage import Stage
from kontor_platform.runtime.call import Call

ADDED = ("_row", "_column", "_code", "_message", "_suggestion")
AT_ONCE = 5_000
BETWEEN = "; "


async def write_error_file(call: Call, run: Run, ready: Prepared, name: str) -> UUID | None:
    """Writes the file of refused rows; None where there are none."""
    rows = await refused_rows(call, run.id, 0, AT_ONCE)
    if not rows:
        return None
    tenant = call.actor.tenant
    draft = Draft(f"{name}-errors.csv", "text/csv; charset=utf-8", call.actor.actor, run.id)
    writer = await FileWriter.create(call.session, tenant, draft)
    kept = [at for at, each in enumerate(ready.form.header.names) if each not in ADDED]
    text = lines([[*(ready.form.header.raw[at] for at in kept), *ADDED]])
    while rows:
        cells = await originals(call, run, rows)
        text += lines([line(cells[each.line], each, kept) for each in rows])
        await writer.append(call.session, text.encode())
        text, rows = "", await refused_rows(call, run.id, rows[-1].line, AT_ONCE)
    await writer.finish(call.session)
    return writer.id


async def originals(call: Call, run: Run, rows: Sequence[RowOutcome]) -> dict[int, list[str]]:
    """The cells of rows as the file has them."""
    staged = await Stage(call.session, call.actor.tenant, run.id).at([each.line for each in rows])
    return {each.line: json.loads(each.cells) for each in staged}


def line(cells: Sequence[str], row: RowOutcome, kept: Sequence[int]) -> list[str]:
    """A row of the file; cells that the header has no name for stand behind."""
    errors = [each for each in row.problems if not each.is_warning]
    own = [cells[at] if at < len(cells) else "" for at in kept]
    return [*own, str(row.line), *told(errors), *cells[max(kept, default=-1) + 1 :]]


def told(errors: Sequence[Problem]) -> list[str]:
    """Columns, codes, messages and suggestions of a row's errors."""
    parts = ([each.column, each.code, each.message, each.suggestion] for each in errors)
    return [BETWEEN.join(filter(None, each)) for each in zip(*parts, strict=True)]


def lines(rows: Sequence[Sequence[str]]) -> str:
    """Rows as CSV (RFC 4180)."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
