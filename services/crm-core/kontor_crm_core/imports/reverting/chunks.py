"""Takes back what an import did, so many records at once, in three rounds: links, contacts, companies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from kontor_crm_core.association.edges import write as write_links
from kontor_crm_core.association.rules import Edge, Plan
from kontor_crm_core.company.reading import states as company_states
from kontor_crm_core.contact.linking import standing
from kontor_crm_core.contact.plan import plan_change
from kontor_crm_core.contact.reading import states
from kontor_crm_core.contact.state import ContactState, Employer
from kontor_crm_core.imports.reverting.contacts import property_changes, told, with_fields
from kontor_crm_core.imports.reverting.rules import Kept, restored
from kontor_crm_core.imports.reverting.touched import (
    Relinked,
    Touched,
    relinked_after,
    touched_after,
    touched_by_others,
)
from kontor_crm_core.imports.store import Run
from kontor_crm_core.record.objects import WRITER
from kontor_crm_core.record.plans import Options, Upserted
from kontor_platform.data.records.definitions import Definition
from kontor_platform.data.records.planned import Clashes, Life, Planned
from kontor_platform.data.records.write import write_terms
from kontor_platform.runtime.call import Call, Change

CHUNK = 1_000
FIRST = UUID(int=0)
ROUNDS = ("links", "contact", "company", "end")


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A record that stays as it is, wholly or in some fields, and why."""

    id: UUID
    kind: str
    reason: str
    fields: Sequence[str] = ()


@dataclass(slots=True)
class Undoing:
    """What one chunk takes back, before it is written."""

    last: UUID | None = None
    looked_at: int = 0
    deleted: list[Planned] = field(default_factory=list)
    changed: list[Upserted[ContactState]] = field(default_factory=list)
    links: list[Plan] = field(default_factory=list)
    kept: list[KeptRecord] = field(default_factory=list)

    @property
    def counters(self) -> dict[str, int]:
        """What it comes to, in numbers."""
        told = {"deleted": len(self.deleted), "restored": len(self.changed), "kept": len(self.kept)}
        return {name: count for name, count in told.items() if count}


@dataclass(frozen=True, slots=True)
class Undoer:
    """What taking an import back needs to know: its id, properties by id, and what plans of contacts need."""

    import_id: UUID
    definitions: Mapping[UUID, Definition]
    options: Options


async def decided(call: Call, run: Run, undoer: Undoer) -> Undoing:
    """What the next records of the round go back to; nothing looked at says that the round is over."""
    after = run.behind or FIRST
    if run.phase == "links":
        return await relinking(call, await relinked_after(call, undoer.import_id, after, CHUNK), undoer)
    found = await touched_after(call, undoer.import_id, run.phase, after, CHUNK)
    undoing = Undoing(found[-1].id if found else None, len(found))
    others = await touched_by_others(call, undoer.import_id, [each.id for each in found if each.is_new])
    if run.phase == "contact":
        present = await states(call, [each.id for each in found], lock=True)
        for each in found:
            undo_contact(undoing, each, present.get(each.id), others, undoer)
    else:
        companies = await company_states(call, [each.id for each in found], lock=True)
        for each in found:
            company = companies.get(each.id)
            gone = company is None or company.deleted
            undo_creation(undoing, each, "company", company.version if company else 0, others, gone=gone)
    return undoing


def undo_contact(
    undoing: Undoing, touched: Touched, state: ContactState | None, others: Mapping[UUID, str], undoer: Undoer
) -> None:
    """Takes a contact back: deletes one the import made, gives fields back to one that was there."""
    gone = state is None or state.deleted
    if touched.is_new:
        undo_creation(undoing, touched, "contact", state.version if state else 0, others, gone=gone)
    elif state is None or gone:
        undoing.kept.append(KeptRecord(touched.id, "contact", Kept.DELETED))
    else:
        back = restored(told(state), touched.before, touched.after)
        if back.kept:
            undoing.kept.append(KeptRecord(touched.id, "contact", Kept.CHANGED_SINCE, back.kept))
        after = with_fields(state, back.fields, undoer.options.region)
        plan = plan_change(state, after, property_changes(back.fields, undoer.definitions), undoer.options)
        if plan.planned:
            undoing.changed.append(plan)


def undo_creation(
    undoing: Undoing, touched: Touched, kind: str, version: int, others: Mapping[UUID, str], *, gone: bool
) -> None:
    """Deletes a record the import made, unless somebody touched it since."""
    if gone:
        return
    reason = others.get(touched.id) or (Kept.CHANGED_SINCE if version != touched.version else "")
    if reason:
        undoing.kept.append(KeptRecord(touched.id, kind, reason))
    else:
        changes = [Change("deleted", False, True)]
        undoing.deleted.append(Planned(kind, touched.id, version, changes=changes, life=Life.ENDS))


async def relinking(call: Call, found: Sequence[Relinked], undoer: Undoer) -> Undoing:
    """Gives contacts back the companies they worked for."""
    undoing = Undoing(found[-1].id if found else None, len(found))
    present = await states(call, [each.id for each in found], lock=True)
    links = await standing(call, {each.id for each in found})
    mains = await company_states(call, [each.main for each in found if each.main])
    for each in found:
        state = present.get(each.id)
        if state is None or state.deleted:
            continue
        if not state.company or state.company.id != each.now:
            undoing.kept.append(KeptRecord(each.id, "contact", Kept.CHANGED_SINCE, ["company"]))
            continue
        main = mains.get(each.main) if each.main else None
        employer = Employer(main.id, main.name) if main and not main.deleted else None
        undoing.links.append(links_back(each, links.get(each.id, ())))
        plan = plan_change(state, replace(state, company=employer), (), undoer.options)
        if plan.retold:
            undoing.changed.append(plan)
    return undoing


def links_back(relinked: Relinked, links: Sequence[Edge]) -> Plan:
    """The links as they were: those made go unless somebody gave them labels, the main one is main again."""
    gone = [each for each in links if each.to_id in relinked.made and not (each.labels or each.props)]
    updates = [
        (each, replace(each, is_primary=each.to_id == relinked.main))
        for each in links
        if each not in gone and each.is_primary != (each.to_id == relinked.main)
    ]
    return Plan(deletes=gone, updates=updates)


async def write(call: Call, undoing: Undoing) -> None:
    """Writes a chunk; records that can not go back because others took their keys stay, and are listed."""
    while True:
        try:
            async with call.session.begin_nested():
                await write_once(call, undoing)
        except Clashes as clashes:
            clashing = {each.record for each in clashes.clashing}
            undoing.kept += [KeptRecord(each, "contact", Kept.TAKEN) for each in sorted(clashing)]
            undoing.changed = [each for each in undoing.changed if each.after.id not in clashing]
            undoing.deleted = [each for each in undoing.deleted if each.id not in clashing]
        else:
            return


async def write_once(call: Call, undoing: Undoing) -> None:
    """Writes a chunk; raises Clashes."""
    await WRITER.apply(call, [*undoing.deleted, *(each.planned for each in undoing.changed if each.planned)])
    await write_terms(call, [each.retold for each in undoing.changed if each.retold])
    plans = undoing.links
    if plans:
        edges = Plan(
            deletes=[edge for plan in plans for edge in plan.deletes],
            updates=[pair for plan in plans for pair in plan.updates],
        )
        await write_links(call, edges)


def next_round(phase: str) -> str:
    """The round after one."""
    return ROUNDS[ROUNDS.index(phase) + 1]
