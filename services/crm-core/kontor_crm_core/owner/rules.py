"""Decisions about who records belong to."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

# domain/crm.md 4: nobody approves this, so a plan is needed above so many records.
UNPLANNED = 100
SHOWN = 100
SAMPLES = 5


class Kind(StrEnum):
    """The types of record that have an owner, in the order in which they are given away."""

    CONTACT = "contact"
    COMPANY = "company"
    DEAL = "deal"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Owned:
    """A record that shall go to another owner."""

    type: str
    id: UUID
    version: int
    owner: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class Share:
    """A record and who gets it."""

    record: Owned
    owner: UUID

    @property
    def changes(self) -> bool:
        """Whether it changes hands."""
        return self.record.owner != self.owner


def in_turn(records: Iterable[Owned], owners: Sequence[UUID], start: int = 0) -> list[Share]:
    """Gives records to owners one after the other, `start` records having gone before."""
    return [Share(record, owners[(start + place) % len(owners)]) for place, record in enumerate(records)]


def plan_of(shares: Iterable[Share]) -> str:
    """What a plan is known by: SHA-256 in hex over records, their versions, and who gets them."""
    told = sorted(f"{share.record.id} {share.record.version} {share.owner}" for share in shares)
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def by_type(shares: Iterable[Share]) -> Mapping[str, tuple[int, int]]:
    """How many records of each type there are, and how many change hands."""
    all_of, changing = Counter[str](), Counter[str]()
    for share in shares:
        all_of[share.record.type] += 1
        changing[share.record.type] += share.changes
    return {kind: (all_of[kind], changing[kind]) for kind in Kind if all_of[kind]}


def by_owner(shares: Iterable[Share]) -> Mapping[UUID, int]:
    """How many records each owner gets."""
    return Counter(share.owner for share in shares if share.changes)


def shown(shares: Sequence[Share]) -> Sequence[Share]:
    """The shares that an answer shows: all, or where they are many the first few."""
    changing = [share for share in shares if share.changes]
    return changing if len(changing) <= SHOWN else changing[:SAMPLES]
