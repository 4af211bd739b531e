"""Where everything that hangs on merged contacts lies: a simulation of the merges that hold, one after another.

Every piece begins where it was made. A merge takes it from loser to winner unless the winner has the same, may have one
of the kind only, or is the piece's other end; then it stays with the loser, hidden.
"""

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

Ends: TypeAlias = tuple[Hashable, Hashable]
Step: TypeAlias = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Piece:
    """Something that hangs on contacts: a link between two records, or what one contact has.

    `origins` are the two ends as it was made; what one contact has names itself at its second end. `starts` is where
    the simulation finds it: an end that no merge looked at moves stands where it lies. `lies` is where it lies now.
    `single` tells of each end whether a contact has one of the kind only.
    """

    kind: str
    origins: Ends
    starts: Ends
    lies: Ends
    single: tuple[bool, bool] = (False, False)
    primary: bool = False


@dataclass(slots=True)
class Settled:
    """Where pieces lie after merges, which piece kept each hidden one out, and which are the main of their kind."""

    ends: dict[Piece, Ends] = field(default_factory=dict)
    below: dict[Piece, Piece] = field(default_factory=dict)
    primary: set[Piece] = field(default_factory=set)
    _taken: dict[tuple[str, Hashable, Hashable], Piece] = field(default_factory=dict)

    def place(self, piece: Piece, ends: Ends) -> None:
        """Puts a piece somewhere."""
        if piece in self.ends:
            del self._taken[piece.kind, *self.ends[piece]]
        self.ends[piece] = ends
        self._taken[piece.kind, *ends] = piece

    def at(self, side: int, owner: Hashable) -> list[Piece]:
        """The pieces that have an end with an owner."""
        return [piece for piece, ends in self.ends.items() if ends[side] == owner]

    def same(self, piece: Piece, ends: Ends) -> Piece | None:
        """The piece of the same kind with these ends."""
        return self._taken.get((piece.kind, *ends))

    def under(self, piece: Piece) -> Iterator[Piece]:
        """What a piece kept out, and what that had kept out before."""
        for hidden, keeper in self.below.items():
            if keeper == piece:
                yield hidden
                yield from self.under(hidden)


def settled(pieces: Iterable[Piece], merges: Sequence[Step], pinned: Collection[Piece] = ()) -> Settled:
    """Where pieces lie after merges, given as loser and winner in their order; pinned ones stay where they lie."""
    result = Settled()
    for piece in pieces:
        result.place(piece, piece.lies if piece in pinned else piece.starts)
        if piece.primary:
            result.primary.add(piece)
    for loser, winner in merges:
        for side in (0, 1):
            for piece in result.at(side, loser):
                if piece not in pinned:
                    hand_on(result, piece, side, winner)
    return result


def hand_on(result: Settled, piece: Piece, side: int, winner: UUID) -> None:
    """Gives a piece to the winner, or leaves it."""
    other = result.ends[piece][1 - side]
    wanted = (winner, other) if side == 0 else (other, winner)
    keeper = result.same(piece, wanted)
    if keeper is not None:
        result.below[piece] = keeper
        return
    if other == winner or (piece.single[side] and alike(result, piece, side, winner)):
        return
    main = side == 0 and piece in result.primary
    if main and any(each in result.primary for each in alike(result, piece, side, winner)):
        result.primary.discard(piece)
    result.place(piece, wanted)


def alike(result: Settled, piece: Piece, side: int, owner: UUID) -> list[Piece]:
    """What an owner has of a piece's kind."""
    return [each for each in result.at(side, owner) if each.kind == piece.kind]


def stuck(pieces: Iterable[Piece], before: Settled) -> set[Piece]:
    """Pieces that do not lie where the merges would have brought them, because something was removed since."""
    return {piece for piece in pieces if before.ends[piece] != piece.lies}


def moves(after: Settled, leaving: Collection[UUID], depth: Mapping[UUID, int]) -> list[list[tuple[Piece, Ends]]]:
    """What is to be moved, in groups: first what leaves, then what takes its place, nearest the top first."""
    changed = [(piece, ends) for piece, ends in after.ends.items() if ends != piece.lies]
    groups: dict[int, list[tuple[Piece, Ends]]] = {}
    for piece, ends in changed:
        gone = any(new in leaving and new != old for new, old in zip(ends, piece.lies, strict=True))
        level = -1 if gone else min(depth.get(end, len(depth)) for end in ends if isinstance(end, UUID))
        groups.setdefault(level, []).append((piece, ends))
    return [groups[level] for level in sorted(groups)]
