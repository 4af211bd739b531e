"""Takes merges apart: a contact that was merged into another is itself again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text, update

from kontor_crm_core.blocklist.checking import refuse_blocked
from kontor_crm_core.contact.plan import columns, retold
from kontor_crm_core.contact.reading import states
from kontor_crm_core.contact.state import ContactState
from kontor_crm_core.merge.belongings import kept, with_belongings
from kontor_crm_core.merge.hanging import Parting, part
from kontor_crm_core.merge.merging import Planning, changes
from kontor_crm_core.merge.models import MERGES
from kontor_crm_core.merge.moving import counts
from kontor_crm_core.merge.rules import Entry, Merge, Past, changed_since, replayed, within
from kontor_crm_core.merge.sharing import arranged, shared
from kontor_crm_core.merge.values import fields_of, is_field, property_change, property_plan, with_fields
from kontor_crm_core.record.objects import write
from kontor_crm_core.record.owners import options_for
from kontor_crm_core.record.writer import check_version
from kontor_platform.contract.problem import JSON, Conflict, NotFound
from kontor_platform.data.arrays import array
from kontor_platform.data.outbox import Change
from kontor_platform.data.records.definitions import definitions
from kontor_platform.data.records.planned import Life, Planned, ShelfChange
from kontor_platform.runtime.call import Call

# Every merge that the tree of a contact knows of, those undone too.
KNOWN = text(
    """
    WITH RECURSIVE tree AS (
        SELECT CAST(:root AS uuid) AS id
        UNION
        SELECT m.loser_id FROM merge_log m JOIN tree ON tree.id = m.winner_id
        WHERE m.tenant_id = :tenant AND m.undone_by IS NULL
    )
    SELECT m.* FROM merge_log m
    WHERE m.tenant_id = :tenant AND (m.winner_id IN (SELECT id FROM tree) OR m.loser_id IN (SELECT id FROM tree))
    ORDER BY m.at, m.place
    """
)
LOGS = text(
    """
    SELECT record_id, operation_id, changes FROM record_change
    WHERE tenant_id = :tenant AND record_id = ANY(CAST(:ids AS uuid[])) ORDER BY record_id, version
    """
)
PRESENT = text("SELECT present_id FROM redirect WHERE tenant_id = :tenant AND old_id = :id")
REDIRECT = (
    text("DELETE FROM redirect WHERE tenant_id = :tenant AND old_id = :loser"),
    text(
        """
        UPDATE redirect SET present_id = :loser
        WHERE tenant_id = :tenant AND old_id = ANY(CAST(:origins AS uuid[])) AND old_id <> :loser
        """
    ),
)


class NotMerged(Conflict):
    """The contact is not part of another one; crm_get_record shows what it is."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A field that stays as it was changed since the merge."""

    field: str
    merged: JSON
    present: JSON


@dataclass(frozen=True, slots=True)
class Parted:
    """The contact that is itself again, the one it was part of, and what stays with that one."""

    contact: UUID
    winner: UUID
    kept: Sequence[Kept]
    counts: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Tree:
    """A contact with everything merged into it, and the merges it knows of."""

    root: UUID
    rows: Sequence[RowMapping]

    @property
    def winner_of(self) -> dict[UUID, UUID]:
        """What each contact was merged into, by the merges that hold."""
        return {row["loser_id"]: row["winner_id"] for row in self.rows if row["undone_by"] is None}

    def arrival(self, contact: UUID) -> tuple[tuple[datetime, int], ...]:
        """When a contact came to the root: the times of the merges on its way, the last one first."""
        steps, held = [], {row["loser_id"]: row for row in self.rows if row["undone_by"] is None}
        while contact in held:
            steps.append((held[contact]["at"], held[contact]["place"]))
            contact = held[contact]["winner_id"]
        return tuple(reversed(steps))

    def parting(self, loser: UUID) -> Parting:
        """Who leaves with a contact, and who stays, in the order of their coming."""
        winner_of = self.winner_of
        everyone = sorted(within(self.root, winner_of) - {self.root}, key=self.arrival)
        leaving = within(loser, winner_of)
        merges = [(row["loser_id"], row["winner_id"]) for row in self.rows if row["undone_by"] is None]
        return Parting(
            loser,
            self.root,
            origins=[each for each in everyone if each in leaving],
            remaining=[each for each in everyone if each not in leaving],
            before=merges,
            after=[step for step in merges if step[0] != loser],
            depth={self.root: 0} | {each: len(self.arrival(each)) for each in everyone},
        )

    @property
    def joined(self) -> dict[UUID, datetime]:
        """When each merged contact joined the one it is part of."""
        return {row["loser_id"]: row["at"] for row in self.rows if row["undone_by"] is None}


