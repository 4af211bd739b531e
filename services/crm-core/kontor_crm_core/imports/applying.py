"""The third pass: rows are written in chunks, each with the import's position in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import text

from kontor_crm_core.contact.state import ContactState
from kontor_crm_core.contact.upserting import Planning, plan_contacts, write_contacts
from kontor_crm_core.contact.wanted import WantedContact
from kontor_crm_core.imports.codes import MatchCode
from kontor_crm_core.imports.problems import Problem
from kontor_crm_core.imports.resolving import CHUNK, told_refusal, told_warnings
from kontor_crm_core.imports.store import RowOutcome, Run, finish_rows, met_before, open_rows
from kontor_crm_core.imports.values.wish import merged, wish_of
from kontor_crm_core.imports.wanting import Wanting, texts_of
from kontor_crm_core.record.matching import Matched, MatchKey
from kontor_crm_core.record.plans import Upserted
from kontor_platform.contract.problem import JSON, Refusal
from kontor_platform.data.records.planned import Clash, Clashes
from kontor_platform.data.records.stage import Stage, Staged
from kontor_platform.runtime.call import Call

MOST_ROUNDS = 20
CLASHES: Mapping[Clash, tuple[str, str]] = {
    Clash.VERSION: (MatchCode.VERSION_CONFLICT, "The contact changed while it was imported; import the row again."),
    Clash.IDENTITY: (MatchCode.UNIQUE_TAKEN, "Another contact has {value!r}."),
    Clash.UNIQUE: (MatchCode.UNIQUE_TAKEN, "Another contact has {value!r}, and the property is unique."),
}


STANDING = text(
    """
    SELECT a.from_id, a.to_id FROM association a
    WHERE a.tenant_id = :tenant AND a.from_id = ANY(CAST(:contacts AS uuid[])) AND a.type_key = 'contact_company'
    """
)


@dataclass(slots=True)
class Chunk:
    """Rows to be written, why some of them could not be, and what they changed of links that were there."""

    rows: list[tuple[RowOutcome, WantedContact]]
    refused: dict[int, Problem] = field(default_factory=dict)
    links: dict[int, JSON] = field(default_factory=dict)

    @property
    def going(self) -> list[tuple[RowOutcome, WantedContact]]:
        """The rows not refused."""
        return [each for each in self.rows if each[0].line not in self.refused]


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a row, and what was noticed only when it was written."""

    outcome: RowOutcome
    fresh: Sequence[Problem] = ()


async def apply_chunk(call: Call, run: Run, wanting: Wanting) -> list[Applied]:
    """Writes the next rows and keeps what became of them; none at the end."""
    open_ = await open_rows(call, run.id, run.applied_line, CHUNK)
    if not open_:
        return []
    chunk = Chunk(await wishes(call, run, open_, wanting))
    results = await written(call, run, chunk)
    done = [applied(row, results.get(row.line), chunk.refused.get(row.line)) for row in open_]
    await finish_rows(call, run.id, [each.outcome for each in done], chunk.links)
    run.applied_line, run.applied = open_[-1].line, run.applied + len(open_)
    return done


async def wishes(
    call: Call, run: Run, rows: Sequence[RowOutcome], wanting: Wanting
) -> list[tuple[RowOutcome, WantedContact]]:
    """What rows want, read from the stage; raises StageLost where a crash emptied it."""
    stage = Stage(call.session, call.actor.tenant, run.id)
    lines = [line for row in rows for line in (row.line, *row.lines)]
    staged: Mapping[int, Staged] = {each.line: each for each in await stage.at(lines)}
    if len(staged) < len(set(lines)):
        raise StageLost
    read = [merged([wish_of(staged[line].wish) for line in sorted((row.line, *row.lines))]) for row in rows]
    await wanting.owners.look_up(call, texts_of(read))
    return [(row, wanting.wanted(each, is_new=row.outcome == "created")) for row, each in zip(rows, read, strict=True)]


class StageLost(Exception):
    """The staged rows are gone, as after a crash of the database; the file is staged again."""


