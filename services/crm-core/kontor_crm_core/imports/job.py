"""The job that imports a large file in three passes, in chunks, each a transaction that keeps its place."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from kontor_crm_core.imports.applying import StageLost, apply_chunk
from kontor_crm_core.imports.codes import FileCode
from kontor_crm_core.imports.ending import end, stale, too_many
from kontor_crm_core.imports.options import ImportOptions, options_kept
from kontor_crm_core.imports.preparing import Prepared, kept, prepared, prepared_before
from kontor_crm_core.imports.problems import Problem
from kontor_crm_core.imports.reading.faults import FileFault
from kontor_crm_core.imports.reading.table import TableReader
from kontor_crm_core.imports.resolving import resolve_chunk
from kontor_crm_core.imports.sources import HEAD, Source
from kontor_crm_core.imports.staging import Stager, stager
from kontor_crm_core.imports.statistics import MANY, count_anew
from kontor_crm_core.imports.store import RowOutcome, Run, begin_run, counted, keep_form, move, read_run
from kontor_crm_core.imports.wanting import Owners, Wanting, wanting, with_owner
from kontor_crm_core.operation.models import LongWork
from kontor_crm_core.operation.rules import CODE, State
from kontor_crm_core.operation.store import advance, claim, finish, in_operation, opened, principal_of
from kontor_platform.data.records.definitions import definitions
from kontor_platform.data.records.stage import Stage, Staged
from kontor_platform.runtime.call import Call
from kontor_platform.runtime.work import JobOver, Work

STAGED_AT_ONCE = 1_000
PASSES = 3
TO_BE_WRITTEN = ("created", "updated")


@dataclass(slots=True)
class ImportJob:
    """One import at work; `written` are the rows that it wrote so far, since the worker last began with it."""

    work: Work
    row: LongWork
    owners: Owners = field(default_factory=Owners)
    written: int = 0

    @property
    def id(self) -> UUID:
        """The import's id."""
        return self.row.id

    @property
    def is_trial(self) -> bool:
        """Whether it ends after the second pass."""
        return bool(self.row.data["trial"])

    @property
    def options(self) -> ImportOptions:
        """What was asked for."""
        return options_kept(self.row.data["options"])

    @property
    def source(self) -> Source:
        """The file."""
        data = self.row.data
        return Source(self.work.database, self.row.tenant_id, UUID(data["file"]), data["sha256"])

    def total(self, rows: int) -> int:
        """The whole way: every row is staged, resolved and, unless it is a trial, applied."""
        return rows * (PASSES - self.is_trial)

    def position(self, run: Run) -> int:
        """How much of the way is behind it."""
        return run.rows + run.resolved + (run.applied if run.phase == "apply" else 0)


async def run_import(work: Work, tenant: UUID, id: UUID) -> None:
    """Brings an import to its end from wherever it stands."""
    job = ImportJob(work, await opened(work, tenant, id))
    try:
        while await step(job):
            pass
        if job.written > MANY:
            await count_anew(work, job.row)
    except FileFault as fault:
        async with in_operation(work, job.row) as call:
            await claim(call, id)
            report = {"code": str(fault.code), "line": fault.line}
            await Stage(call.session, tenant, id).clear()
            await finish(call, id, State.FAILED, report, error=f"{fault.message} ({fault.code})")


async def step(job: ImportJob) -> bool:
    """Goes one step on; false at the end."""
    async with in_operation(job.work, job.row, "import") as call:
        now = await claim(call, job.id)
        run = await read_run(call, job.id)
        if now.cancel_requested:
            await stop(call, job, run)
            return False
        if run is not None and run.is_staged:
            return await PHASES[run.phase](job, call, run)
    await stage_file(job)
    return True


async def stop(call: Call, job: ImportJob, run: Run | None) -> None:
    """Ends the import as canceled; whole chunks stay."""
    if run is None:
        await finish(call, job.id, State.CANCELED, {})
    else:
        ready = await prepared_again(call, run)
        await end(call, run, ready, job.options, State.CANCELED, name=job.row.data["name"])


async def prepared_again(call: Call, run: Run) -> Prepared:
    """How the file is read, as it was settled in the first pass."""
    return prepared_before(run.form, await definitions(call, "contact"))


async def stage_file(job: ImportJob) -> None:
    """Reads the file from its beginning and stages its rows; whatever an earlier try staged is taken away."""
    await job.source.size()
    encoding, head = await job.source.surveyed(job.options.encoding)
    async with in_operation(job.work, job.row, "import") as call:
        await claim(call, job.id)
        known = await definitions(call, "contact")
        ready = prepared(head, encoding, job.options, known, whole=len(head) < HEAD)
        await Stage(call.session, call.actor.tenant, job.id).clear()
        run = await read_run(call, job.id) or await begin_run(call, job.id, kept(ready))
    rows, reader, stage = 0, TableReader(ready.form), stager(ready, job.options, principal_of(job.row).settings)
    async for batch in batches(job.source, reader, stage):
        rows += len(batch)
        await stage_batch(job, run, batch, rows)
    if not rows:
        raise FileFault(FileCode.FILE_EMPTY, "The file has names of columns and no rows below them.")
    await staged(job, run, rows, stage.shared_domains, reader.skipped.lines)