async def unmerge(call: Call, contact: UUID, expected: int | None) -> Parted:
    """Makes a contact itself again; raises NotFound, NotMerged, VersionConflict or Blocklisted."""
    tree = await tree_of(call, contact)
    parting = tree.parting(contact)
    everyone = [tree.root, *parting.origins, *parting.remaining]
    held = await states(call, everyone, lock=True)
    check_version(expected, held[tree.root].version, [])
    known = await definitions(call, "contact", hold=True, restricted=True)
    past = await past_of(call, tree, everyone, contact)
    rows = await kept(call, everyone)
    await part(call, parting)
    share = shared(rows, parting, tree.joined)
    stays, leaves = arranged(tree.root, share), arranged(contact, share)
    moved = await states(call, [tree.root, contact])
    winner = with_belongings(with_fields(moved[tree.root], replayed(tree.root, past)), stays.rows)
    back = with_belongings(with_fields(moved[contact], replayed(contact, past)), leaves.rows)
    await refuse_blocked(call, {each.key for each in back.emails})
    call.author_kind = "merge"
    made = created_times(tree.rows)
    stayed = min(made[each] for each in (tree.root, *parting.remaining))
    options = Planning(await options_for(call, []), known, stayed)
    mine = planned_winner(held[tree.root], winner, stays.changes, options)
    await write(call, replace(mine, changes=[*mine.changes, Change("unmerged", None, str(contact))]))
    came = min(made[each] for each in parting.origins)
    await write(call, planned_loser(held[contact], back, leaves.changes, replace(options, created_at=came)))
    await forget(call, parting)
    call.concerns(tree.root, contact)
    left = kept_fields(tree.rows, contact, fields_of(held[tree.root]), fields_of(winner))
    now, then = await counts(call, [tree.root]), await counts(call, [contact])
    return Parted(contact, tree.root, left, {name: (now[name], then[name]) for name in now})


async def tree_of(call: Call, contact: UUID) -> Tree:
    """The tree that a merged contact is in; raises NotFound or NotMerged."""
    values = {"tenant": call.actor.tenant, "id": contact}
    root = (await call.session.execute(PRESENT, values)).scalar_one_or_none()
    if root is None:
        if not await states(call, [contact]):
            raise NotFound()
        raise NotMerged(ids=[str(contact)])
    rows = (await call.session.execute(KNOWN, {"tenant": call.actor.tenant, "root": root})).mappings().all()
    return Tree(root, rows)


async def past_of(call: Call, tree: Tree, ids: Sequence[UUID], leaving: UUID) -> Past:
    """The logs of a tree's contacts, with the merges that hold once one of them has left."""
    holding = [row for row in tree.rows if row["undone_by"] is None and row["loser_id"] != leaving]
    held: dict[UUID, Merge] = {}
    for row in holding:
        losers = [*(held[row["operation_id"]].losers if row["operation_id"] in held else ()), row["loser_id"]]
        choices = {name: UUID(source) for name, source in row["choices"].items()}
        held[row["operation_id"]] = Merge(row["operation_id"], row["winner_id"], losers, choices)
    passed = {row["operation_id"] for row in tree.rows} | {row["undone_by"] for row in tree.rows if row["undone_by"]}
    found = await call.session.execute(LOGS, {"tenant": call.actor.tenant, "ids": array(ids)})
    logs: dict[UUID, list[Entry]] = {}
    for entry in found:
        after = {each["field"]: each["after"] for each in entry.changes if is_field(each["field"])}
        logs.setdefault(entry.record_id, []).append(Entry(entry.operation_id, after))
    return Past(logs, held, frozenset(passed - held.keys()))


def created_times(rows: Sequence[RowMapping]) -> dict[UUID, datetime]:
    """When contacts were made, as it stood before their first merge."""
    times: dict[UUID, datetime] = {}
    for row in rows:
        for contact, moment in row["created"].items():
            times.setdefault(UUID(contact), datetime.fromisoformat(moment))
    return times


def kept_fields(
    rows: Sequence[RowMapping], contact: UUID, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Kept]:
    """What the merge wrote, was changed since and stays."""
    wrote = next(row["wrote"] for row in rows if row["loser_id"] == contact and row["undone_by"] is None)
    return [
        Kept(name, wrote[name], before.get(name))
        for name in changed_since(wrote, before)
        if before.get(name) == after.get(name)
    ]


def planned_winner(
    before: ContactState, after: ContactState, shelves: Sequence[ShelfChange], options: Planning
) -> Planned:
    """What is to be written for the contact that another one leaves."""
    return Planned(
        "contact",
        after.id,
        before.version,
        values=columns(after) | {"created_at": options.created_at},
        changes=changes(before, after),
        shelves=shelves,
        properties=property_plan(before.props, after.props, options.known.by_id),
        terms=retold(after, options.options).terms,
    )


def planned_loser(
    before: ContactState, after: ContactState, shelves: Sequence[ShelfChange], options: Planning
) -> Planned:
    """What is to be written for the contact that is itself again: with its index and unique values, all of them."""
    gone = {key: None for key in before.props if key not in after.props}
    every = {**gone, **after.props}
    return Planned(
        "contact",
        after.id,
        before.version,
        values=columns(after) | {"created_at": options.created_at, "merged_into": None},
        changes=[*changes(before, after), Change("merged_into", "", None)],
        shelves=shelves,
        properties=[property_change(UUID(key), value, options.known.by_id) for key, value in every.items()],
        terms=retold(after, options.options).terms,
        life=Life.RETURNS,
        event="contact.unmerged",
    )


async def forget(call: Call, parting: Parting) -> None:
    """Has the ids of those that left lead to the contact that is itself again, and notes that its merge is undone."""
    values = {"tenant": call.actor.tenant, "loser": parting.loser, "origins": array(parting.origins)}
    for statement in REDIRECT:
        await call.session.execute(statement, values)
    columns_of = MERGES.c
    holding = (
        columns_of.tenant_id == call.actor.tenant,
        columns_of.loser_id == parting.loser,
        columns_of.undone_by.is_(None),
    )
    done = {
        "undone_by": call.call_id,
        "undone_at": call.now,
        "undone_actor_id": call.actor.actor,
        "undone_actor_kind": call.author,
        "undone_on_behalf_of": call.actor.on_behalf_of,
    }
    await call.session.execute(update(MERGES).where(*holding).values(done))
