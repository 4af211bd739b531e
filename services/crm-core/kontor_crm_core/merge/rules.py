"""Decides which values a merged contact has, and which it has once some of its merges are undone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

JSON = object
Fields = Mapping[str, JSON]
BLANK: Sequence[JSON] = (None, "", [])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value a field gets in a merge, whose it is, and the other values with whose they are."""

    field: str
    value: JSON
    source: UUID
    rejected: Sequence[tuple[UUID, JSON]] = ()


def merged(
    winner: UUID, losers: Sequence[UUID], states: Mapping[UUID, Fields], choices: Mapping[str, UUID]
) -> list[Chosen]:
    """The winner's values, blanks filled from the losers in order, and what was chosen field by field."""
    everyone = [winner, *losers]
    names = list(dict.fromkeys(name for each in everyone for name in states[each]))
    return [chosen(name, everyone, states, choices.get(name)) for name in names]


def chosen(name: str, everyone: Sequence[UUID], states: Mapping[UUID, Fields], choice: UUID | None) -> Chosen:
    """The value of one field."""
    given = [(each, states[each].get(name)) for each in everyone]
    filled = [(each, value) for each, value in given if value not in BLANK]
    source, value = next(
        ((each, value) for each, value in given if each == choice),
        filled[0] if filled else (everyone[0], None),
    )
    rejected = [(each, other) for each, other in filled if each != source and other != value]
    return Chosen(name, value, source, rejected)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a record's change log: the operation that made it and the values it left."""

    operation: UUID
    after: Fields


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge that holds or was undone."""

    operation: UUID
    winner: UUID
    losers: Sequence[UUID]
    choices: Mapping[str, UUID] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Past:
    """The logs of records and the merges among them.

    `held` are the merges that hold, each with those of its losers that still belong to the winner; `passed_over` are
    the operations that count no more: merges all of whose losers left, and the unmerges themselves.
    """

    logs: Mapping[UUID, Sequence[Entry]]
    held: Mapping[UUID, Merge]
    passed_over: frozenset[UUID]


def replayed(record: UUID, past: Past) -> dict[str, JSON]:
    """The fields of a record as the merges that hold alone would have left them, with every other change since."""
    state: dict[str, JSON] = {}
    for entry in past.logs.get(record, ()):
        merge = past.held.get(entry.operation)
        if merge is not None and merge.winner == record:
            state = remerged(state, merge, past)
        elif entry.operation not in past.passed_over:
            state |= entry.after
    return state


def remerged(state: Fields, merge: Merge, past: Past) -> dict[str, JSON]:
    """The winner's fields after a merge with the losers it still has."""
    states = {merge.winner: state} | {each: replayed(each, past) for each in merge.losers}
    choices = {name: source for name, source in merge.choices.items() if source in states}
    return {each.field: each.value for each in merged(merge.winner, merge.losers, states, choices)}


def within(root: UUID, winner_of: Mapping[UUID, UUID]) -> set[UUID]:
    """A record and everything merged into it, directly or not."""
    found = {root}
    while True:
        more = {loser for loser, winner in winner_of.items() if winner in found} - found
        if not more:
            return found
        found |= more


def changed_since(wrote: Fields, present: Fields) -> Iterator[str]:
    """Fields that no longer hold what a merge wrote."""
    return (name for name, value in wrote.items() if present.get(name) != value)