async def stage_batch(job: ImportJob, run: Run, batch: Sequence[Staged], rows: int) -> None:
    """Stages some rows; a file that is staged again after a crash is not counted again."""
    async with in_operation(job.work, job.row, "import") as call:
        if (await claim(call, job.id)).cancel_requested:
            await stop(call, job, run)
        else:
            await Stage(call.session, call.actor.tenant, job.id).put(batch)
            if not run.rows:
                await advance(call, job.id, rows, {"rows": len(batch)})
            return
    raise JobOver


async def staged(job: ImportJob, run: Run, rows: int, shared_domains: Sequence[str], passed: Sequence[int]) -> None:
    """Ends the first pass; an import that had lost its staged rows goes on where it was."""
    async with in_operation(job.work, job.row, "import") as call:
        await claim(call, job.id)
        await Stage(call.session, call.actor.tenant, job.id).find_repeats()
        if not run.rows:
            run.rows, run.digest = rows, job.row.data["begun"]
            await advance(call, job.id, job.position(run), total=job.total(rows))
        run.is_staged = True
        run.form = {**run.form, "shared_domains": list(shared_domains), "passed": list(passed)}
        await keep_form(call, run)
        await move(call, run)


async def batches(source: Source, reader: TableReader, stage: Stager) -> AsyncIterator[list[Staged]]:
    """The rows of a file as they are staged, so many at once."""
    waiting = list[Staged]()
    async for piece in source.pieces():
        for start in range(0, len(piece), HEAD):
            waiting += stage.staged(reader.feed(piece[start : start + HEAD]))
            while len(waiting) >= STAGED_AT_ONCE:
                yield waiting[:STAGED_AT_ONCE]
                waiting = waiting[STAGED_AT_ONCE:]
    waiting += stage.staged(reader.finish())
    if waiting:
        yield waiting


async def resolve(job: ImportJob, call: Call, run: Run) -> bool:
    """One chunk of the second pass, or its end."""
    ready = await prepared_again(call, run)
    want = await wishes(call, job, run, ready)
    outcomes = await resolve_chunk(call, run, want, whole_plan=job.is_trial)
    if not outcomes:
        return await resolved(job, call, run, ready)
    await move(call, run)
    settled = [each for each in outcomes if job.is_trial or each.outcome not in TO_BE_WRITTEN]
    problems = [problem for each in outcomes for problem in each.problems]
    await advance(call, job.id, job.position(run), noted(settled, problems))
    return True


async def wishes(call: Call, job: ImportJob, run: Run, ready: Prepared) -> Wanting:
    """What turns the rows of the file into wishes."""
    options = await with_owner(call, job.options, job.owners)
    return wanting(ready, options, job.owners, run.form["shared_domains"])


async def resolved(job: ImportJob, call: Call, run: Run, ready: Prepared) -> bool:
    """Ends the second pass: a trial is done, an import goes on unless too much is wrong."""
    found, name = await counted(call, run.id), job.row.data["name"]
    if run.resolved < run.rows:
        run.is_staged = False
        await move(call, run)
        return True
    if job.is_trial:
        await end(call, run, ready, job.options, State.CHECKED, name=name)
        return False
    reason = stale(run, job.options) or too_many(found.get("failed", 0), job.options)
    if reason:
        await end(call, run, ready, job.options, State.FAILED, name=name, error=reason)
        return False
    run.phase = "apply"
    run.applied = run.rows - sum(found.get(each, 0) for each in TO_BE_WRITTEN)
    await move(call, run)
    return True


async def apply(job: ImportJob, call: Call, run: Run) -> bool:
    """One chunk of the third pass, or its end."""
    ready = await prepared_again(call, run)
    try:
        done = await apply_chunk(call, run, await wishes(call, job, run, ready))
    except StageLost:
        run.is_staged = False
        await move(call, run)
        return True
    if not done:
        await end(call, run, ready, job.options, State.DONE, name=job.row.data["name"])
        return False
    job.written += len(done)
    await move(call, run)
    problems = [problem for each in done for problem in each.fresh]
    await advance(call, job.id, job.position(run), noted([each.outcome for each in done], problems))
    return True


def noted(outcomes: Sequence[RowOutcome], problems: Sequence[Problem]) -> dict[str, int]:
    """What a chunk adds to the counters."""
    return Counter([each.outcome for each in outcomes]) + Counter([f"{CODE}{each.code}" for each in problems])


PHASES: Mapping[str, Callable[[ImportJob, Call, Run], Awaitable[bool]]] = {"resolve": resolve, "apply": apply}
