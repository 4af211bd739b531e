"""Addresses, numbers and foreign ids of contacts that are merged: copied to the winner, kept with the loser.

A loser's rows stay with it, hidden, and say whether they were handed on; the winner's copies say whose they are. So a
contact that is itself again has its rows in their own order, without those that were removed from the winner since.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from kontor_crm_core.record.objects import EMAILS, FOREIGN, PHONES
from kontor_platform.data.records.planned import Row, Shelf, ShelfChange
from kontor_platform.runtime.call import Call

SHELVES = (EMAILS, PHONES, FOREIGN)
# Columns that say where a row comes from, not what it is.
WHENCE = ("tenant_id", "origin_id", "handed_on", "live")


@dataclass(frozen=True, slots=True)
class Kept:
    """One row on a shelf, with whose it is and where it was made."""

    shelf: Shelf
    owner: UUID
    origin: UUID
    handed_on: bool
    row: Row

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from the owner's others."""
        return self.shelf.key(self.row)

    @property
    def place(self) -> int:
        """Its place among the owner's others."""
        return int(str(self.row.get("position", 0)))


async def kept(call: Call, owners: Collection[UUID]) -> dict[UUID, list[Kept]]:
    """Everything that identifies contacts, hidden rows too, in order."""
    found: dict[UUID, list[Kept]] = {owner: [] for owner in owners}
    for shelf in SHELVES:
        columns = shelf.table.c
        mine = (columns.tenant_id == call.actor.tenant, columns[shelf.owner].in_(owners))
        for stored in (await call.session.execute(select(shelf.table).where(*mine))).mappings():
            owner = stored[shelf.owner]
            row = {name: value for name, value in stored.items() if name not in (*WHENCE, shelf.owner)}
            found[owner].append(Kept(shelf, owner, stored["origin_id"] or owner, stored["handed_on"], row))
    return {owner: sorted(rows, key=lambda each: (each.place, str(each.key))) for owner, rows in found.items()}


def placed(rows: Iterable[Row]) -> list[Row]:
    """Rows with their places in this order, where their shelf has places."""
    return [{**row, "position": at} if "position" in row else row for at, row in enumerate(rows)]


def handed_on(shelf: Shelf, loser: Sequence[Kept], taken: Collection[tuple[object, ...]]) -> ShelfChange:
    """Marks the rows of a loser that the winner gets, and unmarks those it has already."""
    marks = [{**keyed(each), "handed_on": each.key not in taken} for each in loser if each.shelf == shelf]
    return ShelfChange(shelf, changed=marks)


def keyed(each: Kept) -> dict[str, object]:
    """The key of a row as its columns."""
    return dict(zip(each.shelf.keys, each.key, strict=True))


def joined(shelf: Shelf, winner: Sequence[Kept], losers: Iterable[Sequence[Kept]]) -> ShelfChange:
    """What the winner gains on a shelf: rows of the losers that it does not have, after its own."""
    mine = [each for each in winner if each.shelf == shelf]
    held = {each.key for each in mine}
    gained: list[Row] = []
    for rows in losers:
        for each in rows:
            if each.shelf == shelf and each.key not in held:
                held.add(each.key)
                gained.append({**each.row, "origin_id": each.origin})
    places = placed([*(each.row for each in mine), *gained])
    return ShelfChange(shelf, added=places[len(mine) :])


@dataclass(frozen=True, slots=True)
class Parted:
    """What a winner and the contact that leaves it have on one shelf afterwards."""

    winner: ShelfChange
    loser: ShelfChange


def parted(
    shelf: Shelf, winner: Sequence[Kept], loser: Sequence[Kept], origins: Collection[UUID], others: Sequence[Kept]
) -> Parted:
    """Takes a shelf apart; `others` are the hidden rows of contacts that stay merged, in the order of their merges."""
    mine = [each for each in winner if each.shelf == shelf]
    leaving = {each.key: each for each in mine if each.origin in origins}
    staying = [each for each in mine if each.origin not in origins]
    promoted = {each.key: each for each in reversed(others) if each.shelf == shelf and each.key in leaving}
    rows = placed([*(each.row for each in staying), *(each.row for each in promoted.values())])
    added = [
        {**row, "origin_id": each.origin} for row, each in zip(rows[len(staying) :], promoted.values(), strict=True)
    ]
    changed = [row for row, each in zip(rows, staying, strict=False) if row != each.row]
    return Parted(
        ShelfChange(shelf, added=added, removed=list(leaving), changed=changed),
        returned(shelf, loser, leaving, origins),
    )


def returned(
    shelf: Shelf, loser: Sequence[Kept], leaving: Mapping[tuple[object, ...], Kept], origins: Collection[UUID]
) -> ShelfChange:
    """What a contact that is itself again has of its own rows: those never handed on, and those still there."""
    mine = [each for each in loser if each.shelf == shelf]
    back = [each for each in mine if each.origin in origins and (not each.handed_on or each.key in leaving)]
    latest = [leaving[each.key].row if each.key in leaving and each.handed_on else each.row for each in back]
    rows = placed(latest)
    kept_keys = {each.key for each in back}
    return ShelfChange(
        shelf,
        removed=[each.key for each in mine if each.key not in kept_keys],
        changed=[{**row, "handed_on": False} for row in rows],
    )
