"""The job that takes a large import back, chunk by chunk."""

from uuid import UUID

from kontor_crm_core.imports.reverting.starting import AUTHOR, begin_undoing, revert_chunk, undoer_of
from kontor_crm_core.imports.statistics import MANY, count_anew
from kontor_crm_core.imports.store import read_run
from kontor_crm_core.operation.rules import State
from kontor_crm_core.operation.store import claim, finish, in_operation, mark, opened
from kontor_platform.runtime.work import Work


async def run_revert(work: Work, tenant: UUID, id: UUID) -> None:
    """Takes an import back from wherever it stands."""
    row = await opened(work, tenant, id)
    import_id = UUID(row.data["import"])
    going = True
    while going:
        async with in_operation(work, row, AUTHOR) as call:
            now = await claim(call, id)
            if now.cancel_requested:
                await finish(call, id, State.CANCELED, {})
                await mark(call, import_id, State.DONE)
                return
            run = await read_run(call, id) or await begin_undoing(call, id)
            going = await revert_chunk(call, run, await undoer_of(call, import_id))
    if run.resolved > MANY:
        await count_anew(work, row)
