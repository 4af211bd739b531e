"""Begins to take an import back, or ends one that runs; small ones are taken back within the call."""

from collections import Counter
from uuid import UUID

from kontor_protos.kontor.crm.v1 import imports_pb as pb

from kontor_crm_core.imports.problems import Problem
from kontor_crm_core.imports.reverting.chunks import KeptRecord, Undoer, decided, next_round, write
from kontor_crm_core.imports.reverting.touched import touched_total
from kontor_crm_core.imports.segments import take_out_of_segment
from kontor_crm_core.imports.store import RowOutcome, Run, begin_run, keep_rows, move, troubled_rows
from kontor_crm_core.operation.models import LongWork
from kontor_crm_core.operation.rules import CODE, KEPT, State
from kontor_crm_core.operation.store import advance, begin, begin_within, cancel, finish, mark, read
from kontor_crm_core.record.plans import Options
from kontor_platform.contract.problem import JSON, Conflict
from kontor_platform.data.records.definitions import definitions
from kontor_platform.runtime.call import Call, Event

KIND = "import_revert"
AT_MOST = 500
TRIED_AT_MOST = 2_000
MOST_TOLD = 50
MOST_KEPT = 500
AUTHOR = "import"


class NothingToRevert(Conflict):
    """There is nothing to take back: the operation is no import, still runs, or was taken back already."""


async def start_revert(request: pb.RevertImportRequest, call: Call) -> pb.RevertImportResponse:
    """Takes an import back or begins to; raises UnknownOperation and NothingToRevert."""
    import_id = UUID(request.operation_id)
    row = await read(call, import_id)
    if row.kind != "import":
        raise NothingToRevert(f"The operation is no import but a {row.kind}.")
    if request.cancel:
        ended = await cancel(call, import_id)
        told = "The import ends after its present chunk; what it did stays."
        return pb.RevertImportResponse(summary=told, operation_id=str(import_id), state=ended.state)
    require_kept(row)
    total = await touched_total(call, import_id)
    if call.dry_run:
        return await tried(call, import_id, total)
    await mark(call, import_id, State.REVERTING, reverted_by=call.call_id)
    if total > AT_MOST:
        operation = await begin(call, KIND, {"import": str(import_id)}, total, reverts=import_id)
        told = f"{total} records are taken back; crm_import_status tells how far it is."
        return pb.RevertImportResponse(summary=told, operation_id=str(operation), state=State.STARTED)
    return await revert_within(call, import_id, total)


def require_kept(row: LongWork) -> None:
    """Raises NothingToRevert unless the import has ended and was not taken back."""
    if row.state not in KEPT:
        raise NothingToRevert(
            f"The import is {row.state}, so there is nothing to take back. End one that runs with cancel: true.",
            next_tool="crm_import_status",
        )


async def undoer_of(call: Call, import_id: UUID) -> Undoer:
    """What taking an import back needs to know."""
    known = await definitions(call, "contact")
    return Undoer(import_id, known.by_id, Options(call.actor.settings.region))


async def tried(call: Call, import_id: UUID, total: int) -> pb.RevertImportResponse:
    """What taking back would do, by looking at the first records and writing nothing."""
    undoer, run = await undoer_of(call, import_id), Run(call.call_id, phase="links")
    deleted = restored = looked_at = 0
    kept: list[KeptRecord] = []
    while run.phase != "end" and looked_at < TRIED_AT_MOST:
        undoing = await decided(call, run, undoer)
        looked_at += undoing.looked_at
        deleted += len(undoing.deleted)
        restored += len(undoing.changed)
        kept += undoing.kept
        run.behind = undoing.last
        if not undoing.looked_at:
            run.phase = next_round(run.phase)
    whole = "" if run.phase == "end" else f" The first {looked_at} of {total} records were looked at."
    return pb.RevertImportResponse(
        summary=f"Would delete {deleted} records, give fields back to {restored} and leave {len(kept)}.{whole}",
        state=State.CHECKED,
        deleted=deleted,
        restored=restored,
        kept=[told_kept(each) for each in kept[:MOST_TOLD]],
        kept_total=len(kept),
    )


def told_kept(kept: KeptRecord) -> pb.KeptRecord:
    """A record that stays, as callers see it."""
    return pb.KeptRecord(
        record_id=str(kept.id), record_type=kept.kind, reason=str(kept.reason), fields=list(kept.fields)
    )


async def revert_within(call: Call, import_id: UUID, total: int) -> pb.RevertImportResponse:
    """Takes a small import back within the call."""
    call.author_kind = AUTHOR
    await begin_within(call, KIND, {"import": str(import_id)}, total, reverts=import_id)
    run, undoer = await begin_undoing(call, call.call_id), await undoer_of(call, import_id)
    while await revert_chunk(call, run, undoer):
        pass
    row = await read(call, call.call_id)
    deleted, restored, kept = (row.counters.get(each, 0) for each in ("deleted", "restored", "kept"))
    return pb.RevertImportResponse(
        summary=f"Deleted {deleted} records, gave fields back to {restored} and left {kept}.",
        operation_id=str(call.call_id),
        state=row.state,
        deleted=deleted,
        restored=restored,
        kept=[pb.KeptRecord(**each) for each in row.report["kept"][:MOST_TOLD]],
        kept_total=kept,
    )


async def begin_undoing(call: Call, id: UUID) -> Run:
    """Begins at the first round."""
    run = await begin_run(call, id, {})
    run.phase = "links"
    return run


async def revert_chunk(call: Call, run: Run, undoer: Undoer) -> bool:
    """Takes the next records back and keeps the place; false once all rounds are over."""
    undoing = await decided(call, run, undoer)
    if undoing.looked_at:
        await write(call, undoing)
        await keep_rows(call, run.id, [noted(each, run.rows + at) for at, each in enumerate(undoing.kept, start=1)])
        run.rows += len(undoing.kept)
        run.behind = undoing.last
        run.resolved += undoing.looked_at if run.phase != "links" else 0
        reasons = Counter(f"{CODE}{each.reason}" for each in undoing.kept)
        await advance(call, run.id, run.resolved, undoing.counters | reasons)
    else:
        run.phase, run.behind = next_round(run.phase), None
    await move(call, run)
    if run.phase == "end":
        await end(call, run, undoer)
    return run.phase != "end"


def noted(kept: KeptRecord, line: int) -> RowOutcome:
    """A record that stays, as it is written down."""
    problem = Problem(kept.reason, ", ".join(kept.fields), column=kept.kind, is_warning=True)
    return RowOutcome(line, "skipped", record=kept.id, problems=[problem])


async def kept_rows(call: Call, run: Run) -> list[dict[str, JSON]]:
    """The first records that stay, as the report tells them."""
    return [
        {
            "record_id": str(row.record),
            "record_type": each.column,
            "reason": each.code,
            "fields": each.message.split(", ") if each.message else [],
        }
        for row in await troubled_rows(call, run.id, MOST_KEPT)
        for each in row.problems
    ]


async def end(call: Call, run: Run, undoer: Undoer) -> None:
    """Ends taking back: its report, the import's state, what tells of it."""
    from_rows = await kept_rows(call, run)
    imported = await read(call, undoer.import_id)
    await take_out_of_segment(call, undoer.import_id, imported.data["options"]["segment"])
    await finish(call, run.id, State.DONE, {"kept": from_rows, "kept_total": run.rows})
    await mark(call, undoer.import_id, State.REVERTED, reverted_by=run.id)
    call.emit(Event("import.reverted", "operation", undoer.import_id, 1))
