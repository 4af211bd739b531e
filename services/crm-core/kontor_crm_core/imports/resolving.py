"""The second pass: which contact each row means and what becomes of it, written down and nothing changed."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from uuid import UUID

from kontor_protos.kontor.crm.v1.common_pb import Warning

from kontor_crm_core.blocklist.checking import blocked
from kontor_crm_core.contact.upserting import FINDER, Planning, plan_contacts
from kontor_crm_core.contact.wanted import WantedContact
from kontor_crm_core.imports.codes import MatchCode, RowCode
from kontor_crm_core.imports.problems import Problem, problem_of
from kontor_crm_core.imports.same import forgiven, has_key, identical
from kontor_crm_core.imports.store import RowOutcome, Run, keep_rows, met_before
from kontor_crm_core.imports.values.wish import RowWish, merged, wish_of
from kontor_crm_core.imports.wanting import Wanting, texts_of
from kontor_crm_core.record.matching import Matched
from kontor_crm_core.record.upserting import Match, matched_many
from kontor_platform.contract.problem import Refusal
from kontor_platform.data.records.stage import Stage, Staged
from kontor_platform.runtime.call import Call

CHUNK = 1_000
COMPANY_CREATED = "company_created"
CODES: Mapping[str, str] = {
    "ambiguous_match": MatchCode.MATCH_AMBIGUOUS,
    "record_deleted": MatchCode.RECORD_DELETED,
    "not_found": MatchCode.MATCH_NOT_FOUND,
    "gone": MatchCode.RECORD_DELETED,
    "blocklisted": MatchCode.BLOCKLISTED,
    "unique_taken": MatchCode.UNIQUE_TAKEN,
    "identity_taken": MatchCode.UNIQUE_TAKEN,
}


@dataclass(slots=True)
class Pending:
    """A row on its way: what it wants, what was noticed, and the other rows joined with it."""

    line: int
    row: RowWish
    problems: list[Problem] = field(default_factory=list)
    lines: Sequence[int] = ()

    def outcome(self, outcome: str, *problems: Problem, **more: object) -> RowOutcome:
        """What becomes of it."""
        return replace(
            RowOutcome(self.line, outcome, lines=self.lines, problems=[*self.problems, *problems]),
            **more,  # type: ignore[arg-type]
        )


async def resolve_chunk(call: Call, run: Run, wanting: Wanting, *, whole_plan: bool) -> list[RowOutcome]:
    """Settles the next rows and keeps what becomes of them; none at the end.

    `whole_plan` plans new contacts too, so that all warnings are known; else they come when the contacts are written.
    """
    stage = Stage(call.session, call.actor.tenant, run.id)
    staged = await stage.after(run.resolved_line, CHUNK)
    if not staged:
        return []
    outcomes, pending = sorted_out(staged, wanting.options.repeats)
    pending = await joined(stage, pending, staged, wanting.options.repeats)
    await wanting.owners.look_up(call, texts_of([each.row for each in pending]))
    outcomes += await settled(call, run, pending, wanting, whole_plan)
    outcomes.sort(key=lambda each: each.line)
    await keep_rows(call, run.id, outcomes)
    run.resolved_line, run.resolved = staged[-1].line, run.resolved + len(staged)
    run.digest = digested(run.digest, outcomes)
    return outcomes


def sorted_out(staged: Sequence[Staged], repeats: str) -> tuple[list[RowOutcome], list[Pending]]:
    """Rows that are refused or passed over already, and those that go on."""
    outcomes: list[RowOutcome] = []
    pending: list[Pending] = []
    for each in staged:
        problems = problems_of(each)
        if each.is_failed:
            outcomes.append(RowOutcome(each.line, "failed", problems=problems))
        elif repeated := repeat(each, repeats):
            outcomes.append(replace(repeated, problems=[*problems, *repeated.problems]))
        else:
            pending.append(Pending(each.line, wish_of(each.wish), problems))
    return outcomes, pending


def problems_of(staged: Staged) -> list[Problem]:
    """What was noticed when the row was read."""
    return [problem_of(each) for each in json.loads(staged.problems)] if staged.problems else []


def repeat(row: Staged, repeats: str) -> RowOutcome | None:
    """What becomes of a row that shares a key with others; None where it goes on."""
    first, last = row.first_line, row.last_line
    if first is None or last is None:
        return None
    other = last if repeats == "last" else first
    if repeats == "error":
        other = first if first != row.line else last
    elif other == row.line:
        return None
    told = f"Line {other} is about the same person."
    problem = Problem(RowCode.ROW_DUPLICATE, told, suggestion="Join the rows, or say with `repeats` which counts.")
    if repeats == "error":
        return RowOutcome(row.line, "failed", problems=[problem])
    return RowOutcome(row.line, "skipped", problems=[replace(problem, is_warning=True)])


async def joined(stage: Stage, pending: list[Pending], staged: Sequence[Staged], repeats: str) -> list[Pending]:
    """The rows with those joined that are about the same person, where that is wished."""
    if repeats != "merge":
        return pending
    leaders = [each.line for each in staged if each.first_line == each.line]
    groups: dict[int, list[Staged]] = {}
    for each in await stage.sharing(leaders):
        groups.setdefault(each.first_line or each.line, []).append(each)
    for row in pending:
        others = groups.get(row.line, [])
        if len(others) > 1:
            row.row = merged([wish_of(each.wish) for each in others])
            row.lines = [each.line for each in others if each.line != row.line]
    return pending


async def settled(
    call: Call, run: Run, pending: Sequence[Pending], wanting: Wanting, whole_plan: bool
) -> list[RowOutcome]:
    """What becomes of rows, by the contacts they mean."""
    wanted = [wanting.sought(each.row) for each in pending]
    matches = await forgiven(call, await matched_many(call, FINDER, wanted, hold=False))
    outcomes: list[RowOutcome] = []
    going: list[tuple[Pending, WantedContact, Match]] = []
    barred = await blocked(call, {email.key for each in pending for email in each.row.emails})
    met = await met_before(call, run.id, [each.record for each in matches if isinstance(each, Matched)])
    for each, wish, match in zip(pending, wanted, matches, strict=True):
        each.problems += wanting.owner_problems(each.row)
        refused = blocklisted(each, barred) or refusal(each, match, wanting, met)
        if isinstance(match, Matched):
            met.add(match.record)
        if refused:
            outcomes.append(refused)
        else:
            whole = whole_plan or match is not None or not has_key(wish)
            going.append((each, wanting.wanted(each.row) if whole else wish, match))
    present = await identical(call, [wish for _, wish, match in going if match is None])
    outcomes += [each.outcome("unchanged", record=present[id(wish)]) for each, wish, _ in going if id(wish) in present]
    going = [each for each in going if id(each[1]) not in present]
    return outcomes + await planned(call, going, whole_plan)


def blocklisted(each: Pending, barred: Collection[str]) -> RowOutcome | None:
    """The refusal of a row with an address that may not be kept."""
    if not any(email.key in barred for email in each.row.emails):
        return None
    told = "The address is on the blocklist: its owner asked not to be kept."
    return each.outcome("failed", Problem(MatchCode.BLOCKLISTED, told))


def refusal(each: Pending, match: Match, wanting: Wanting, met: set[UUID]) -> RowOutcome | None:
    """Why a row does not go on, by what its keys lead to and by the mode; None where it does."""
    mode, repeats = wanting.options.mode, wanting.options.repeats
    if isinstance(match, Refusal):
        return each.outcome("failed", told_refusal(match))
    if match is None:
        if mode == "update":
            return each.outcome("failed", Problem(MatchCode.MATCH_NOT_FOUND, "No contact has the keys of this row."))
        missing = wanting.missing(each.row)
        return each.outcome("failed", *missing) if missing else None
    if mode == "create":
        told = f"The contact {match.record} has the {match.key} of this row."
        return each.outcome("failed", Problem(MatchCode.MATCH_EXISTS, told), record=match.record)
    if match.record in met and repeats in ("first", "error"):
        told = f"An earlier row is about the same person, {match.record}."
        outcome = "failed" if repeats == "error" else "skipped"
        return each.outcome(outcome, Problem(RowCode.ROW_DUPLICATE, told, is_warning=outcome == "skipped"))
    return None


async def planned(
    call: Call, going: Sequence[tuple[Pending, WantedContact, Match]], whole_plan: bool
) -> list[RowOutcome]:
    """What would become of rows if they were written now."""
    outcomes = [] if whole_plan else [each.outcome("created") for each, _, match in going if match is None]
    tried = [each for each in going if whole_plan or each[2] is not None]
    if tried:
        planning = await plan_contacts(call, [wish for _, wish, _ in tried], [match for _, _, match in tried])
        outcomes += [planned_outcome(each, match, at, planning) for at, (each, _, match) in enumerate(tried)]
    return outcomes


def planned_outcome(each: Pending, match: Match, at: int, planning: Planning) -> RowOutcome:
    """What would become of a row, with its warnings."""
    result = planning.results[at]
    if isinstance(result, Refusal):
        return each.outcome("failed", told_refusal(result))
    warnings = told_warnings(result.warnings)
    if not isinstance(match, Matched):
        return each.outcome("created", *warnings)
    before = planning.before.get(match.record)
    return each.outcome(
        result.outcome,
        *warnings,
        record=match.record,
        version=before.version if before else None,
        matched_by=str(match.key),
    )


def told_refusal(refusal: Refusal) -> Problem:
    """The refusal of a wish as a row's problem."""
    code = CODES.get(refusal.code, refusal.code)
    return Problem(code, refusal.message, value=", ".join(refusal.ids), suggestion=refusal.next_tool)


def told_warnings(given: Iterable[Warning]) -> list[Problem]:
    """Warnings about a wish as a row's problems; companies made are counted and not told row by row."""
    return [Problem(each.code, each.message, is_warning=True) for each in given if each.code != COMPANY_CREATED]


def digested(digest: str, outcomes: Iterable[RowOutcome]) -> str:
    """The hash of a plan so far, over records and their versions."""
    told = [[each.line, each.outcome, str(each.record or ""), each.version] for each in outcomes]
    return sha256(f"{digest}{json.dumps(told)}".encode()).hexdigest()
