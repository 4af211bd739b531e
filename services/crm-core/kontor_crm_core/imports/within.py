"""Imports small files within the call."""

from collections.abc import Sequence

from kontor_protos.kontor.crm.v1 import imports_pb as pb
from kontor_protos.kontor.platform.v1.errors_pb import Reason

from kontor_crm_core.imports.applying import apply_chunk
from kontor_crm_core.imports.ending import end, stale, too_many
from kontor_crm_core.imports.options import ImportOptions
from kontor_crm_core.imports.preparing import Prepared, kept
from kontor_crm_core.imports.reading.rows import Row
from kontor_crm_core.imports.report import answer
from kontor_crm_core.imports.resolving import resolve_chunk
from kontor_crm_core.imports.staging import stager
from kontor_crm_core.imports.store import Run, begin_run, counted, move
from kontor_crm_core.imports.wanting import Owners, wanting
from kontor_crm_core.operation.rules import State
from kontor_crm_core.operation.store import advance, begin_within
from kontor_platform.contract.problem import Conflict
from kontor_platform.data.records.stage import Stage
from kontor_platform.runtime.call import Call

AT_MOST = 500
KIND = "import"
AUTHOR = "import"


class PlanStale(Conflict):
    """Something changed since the dry run; make a new one and pass its plan."""

    reason = Reason.PLAN_STALE


async def import_within(
    call: Call, ready: Prepared, rows: Sequence[Row], options: ImportOptions, *, begun: str, name: str, owners: Owners
) -> pb.ImportContactsCsvResponse:
    """Imports the rows of a small file, or tries to in a dry run; `begun` is what the plan's hash begins with."""
    call.author_kind = AUTHOR
    run = await staged(call, ready, rows, options, begun)
    want = wanting(ready, options, owners, run.form["shared_domains"])
    while await resolve_chunk(call, run, want, whole_plan=call.dry_run):
        pass
    failed = (await counted(call, run.id)).get("failed", 0)
    if call.dry_run:
        report, _ = await end(call, run, ready, options, State.CHECKED, name=name)
        return answer(report, "", State.CHECKED, None)
    if stale(run, options):
        raise PlanStale
    reason = too_many(failed, options)
    while not reason and await apply_chunk(call, run, want):
        pass
    await move(call, run)
    await advance(call, run.id, len(rows), {"rows": len(rows)} | await counted(call, run.id))
    state = State.FAILED if reason else State.DONE
    report, errors = await end(call, run, ready, options, state, name=name, error=reason)
    return answer(report, str(run.id), state, str(errors) if errors else None)


async def staged(call: Call, ready: Prepared, rows: Sequence[Row], options: ImportOptions, begun: str) -> Run:
    """The import with all its rows staged."""
    if not call.dry_run:
        await begin_within(call, KIND, {"name": "within the call", "options": options.to_json()}, len(rows))
    run = await begin_run(call, call.call_id, kept(ready))
    stage = Stage(call.session, call.actor.tenant, run.id)
    staging = stager(ready, options, call.actor.settings)
    await stage.put(staging.staged(rows))
    await stage.find_repeats()
    run.form = {**run.form, "shared_domains": staging.shared_domains}
    run.rows, run.is_staged, run.digest = len(rows), True, begun
    return run
