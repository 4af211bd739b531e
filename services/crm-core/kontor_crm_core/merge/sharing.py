"""Shares addresses, numbers and foreign ids out between the contacts that a merge taken apart leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from kontor_crm_core.merge.belongings import SHELVES, Belongings, Kept, of_shelf, placed
from kontor_crm_core.merge.hanging import Parting
from kontor_crm_core.merge.rules import within
from kontor_crm_core.merge.settling import Piece, Step, settled
from kontor_platform.data.records.planned import Row, Shelf, ShelfChange

Name: TypeAlias = tuple[Shelf, tuple[object, ...], UUID]


@dataclass(frozen=True, slots=True)
class Share:
    """What contacts have, in order, and what of it is their own and still somebody's, by the merges that remain.

    `latest` holds a row as the winner had it, else as the contact itself has it. `joined` tells when each merged
    contact joined the one it is part of.
    """

    rows: Mapping[UUID, Sequence[Kept]]
    own: Mapping[Piece, Kept]
    latest: Mapping[Name, Row]
    merges: Sequence[Step]
    joined: Mapping[UUID, datetime]

    @property
    def winner_of(self) -> dict[UUID, UUID]:
        """What each merged contact is part of."""
        return dict(self.merges)

    def wanted(self, owner: UUID) -> list[Kept]:
        """What a contact has by the merges into it, in the order of its coming."""
        under = within(owner, self.winner_of)
        pieces = [each for each, kept in self.own.items() if kept.owner in under]
        result = settled(pieces, [step for step in self.merges if step[1] in under])
        return [self.own[each] for each, ends in result.ends.items() if ends[0] == owner]

    def order(self, owner: UUID, shelf: Shelf) -> list[Kept]:
        """The same of one shelf as it stands: what lies there in its order, and what is gained where it would stand."""
        wanted = {each.name: each for each in of_shelf(self.wanted(owner), shelf)}
        ordered = [each for each in of_shelf(self.rows[owner], shelf) if each.name in wanted]
        there = {each.name for each in ordered}
        for name, each in wanted.items():
            if name not in there:
                ordered.insert(self.place(owner, each, ordered), each)
        return ordered

    def place(self, owner: UUID, gained: Kept, rows: Sequence[Kept]) -> int:
        """Where a row stands among others: where it would, had nothing kept it out when it came."""
        way = self.way(owner, gained.origin)
        rank = {each.name: at for at, each in enumerate(self.order(way, gained.shelf))}

        def stands_before(other: Kept) -> bool:
            if other.origin != owner and self.way(owner, other.origin) == way:
                return rank[gained.name] < rank.get(other.name, len(rank))
            return self.joined[way] < other.added_at

        return next((at for at, each in enumerate(rows) if stands_before(each)), len(rows))

    def way(self, owner: UUID, origin: UUID) -> UUID:
        """The contact merged into the owner itself that a row came with."""
        while self.winner_of[origin] != owner:
            origin = self.winner_of[origin]
        return origin


def shared(rows: Mapping[UUID, Sequence[Kept]], parting: Parting, joined: Mapping[UUID, datetime]) -> Share:
    """What remains of everybody's own: a row that the winner had and no longer has was removed since."""
    own = {piece(each): each for kept in rows.values() for each in kept if each.origin == each.owner}
    copies = {each.name: each.row for each in rows[parting.winner]}
    before = settled(own, parting.before)
    alive = {each: kept for each, kept in own.items() if before.ends[each][0] != parting.winner or kept.name in copies}
    latest = {each.name: each.row for each in alive.values()} | copies
    return Share(rows, alive, latest, parting.after, joined)


def piece(each: Kept) -> Piece:
    """A contact's own row as something that merges hand on."""
    ends = each.owner, each.key
    return Piece(each.shelf.table.name, ends, ends, ends)


def arranged(owner: UUID, share: Share) -> Belongings:
    """What a contact has afterwards, and what is to be written for it."""
    rows: dict[str, Sequence[Row]] = {}
    changes = []
    for shelf in SHELVES:
        held = {each.name: each for each in of_shelf(share.rows[owner], shelf)}
        ordered = share.order(owner, shelf)
        rows[shelf.table.name] = whole = placed(share.latest[each.name] for each in ordered)
        pairs = list(zip(whole, ordered, strict=True))
        stays = {each.name for each in ordered}
        changes.append(
            ShelfChange(
                shelf,
                added=[gained(row, each, owner, share) for row, each in pairs if each.name not in held],
                removed=[each.key for name, each in held.items() if name not in stays],
                changed=[row for row, each in pairs if each.name in held and row != held[each.name].row],
            )
        )
    return Belongings(rows, [each for each in changes if each.added or each.removed or each.changed])


def gained(row: Row, each: Kept, owner: UUID, share: Share) -> Row:
    """A row that comes to a contact, with where it was made and when it would have come."""
    return {**row, "origin_id": each.origin, "added_at": share.joined[share.way(owner, each.origin)]}
