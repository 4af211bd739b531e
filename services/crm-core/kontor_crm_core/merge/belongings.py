"""Addresses, numbers and foreign ids of contacts that are merged: copied to the winner, kept with the loser.

A loser's rows stay with it, hidden, and say whether they were handed on; the winner's copies say whose they are. So a
contact that is itself again has its rows in their own order, without those that were removed from the winner since.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from kontor_crm_core.contact.rules import Consent
from kontor_crm_core.contact.state import Address, ContactState
from kontor_crm_core.identity.parse import Phone
from kontor_crm_core.record.lookups import ForeignId
from kontor_crm_core.record.objects import EMAILS, FOREIGN, PHONES
from kontor_platform.data.records.planned import Row, Shelf, ShelfChange
from kontor_platform.runtime.call import Call

SHELVES = (EMAILS, PHONES, FOREIGN)
# Columns that say where a row comes from, not what it is.
WHENCE = ("tenant_id", "origin_id", "handed_on", "added_at", "live")


@dataclass(frozen=True, slots=True)
class Kept:
    """One row on a shelf, with whose it is and where it was made."""

    shelf: Shelf
    owner: UUID
    origin: UUID
    handed_on: bool
    added_at: datetime
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
            whence = stored["origin_id"] or owner, stored["handed_on"], stored["added_at"]
            found[owner].append(Kept(shelf, owner, *whence, row))
    return {owner: sorted(rows, key=lambda each: (each.place, str(each.key))) for owner, rows in found.items()}


def placed(rows: Iterable[Row]) -> list[Row]:
    """Rows with their places in this order, where their shelf has places."""
    return [{**row, "position": at} if "position" in row else row for at, row in enumerate(rows)]


@dataclass(frozen=True, slots=True)
class Belongings:
    """What a contact has on each shelf afterwards, in order, and what is to be written for it."""

    rows: Mapping[str, Sequence[Row]]
    changes: Sequence[ShelfChange]


def joined(winner: Sequence[Kept], losers: Sequence[Sequence[Kept]]) -> Belongings:
    """What the winner has after a merge: its own, then what it does not have yet of the losers' in their order."""
    rows: dict[str, Sequence[Row]] = {}
    changes = []
    for shelf in SHELVES:
        mine, held = of_shelf(winner, shelf), {each.key for each in of_shelf(winner, shelf)}
        gained: dict[tuple[object, ...], Kept] = {}
        for each in (one for loser in losers for one in of_shelf(loser, shelf)):
            if each.key not in held:
                gained.setdefault(each.key, each)
        rows[shelf.table.name] = whole = placed(each.row for each in (*mine, *gained.values()))
        changes.append(ShelfChange(shelf, added=with_origins(whole[len(mine) :], gained.values())))
    return Belongings(rows, [each for each in changes if each.added])


def with_origins(rows: Iterable[Row], whose: Iterable[Kept]) -> list[Row]:
    """New rows with where they were made."""
    return [{**row, "origin_id": each.origin} for row, each in zip(rows, whose, strict=True)]


def handed_on(loser: Sequence[Kept], gained: Belongings) -> list[ShelfChange]:
    """Marks which rows of a loser the winner gets; the others it has already."""
    given = {
        (change.shelf, change.shelf.key(row), row["origin_id"]) for change in gained.changes for row in change.added
    }
    marks = [
        ShelfChange(
            shelf,
            changed=[
                {**keyed(each), "handed_on": (shelf, each.key, each.origin) in given} for each in of_shelf(loser, shelf)
            ],
        )
        for shelf in SHELVES
    ]
    return [each for each in marks if each.changed]


def keyed(each: Kept) -> dict[str, object]:
    """The key of a row as its columns."""
    return dict(zip(each.shelf.keys, each.key, strict=True))


