"""Writes an export, so many contacts at once, each time with its place in one transaction."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kontor_crm_core.exports.columns import Cell, Widths, chosen, header, line
from kontor_crm_core.exports.reading import FIRST, Selection, rows_after
from kontor_crm_core.imports.store import Run, move
from kontor_crm_core.operation.rules import State
from kontor_crm_core.operation.store import advance, finish
from kontor_platform.contract.problem import JSON
from kontor_platform.data.files import FileWriter, StoredFile
from kontor_platform.data.outbox import write_audit
from kontor_platform.data.records.definitions import definitions
from kontor_platform.runtime.call import Call

MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Export:
    """What an export writes: which contacts, which columns, as they were when it began."""

    selection: Selection
    columns: Sequence[str]
    widths: Widths
    bom: bool

    def to_json(self) -> dict[str, Any]:
        """The export as it is kept."""
        widths = self.widths
        return {
            "ids": [str(each) for each in self.selection.ids],
            "filter": self.selection.filter,
            "columns": list(self.columns),
            "widths": [widths.emails, widths.phones, dict(widths.systems)],
            "bom": self.bom,
        }


def export_kept(kept: dict[str, Any]) -> Export:
    """An export that was kept."""
    selection = Selection([UUID(each) for each in kept["ids"]], kept["filter"])
    return Export(selection, kept["columns"], Widths(*kept["widths"]), kept["bom"])


async def cells_of(call: Call, export: Export) -> list[Cell]:
    """The columns of an export; raises InvalidField for one there is not."""
    return chosen(export.columns, await definitions(call, "contact"), export.widths)


async def write_chunk(call: Call, run: Run, export: Export, writer: FileWriter) -> StoredFile | None:
    """Writes the next contacts; the finished file once there are no more."""
    cells = await cells_of(call, export)
    if run.behind is None:
        head = csv_text([header(cells)])
        await writer.append(call.session, ((MARK if export.bom else "") + head).encode())
    rows = await rows_after(call, export.selection, run.behind or FIRST)
    if not rows:
        return await end(call, run, cells, writer)
    await writer.append(call.session, csv_text([line(cells, row) for row in rows]).encode())
    run.behind, run.rows = rows[-1]["id"], run.rows + len(rows)
    await move(call, run)
    await advance(call, run.id, run.rows, {"rows": len(rows)})
    return None


def csv_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows as CSV (RFC 4180)."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


async def end(call: Call, run: Run, cells: Sequence[Cell], writer: FileWriter) -> StoredFile:
    """Ends the file, and notes who took how much of what out of the system."""
    file = await writer.finish(call.session)
    columns = [each.name for each in cells]
    told: dict[str, JSON] = {"rows": run.rows, "columns": columns, "file": str(file.id), "sha256": file.sha256}
    audited = told | {"actor": str(call.actor.actor), "actor_kind": call.actor.kind}
    await write_audit(call.session, call.actor.tenant, run.id, call.operation.name, audited)
    await finish(call, run.id, State.DONE, told, result_file=file.id)
    return file
