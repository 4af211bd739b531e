"""Which record the keys of an upsert mean."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class MatchKey(StrEnum):
    """The keys a record may be found by, strongest first."""

    ID = "id"
    EXTERNAL_ID = "external_id"
    EMAIL = "email"
    DOMAIN = "domain"
    PHONE = "phone"
    NAME = "name"


SHARED = (MatchKey.PHONE, MatchKey.NAME)


@dataclass(frozen=True, slots=True)
class Found:
    """A record that a key led to; `contradicted` when other things said of it speak against it."""

    key: MatchKey
    record: UUID
    contradicted: bool = False


@dataclass(frozen=True, slots=True)
class Matched:
    """The one record meant, and the strongest key that found it."""

    record: UUID
    key: MatchKey


class Ambiguous(Exception):
    """The keys lead to more than one record, or to one that something speaks against."""

    def __init__(self, records: Sequence[UUID], keys: Sequence[MatchKey]) -> None:
        super().__init__()
        self.records, self.keys = tuple(records), tuple(keys)

    @property
    def reason(self) -> str:
        """What is in doubt, with a place for the noun."""
        if len(self.records) > 1:
            return "lead to more than one {noun}"
        return "belongs to a {noun} that the name or address given speaks against"


def decide(found: Sequence[Found]) -> Matched | None:
    """The record meant, if any; raises Ambiguous rather than choose.

    A key that belongs to one record alone decides. One that people share decides only where exactly one record has it
    and nothing contradicts, and it may not lead away from what another key found.
    """
    strong = list(dict.fromkeys(each.record for each in found if each.key not in SHARED))
    shared = list(dict.fromkeys(each.record for each in found if each.key in SHARED))
    keys = sorted({each.key for each in found}, key=list(MatchKey).index)
    if len(strong) > 1 or (strong and shared and strong[0] not in shared):
        raise Ambiguous([*strong, *(each for each in shared if each not in strong)], keys)
    if strong:
        return Matched(strong[0], keys[0])
    if len(shared) > 1 or any(each.contradicted for each in found):
        raise Ambiguous(shared, keys)
    return Matched(shared[0], keys[0]) if shared else None
