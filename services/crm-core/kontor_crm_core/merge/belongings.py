"""Addresses, numbers and foreign ids of merged contacts: kept with the loser, hidden, and copied to the winner.

The winner's copies say whose they are. What a merged contact has of its own and its winner no longer has was removed
since, and stays away.
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
WHENCE = ("tenant_id", "origin_id", "added_at", "live")


@dataclass(frozen=True, slots=True)
class Kept:
    """One row on a shelf, with whose it is and where it was made."""

    shelf: Shelf
    owner: UUID
    origin: UUID
    added_at: datetime
    row: Row

    @property
    def key(self) -> tuple[object, ...]:
        """What tells it from the owner's others."""
        return self.shelf.key(self.row)

    @property
    def name(self) -> tuple[Shelf, tuple[object, ...], UUID]:
        """What tells it from all rows that one contact may ever have."""
        return self.shelf, self.key, self.origin

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
            found[owner].append(Kept(shelf, owner, stored["origin_id"] or owner, stored["added_at"], row))
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


def of_shelf(rows: Iterable[Kept], shelf: Shelf) -> list[Kept]:
    """The rows on one shelf."""
    return [each for each in rows if each.shelf == shelf]


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
