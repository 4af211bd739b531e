"""Ends an import: its report, its error file, what tells of it, and what is no longer needed."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from kontor_crm_core.imports.codes import RowCode
from kontor_crm_core.imports.error_file import write_error_file
from kontor_crm_core.imports.options import ImportOptions
from kontor_crm_core.imports.preparing import Prepared
from kontor_crm_core.imports.report import report_of
from kontor_crm_core.imports.segments import add_to_segment
from kontor_crm_core.imports.store import Run, move
from kontor_crm_core.operation.rules import State
from kontor_crm_core.operation.store import finish
from kontor_platform.data.records.stage import Stage
from kontor_platform.runtime.call import Call, Event

OUTCOMES = ("created", "updated", "unchanged", "failed", "skipped")


async def end(
    call: Call, run: Run, ready: Prepared, options: ImportOptions, state: State, *, name: str, error: str = ""
) -> tuple[Mapping[str, Any], UUID | None]:
    """Ends the import in a state; answers its report and the id of its error file."""
    if state is State.DONE:
        await add_to_segment(call, run.id, options.segment)
    report = await report_of(call, run, ready)
    errors = await write_error_file(call, run, ready, name)
    await Stage(call.session, call.actor.tenant, run.id).clear()
    run.phase = "end"
    await move(call, run)
    if not call.dry_run:
        await finish(call, run.id, state, report, error=error, error_file=errors)
        if state is State.DONE:
            call.emit(Event("import.done", "operation", run.id, 1))
    return report, errors


def too_many(failed: int, options: ImportOptions) -> str:
    """Why an import ends for its refused rows before it changes anything; empty where it goes on."""
    if not options.max_errors or failed <= options.max_errors:
        return ""
    return f"{failed} rows were refused, more than max_errors allows; nothing was imported ({RowCode.MANY_ERRORS})."


def stale(run: Run, options: ImportOptions) -> str:
    """Why an import that names a dry run ends; empty where nothing changed since, or none is named."""
    if not options.plan or options.plan == run.digest:
        return ""
    return "Contacts, the file or the options changed since the dry run; make a new one (plan_stale)."