async def written(call: Call, run: Run, chunk: Chunk) -> Mapping[int, Upserted[ContactState] | Refusal]:
    """What came of the rows of a chunk; those that clash are refused and the rest is planned anew."""
    for _ in range(MOST_ROUNDS):
        going = chunk.going
        planning = await plan_contacts(call, [wanted for _, wanted in going], [match(row) for row, _ in going])
        results = {row.line: result for (row, _), result in zip(going, planning.results, strict=True)}
        moved = await moved_since(call, run, going, planning)
        if moved:
            chunk.refused |= moved
            continue
        chunk.links = await links_moved(call, planning, results)
        try:
            async with call.session.begin_nested():
                await write_contacts(call, planning)
        except Clashes as clashes:
            chunk.refused |= clashing(clashes, results)
        else:
            return results
    raise Clashes(())


async def links_moved(
    call: Call, planning: Planning, results: Mapping[int, Upserted[ContactState] | Refusal]
) -> dict[int, JSON]:
    """What rows change of the companies that present contacts work for, so that it can be taken back.

    By line: the company, whether the contact was linked to it before, and the one it mainly worked for.
    """
    moved: dict[int, tuple[ContactState, ContactState]] = {}
    for line, result in results.items():
        before = None if isinstance(result, Refusal) else planning.before.get(result.after.id)
        if before is not None and not isinstance(result, Refusal) and before.company != result.after.company:
            moved[line] = before, result.after
    if not moved:
        return {}
    contacts = sorted(before.id for before, _ in moved.values())
    found = await call.session.execute(STANDING, {"tenant": call.actor.tenant, "contacts": contacts})
    standing = {(row.from_id, row.to_id) for row in found}
    return {
        line: {
            "company": str(after.company.id),
            "was_linked": (before.id, after.company.id) in standing,
            "main": str(before.company.id) if before.company else None,
        }
        for line, (before, after) in moved.items()
        if after.company
    }


def match(row: RowOutcome) -> Matched | None:
    """The contact a row was found to mean."""
    return Matched(row.record, MatchKey(row.matched_by)) if row.record and row.outcome == "updated" else None


async def moved_since(
    call: Call, run: Run, going: Sequence[tuple[RowOutcome, WantedContact]], planning: Planning
) -> dict[int, Problem]:
    """Rows whose contact somebody else changed since it was looked at."""
    moved = {
        row.line: row
        for row, _ in going
        if row.record
        and row.outcome == "updated"
        and (state := planning.before.get(row.record)) is not None
        and state.version != row.version
    }
    ours = await met_before(call, run.id, [each.record for each in moved.values() if each.record], done=True)
    told = Problem(*CLASHES[Clash.VERSION])
    return {line: told for line, row in moved.items() if row.record not in ours}


def clashing(clashes: Clashes, results: Mapping[int, Upserted[ContactState] | Refusal]) -> dict[int, Problem]:
    """The rows that could not be written, and why; none where only a company clashed, which is looked up again."""
    lines: dict[UUID, int] = {}
    for line, result in results.items():
        if not isinstance(result, Refusal):
            lines[result.after.id] = line
    refused: dict[int, Problem] = {}
    for each in clashes.clashing:
        if each.record in lines:
            code, told = CLASHES[each.clash]
            holder = str(each.holder) if each.holder else ""
            refused[lines[each.record]] = Problem(code, told.format(value=each.value), value=holder)
    return refused


def applied(row: RowOutcome, result: Upserted[ContactState] | Refusal | None, refused: Problem | None) -> Applied:
    """What became of a row."""
    if refused or isinstance(result, Refusal):
        fresh = [refused] if refused else [told_refusal(result)] if isinstance(result, Refusal) else []
        return Applied(replace(row, outcome="failed", problems=[*row.problems, *fresh]), fresh)
    assert result is not None
    held = {(each.code, each.message) for each in row.problems}
    fresh = [each for each in told_warnings(result.warnings) if (each.code, each.message) not in held]
    problems = [*row.problems, *fresh] if fresh else []
    return Applied(replace(row, outcome=result.outcome, record=result.after.id, problems=problems), fresh)