def of_shelf(rows: Iterable[Kept], shelf: Shelf) -> list[Kept]:
    """The rows on one shelf."""
    return [each for each in rows if each.shelf == shelf]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A hidden row of a contact that stays merged, and when that contact came to the winner."""

    row: Kept
    at: datetime

    def comes_before(self, other: Kept) -> bool:
        """Whether it stood before one of the winner's rows, had it not been hidden."""
        if other.origin == self.row.origin:
            return self.row.place < other.place
        return self.at < other.added_at


def left_with(winner: Sequence[Kept], origins: Collection[UUID], others: Sequence[Arrival]) -> Belongings:
    """What a winner has once the contacts of `origins` left it.

    `others` are the hidden rows of contacts that stay merged, in the order of their coming: the first of those that
    hold what left takes its place.
    """
    rows: dict[str, Sequence[Row]] = {}
    changes = []
    for shelf in SHELVES:
        mine = of_shelf(winner, shelf)
        leaving = [each.key for each in mine if each.origin in origins]
        staying = [each for each in mine if each.origin not in origins]
        taking = {
            each.row.key: each for each in reversed(others) if each.row.shelf == shelf and each.row.key in leaving
        }
        ordered = list(staying)
        for each in taking.values():
            ordered.insert(place_of(each, ordered), each.row)
        whole = placed(each.row for each in ordered)
        rows[shelf.table.name] = whole
        pairs = list(zip(whole, ordered, strict=True))
        added = [
            {**row, "origin_id": each.origin, "added_at": taking[each.key].at}
            for row, each in pairs
            if each.key in taking
        ]
        changed = [row for row, each in pairs if each.key not in taking and row != each.row]
        changes.append(ShelfChange(shelf, added=added, removed=leaving, changed=changed))
    return Belongings(rows, [each for each in changes if each.added or each.removed or each.changed])


def place_of(arrival: Arrival, rows: Sequence[Kept]) -> int:
    """Where a row belongs among others."""
    return next((at for at, each in enumerate(rows) if arrival.comes_before(each)), len(rows))


def given_back(loser: Sequence[Kept], winner: Sequence[Kept], origins: Collection[UUID]) -> Belongings:
    """What a contact has that is itself again: of its own rows those never handed on and those the winner still had."""
    rows: dict[str, Sequence[Row]] = {}
    changes = []
    for shelf in SHELVES:
        leaving = {each.key: each.row for each in of_shelf(winner, shelf) if each.origin in origins}
        mine = of_shelf(loser, shelf)
        back = [each for each in mine if each.origin in origins and (not each.handed_on or each.key in leaving)]
        whole = placed(leaving.get(each.key, each.row) if each.handed_on else each.row for each in back)
        rows[shelf.table.name] = whole
        stays = {each.key for each in back}
        changes.append(
            ShelfChange(
                shelf,
                removed=[each.key for each in mine if each.key not in stays],
                changed=[{**row, "handed_on": False} for row in whole],
            )
        )
    return Belongings(rows, [each for each in changes if each.removed or each.changed])


def with_belongings(state: ContactState, rows: Mapping[str, Sequence[Row]]) -> ContactState:
    """A contact with other addresses, numbers and ids in other systems."""
    emails, phones, ids = (rows[shelf.table.name] for shelf in SHELVES)
    return replace(
        state,
        emails=[address_of(row) for row in emails],
        phones=[phone_of(row) for row in phones],
        external_ids=sorted(ForeignId(str(row["system"]), str(row["value"])) for row in ids),
    )


def address_of(row: Row) -> Address:
    """An address by its row."""
    basis = row["consent_basis"]
    consent = Consent(bool(row["opted_out"]), bool(row["bounced"]), str(basis) if basis is not None else None)
    return Address(str(row["raw"]), str(row["email_key"]), consent)


def phone_of(row: Row) -> Phone:
    """A number by its row."""
    parts = (row[name] for name in ("e164", "national_digits", "ext", "region"))
    return Phone(str(row["raw"]), *(str(part) if part is not None else None for part in parts))
